//! policy.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use crannog_keyd::policy::{LoadError, Position, Warning, WarningKind, load};
use crannog_keyd_client::{Answer, Call, Explain as Question};
use crannog_keyd_os::{Linux, UserId};
use nix::sys::stat::stat;
use serde_json::{Value, json};

use super::blocking;
use crate::failure::{Code, Failure};
use crate::sanitise::line;
use crate::session::{Session, unexpected};
use crate::table;

/// The policy of an installed service.
pub(super) const INSTALLED: &str = "/etc/crannog-keyd/policy.toml";
const ROOT: UserId = UserId::from_number(0);

/// Check, explain and load the policy
#[derive(Debug, Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
    Explain(Explain),
    Reload(Reload),
}

/// Read and judge a policy file, without the service
///
/// Errors are told with line and column. Warnings are of rules that can never hold, of `all` for `any`, and of `export` or
/// `datakey-plaintext` on every key. Without FILE the installed one is judged as the service does: it belongs to root, and nobody else may
/// write it (KEY-010).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd policy check
  crannog-keyd policy check new-policy.toml")]
struct Check {
    file: Option<PathBuf>,
}

/// Ask the service whether somebody may do something, and why
///
/// SUBJECT is facts joined by `+`, as rules write them; a user's groups are filled in. Exits with 0 for yes, with 7 for no.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd policy explain user:www-data shop-orders decrypt
  crannog-keyd policy explain uid:1000+socket:shop - random")]
struct Explain {
    /// user:NAME, uid:, group:, gid:, socket:, cert:sha256:, spki:sha256:, account:
    subject: String,
    /// A key's name; `-` for operations on no key
    key: String,
    /// The operation, as rules write it
    op: String,
}

/// Let the service load its policy anew
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog-keyd policy check && crannog-keyd policy reload")]
struct Reload {}

impl Policy {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        match self.command {
            Command::Check(check) => check.run(session).await,
            Command::Explain(explain) => explain.run(session).await,
            Command::Reload(reload) => reload.run(session).await,
        }
    }
}

impl Check {
    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let printer = session.printer;
        let path = self.file.clone().unwrap_or_else(|| PathBuf::from(INSTALLED));
        let (owner, draft) = match &self.file {
            Some(file) => (owner(file)?, true),
            None => (ROOT, false),
        };
        let read = path.clone();
        let loaded =
            blocking(move || load(&read, owner, &Linux::new()).map_err(|error| refused(&read, &error)))
                .await?;
        let (unknown, warnings): (Vec<_>, Vec<_>) = loaded
            .warnings
            .into_iter()
            .partition(|warning| matches!(warning.kind, WarningKind::UnknownName(_)));
        let mut text = String::new();
        for warning in &warnings {
            text.push_str(&format!(
                "{}\n",
                line(&format!("warning: {}: {warning}", path.display()))
            ));
        }
        if draft && owner != ROOT && unknown.is_empty() {
            printer.say("warning: the service takes a policy only if root owns it (KEY-010)");
        }
        let found: Vec<Value> = warnings.iter().map(described).collect();
        if let Some(first) = unknown.first() {
            for warning in &unknown {
                let failure = Failure::new(Code::Other, format!("rule `{}`: {}", warning.rule, warning.kind));
                printer.failed(&failure.object(place(&path, warning.position)));
            }
            printer.result(&text, &json!({ "ok": false, "warnings": found, "errors": unknown.iter().map(described).collect::<Vec<_>>() }))?;
            return Err(Failure::new(
                Code::Other,
                "the policy names users or groups that are not known here",
            )
            .object(place(&path, first.position)));
        }
        if text.is_empty() {
            text.push_str("the policy is in order\n");
        }
        printer.result(&text, &json!({ "ok": true, "warnings": found, "errors": [] }))
    }
}

impl Explain {
    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let question = Question {
            subject: self.subject,
            key: (self.key != "-").then_some(self.key),
            op: self.op,
        };
        let Answer::Explanation(explained) = session.administer(&Call::ExplainPolicy(question)).await?.answer
        else {
            return Err(unexpected());
        };
        let mut text = match (&explained.rule, explained.allowed) {
            (Some(rule), true) => format!("yes: rule {} allows it\n", line(rule)),
            (Some(rule), false) => format!("no: rule {} denies it\n", line(rule)),
            (None, true) => "yes: no rule is needed for it\n".to_owned(),
            (None, false) => "no: no rule allows it\n".to_owned(),
        };
        let row = |rule: &crannog_keyd_client::ExplainedRule| [line(&rule.name), line(&rule.verdict)];
        text.push_str(&table::lines(
            &explained.rules.iter().map(row).collect::<Vec<_>>(),
        ));
        session.printer.result(&text, &explained)?;
        match explained.allowed {
            true => Ok(()),
            false => Err(Failure::new(Code::Denied, "the policy says no").check("KEY-010")),
        }
    }
}

impl Reload {
    async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let Answer::PolicyLoaded(loaded) = session.administer(&Call::ReloadPolicy).await?.answer else {
            return Err(unexpected());
        };
        let text = format!(
            "loaded {} rules, SHA-256 {}\n",
            loaded.rules,
            line(&loaded.policy)
        );
        session.printer.result(&text, &loaded)
    }
}

/// A policy file that is not read, with line and column where there are some.
pub(super) fn refused(path: &Path, error: &LoadError) -> Failure {
    match error {
        LoadError::Io(error) => Failure::io(path, error),
        LoadError::Policy(error) => {
            Failure::new(Code::Other, error.fault.to_string()).object(place(path, error.position))
        }
        LoadError::NotAFile | LoadError::Owner(_) | LoadError::Mode(_) => {
            Failure::new(Code::VerificationFailed, error.to_string())
                .object(path.display().to_string())
                .hint("chown root, chmod go-w")
        }
        LoadError::TooLarge => {
            Failure::new(Code::Quota, error.to_string()).object(path.display().to_string())
        }
        error => Failure::new(Code::Other, error.to_string()).object(path.display().to_string()),
    }
}

/// `FILE:LINE:COLUMN`.
fn place(path: &Path, position: Position) -> String {
    format!("{}:{}:{}", path.display(), position.line, position.column)
}

fn described(warning: &Warning) -> Value {
    json!({
        "line": warning.position.line,
        "column": warning.position.column,
        "rule": warning.rule,
        "message": warning.kind.to_string(),
    })
}

/// A file that is not installed yet may be anybody's.
fn owner(path: &Path) -> Result<UserId, Failure> {
    let facts = stat(path).map_err(|error| Failure::io(path, &error.into()))?;
    Ok(UserId::from_number(facts.st_uid))
}

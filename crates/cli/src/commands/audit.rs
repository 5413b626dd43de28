//! audit.

use std::path::PathBuf;

use clap::Args;
use crannog_agent_api::answer::AuditInfo;
use crannog_agent_api::{Answer, Failure, Request};

use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::talk::With;
use crate::{local_path, table};

/// Say who lied, from a file of evidence
///
/// Alarms that have something to show leave such a file in the folder `evidence` of the profile. Anyone can read it, without an
/// account and without a password: it is believed for its signatures alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog audit evidence.txt\n  crannog audit evidence.txt --json")]
pub(crate) struct Audit {
    /// The file
    file: PathBuf,
}

impl Audit {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let file = local_path::absolute(&self.file)?;
        // Nobody unlocks for this.
        let answer = session
            .ask_with(&Request::Audit { file }, With::default())
            .await?;
        let Answer::Audit(verdict) = &answer else {
            return Err(unexpected(&answer));
        };
        Ok(Shown::new(describe(verdict), &answer))
    }
}

fn describe(verdict: &AuditInfo) -> String {
    let who = verdict
        .who
        .as_deref()
        .map(|who| format!(": {}", line(who)))
        .unwrap_or_default();
    let mut text = match verdict.convicts.as_str() {
        "nobody" => "this convicts nobody\n".to_owned(),
        convicted => format!("this convicts the {}{who}\n", line(convicted)),
    };
    let mut pairs = vec![
        ("check", line(&verdict.check)),
        ("journal", line(&verdict.journal)),
    ];
    pairs.extend(verdict.said_by.as_deref().map(|who| ("said by", line(who))));
    text.push_str(&table::pairs(&pairs));
    text.extend(
        verdict
            .findings
            .iter()
            .map(|finding| format!("- {}\n", line(finding))),
    );
    text
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::AuditInfo;

    use super::describe;

    #[test]
    fn verdicts() {
        let server = AuditInfo {
            convicts: "server".into(),
            who: Some("1f2e".into()),
            said_by: None,
            check: "CHK-013".into(),
            journal: "ab".into(),
            findings: vec!["two receipts\x1b for one place".into()],
        };
        assert_eq!(
            describe(&server),
            "this convicts the server: 1f2e\ncheck:    CHK-013\njournal:  ab\n- two receipts\\u{1b} for one place\n"
        );
        let nobody = AuditInfo {
            convicts: "nobody".into(),
            who: None,
            ..server
        };
        assert!(describe(&nobody).starts_with("this convicts nobody\n"));
    }
}

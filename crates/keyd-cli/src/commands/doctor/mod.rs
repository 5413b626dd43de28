//! doctor.

mod files;
mod finding;
mod service;
mod socket;
mod unit;

use clap::Args;
use serde_json::json;

use self::finding::{Finding, State};
use super::blocking;
use crate::failure::{Code, Failure};
use crate::sanitise::line;
use crate::session::Session;
use crate::table;

/// Look for what is wrong: rights of sockets and files, groups, unit, hardening, memory, log, clock, keys
///
/// Sees what this user may see; as root it sees all.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog-keyd doctor\n  sudo crannog-keyd doctor --json")]
pub(crate) struct Doctor {}

impl Doctor {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let mut findings = Vec::new();
        if let Some(path) = session.socket() {
            let path = path.to_owned();
            findings.extend(
                blocking(move || {
                    let mut found = socket::look(&path);
                    found.extend(unit::look());
                    found.extend(files::look());
                    Ok(found)
                })
                .await?,
            );
        }
        findings.extend(service::look(session).await);
        let row = |finding: &Finding| {
            let check = finding
                .check
                .as_deref()
                .map(|check| format!(" ({check})"))
                .unwrap_or_default();
            [
                finding.state.as_str().to_owned(),
                line(&finding.object),
                format!("{}{check}", line(&finding.text)),
            ]
        };
        let text = table::lines(&findings.iter().map(row).collect::<Vec<_>>());
        let broken = findings
            .iter()
            .filter(|finding| finding.state == State::Broken)
            .count();
        session
            .printer
            .result(&text, &json!({ "ok": broken == 0, "findings": findings }))?;
        match broken {
            0 => Ok(()),
            _ => Err(Failure::new(Code::Other, "something is wrong").hint("what is broken is named above")),
        }
    }
}

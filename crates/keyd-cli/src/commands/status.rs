//! status.

use clap::Args;
use crannog_keyd_client::{Answer, Call};

use crate::failure::Failure;
use crate::sanitise::line;
use crate::session::{Session, unexpected};
use crate::{human, table};

/// Show how the service is: store, keys, policy, hardening, audit log
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog-keyd status\n  crannog-keyd status --json")]
pub(crate) struct Status {}

impl Status {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let status = ask(session).await?;
        session.printer.result(&describe(&status), &status)
    }
}

/// How the service is, for its operator.
pub(super) async fn ask(session: &Session<'_>) -> Result<Box<crannog_keyd_client::Status>, Failure> {
    match session.administer(&Call::Status).await?.answer {
        Answer::Status(status) => Ok(status),
        _ => Err(unexpected()),
    }
}

fn describe(status: &crannog_keyd_client::Status) -> String {
    let audit = &status.audit;
    let mut pairs = vec![
        ("version", line(&status.version)),
        (
            "store",
            format!(
                "{}{}",
                line(&status.store),
                if status.sealed { ", locked" } else { "" }
            ),
        ),
        (
            "keys",
            match status.damaged_keys {
                0 => status.keys.to_string(),
                damaged => format!("{}, {damaged} damaged: see `crannog-keyd doctor`", status.keys),
            },
        ),
        ("policy", line(&status.policy)),
        ("hardening", line(&status.measures.join(", "))),
    ];
    if !status.missing_measures.is_empty() {
        pairs.push(("missing", line(&status.missing_measures.join(", "))));
    }
    let locked = human::size(status.locked_bytes);
    pairs.extend([
        (
            "memory",
            match status.unlocked_bytes {
                0 => format!("{locked} locked"),
                bytes => format!("{locked} locked, {} not", human::size(bytes)),
            },
        ),
        ("connections", status.connections.to_string()),
        (
            "audit",
            match audit.dropped {
                0 => format!("{} records", audit.size),
                dropped => format!("{} records, {dropped} dropped", audit.size),
            } + if audit.full { ", FULL" } else { "" },
        ),
        ("verifier key", line(&audit.verifier_key)),
    ]);
    table::pairs(&pairs)
}

#[cfg(test)]
mod tests {
    use crannog_keyd_client::{AuditStatus, Status};

    use super::describe;

    #[test]
    fn what_is_wrong_is_seen() {
        let status = Status {
            version: "1.15.0+crannog.0.1.0".into(),
            store: "ab".into(),
            sealed: true,
            keys: 3,
            damaged_keys: 1,
            policy: "cd".into(),
            measures: vec!["not dumpable".into(), "files\x1b".into()],
            missing_measures: vec!["system calls".into()],
            locked_bytes: 2048,
            unlocked_bytes: 10,
            connections: 2,
            audit: AuditStatus {
                origin: "o".into(),
                verifier_key: "o+1+k".into(),
                size: 9,
                dropped: 4,
                full: true,
            },
        };
        assert_eq!(
            describe(&status),
            "version:       1.15.0+crannog.0.1.0\nstore:         ab, locked\n\
             keys:          3, 1 damaged: see `crannog-keyd doctor`\npolicy:        cd\n\
             hardening:     not dumpable, files\\u{1b}\nmissing:       system calls\n\
             memory:        2.0 KiB locked, 10 B not\nconnections:   2\n\
             audit:         9 records, 4 dropped, FULL\nverifier key:  o+1+k\n"
        );
    }
}

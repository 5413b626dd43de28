//! audit show.

use std::path::PathBuf;

use clap::Args;
use crannog_keyd_client::{Answer, AuditHash, AuditRecords, Call, Health, Octets};
use jiff::Timestamp;
use serde_json::Value;

use super::filter::{Filter, FilterOptions, TimeOptions, describe};
use super::records;
use crate::commands::blocking;
use crate::failure::{Code, Failure};
use crate::input::Source;
use crate::sanitise;
use crate::session::{Session, unexpected};

/// Records in one answer; each has at most 64 KiB.
pub(super) const COUNT: u32 = 500;
/// No request has a longer value.
const LONGEST: usize = 32 << 20;

/// Show records of the audit log
///
/// A plaintext, ciphertext or input can be looked for by its value: the log has keyed hashes of them, which the service makes anew.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd audit show --since 2h
  crannog-keyd audit show --key shop-orders --op decrypt --subject user:www-data
  crannog-keyd audit show --value plaintext=card.txt --json")]
pub(super) struct Show {
    #[command(flatten)]
    times: TimeOptions,
    #[command(flatten)]
    filter: FilterOptions,
    /// With this value alone in the request or answer: plaintext, ciphertext, context, associated_data, input, …
    #[arg(long, value_name = "FIELD=FILE", value_parser = value)]
    value: Option<(String, PathBuf)>,
}

impl Show {
    pub(super) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let mut filter = Filter::new(self.filter, Some(self.times))?;
        if let Some((field, path)) = self.value {
            filter.hash = Some(hash(session, field, path).await?);
        }
        let now = now(session).await?;
        let mut from = 0;
        loop {
            let asked = AuditRecords {
                from,
                count: COUNT,
                wait: None,
            };
            let lines = records(session, asked).await?;
            let late = lines.records.first().is_some_and(|line| time(line) > Some(now));
            lines
                .records
                .iter()
                .try_for_each(|line| print(session, &filter, line))?;
            // Reading is recorded too: the end is where there is no more than that, or what came after the question.
            if lines.records.len() < 2 || late || lines.next <= from {
                return Ok(());
            }
            from = lines.next;
        }
    }
}

/// By the clock of the service.
async fn now(session: &Session<'_>) -> Result<Timestamp, Failure> {
    let asked = Health {
        active: Some(200),
        sealed: Some(200),
    };
    let Answer::Health(health) = session.administer(&Call::Health(asked)).await?.answer else {
        return Err(unexpected());
    };
    let seconds = i64::try_from(health.server_time_utc).map_err(|_| unexpected())?;
    Timestamp::from_second(seconds).map_err(|_| unexpected())
}

fn time(line: &str) -> Option<Timestamp> {
    let record: Value = serde_json::from_str(line).ok()?;
    record.get("time")?.as_str()?.parse().ok()
}

/// Prints a record, if it is one of those.
pub(super) fn print(session: &Session<'_>, filter: &Filter, line: &str) -> Result<(), Failure> {
    let record: Value = serde_json::from_str(line).map_err(|_| {
        Failure::new(Code::VerificationFailed, "a record of the log is none")
            .object(line.chars().take(64).collect::<String>())
            .check("KEY-011")
            .hint("crannog-keyd audit verify")
    })?;
    if !filter.takes(&record) {
        return Ok(());
    }
    let text = match session.printer.is_json() {
        true => sanitise::json(line),
        false => describe(&record),
    };
    session.printer.bytes(format!("{text}\n").as_bytes())
}

/// The keyed hash under which a value stands in the log.
async fn hash(session: &Session<'_>, field: String, path: PathBuf) -> Result<String, Failure> {
    let value = blocking(move || Source::of_path(Some(&path)).whole(LONGEST)).await?;
    let call = Call::AuditHash(AuditHash {
        field,
        value: Octets::from(value),
    });
    match session.administer(&call).await?.answer {
        Answer::HashedValue(hashed) => Ok(hashed.hash),
        _ => Err(unexpected()),
    }
}

fn value(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((field, file)) if !field.is_empty() && !file.is_empty() => Ok((field.to_owned(), file.into())),
        _ => Err("FIELD=FILE, as plaintext=card.txt".to_owned()),
    }
}

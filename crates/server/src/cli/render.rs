//! Answers as people read them, and as programs do.

use std::fmt::Write;

use super::units::size;
use crate::admin::Tell;
use crate::clock::{self, Hour};
use crate::store::{AccountRow, Inspection};

/// The answer's own fields, without the name of its kind.
pub(super) fn json(told: &Tell) -> String {
    let value = match serde_json::to_value(told) {
        Ok(serde_json::Value::Object(map)) => map
            .into_iter()
            .next()
            .map_or(serde_json::Value::Null, |(_, value)| value),
        _ => serde_json::json!({ "done": true }),
    };
    format!("{value}\n")
}

pub(super) fn text(told: &Tell) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_text(&mut text, told);
    text
}

fn write_text(out: &mut String, told: &Tell) -> std::fmt::Result {
    match told {
        Tell::Invite { invite, server } => {
            writeln!(out, "invite: {invite}\nserver: {server}")?;
            writeln!(
                out,
                "Give both to the person. The invite is a secret until it is used."
            )
        }
        Tell::Invites(invites) => {
            writeln!(
                out,
                "{:<14}{:>6}{:>6}  {:<20}{:>12}  STATE",
                "ID", "USES", "USED", "EXPIRES", "QUOTA"
            )?;
            for row in invites {
                let state = match (row.revoked, row.used >= row.uses) {
                    (true, _) => "revoked",
                    (_, true) => "used up",
                    _ => "open",
                };
                let (quota, expires) = (size(row.quota), row.expires.text());
                writeln!(
                    out,
                    "{:<14}{:>6}{:>6}  {expires:<20}{quota:>12}  {state}",
                    row.id, row.uses, row.used
                )?;
            }
            Ok(())
        }
        Tell::Accounts(accounts) => {
            writeln!(
                out,
                "{:<34}{:>12}{:>12}{:>9}{:>9}  STATE",
                "NAME", "USED", "QUOTA", "DEVICES", "JOURNALS"
            )?;
            for row in accounts {
                let (used, quota, state) = (size(row.used), size(row.quota), state(row));
                writeln!(
                    out,
                    "{:<34}{used:>12}{quota:>12}{:>9}{:>9}  {state}",
                    row.name, row.devices, row.journals
                )?;
            }
            Ok(())
        }
        Tell::Inspection(found) => inspection(out, found),
        Tell::Done => writeln!(out, "done"),
        Tell::Fsck(report) => {
            for problem in &report.problems {
                writeln!(out, "broken: {problem}")?;
            }
            let hashed = if report.full {
                "hashed"
            } else {
                "not hashed (--full does)"
            };
            writeln!(
                out,
                "{} journals, {} entries, {} files, {hashed}",
                report.journals, report.entries, report.files
            )?;
            if report.leftovers > 0 {
                writeln!(
                    out,
                    "{} files that no row names; the hourly sweep removes them",
                    report.leftovers
                )?;
            }
            match report.problems.len() {
                0 => writeln!(out, "all is well"),
                count => writeln!(out, "{count} problems"),
            }
        }
        Tell::Stats(stats) => writeln!(
            out,
            "accounts {}\nsessions {}\njournals {}\nentries {}\nfiles {}\nfile bytes {}\ncounted {}\nstaged {}\ndrops {}\ndeparted {}",
            stats.accounts,
            stats.sessions,
            stats.journals,
            stats.entries,
            stats.files,
            size(stats.file_bytes),
            size(stats.used),
            stats.staged,
            stats.drops,
            stats.departed
        ),
        Tell::Jobs(rows) => {
            let time = |at: Option<Hour>| at.map_or_else(|| "never".to_owned(), Hour::text);
            writeln!(out, "{:<14}{:<23}{:<23}STATE", "NAME", "LAST RUN", "LAST SUCCESS")?;
            for row in rows {
                let state = row.lease_until.map_or("idle".to_owned(), |until| {
                    format!("under way until {} at most", until.text())
                });
                let (run, success) = (time(row.last_run), time(row.last_success));
                writeln!(out, "{:<14}{run:<23}{success:<23}{state}", row.name)?;
            }
            Ok(())
        }
        Tell::Healing { taken: None } => writeln!(out, "the server does not heal: it takes new changes"),
        Tell::Healing { taken: Some(taken) } => writeln!(
            out,
            "healing: restored to the state of {}; only what devices give back is taken (`crannog heal` on each)\n\
             when nothing more is to come: crannogd healing end",
            clock::text(*taken)
        ),
        Tell::Health { version, server } => writeln!(out, "well: crannogd {version} at {server}"),
        Tell::Failed { message, hint } => writeln!(out, "error: {message}\nhint: {hint}"),
    }
}

fn state(row: &AccountRow) -> &'static str {
    if row.suspended { "suspended" } else { "active" }
}

fn inspection(out: &mut String, found: &Inspection) -> std::fmt::Result {
    let row = &found.account;
    writeln!(
        out,
        "name      {}\naccount   {}\nstate     {}",
        row.name,
        row.account,
        state(row)
    )?;
    writeln!(
        out,
        "created   {}\nused      {} of {}",
        row.created.text(),
        size(row.used),
        size(row.quota)
    )?;
    writeln!(out, "sealed generations of its secret: {}", found.generations)?;
    writeln!(out, "sigchain:")?;
    for (seq, link) in found.links.iter().enumerate() {
        writeln!(out, "  {seq} {link}")?;
    }
    writeln!(out, "devices:")?;
    for device in &found.devices {
        writeln!(out, "  {device}")?;
    }
    writeln!(out, "sessions end:")?;
    for session in &found.sessions {
        writeln!(out, "  {}", session.text())?;
    }
    writeln!(out, "drops in its inbox: {}", found.drops)?;
    writeln!(
        out,
        "journals that it created (of which others it is a member, the server does not store):"
    )?;
    for journal in &found.journals {
        let closed = if journal.closed { ", closed" } else { "" };
        writeln!(
            out,
            "  {} epoch {}, last entry {}, {} blobs, {} dropped, {} staged{closed}",
            journal.journal, journal.epoch, journal.last_seq, journal.blobs, journal.dropped, journal.staged
        )?;
    }
    writeln!(
        out,
        "Names of files, members and devices, contents, keys and exact times are not here: the server has none."
    )
}

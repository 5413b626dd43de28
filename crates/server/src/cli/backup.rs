//! `crannogd backup`: results on standard output, progress on standard error.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crannog_proto::Fingerprint;
use serde::Serialize;

use super::backup_args::{Backup, Open};
use super::units::{count, size};
use super::{Failure, offline, pin, print};
use crate::backup::{
    self, Access, BackupError, BackupIdentity, Created, Plan, Recipient, Repository, Snapshot, Summary,
    Verified,
};
use crate::clock;

/// Between two lines of progress.
const EVERY: Duration = Duration::from_secs(2);

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        Self::new(error.to_string(), error.hint())
    }
}

pub(super) fn run(command: Backup) -> Result<bool, Failure> {
    match command {
        Backup::Keygen { file, json } => keygen(&file, json),
        Backup::Create {
            repository,
            key,
            common,
        } => create(&common.data, &repository, key.as_deref(), common.json),
        Backup::List { repository, json } => list(&repository, json),
        Backup::Verify { open, full } => verify(&open, full),
        Backup::Restore { open, data, partial } => restore(&open, &data, partial),
        Backup::Prune {
            repository,
            keep,
            dry_run,
            json,
        } => prune(&repository, keep as usize, dry_run, json),
    }
}

fn keygen(file: &Path, json: bool) -> Result<bool, Failure> {
    let recipient = BackupIdentity::generate(file)?;
    let text = format!(
        "public key: {recipient}\nGive it to `crannogd backup create --key`. Keep {} away from the server, and keep a copy.\n",
        file.display()
    );
    show(&serde_json::json!({ "key": recipient.to_string() }), &text, json)?;
    Ok(true)
}

fn create(data: &Path, root: &Path, key: Option<&str>, json: bool) -> Result<bool, Failure> {
    let key = key.map(Recipient::given).transpose()?;
    let pin = pin::pin(data)?;
    let made = backup::create(data, root, key, pin.as_ref(), &ticker("looked at"))?;
    drop(pin);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = created(&mut text, &made);
    show(&made, &text, json)?;
    Ok(made.lost.is_empty())
}

fn created(out: &mut String, made: &Created) -> std::fmt::Result {
    for lost in &made.lost {
        writeln!(out, "broken: {lost}")?;
    }
    writeln!(
        out,
        "snapshot {} of the server {}\n{}, {}; {} copied, {}; database and keys sealed, {}",
        made.id,
        made.server,
        count(made.blobs, "blob"),
        size(made.bytes),
        made.copied,
        size(made.copied_bytes),
        size(made.sealed_bytes)
    )?;
    if made.lost.is_empty() {
        Ok(())
    } else {
        writeln!(
            out,
            "{} on the server damaged or missing: not in this backup; see `crannogd fsck --full`",
            count(made.lost.len() as u64, "blob")
        )
    }
}

#[derive(Serialize)]
struct Listing {
    server: String,
    snapshots: Vec<Snapshot>,
    broken: Vec<String>,
}

fn list(root: &Path, json: bool) -> Result<bool, Failure> {
    let repository = Repository::open(root, Access::Read)?;
    let mut listing = Listing {
        server: repository.server().to_string(),
        snapshots: Vec::new(),
        broken: Vec::new(),
    };
    let mut text = format!(
        "server {}\n{:<26}{:<22}{:>10}{:>12}{:>12}\n",
        listing.server, "ID", "TAKEN", "BLOBS", "BYTES", "SEALED"
    );
    for id in repository.ids()? {
        match repository.snapshot(&id) {
            Ok(row) => {
                let _ = writeln!(
                    text,
                    "{:<26}{:<22}{:>10}{:>12}{:>12}",
                    row.id,
                    clock::text(row.taken),
                    row.blobs,
                    size(row.bytes),
                    size(row.sealed_bytes)
                );
                listing.snapshots.push(row);
            }
            Err(error) => {
                let _ = writeln!(text, "broken: {error}");
                listing.broken.push(id);
            }
        }
    }
    show(&listing, &text, json)?;
    Ok(listing.broken.is_empty())
}

fn verify(open: &Open, full: bool) -> Result<bool, Failure> {
    let (repository, identity) = opened(open)?;
    let found = backup::verify(
        &repository,
        &identity,
        open.snapshot.as_deref(),
        full,
        &ticker("checked"),
    )?;
    show(&found, &verified(&found, open.fingerprint), open.json)?;
    Ok(found.snapshots.iter().all(|snapshot| snapshot.wrong == 0))
}

fn verified(found: &Verified, wanted: Option<Fingerprint>) -> String {
    let mut text = String::new();
    for snapshot in &found.snapshots {
        for problem in &snapshot.problems {
            let _ = writeln!(text, "broken: {}: {problem}", snapshot.id);
        }
        let _ = match snapshot.wrong {
            0 => writeln!(text, "{}: well, {}", snapshot.id, count(snapshot.blobs, "blob")),
            wrong => writeln!(text, "{}: {}", snapshot.id, count(wrong, "problem")),
        };
    }
    let hashed = if found.full {
        "hashed"
    } else {
        "not hashed (--full does)"
    };
    let _ = writeln!(text, "blobs were {hashed}\n{}", signed_by(&found.server, wanted));
    text
}

fn signed_by(server: &str, wanted: Option<Fingerprint>) -> String {
    match wanted {
        Some(_) => format!("signed by the server {server}, as it should be"),
        None => format!("signed by the server {server}: compare it with the fingerprint in any invite"),
    }
}

fn restore(open: &Open, target: &Path, partial: bool) -> Result<bool, Failure> {
    let (repository, identity) = opened(open)?;
    let only = open.snapshot.as_deref();
    let restored = backup::restore(&repository, &identity, only, target, partial, &ticker("restored"))?;
    let report = offline::alone(&restored.data, false)?;
    for problem in &report.problems {
        // What is named twice is better than what is not named.
        let _ = writeln!(std::io::stderr().lock(), "broken: {problem}");
    }
    if !report.problems.is_empty() && !partial {
        return Err(Failure::new(
            format!(
                "the restored directory has {}",
                count(report.problems.len() as u64, "problem")
            ),
            "choose an older snapshot with --snapshot, or take it as it is with --partial",
        ));
    }
    let summary = restored.finish()?;
    show(
        &summary,
        &restored_text(&summary, target, open.fingerprint),
        open.json,
    )?;
    Ok(report.problems.is_empty())
}

fn restored_text(summary: &Summary, target: &Path, wanted: Option<Fingerprint>) -> String {
    let mut text = String::new();
    for lost in &summary.lost {
        let _ = writeln!(text, "broken: {lost}");
    }
    let _ = writeln!(
        text,
        "restored the snapshot {} into {}: {}, {}\n{}\n\
         The state is that of {}. Before you start it, make sure that no other server runs with these keys.\n\
         Clients that have seen later entries stop there (CHK-012): to them it is a rollback. Tell people to run `crannog heal` on each device: it gives back what came later. Until `crannogd healing end` nothing new is taken.\n\
         Accounts that were deleted or suspended since then have to be deleted and suspended again. A device that was revoked since then can log in until another device of its account ran `crannog heal`; an account that was made since then needs a new invite for that.\n\
         All sessions have ended, and all invites are revoked: one that was used or revoked since then would be good again. The configuration file is not part of a backup.",
        summary.id,
        target.display(),
        count(summary.blobs, "blob"),
        size(summary.bytes),
        signed_by(&summary.server, wanted),
        clock::text(summary.taken)
    );
    text
}

fn prune(root: &Path, keep: usize, dry_run: bool, json: bool) -> Result<bool, Failure> {
    let repository = Repository::open(root, if dry_run { Access::Read } else { Access::Write })?;
    let plan = Plan::make(&repository, keep)?;
    if !dry_run {
        plan.execute(&repository)?;
    }
    let done = if dry_run { "would go" } else { "are gone" };
    let text = format!(
        "{} and {} ({}) {done}; {} stay\n",
        count(plan.snapshots.len() as u64, "snapshot"),
        count(plan.blobs, "blob"),
        size(plan.bytes),
        count(plan.kept.len() as u64, "snapshot")
    );
    show(&plan, &text, json)?;
    Ok(true)
}

fn opened(open: &Open) -> Result<(Repository, BackupIdentity), Failure> {
    let repository = Repository::open(&open.repository, Access::Read)?;
    repository.expect(open.fingerprint)?;
    let identity = BackupIdentity::load(&open.identity)?;
    Ok((repository, identity))
}

pub(super) fn show(value: &impl Serialize, text: &str, json: bool) -> Result<(), Failure> {
    if !json {
        return print(text);
    }
    let value = serde_json::to_string(value).map_err(|error| {
        Failure::new(
            format!("the answer cannot be written: {error}"),
            "leave out --json",
        )
    })?;
    print(&format!("{value}\n"))
}

/// Tells how far it is, now and then.
pub(super) fn ticker(done: &'static str) -> impl Fn(u64, u64) + Sync {
    let last = Mutex::new(Instant::now());
    move |files, bytes| {
        let Ok(mut last) = last.try_lock() else { return };
        if last.elapsed() >= EVERY {
            *last = Instant::now();
            // Nobody has to see it.
            let _ = writeln!(
                std::io::stderr().lock(),
                "{}, {} {done}",
                count(files, "blob"),
                size(bytes)
            );
        }
    }
}

//! The command line of `crannogd backup`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use crannog_proto::Fingerprint;

use super::args::Common;

#[derive(Debug, Subcommand)]
pub(super) enum Backup {
    /// Make the key that opens backups, away from the server.
    #[command(after_help = "Example:
  crannogd backup keygen backup.key

Prints the public half, which the server seals to. Keep FILE, and a copy of it, away from the server: without it no
backup can be restored, and with it every one can.")]
    Keygen {
        /// Where to keep the key; must not be there yet.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a snapshot; only blobs that are not there yet are copied. The server may run meanwhile.
    #[command(after_help = "Examples:
  crannogd backup create /mnt/backup --key crannog-backup-1:6d0f...
  crannogd backup create /mnt/backup")]
    Create {
        /// The repository; made at the first time.
        repository: PathBuf,
        /// The public key, or a file with it; needed at the first time only.
        #[arg(long, value_name = "PUBLIC_OR_FILE")]
        key: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// List the snapshots.
    #[command(after_help = "Example:\n  crannogd backup list /mnt/backup")]
    List {
        /// The repository.
        repository: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check that snapshots can be restored; exit code 1 if not.
    #[command(after_help = "Example:
  crannogd backup verify /mnt/backup --identity backup.key --full

Opens databases in the folder for temporary files (TMPDIR), for this user only.")]
    Verify {
        #[command(flatten)]
        open: Open,
        /// Hash every blob too.
        #[arg(long)]
        full: bool,
    },
    /// Make a data directory of a snapshot.
    #[command(after_help = "Example:
  crannogd backup restore /mnt/backup --identity backup.key --data /srv/crannog --fingerprint 5a1f...

The fingerprint is the part behind # in the server's address. Without it, compare the one that is printed.")]
    Restore {
        #[command(flatten)]
        open: Open,
        /// The new data directory; must be empty, or not be there.
        #[arg(long, value_name = "NEWDIR")]
        data: PathBuf,
        /// Restore also when blobs are missing or damaged; each is named.
        #[arg(long)]
        partial: bool,
    },
    /// Forget old snapshots, and the blobs that no other needs.
    #[command(after_help = "Examples:
  crannogd backup prune /mnt/backup --keep 30 --dry-run
  crannogd backup prune /mnt/backup --keep 30")]
    Prune {
        /// The repository.
        repository: PathBuf,
        /// How many of the newest stay.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep: u32,
        /// Only show what would go.
        #[arg(long)]
        dry_run: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What opens a repository.
#[derive(Debug, Args)]
pub(super) struct Open {
    /// The repository.
    pub(super) repository: PathBuf,
    /// The file that `keygen` wrote.
    #[arg(long, value_name = "FILE")]
    pub(super) identity: PathBuf,
    /// This snapshot only; `restore` takes the newest.
    #[arg(long, value_name = "ID")]
    pub(super) snapshot: Option<String>,
    /// Refuse the backups of any other server.
    #[arg(long, value_name = "FINGERPRINT", value_parser = fingerprint)]
    pub(super) fingerprint: Option<Fingerprint>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// 64 hex digits, as behind # in the server's address.
fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim_start_matches('#').as_bytes());
    let bytes = bytes.ok().and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(Fingerprint)
        .ok_or_else(|| "a fingerprint is 64 hex digits, the part behind # in the server's address".to_owned())
}

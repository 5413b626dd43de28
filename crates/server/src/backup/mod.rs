//! Backups: a repository of blobs, copied as they are, and of snapshots of everything else, sealed to the operator
//! (`docs/adr/0008-backup.md`, `docs/spec/server-storage.md`).
//!
//! ```text
//!  create:  hold ─▶ VACUUM INTO ─▶ copy blobs (only new ones) ─▶ list ─▶ seal ─▶ sign: ID.json ─▶ release
//!  restore: ID.json (signature, list) ─▶ open (digest) ─▶ SQLite ─▶ blobs, each hashed ─▶ fsck
//! ```

mod create;
mod error;
pub(crate) mod files;
mod key;
mod list;
mod manifest;
mod prune;
mod repository;
mod restore;
mod sealed;
mod server_keys;
mod snapshot;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use create::{Created, Pin, create};
pub(crate) use error::BackupError;
pub(crate) use key::{BackupIdentity, Recipient};
pub(crate) use prune::Plan;
pub(crate) use repository::{Access, Repository, Snapshot};
pub(crate) use restore::{Summary, restore};
pub(crate) use verify::{Verified, verify};

/// Told how far a long command is: files and bytes so far.
pub(crate) type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

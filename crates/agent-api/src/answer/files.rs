//! Drives, and what is in them.

use serde::{Deserialize, Serialize};

use crate::RemotePath;
use crate::request::Role;

/// A drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriveInfo {
    /// Its name.
    pub name: String,
    /// A plain path means this one.
    pub default: bool,
    /// Journal id, hex.
    pub id: String,
    /// Files.
    pub files: u64,
    /// Bytes of current versions.
    pub bytes: u64,
    /// How many members it has, oneself included.
    #[serde(default)]
    pub members: u64,
    /// What this account may do there; none when it is no longer a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Who made it, if not this account: her quota is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
    /// Where it appears among other files, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mounted_at: Option<RemotePath>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Relative to what was listed; the name for a plain listing.
    pub path: String,
    /// `dir`, `file` or `link`.
    pub kind: NodeKind,
    /// Bytes of the current version; 0 for others.
    pub size: u64,
    /// Modification time, seconds since 1970.
    pub mtime_s: i64,
    /// And nanoseconds.
    pub mtime_ns: u32,
    /// Permission bits.
    pub mode: u16,
    /// Versions kept.
    pub versions: u32,
    /// Target of a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Node id, hex.
    pub id: String,
}

/// A node's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A folder.
    Dir,
    /// A file.
    File,
    /// A symbolic link.
    Link,
}

/// One version of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionInfo {
    /// Its id, hex.
    pub version: String,
    /// It is the current one.
    pub current: bool,
    /// Bytes.
    pub size: u64,
    /// File's modification time, seconds since 1970.
    pub mtime_s: i64,
    /// When the author wrote it, milliseconds since 1970.
    pub time: i64,
    /// Device's name.
    pub device: String,
}

/// Something in the trash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrashInfo {
    /// Node id, hex.
    pub id: String,
    /// Where it was.
    pub path: String,
    /// Kind.
    pub kind: NodeKind,
    /// Bytes of it and all below.
    pub size: u64,
    /// When it was removed, by the remover's clock, milliseconds since 1970; unknown of what was read before that was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<i64>,
}

/// Disk usage of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    /// Path.
    pub path: RemotePath,
    /// Files below.
    pub files: u64,
    /// Bytes of current versions.
    pub bytes: u64,
    /// Bytes of old versions.
    pub old_bytes: u64,
}

/// What a change did or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Nothing was done: `--dry-run`.
    pub dry_run: bool,
    /// Files created or changed.
    pub files: u64,
    /// Folders created.
    pub folders: u64,
    /// Skipped because unchanged.
    pub unchanged: u64,
    /// Bytes of content sent or fetched.
    pub bytes: u64,
    /// Things that failed; each was an [`Event::Failed`](super::Event::Failed).
    pub failed: u64,
    /// What was, or would be, done: one line a thing (`put /a`, `mkdir /b`), at most 10,000.
    pub plan: Vec<String>,
}

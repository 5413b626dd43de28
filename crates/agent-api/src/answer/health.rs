//! How things are, what is broken, what a restored server gets back.

use serde::{Deserialize, Serialize};

use crate::Failure;

/// How things are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The agent's version.
    pub version: String,
    /// Locked: only this and the version are known.
    pub locked: bool,
    /// `name@host:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// This device's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The connection holds and the bell is on.
    pub online: bool,
    /// When the server last proved to be current, milliseconds since 1970 (CHK-025).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_heard: Option<i64>,
    /// Entries not read yet, as far as known.
    pub behind: u64,
    /// Transfers under way or put aside.
    pub transfers: u64,
    /// Bytes that the operator allows.
    pub quota: u64,
    /// Bytes used.
    pub used: u64,
    /// Invites that wait for an answer.
    #[serde(default)]
    pub invites: u64,
    /// An alarm that stopped a journal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<Failure>,
}

/// A finding of the doctor, or of `verify-store`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `ok`, `warning`, `lost` (in a restore of the server) or `broken`.
    pub state: String,
    /// What was looked at.
    pub object: String,
    /// What was found.
    pub text: String,
}

/// What goes, or went, back to a server that was restored from a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Healed {
    /// When the backup was taken, milliseconds since 1970.
    pub taken: i64,
    /// Nothing was sent.
    pub dry_run: bool,
    /// Sigchains of which the server has less than this device has seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chains: Vec<HealedChain>,
    /// Of which the server has less than this device has read.
    pub journals: Vec<HealedJournal>,
    /// Versions of files whose bytes the server has no more.
    pub lost: Vec<LostVersion>,
}

/// A sigchain of which links are given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealedChain {
    /// Whose.
    pub name: String,
    /// Links that the server lacks and this device gives back.
    pub links: u64,
    /// Why not, or what else there is to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A journal of which entries are given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealedJournal {
    /// `home`, or `drive NAME`.
    pub name: String,
    /// Entries that the server lacks and this device can give back.
    pub entries: u64,
    /// Entries behind those that this device has read and cannot give back.
    pub missing: u64,
    /// Why not, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A version whose bytes are lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostVersion {
    /// `home`, or `drive NAME`.
    pub drive: String,
    /// The file's path inside it.
    pub path: String,
    /// Which version.
    pub version: String,
    /// It is the file's current one.
    pub current: bool,
    /// Bytes.
    pub size: u64,
    /// When it was written, milliseconds since 1970.
    pub time: i64,
    /// Who wrote it.
    pub by: String,
}

//! What happened, and what proves it.

use serde::{Deserialize, Serialize};

use super::people::Person;

/// Something that happened, for `watch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// What kind of thing.
    pub kind: NewsKind,
    /// When it was read here, milliseconds since 1970.
    pub time: i64,
    /// The drive or share that it concerns, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drive: Option<String>,
    /// Its id, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
    /// The entry's place in it, if it was an entry: what the log has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Who did it, if anyone did; proved by her signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Person>,
    /// In words, at most 64 lines: `put /beach.jpg`, a path inside the drive; `bob is writer now`.
    pub changes: Vec<String>,
    /// Those that did not fit.
    #[serde(default)]
    pub more: u64,
    /// `CHK-nnn` of an alarm or a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewsKind {
    /// Files changed.
    Change,
    /// Someone wants to share something with me.
    Invite,
    /// The people or roles of a share changed.
    Members,
    /// I am no longer a member, or the share was ended.
    Removed,
    /// A check failed: something stopped.
    Alarm,
    /// Something that was sent to me was refused.
    Refused,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogInfo {
    /// The drive or share, by its name.
    pub drive: String,
    /// Its id, hex.
    pub journal: String,
    /// The entry's place in its journal.
    pub seq: u64,
    /// The author's clock, milliseconds since 1970.
    pub time: i64,
    /// Who; proved by her signature.
    pub author: Person,
    /// In words; at most 64 lines.
    pub changes: Vec<String>,
    /// Those that did not fit.
    #[serde(default)]
    pub more: u64,
}

/// What a file of evidence proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditInfo {
    /// `server`, `member` or `nobody`: whom the file convicts by signatures alone.
    pub convicts: String,
    /// Who that is: the server's fingerprint, or account and device. Nobody unless convicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// Who signed what the file shows, where that convicts nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said_by: Option<String>,
    /// The check that the finder's client raised.
    pub check: String,
    /// In which journal.
    pub journal: String,
    /// What was proved, or why nothing is.
    pub findings: Vec<String>,
}

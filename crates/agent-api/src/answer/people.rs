//! People: shares, invites, contacts.

use serde::{Deserialize, Serialize};

use crate::request::Role;

/// A person with one of her devices, as she is shown everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Her account's name; for a stranger the account id. Of somebody who goes by the name of a contact it says so.
    pub name: String,
    /// Account id, hex.
    pub account: String,
    /// Her device's name as she gave it; empty if unknown.
    pub device: String,
    /// It is this account.
    pub me: bool,
    /// Her root was verified (never without an act of this user's).
    pub verified: bool,
}

/// A person one shares with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactInfo {
    /// Her account's name.
    pub name: String,
    /// Account id, hex.
    pub account: String,
    /// Her root as ten words.
    pub words: String,
    /// Her root was verified.
    pub verified: bool,
    /// How: `qr`, `word` or `compared`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// She closed her account for ever; her root signed that.
    #[serde(default)]
    pub closed: bool,
    /// Her root is another one than the pinned: these are the new root's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_to: Option<String>,
    /// What is shared with her, by name.
    pub shares: Vec<String>,
    /// The newest time, milliseconds since 1970, that one of her devices signed into something that was read here.
    pub heard: Option<i64>,
}

/// One member of a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberInfo {
    /// Her account's name; for a stranger the account id.
    pub name: String,
    /// Account id, hex.
    pub account: String,
    /// It is this account.
    pub me: bool,
    /// What she may do.
    pub role: Role,
    /// Her root was verified.
    pub verified: bool,
    /// Her root changed, and nobody has looked yet: work with her stands still.
    pub frozen: bool,
    /// Since when she is a member without a break: the admitting entry's time by its author's clock, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Who took her in, with which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Person>,
    /// Bytes of all versions that she put there; they count on the drive's creator's quota.
    pub bytes: u64,
    /// She made the drive: its bytes are charged to her.
    pub creator: bool,
    /// Her removal was decided here, and no rekey has put it in force yet.
    pub leaving: bool,
}

/// An invite that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteInfo {
    /// Its one-use id, hex.
    pub id: String,
    /// Who invites.
    pub from: Person,
    /// The inviter's root as ten words, to be compared with her.
    pub words: String,
    /// What she calls it.
    pub name: String,
    /// It is one file.
    pub file: bool,
    /// As what.
    pub role: Role,
    /// When it was signed, milliseconds since 1970, by the inviter's clock.
    pub time: i64,
    /// Until when it can be accepted, milliseconds since 1970.
    pub expires: i64,
}

/// What accepting an invite did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedInfo {
    /// How the share is called.
    pub name: String,
    /// Its id, hex.
    pub journal: String,
    /// Where it appears.
    pub path: String,
    /// As what.
    pub role: Role,
    /// Nothing was done: `--dry-run`.
    pub dry_run: bool,
}

/// What sharing did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedInfo {
    /// What was shared.
    pub path: String,
    /// With whom.
    pub name: String,
    /// As what.
    pub role: Role,
    /// Her root as ten words.
    pub words: String,
    /// It was seen before now.
    pub known: bool,
    /// It was verified.
    pub verified: bool,
    /// Nothing was done: `--dry-run`.
    pub dry_run: bool,
    /// What was done, one line a thing.
    pub plan: Vec<String>,
}

//! What the agent says while it works, and when it is done. These are also the `--json` forms.

use serde::{Deserialize, Serialize};

use crate::request::Role;
use crate::{Failure, RemotePath};

/// While a request runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Join: the sheet to keep, as text with the twelve words. Secret. Nothing is registered before the Confirm.
    Sheet {
        /// The twelve words.
        words: crate::Secret,
        /// The whole sheet: words, root, server, sigchain head.
        sheet: crate::Secret,
    },
    /// Recover: what the words found; goes on after the Confirm.
    Recovery(RecoverySummary),
    /// How far a long work is.
    Progress(Progress),
    /// Something about one file that the user should see (skipped, conflict, renamed).
    Note(Note),
    /// One file that failed; the work goes on.
    Failed(Failure),
    /// To Watch: something happened.
    News(News),
}

/// How far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done: scanning, uploading, downloading, verifying, syncing.
    pub phase: String,
    /// Files done.
    pub files: u64,
    /// Files in all, as far as known.
    pub files_total: u64,
    /// Bytes done.
    pub bytes: u64,
    /// Bytes in all, as far as known.
    pub bytes_total: u64,
}

/// A remark on one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Path or name.
    pub object: String,
    /// What there is to say.
    pub text: String,
}

/// What recovery found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverySummary {
    /// The account.
    pub name: String,
    /// Links in the sigchain.
    pub links: u32,
    /// The last link's kind.
    pub last_link: String,
    /// Devices that are valid now.
    pub devices: Vec<DeviceInfo>,
    /// Time of the last home entry, milliseconds since 1970, as its author said.
    pub last_home_time: Option<i64>,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// Its id, hex.
    pub id: String,
    /// Its name, from home.
    pub name: String,
    /// It is this one.
    pub this: bool,
    /// The newest time, milliseconds since 1970, that the device itself signed into something that was read here; none if
    /// nothing of it was. A server cannot renew this.
    pub heard: Option<i64>,
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

/// Which way the bytes of a transfer go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the server.
    Up,
    /// From the server.
    Down,
}

/// How a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// Under way.
    Running,
    /// Its command waits; nothing new is sent or fetched.
    Paused,
    /// It was cut; the same command, or a resume, goes on where it stopped.
    Unfinished,
}

/// A transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferInfo {
    /// Its number on this device.
    pub id: u64,
    /// What it is: `put`, `get`, `cat`, `export`, `verify-store`.
    pub kind: String,
    /// Which way.
    pub direction: Direction,
    /// From where: paths; of a `put` on this device.
    pub from: Vec<String>,
    /// Where to; empty where nothing is kept.
    pub to: String,
    /// How it is.
    pub state: TransferState,
    /// Bytes done, as in [`Progress`]; of an unfinished one, at least so many.
    pub bytes: u64,
    /// Bytes in all, as far as known.
    pub bytes_total: u64,
    /// Bytes a second, over the last ten.
    pub rate: u64,
    /// When it was begun first, milliseconds since 1970.
    pub since: i64,
}

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
    /// Things that failed; each was an [`Event::Failed`].
    pub failed: u64,
    /// What was, or would be, done: one line a thing (`put /a`, `mkdir /b`), at most 10,000.
    pub plan: Vec<String>,
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
    /// Of which the server has less than this device has read.
    pub journals: Vec<HealedJournal>,
    /// Versions of files whose bytes the server has no more.
    pub lost: Vec<LostVersion>,
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

/// Who I am.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whoami {
    /// The account's name.
    pub name: String,
    /// Account id, hex.
    pub account: String,
    /// Root public key, hex.
    pub root: String,
    /// The root as ten words, for others to compare with what they see.
    #[serde(default)]
    pub words: String,
    /// The server's URL.
    pub server: String,
    /// This device's name.
    pub device: String,
    /// This device's id, hex.
    pub device_id: String,
}

/// The last thing that an agent says to a request, unless it fails.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", content = "value", rename_all = "snake_case")]
pub enum Answer {
    /// Done, nothing to say.
    Ok,
    /// To Status.
    Status(Status),
    /// To Whoami, Join, Recover.
    Whoami(Whoami),
    /// To Devices.
    Devices(Vec<DeviceInfo>),
    /// To DriveList.
    Drives(Vec<DriveInfo>),
    /// To List and Find.
    Nodes(Vec<NodeInfo>),
    /// To Stat.
    Node(NodeInfo),
    /// To Versions.
    Versions(Vec<VersionInfo>),
    /// To TrashList.
    Trash(Vec<TrashInfo>),
    /// To all that change.
    Changed(Changed),
    /// To Usage.
    Usage(Vec<UsageRow>),
    /// To Doctor and VerifyStore.
    Findings(Vec<Finding>),
    /// To Heal.
    Healed(Healed),
    /// To Share.
    Shared(SharedInfo),
    /// To Accept.
    Accepted(AcceptedInfo),
    /// To Invites.
    Invites(Vec<InviteInfo>),
    /// To Members.
    Members(Vec<MemberInfo>),
    /// To Contacts.
    Contacts(Vec<ContactInfo>),
    /// To Log.
    Log(Vec<LogInfo>),
    /// To Audit.
    Audit(AuditInfo),
    /// To Transfers, PauseTransfers, ResumeTransfers and CancelTransfers: those that it concerned.
    Transfers(Vec<TransferInfo>),
}

//! What a command asks of the agent.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::answer::NodeKind;
use crate::{Limits, RemotePath};

/// A password or words on their way to the agent: zeroized on drop, never shown.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secret(pub Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Which names a recursive put or get takes (globs as in `.gitignore`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Only these, when not empty.
    pub include: Vec<String>,
    /// Not these.
    pub exclude: Vec<String>,
}

/// One request. Local paths are absolute. `dry_run` answers with what would be done and changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "each field is named by the command's option of the same name"
)]
pub enum Request {
    /// Makes an account. The agent sends [`crate::Event::Sheet`] and goes on after [`Request::Confirm`].
    Join {
        server: String,
        invite: Secret,
        name: String,
        device: String,
        password: Secret,
    },
    /// Gets an account back from its words. The agent sends [`crate::Event::Recovery`] and goes on after [`Request::Confirm`].
    Recover {
        server: String,
        name: String,
        device: String,
        words: Secret,
        password: Secret,
    },
    /// The answer to a question in the middle of Join and Recover; `revoke`: ids of devices that shall not remain.
    Confirm {
        revoke: Vec<String>,
    },
    /// Unlocks the agent with this device's password.
    Unlock {
        password: Secret,
    },
    /// Locks it; `now` stops running transfers too.
    Lock {
        now: bool,
    },
    /// Closes the account for ever, by its words. `name`: its own, as the person typed it. Without `keep_local` this profile is wiped then.
    DeleteAccount {
        name: String,
        words: Option<Secret>,
        keep_local: bool,
        dry_run: bool,
    },
    /// Sets another password for this device.
    Passwd {
        old: Secret,
        new: Secret,
    },
    /// How things are.
    Status,
    /// Who I am.
    Whoami,
    /// My devices.
    Devices,
    /// Looks for what is wrong on this device.
    Doctor,
    /// The alarm of a journal was looked at: it is read on from what was verified before.
    Dismiss {
        /// A drive's name, or `home`.
        journal: String,
    },
    /// Gives back to a restored server what it lost and this device still holds; names what is lost. `invite`: for an account that the
    /// server does not know any more.
    Heal {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invite: Option<Secret>,
        dry_run: bool,
    },
    /// Catches up with the server before it answers.
    Sync,
    /// Stops the agent after the transfers are put aside.
    Stop,
    DriveCreate {
        name: String,
        dry_run: bool,
    },
    DriveList,
    DriveRename {
        name: String,
        new_name: String,
        dry_run: bool,
    },
    DriveDelete {
        name: String,
        dry_run: bool,
    },
    /// Entries of a folder (or one file); recursive: everything below.
    List {
        path: RemotePath,
        recursive: bool,
    },
    Stat {
        path: RemotePath,
    },
    Mkdir {
        paths: Vec<RemotePath>,
        parents: bool,
        dry_run: bool,
    },
    /// Uploads. A source with a trailing slash means its contents. `stdin`: one file from data frames instead.
    Put {
        sources: Vec<PutSource>,
        target: RemotePath,
        recursive: bool,
        filter: Filter,
        dry_run: bool,
        stdin: bool,
        #[serde(default)]
        limits: Limits,
    },
    /// Downloads to `target`: a folder that exists, or a new name.
    Get {
        sources: Vec<RemotePath>,
        target: PathBuf,
        recursive: bool,
        filter: Filter,
        dry_run: bool,
        overwrite: bool,
        #[serde(default)]
        limits: Limits,
    },
    /// Everything that the account can read, into a folder that is new, empty, or an earlier export.
    Export {
        to: PathBuf,
        history: bool,
        trash: bool,
        overwrite: bool,
        dry_run: bool,
        limits: Limits,
    },
    /// One file's bytes as data frames.
    Cat {
        path: RemotePath,
        version: Option<String>,
    },
    Copy {
        from: Vec<RemotePath>,
        to: RemotePath,
        recursive: bool,
        dry_run: bool,
    },
    Move {
        from: Vec<RemotePath>,
        to: RemotePath,
        dry_run: bool,
    },
    /// To the trash.
    Remove {
        paths: Vec<RemotePath>,
        recursive: bool,
        dry_run: bool,
    },
    TrashList {
        drive: Option<String>,
    },
    /// `items`: ids or original paths.
    TrashRestore {
        drive: Option<String>,
        items: Vec<String>,
        dry_run: bool,
    },
    /// `items` empty: everything. `before`: only what was removed before this time, milliseconds since 1970.
    TrashEmpty {
        drive: Option<String>,
        items: Vec<String>,
        before: Option<i64>,
        dry_run: bool,
    },
    Versions {
        path: RemotePath,
    },
    /// Deletes old versions for good, never the current one: of a file, or of all files below a folder.
    Forget {
        path: RemotePath,
        recursive: bool,
        /// Only those made before this time, milliseconds since 1970.
        before: Option<i64>,
        /// So many of each file's old versions stay, the newest.
        keep: u32,
        dry_run: bool,
    },
    /// Makes an old version the current one (as a new version).
    Restore {
        path: RemotePath,
        version: String,
        dry_run: bool,
    },
    /// Names below a place that match a glob, or have a text in them; capitals and accents do not count.
    Find {
        path: RemotePath,
        pattern: String,
        only: Only,
    },
    Usage {
        path: RemotePath,
    },
    /// Shares a folder or a file with a person; shared already: takes one more in. Sends the invite (again). Without a role a member
    /// keeps hers, and anybody else becomes a reader.
    Share {
        path: RemotePath,
        with: String,
        role: Option<Role>,
        dry_run: bool,
    },
    /// Invites that wait for an answer.
    Invites,
    /// `invite`: an id, the beginning of one, or the name of what is shared. `at`: where it is to appear; `/NAME` unless told.
    Accept {
        invite: String,
        at: Option<RemotePath>,
        dry_run: bool,
    },
    Decline {
        invite: String,
        dry_run: bool,
    },
    /// Who may do what in the share at a path.
    Members {
        path: RemotePath,
    },
    /// Gives a member of the share whose top is at a path another role.
    SetRole {
        path: RemotePath,
        name: String,
        role: Role,
        dry_run: bool,
    },
    /// Removes members of the share whose top is at a path; `names` empty: all but oneself.
    Unshare {
        path: RemotePath,
        names: Vec<String>,
        dry_run: bool,
    },
    /// Leaves a share of someone else's.
    Leave {
        path: RemotePath,
        dry_run: bool,
    },
    /// The people one shares with.
    Contacts,
    /// A person whose root changed was looked at: work with her goes on with the new one, of which these are the words.
    TrustContact {
        /// Account id, hex.
        account: String,
        words: String,
    },
    /// Who changed what in the drive or share that holds a path, newest first; at most `limit` entries. Without a path: everywhere.
    Log {
        path: Option<RemotePath>,
        limit: u32,
    },
    /// News of the drive or share that holds a path as [`crate::Event::News`] until the caller goes away, after a note that begins them.
    /// Without a path: of everything.
    Watch {
        path: Option<RemotePath>,
    },
    /// Says who lied, from a file of evidence; needs no account.
    Audit {
        file: PathBuf,
    },
    /// Checks every byte; with `repair_from`, broken blobs are made again from those local folders.
    VerifyStore {
        drive: Option<String>,
        repair_from: Vec<PathBuf>,
        #[serde(default)]
        limits: Limits,
    },
    /// Transfers that run, and those that were cut and can go on.
    Transfers,
    /// Running ones stand still. `ids` empty: all.
    PauseTransfers {
        ids: Vec<u64>,
    },
    /// Those that stand still go on. Answers like Transfers; what does not run is left to [`Request::GoOn`].
    ResumeTransfers {
        ids: Vec<u64>,
    },
    /// A transfer that was cut goes on, as by the same command; answers as that does.
    GoOn {
        id: u64,
    },
    /// Running ones end; what is kept of those that were cut is forgotten. `ids` empty: all.
    CancelTransfers {
        ids: Vec<u64>,
    },
}

/// What a member may do; each includes the ones before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read.
    #[default]
    Reader,
    /// Make new files and folders, and change nothing that is there.
    Append,
    /// Change too.
    Writer,
    /// Take people in, give roles and remove people too.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reader => "reader",
            Self::Append => "append",
            Self::Writer => "writer",
            Self::Admin => "admin",
        })
    }
}

/// What is found beside the name; an absent field asks for nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Only {
    /// Of this kind.
    pub kind: Option<NodeKind>,
    /// Files of at least so many bytes.
    pub at_least: Option<u64>,
    /// Files of at most so many bytes.
    pub at_most: Option<u64>,
    /// Changed at this time or later, milliseconds since 1970.
    pub since: Option<i64>,
    /// Changed before this time, milliseconds since 1970.
    pub before: Option<i64>,
}

/// A local file or folder to upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutSource {
    /// Absolute.
    pub path: PathBuf,
    /// It was written with a slash at its end.
    pub contents: bool,
}

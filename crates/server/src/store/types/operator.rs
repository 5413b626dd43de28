//! What the operator makes and sees, and what the server's own jobs do.

use crannog_proto::Hash;
use serde::{Deserialize, Serialize};

use crate::clock::Hour;

/// An invite about to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewInvite {
    /// Its hash.
    pub(crate) hash: Hash,
    /// How often it may be used.
    pub(crate) uses: u32,
    /// Its end.
    pub(crate) expires: Hour,
    /// Quota of the accounts.
    pub(crate) quota: u64,
}

/// An invite as the operator sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InviteRow {
    /// First digits of its hash; the invite itself is not kept.
    pub(crate) id: String,
    /// How often it may be used.
    pub(crate) uses: u32,
    /// How often it was.
    pub(crate) used: u32,
    /// Its end.
    pub(crate) expires: Hour,
    /// Quota of the accounts.
    pub(crate) quota: u64,
    /// Taken back.
    pub(crate) revoked: bool,
}

/// An account as the operator sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccountRow {
    /// Its name.
    pub(crate) name: String,
    /// Its id.
    pub(crate) account: String,
    /// Bytes allowed.
    pub(crate) quota: u64,
    /// Bytes counted.
    pub(crate) used: u64,
    /// Suspended.
    pub(crate) suspended: bool,
    /// When it was made.
    pub(crate) created: Hour,
    /// Journals that it created.
    pub(crate) journals: u64,
    /// Valid devices.
    pub(crate) devices: u64,
}

/// Everything that the server knows of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Inspection {
    /// The summary.
    pub(crate) account: AccountRow,
    /// Hashes of its sigchain's links.
    pub(crate) links: Vec<String>,
    /// Ids of its valid devices.
    pub(crate) devices: Vec<String>,
    /// Sealed generations.
    pub(crate) generations: u64,
    /// Ends of its sessions.
    pub(crate) sessions: Vec<Hour>,
    /// Drops in its inbox.
    pub(crate) drops: u64,
    /// The journals that it created.
    pub(crate) journals: Vec<JournalRow>,
}

/// A journal as the operator sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JournalRow {
    /// Its id.
    pub(crate) journal: String,
    /// The current epoch.
    pub(crate) epoch: u64,
    /// The last entry's number.
    pub(crate) last_seq: u64,
    /// No more entries.
    pub(crate) closed: bool,
    /// Blobs in force.
    pub(crate) blobs: u64,
    /// Blobs in their grace period.
    pub(crate) dropped: u64,
    /// Blobs that were put and not yet named.
    pub(crate) staged: u64,
}

/// Counts, for the operator.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Stats {
    /// Accounts.
    pub(crate) accounts: u64,
    /// Sessions.
    pub(crate) sessions: u64,
    /// Journals.
    pub(crate) journals: u64,
    /// Entries.
    pub(crate) entries: u64,
    /// Files of blobs.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) file_bytes: u64,
    /// Bytes that count.
    pub(crate) used: u64,
    /// Staged blobs.
    pub(crate) staged: u64,
    /// Drops in inboxes.
    pub(crate) drops: u64,
    /// Deleted accounts whose sigchains are kept.
    pub(crate) departed: u64,
}

/// What is forgotten when its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiring {
    /// Blobs that were put and never named.
    Leases,
    /// Blobs that were dropped; here the time is that of the drop.
    Dropped,
    /// Drops that nobody took out.
    Inboxes,
    /// Sessions and spent challenges.
    Sessions,
    /// Invites, a month after their end.
    Invites,
}

/// One run of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder(pub(crate) [u8; 16]);

/// A job as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobRow {
    /// Its name.
    pub(crate) name: String,
    /// When it began the last time.
    pub(crate) last_run: Option<Hour>,
    /// When it ended well the last time.
    pub(crate) last_success: Option<Hour>,
    /// Until when somebody does it.
    pub(crate) lease_until: Option<Hour>,
}

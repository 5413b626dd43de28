//! What goes into a store and comes out of it.

use std::collections::HashSet;
use std::fmt;

use crannog_proto::api::LinkSecrets;
use crannog_proto::entry::VerifiedEntry;
use crannog_proto::sigchain::{GenerationSecrets, SignedLink};
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{AccountId, BlobId, DeviceId, Entry, ErrorCode, Hash, JournalId};
use serde::{Deserialize, Serialize};

use crate::clock::Hour;

/// Why a store did not do it. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A rule forbids it.
    #[error("{0}")]
    Refused(ErrorCode),
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The disk, or the database, is read-only.
    #[error("the database is read-only")]
    ReadOnly,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The database itself failed.
    #[error(transparent)]
    Backend(Box<dyn std::error::Error + Send + Sync>),
}

/// How the store calls an account; means nothing outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AccountKey(pub(crate) i64);

/// The random name of a blob's file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileName(pub(crate) [u8; 16]);

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A blob's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlobFile {
    /// What it holds.
    pub(crate) blob: BlobId,
    /// Its name on disk.
    pub(crate) name: FileName,
    /// Its length.
    pub(crate) size: u64,
}

/// A person who wants in; everything is verified but the invite and the name.
#[derive(Debug)]
pub(crate) struct NewAccount {
    /// Hash of the invite.
    pub(crate) invite: Hash,
    /// The account.
    pub(crate) account: AccountId,
    /// Its name.
    pub(crate) name: String,
    /// Its root.
    pub(crate) root: VerifyingKey,
    /// Its first device.
    pub(crate) device: (DeviceId, VerifyingKey),
    /// The Create link.
    pub(crate) link: SignedLink,
    /// Generation 0.
    pub(crate) secrets: GenerationSecrets,
    /// Home's genesis.
    pub(crate) home: VerifiedEntry,
    /// Now.
    pub(crate) now: Hour,
}

/// An account as stored.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// For further calls.
    pub(crate) key: AccountKey,
    /// Its name.
    pub(crate) name: String,
    /// Its sigchain.
    pub(crate) links: Vec<SignedLink>,
    /// Its home.
    pub(crate) home: JournalId,
    /// Bytes allowed.
    pub(crate) quota: u64,
    /// Bytes counted.
    pub(crate) used: u64,
}

/// Who may log in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoginKey {
    /// The account.
    pub(crate) account: AccountKey,
    /// What verifies the challenge.
    pub(crate) key: VerifyingKey,
    /// The operator suspended it.
    pub(crate) suspended: bool,
}

/// What a link was verified on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    /// The whole chain, which ended with this link.
    Last(Hash),
    /// The links up to this one, right before it. A root cuts off what account keys signed since, as far as it was seen or not.
    OverDevices {
        /// That link.
        prev: Hash,
    },
}

/// A verified link and what it changes.
#[derive(Debug)]
pub(crate) struct NewLink {
    /// The link.
    pub(crate) link: SignedLink,
    /// Its place.
    pub(crate) seq: u32,
    /// What must be true of the chain still.
    pub(crate) on: Stands,
    /// Its secrets.
    pub(crate) secrets: LinkSecrets,
    /// The current generation afterwards.
    pub(crate) generation: u32,
    /// The root afterwards; sessions of another end.
    pub(crate) root: VerifyingKey,
    /// The devices afterwards; sessions of others end.
    pub(crate) devices: Vec<(DeviceId, VerifyingKey)>,
}

/// An account that comes back whole; everything is verified but the invite and the name.
#[derive(Debug)]
pub(crate) struct GivenBack {
    /// The account.
    pub(crate) account: AccountId,
    /// The last link of the chain that this one was found to continue; none where there was none.
    pub(crate) on: Option<Hash>,
    /// Its name.
    pub(crate) name: String,
    /// The root in force.
    pub(crate) root: VerifyingKey,
    /// The devices that are valid; sessions of others end.
    pub(crate) devices: Vec<(DeviceId, VerifyingKey)>,
    /// The whole chain.
    pub(crate) links: Vec<SignedLink>,
    /// All generations.
    pub(crate) secrets: Vec<GenerationSecrets>,
    /// Hash of an invite, and home's genesis: for an account that is not known.
    pub(crate) invited: Option<(Hash, VerifiedEntry)>,
    /// Now.
    pub(crate) now: Hour,
}

/// A verified sigchain that others follow.
#[derive(Debug)]
pub(crate) struct GivenChain {
    /// Whose.
    pub(crate) account: AccountId,
    /// The last link of the chain that this one was found to continue; none where there was none.
    pub(crate) on: Option<Hash>,
    /// The account's name.
    pub(crate) name: String,
    /// It ends with a Close.
    pub(crate) closed: bool,
    /// All of it.
    pub(crate) links: Vec<SignedLink>,
}

/// What became of a sigchain that others follow.
#[derive(Debug, Default)]
pub(crate) struct ChainTaken {
    /// The account that it closed.
    pub(crate) closed: Option<AccountKey>,
    /// Files that nothing names any more.
    pub(crate) freed: Vec<FileName>,
}

/// A session about to begin.
#[derive(Debug)]
pub(crate) struct NewSession {
    /// Hash of its token.
    pub(crate) hash: Hash,
    /// Whose.
    pub(crate) account: AccountKey,
    /// Which device; none for the root.
    pub(crate) device: Option<DeviceId>,
    /// Its end.
    pub(crate) expires: Hour,
    /// Hash of the challenge, which is spent by this.
    pub(crate) challenge: Hash,
    /// Now.
    pub(crate) now: Hour,
}

/// A session as stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionRow {
    /// Whose.
    pub(crate) account: AccountKey,
    /// By the root key.
    pub(crate) root: bool,
    /// Its end.
    pub(crate) expires: Hour,
    /// The operator suspended the account.
    pub(crate) suspended: bool,
}

/// A sigchain, that of a deleted account too.
#[derive(Debug, Clone)]
pub(crate) struct Sigchain {
    /// The account's name; after its deletion it may be another's.
    pub(crate) name: String,
    /// Its links.
    pub(crate) links: Vec<SignedLink>,
}

/// Something sealed for an account.
#[derive(Debug)]
pub(crate) struct NewDrop {
    /// Its id.
    pub(crate) id: [u8; 16],
    /// For whom.
    pub(crate) account: AccountId,
    /// The bytes.
    pub(crate) sealed: Vec<u8>,
    /// When it is forgotten.
    pub(crate) expires: Hour,
}

/// Where a drop lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// In whose inbox.
    pub(crate) account: AccountKey,
    /// It did not lie there before.
    pub(crate) fresh: bool,
}

/// An entry's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Its number.
    pub(crate) seq: u64,
    /// The head there.
    pub(crate) head: Hash,
}

/// A journal as stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JournalView {
    /// The current epoch.
    pub(crate) epoch: u64,
    /// No more entries.
    pub(crate) closed: bool,
    /// The last entry.
    pub(crate) last: Placed,
    /// Bytes that the creator has left.
    pub(crate) left: u64,
    /// The server waits for what came after the backup from which it was restored.
    pub(crate) healing: bool,
}

/// What a read token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reader {
    /// Its epoch.
    pub(crate) epoch: u64,
    /// It is the current epoch.
    pub(crate) live: bool,
    /// First entry that it reads.
    pub(crate) from: u64,
    /// Last entry that it reads.
    pub(crate) last: Placed,
}

/// An entry in its place.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Where.
    pub(crate) placed: Placed,
    /// The entry.
    pub(crate) entry: Entry,
    /// Its body was pruned.
    pub(crate) body_gone: bool,
}

/// Entries to append, in order.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Where.
    pub(crate) journal: JournalId,
    /// Verified under the keys of their own epoch.
    pub(crate) entries: Vec<VerifiedEntry>,
    /// Hashes of read tokens of other journals.
    pub(crate) tokens: Vec<Hash>,
    /// Files that are known to be on disk, folder and all.
    pub(crate) synced: HashSet<FileName>,
    /// It was acknowledged before, and lost with the server's disk.
    pub(crate) gives_back: bool,
    /// Now.
    pub(crate) now: Hour,
}

/// What became of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has its place.
    Done {
        /// Which.
        placed: Placed,
        /// It was appended by this call, not by an earlier one.
        fresh: bool,
    },
    /// Blobs are missing.
    Missing(Vec<BlobId>),
    /// A rule forbids it.
    Refused(ErrorCode),
    /// These files have to be synced first.
    Unsynced(Vec<BlobFile>),
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct BatchDone {
    /// One per entry that was tried; the first that is not `Done` is the last.
    pub(crate) outcomes: Vec<Outcome>,
    /// Files that nothing names any more.
    pub(crate) freed: Vec<FileName>,
}

/// A blob that was put.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewStaged {
    /// Where.
    pub(crate) journal: JournalId,
    /// Of which epoch the grant was.
    pub(crate) epoch: u64,
    /// What.
    pub(crate) file: BlobFile,
    /// Until when.
    pub(crate) expires: Hour,
    /// Where the quota has no room, so many bytes may be staged in this journal all the same.
    pub(crate) reserve: u64,
}

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

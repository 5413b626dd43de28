//! Journals, their entries and blobs.

use std::collections::HashSet;

use crannog_proto::entry::VerifiedEntry;
use crannog_proto::{BlobId, Entry, ErrorCode, Hash, JournalId};

use super::{BlobFile, FileName};
use crate::clock::Hour;

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

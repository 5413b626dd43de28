//! Why an entry is not read or not written, by whose fault.

use crannog_proto::AccountId;
use crannog_proto::entry::EntryError;

use crate::check::Check;

/// Who cannot have been honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The server: it gave what it must not even have accepted.
    Server,
    /// A member: the server cannot see that the entry is wrong.
    Member,
}

/// Why an entry is not read. The state is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Someone lies. Never retried; the stored entry is the evidence.
    #[error("entry {seq}: {check}")]
    Refused {
        /// What was found wrong.
        check: Check,
        /// Where, as the reader counts.
        seq: u64,
        /// Who cannot have been honest.
        by: Fault,
    },
    /// The entry relies on a sigchain that is not known this far: ask the directory, then open again. A directory
    /// that does not give the link withholds.
    #[error("the sigchain of {account} is needed up to link {seq}")]
    NeedsChain {
        /// Whose.
        account: AccountId,
        /// Up to which link.
        seq: u32,
    },
    /// The secrets of this epoch are missing: read home (or the account's new generation) first.
    #[error("the secrets of epoch {epoch} are not known")]
    NeedsSecrets {
        /// Of which epoch.
        epoch: u64,
    },
    /// The body travels as blobs, which were not given: see [`pending_blobs`](super::pending_blobs).
    #[error("the entry's body was not given")]
    NeedsBody,
    /// Only a change or a checkpoint can be skipped: on the others everything later rests.
    #[error("an entry of this kind cannot be skipped")]
    NotSkippable,
    /// This account is no longer a member: nothing after this place can be read.
    #[error("this account is not a member any more")]
    NotMember,
}

/// Why an entry is not written: always the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// `W` or `A` of this epoch is not held.
    #[error("the epoch's key for this kind of entry is not held")]
    NoKey,
    /// The entry is larger than a limit of the protocol.
    #[error("the entry would break a limit")]
    TooLarge,
    /// A member is cited with a link that the sigchain given for her does not have, or none was given; a genesis list does not begin
    /// with its author as an admin.
    #[error("the member list cannot be sealed to")]
    Members,
    /// The change was made for another state, or out of order.
    #[error("the change does not follow on this state")]
    Order,
}

pub(super) fn by_server(check: Check, seq: u64) -> ReadError {
    ReadError::Refused {
        check,
        seq,
        by: Fault::Server,
    }
}

pub(super) fn by_member(check: Check, seq: u64) -> ReadError {
    ReadError::Refused {
        check,
        seq,
        by: Fault::Member,
    }
}

/// The check that a public error stands for.
pub(super) fn check_of(error: EntryError) -> Check {
    match error {
        EntryError::Version(_) => Check::Version,
        EntryError::Limit(_) => Check::Bounds,
        EntryError::Body => Check::Body,
        EntryError::Signature => Check::EpochSignature,
        _ => Check::Decode,
    }
}

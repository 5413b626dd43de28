//! The bytes of evidence.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::api::Stored;
use crannog_proto::sigchain::SignedLink;
use crannog_proto::sign::{Signature, VerifyingKey};
use crannog_proto::{Hash, JournalId, Receipt, Seen};

/// What was found, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Evidence {
    /// 1.
    pub version: u8,
    /// The finder's clock, milliseconds since 1970; proves nothing.
    pub found: i64,
    /// The number of the check that failed, as the finder says.
    pub check: u16,
    /// In which journal.
    pub journal: JournalId,
    /// Whose receipts these are.
    pub server: ServerProof,
    /// What was found.
    pub case: Case,
}

/// How a receipt key is known to be a server's.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ServerProof {
    /// The server's CA certificate, DER.
    pub ca: Vec<u8>,
    /// The key of its receipts.
    pub receipt_key: VerifyingKey,
    /// By the CA's key, over the receipt key.
    pub receipt_key_signature: Signature,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Case {
    /// Two pasts of one journal.
    Fork {
        /// As this device knows it.
        ours: Branch,
        /// As somebody else was shown it.
        theirs: Branch,
    },
    /// An entry that must not be.
    Entry(EntryCase),
    /// Nothing that could be shown.
    Nothing,
}

/// A piece of a journal's head chain that ends in a receipt.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Branch {
    /// Where it begins.
    pub from: Seen,
    /// The [header hashes](crannog_proto::chain::header_hash) of the entries after `from`, in order.
    pub headers: Vec<Hash>,
    /// For its last place; that of `from` where there are no headers.
    pub receipt: Receipt,
}

/// An entry that was refused.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EntryCase {
    /// The entry as the server gave it.
    pub stored: Stored,
    /// The head before it.
    pub before: Hash,
    /// For its place, if there is one.
    pub receipt: Option<Receipt>,
    /// The opened `Signed` of its body, as [`JournalState::said`](crate::journal::JournalState::said) gives it. It may hold keys of files.
    pub said: Option<Vec<u8>>,
    /// The author's sigchain.
    pub links: Vec<SignedLink>,
}

/// Without what was said: that may hold keys.
impl fmt::Debug for EntryCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryCase")
            .field("seq", &self.stored.seq)
            .field("said", &self.said.is_some())
            .finish_non_exhaustive()
    }
}

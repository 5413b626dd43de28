//! The server's signed promise that an entry has its place (`docs/spec/journal.md`, Order).

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash::Hash;
use crate::ids::JournalId;
use crate::labels;
use crate::sign::{BadSignature, Signature, VerifyingKey};

/// (journal, seq, head), signed by the receipt key. Two of them for one (journal, seq) with different heads convict the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    /// Which journal.
    pub journal: JournalId,
    /// The entry's place; genesis is 0.
    pub seq: u64,
    /// The head of the chain at that place.
    pub head: Hash,
    /// By the receipt key, over the three fields above.
    pub signature: Signature,
}

impl Receipt {
    /// What the receipt key signs, without label.
    pub fn statement(journal: &JournalId, seq: u64, head: &Hash) -> Vec<u8> {
        crate::encode(&(journal, seq, head))
    }

    /// CHK-019: the pinned server's key signed exactly this.
    pub fn verify(&self, key: &VerifyingKey) -> Result<(), BadSignature> {
        key.verify(
            labels::RECEIPT,
            &Self::statement(&self.journal, self.seq, &self.head),
            &self.signature,
        )
    }
}

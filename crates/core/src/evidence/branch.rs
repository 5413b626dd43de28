//! Two branches of one journal: do they convict the server that signed both?

use crannog_proto::chain::next_head_of;
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{Hash, JournalId};

use super::case::Branch;

/// What two branches show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fork {
    /// Their heads differ at this place, which both have: the last such place.
    At(u64),
    /// They agree wherever both are.
    Agree,
    /// They have no place in common.
    Apart,
}

/// The heads of a branch from its first place on, proved by its receipt.
pub(super) struct Heads {
    first: u64,
    heads: Vec<Hash>,
}

impl Heads {
    /// Computes the chain; `None` unless it ends in a receipt of this journal by this key.
    pub(super) fn prove(branch: &Branch, journal: &JournalId, key: &VerifyingKey) -> Option<Self> {
        let receipt = &branch.receipt;
        if receipt.journal != *journal || receipt.verify(key).is_err() {
            return None;
        }
        let mut last = branch.from;
        let mut heads = vec![last.head];
        for header in &branch.headers {
            last.seq = last.seq.checked_add(1)?;
            last.head = next_head_of(&last.head, last.seq, header);
            heads.push(last.head);
        }
        let (first, ends) = (branch.from.seq, (last.seq, last.head));
        (ends == (receipt.seq, receipt.head)).then_some(Self { first, heads })
    }

    /// Where the two differ.
    pub(super) fn compare(&self, other: &Self) -> Fork {
        let theirs = |seq: u64| other.at(seq);
        let numbered = (self.first..).zip(&self.heads);
        let common = numbered.filter_map(|(seq, head)| Some((seq, *head == theirs(seq)?)));
        common.fold(Fork::Apart, |found, (seq, same)| match (found, same) {
            (_, false) => Fork::At(seq),
            (Fork::Apart, true) => Fork::Agree,
            (found, true) => found,
        })
    }

    fn at(&self, seq: u64) -> Option<Hash> {
        let index = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.heads.get(index).copied()
    }
}

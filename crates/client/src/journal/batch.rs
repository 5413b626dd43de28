//! The operations of one entry, with what the fold has to know of it.

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_core::drive::{Applied, DriveOp, DriveState, EntryMeta, apply};
use crannog_core::journal::Author;

/// Its bytes are local: what waits for a checkpoint that is not loaded yet.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct Batch<O> {
    pub(super) seen_seq: u64,
    pub(super) time: i64,
    pub(super) author: Author,
    pub(super) device_name: String,
    pub(super) ops: O,
}

impl<O: AsRef<[DriveOp]>> Batch<O> {
    /// Applies them in order; says what became of each.
    pub(super) fn fold<S: DriveState>(&self, drive: &mut S, seq: u64) -> Result<Vec<Applied>, S::Error> {
        let each = |(index, op)| {
            let meta = EntryMeta {
                seq,
                index,
                seen_seq: self.seen_seq,
                time: self.time,
                account: self.author.account,
                device: self.author.device,
                device_name: &self.device_name,
            };
            apply(drive, &meta, op)
        };
        (0..).zip(self.ops.as_ref()).map(each).collect()
    }
}

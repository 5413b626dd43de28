//! What a client demands of the server's receipts, and of heads that meet (`docs/spec/journal.md`, Order).

use crannog_proto::sign::VerifyingKey;
use crannog_proto::{Hash, JournalId, Receipt, Seen};

use crate::check::Check;

/// CHK-019, CHK-012, CHK-011: the receipt is the pinned server's for this journal, does not lie below `own` (the last
/// place that this device has read), and does not contradict it.
pub fn check_receipt(
    receipt: &Receipt,
    key: &VerifyingKey,
    journal: &JournalId,
    own: Option<&Seen>,
) -> Result<(), Check> {
    receipt.verify(key).map_err(|_| Check::Receipt)?;
    if receipt.journal != *journal {
        return Err(Check::Receipt);
    }
    match own {
        Some(own) if receipt.seq < own.seq => Err(Check::Rollback),
        Some(own) if receipt.seq == own.seq && receipt.head != own.head => Err(Check::Head),
        _ => Ok(()),
    }
}

/// CHK-019: the receipt is the pinned server's and names exactly this place of this journal.
pub fn check_receipt_of(
    receipt: &Receipt,
    key: &VerifyingKey,
    journal: &JournalId,
    seq: u64,
    head: &Hash,
) -> Result<(), Check> {
    check_receipt(receipt, key, journal, None)?;
    if receipt.seq != seq {
        return Err(Check::Receipt);
    }
    if receipt.head == *head {
        Ok(())
    } else {
        Err(Check::Head)
    }
}

/// CHK-013: a head that another device or person recorded does not contradict this device's own at that place.
/// `own` is absent where this device has not read so far: nothing is known then.
pub fn check_heads(recorded: &Seen, own: Option<&Hash>) -> Result<(), Check> {
    if own.is_some_and(|own| *own != recorded.head) {
        Err(Check::HeadsMeet)
    } else {
        Ok(())
    }
}

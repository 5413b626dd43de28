//! When an entry may stand: the rules of `docs/spec/journal.md`, section Order, as far as they need no blob.

use crannog_proto::{ErrorCode, Hash, Header, Kind, limits};

/// What is known of the journal at the moment of the decision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// The current epoch.
    pub(super) epoch: u64,
    /// The last entry's number.
    pub(super) last_seq: u64,
    /// No more entries.
    pub(super) closed: bool,
    /// `through` of the last checkpoint.
    pub(super) checkpoint: Option<u64>,
    /// The head at the entry's `seen.seq`, if there is one.
    pub(super) seen_head: Option<Hash>,
}

/// Rules 1 (epoch), 2 and 5.
pub(super) fn check(header: &Header, facts: &Facts) -> Result<(), ErrorCode> {
    if facts.closed {
        return Err(ErrorCode::JournalClosed);
    }
    if header.epoch != facts.epoch {
        return Err(ErrorCode::StaleEpoch);
    }
    let behind = facts
        .last_seq
        .checked_sub(header.seen.seq)
        .ok_or(ErrorCode::StaleSeen)?;
    if behind > limits::SEEN_BEHIND || facts.seen_head != Some(header.seen.head) {
        return Err(ErrorCode::StaleSeen);
    }
    match &header.kind {
        Kind::Genesis(_) => Err(ErrorCode::BadRequest),
        Kind::Checkpoint { through } if *through > header.seen.seq => Err(ErrorCode::BadRequest),
        Kind::Prune { ranges } => {
            let through = facts.checkpoint.ok_or(ErrorCode::BadRequest)?;
            if ranges.iter().all(|range| range.to < through) {
                Ok(())
            } else {
                Err(ErrorCode::BadRequest)
            }
        }
        _ => Ok(()),
    }
}

//! Which segments a new checkpoint cites again and which it writes.

use super::super::{Manifest, Segment};
use crate::check::Check;
use crate::content::{CHUNK, INLINE_MAX};

/// Segments of one level that are merged into one.
const FACTOR: u64 = 8;
/// More segments than any honest checkpoint has.
const SEGMENTS_MAX: usize = 1_024;
/// Beyond so many, short neighbours are joined: levels that rise along the list, because much was written anew, merge too little.
const CROWDED: usize = 128;
/// The shortest record, a Gone: variant, node, seq; and the count before the first.
const RECORD_MIN: u64 = 25;
const COUNT_LEN: u64 = 4;

/// Most records of a segment that is written: author and readers hold one at a time. A single entry that changed more makes a longer one.
pub const SEGMENT_RECORDS: u64 = 32_768;

/// Most bytes of a segment: its chunks are named in the manifest itself.
pub const SEGMENT_BYTES: u64 = INLINE_MAX * CHUNK;

/// Nodes that vanished, at least, before they are forgotten.
const FORGET: u64 = 1_024;

/// Whether so many nodes that vanished are too many to be carried on, beside so many that are there: then all is written anew, and they are
/// [forgotten](Manifest::forgotten).
pub fn is_to_forget(gone: u64, nodes: u64) -> bool {
    gone >= FORGET && gone > nodes / 2
}

/// A part of a new checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Cited again, as it is.
    Kept(Segment),
    /// To be written: all nodes changed last after the first place, up to the second one.
    Write {
        /// After this place,
        after: u64,
        /// up to this one.
        to: u64,
    },
}

/// What the author's own fold says of its nodes. It stands at the place through which the checkpoint is planned.
pub trait Changes {
    /// Why it cannot say.
    type Error;

    /// How many nodes, gone ones included, have `after < changed <= to`.
    fn count(&self, after: u64, to: u64) -> Result<u64, Self::Error>;

    /// The last place in `(after, to]` up to which that are at most `most` nodes; if already the first place with any has more, that place.
    fn cut(&self, after: u64, to: u64, most: u64) -> Result<u64, Self::Error>;
}

/// Plans the checkpoint that follows `old`, in order; none if nothing came since.
///
/// With level = floor(log8(records)): smaller levels before the new segment are merged into it, and seven of its own level too, until neither
/// is there or they had more than `most` records together ([`SEGMENT_RECORDS`]). A change is thus written about log8 times, and a checkpoint costs what changed. A segment of which
/// less than half is still true is written anew, with neighbours that are not larger than what is left of it: what a checkpoint
/// holds stays within about twice the nodes that there are.
pub fn plan_checkpoint<C: Changes>(
    old: Option<&Manifest>,
    through: u64,
    most: u64,
    changes: &C,
) -> Result<Option<Vec<Piece>>, C::Error> {
    let done = old.map_or(0, |old| old.through);
    if through <= done {
        return Ok(None);
    }
    let mut kept = old.map_or(Vec::new(), |old| old.segments.clone());
    let mut after = done;
    let mut records = changes.count(after, through)?;
    loop {
        let merged = merged(&kept, records);
        let Some(first) = kept.len().checked_sub(merged).filter(|_| merged > 0) else {
            break;
        };
        let from = kept.get(first).map_or(0, |segment| segment.after);
        let all = changes.count(from, through)?;
        if all > most {
            break;
        }
        kept.truncate(first);
        (after, records) = (from, all);
    }
    let mut pieces = renewed(kept, most, changes)?;
    while after < through {
        let to = changes.cut(after, through, most)?;
        pieces.push(Piece::Write { after, to });
        after = to;
    }
    Ok(Some(pieces))
}

/// How many segments at the end are merged with so many new records.
fn merged(kept: &[Segment], records: u64) -> usize {
    let new = level(records);
    let smaller = kept
        .iter()
        .rev()
        .take_while(|segment| level(segment.records) < new)
        .count();
    let same = kept
        .iter()
        .rev()
        .skip(smaller)
        .take_while(|segment| level(segment.records) == new)
        .count() as u64;
    if same + 1 >= FACTOR {
        smaller + (FACTOR as usize - 1)
    } else {
        smaller
    }
}

/// Those that are kept, and those of which too little is true any more. Where there are too many, short neighbours become one.
fn renewed<C: Changes>(kept: Vec<Segment>, most: u64, changes: &C) -> Result<Vec<Piece>, C::Error> {
    let crowded = kept.len() > CROWDED;
    let mut pieces: Vec<Piece> = Vec::with_capacity(kept.len());
    // How many records the last piece is going to have, if it is written.
    let mut writing: Option<u64> = None;
    for segment in kept {
        let live = changes.count(segment.after, segment.to)?;
        let stale = live.saturating_mul(2) < segment.records || (crowded && live < most / 2);
        let joins = |sum: u64| (stale || live <= sum.max(1)) && sum.saturating_add(live) <= most;
        match (&mut writing, pieces.last_mut()) {
            (Some(sum), Some(Piece::Write { to, .. })) if joins(*sum) => {
                *to = segment.to;
                *sum += live;
            }
            _ if stale => {
                pieces.push(Piece::Write {
                    after: segment.after,
                    to: segment.to,
                });
                writing = Some(live);
            }
            _ => {
                pieces.push(Piece::Kept(segment));
                writing = None;
            }
        }
    }
    Ok(pieces)
}

fn level(records: u64) -> u32 {
    records.max(1).ilog(FACTOR)
}

/// Whether a manifest can be one: segments from 0 to `through` without gap (CHK-030), counts within what its bytes can hold (CHK-024), contents
/// that fit their sizes (CHK-003), segments of 256 MiB at most (CHK-024). To be called before anything is fetched.
pub fn check_manifest(manifest: &Manifest) -> Result<(), Check> {
    // CHK-024
    if manifest.segments.len() > SEGMENTS_MAX {
        return Err(Check::Bounds);
    }
    let mut at = 0;
    for segment in &manifest.segments {
        // CHK-030
        if segment.after != at || segment.to <= at {
            return Err(Check::Segment);
        }
        at = segment.to;
        // CHK-024
        let least = segment
            .records
            .checked_mul(RECORD_MIN)
            .and_then(|bytes| bytes.checked_add(COUNT_LEN));
        if least.is_none_or(|least| least > segment.content.size) {
            return Err(Check::Bounds);
        }
        // CHK-024
        if segment.content.size > SEGMENT_BYTES {
            return Err(Check::Bounds);
        }
        segment.content.check_shape()?;
    }
    // CHK-030
    if at == manifest.through && manifest.forgotten <= manifest.through {
        Ok(())
    } else {
        Err(Check::Segment)
    }
}

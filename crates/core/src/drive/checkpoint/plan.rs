//! Which segments a new checkpoint cites again and which it writes.

use super::super::{Manifest, Segment};
use crate::check::Check;

/// Segments of one level that are merged into one.
const FACTOR: u64 = 8;
/// More segments than any honest checkpoint has (7 of each of 22 levels).
const SEGMENTS_MAX: usize = 1_024;
/// The shortest record, a Gone: variant, node, seq; and the count before the first.
const RECORD_MIN: u64 = 25;
const COUNT_LEN: u64 = 4;

/// What a new checkpoint consists of: old segments, then one to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentPlan {
    /// Cited again, as they are.
    pub kept: Vec<Segment>,
    /// To be written: all nodes changed after this place ...
    pub after: u64,
    /// ... up to this place, at which the author's own state has to stand.
    pub to: u64,
    /// How many these are.
    pub records: u64,
}

/// Plans the checkpoint that follows `old`; none if nothing came since.
///
/// `count(after)` is how many nodes the author's state, which stands at `through`, has with `after < changed <= through`.
/// With level = floor(log8(records)): smaller levels before the new segment are merged into it, and seven of its own level too, until neither
/// is there. A change is thus written about log8 times, and a checkpoint costs what changed.
pub fn plan_checkpoint<E>(
    old: Option<&Manifest>,
    through: u64,
    mut count: impl FnMut(u64) -> Result<u64, E>,
) -> Result<Option<SegmentPlan>, E> {
    let mut after = old.map_or(0, |old| old.through);
    if through <= after {
        return Ok(None);
    }
    let mut kept = old.map_or(Vec::new(), |old| old.segments.clone());
    let mut records = count(after)?;
    loop {
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
        let merged = if same + 1 >= FACTOR {
            smaller + (FACTOR as usize - 1)
        } else {
            smaller
        };
        if merged == 0 {
            return Ok(Some(SegmentPlan {
                kept,
                after,
                to: through,
                records,
            }));
        }
        kept.truncate(kept.len() - merged);
        after = kept.last().map_or(0, |last| last.to);
        records = count(after)?;
    }
}

fn level(records: u64) -> u32 {
    records.max(1).ilog(FACTOR)
}

/// Whether a manifest can be one: segments from 0 to `through` without gap (CHK-030), counts within what its bytes can hold (CHK-024), contents
/// that fit their sizes (CHK-003). To be called before anything is fetched.
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
        segment.content.check_shape()?;
    }
    // CHK-030
    if at == manifest.through {
        Ok(())
    } else {
        Err(Check::Segment)
    }
}

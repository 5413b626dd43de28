//! Checkpoints of random histories: loading gives the fold, comparing finds it equal.

use std::collections::BTreeMap;
use std::convert::Infallible;

use crannog_proto::Hash;
use proptest::prelude::*;

use super::histories::{entry, op, steps};
use super::*;
use crate::check::Check;

/// What is stored, by hash.
#[derive(Default)]
pub(super) struct Store(pub(super) BTreeMap<Hash, Vec<u8>>);

impl Store {
    /// Writes the checkpoint after `old`, or one that forgets if there is none, with at most `most` records in a segment; gives it and the
    /// segments that are new.
    fn checkpoint(
        &mut self,
        state: &MemoryDrive,
        old: Option<&Manifest>,
        through: u64,
        most: u64,
    ) -> (Manifest, Vec<Segment>) {
        let forgotten = old.map_or(through, |old| old.forgotten);
        let plan = plan_checkpoint(old, through, most, &Fold(state)).unwrap();
        let (mut segments, mut new) = (Vec::new(), Vec::new());
        for piece in plan.expect("something came") {
            segments.push(match piece {
                Piece::Kept(segment) => segment,
                Piece::Write { after, to } => {
                    let records = records(state, after, to);
                    let segment = self.segment(after, to, &records);
                    let (size, count) = (segment.content.size, segment.records);
                    let plaintext = Some((count, self.0[&segment.hash].clone()));
                    assert_eq!(segment_plaintext(state, after, to, size).unwrap(), plaintext);
                    let short = segment_plaintext(state, after, to, size - 1).unwrap();
                    assert!(short.is_none() || count == 0);
                    new.push(segment.clone());
                    segment
                }
            });
        }
        let manifest = Manifest {
            through,
            forgotten,
            segments,
        };
        (manifest, new)
    }

    pub(super) fn segment(&mut self, after: u64, to: u64, records: &[Record]) -> Segment {
        let plaintext = crannog_proto::encode(&records);
        let content = sized(to, plaintext.len() as u64);
        let segment = segment_of(after, to, records.len() as u64, &plaintext, content);
        self.0.insert(segment.hash, plaintext);
        segment
    }

    pub(super) fn open(&self, segment: &Segment) -> Result<SegmentRecords, Check> {
        open_segment(segment, &self.0[&segment.hash])
    }

    pub(super) fn load(&self, manifest: &Manifest) -> Result<MemoryDrive, LoadError<Infallible>> {
        let mut state = MemoryDrive::new();
        let mut loader = Loader::new(manifest)?;
        while let Some(hash) = loader.next().map(|segment| segment.hash) {
            loader.load(&mut state, &self.0[&hash])?;
        }
        Ok(state)
    }
}

/// A fold in memory, as a plan asks it.
struct Fold<'a>(&'a MemoryDrive);

impl Changes for Fold<'_> {
    type Error = Infallible;

    fn count(&self, after: u64, to: u64) -> Result<u64, Infallible> {
        Ok(self.0.changed(after, to)?.len() as u64)
    }

    fn cut(&self, after: u64, to: u64, most: u64) -> Result<u64, Infallible> {
        cut(after, to, most, |upto| self.count(after, upto))
    }
}

/// By trying every place.
pub(super) fn cut(
    after: u64,
    to: u64,
    most: u64,
    count: impl Fn(u64) -> Result<u64, Infallible>,
) -> Result<u64, Infallible> {
    let mut fits = None;
    for place in after + 1..=to {
        let Ok(count) = count(place);
        if count > most {
            return Ok(fits.unwrap_or(place));
        }
        if count > 0 || place == to {
            fits = Some(place);
        }
    }
    Ok(to)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn loading_gives_the_fold(
        steps in steps(120),
        places in proptest::collection::btree_map(1u64..120, any::<bool>(), 1..12),
        most in 1u64..40,
    ) {
        let mut state = MemoryDrive::new();
        let mut store = Store::default();
        let mut manifest: Option<Manifest> = None;
        for (seq, step) in (1..).zip(steps) {
            let op = op(seq, step, &state);
            apply(&mut state, &entry(seq, step), &op).unwrap();
            let Some(forgets) = places.get(&seq) else {
                continue;
            };
            if *forgets {
                manifest = None;
            }
            if manifest.is_none() {
                state.forget(seq).unwrap();
            }
            let (next, new) = store.checkpoint(&state, manifest.as_ref(), seq, most);
            prop_assert_eq!(check_manifest(&next), Ok(()));
            for segment in new {
                let new = store.open(&segment).unwrap();
                let compared = compare(&state, next.frame(), &new).unwrap();
                let equal = Compared { equal: new.records().len() as u64, changed_since: 0, exact: true };
                prop_assert_eq!(compared, equal);
            }
            prop_assert_eq!(&store.load(&next).unwrap(), &state);
            manifest = Some(next);
        }
    }

    /// Someone who has read on compares what she still can.
    #[test]
    fn comparing_later(steps in steps(60), more in steps(20)) {
        let mut state = MemoryDrive::new();
        let mut seq = 0;
        let mut run = |state: &mut MemoryDrive, steps: Vec<_>| {
            for step in steps {
                seq += 1;
                let op = op(seq, step, state);
                apply(state, &entry(seq, step), &op).unwrap();
            }
            seq
        };
        let through = run(&mut state, steps);
        let mut store = Store::default();
        state.forget(through).unwrap();
        let (manifest, segments) = store.checkpoint(&state, None, through, 20);
        let then = state.clone();
        run(&mut state, more);
        for segment in segments {
            let segment = store.open(&segment).unwrap();
            let compared = compare(&state, manifest.frame(), &segment).unwrap();
            prop_assert_eq!(compared.exact, state == then);
            prop_assert_eq!(compared.equal + compared.changed_since, segment.records().len() as u64);
        }
    }
}

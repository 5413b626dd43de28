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
    /// Writes the checkpoint after `old`; gives it and the segment that is new.
    fn checkpoint(
        &mut self,
        state: &MemoryDrive,
        old: Option<&Manifest>,
        through: u64,
    ) -> (Manifest, Option<Segment>) {
        let count = |after| state.changed(after, through).map(|nodes| nodes.len() as u64);
        let Some(plan) = plan_checkpoint(old, through, count).unwrap() else {
            return (
                old.cloned().unwrap_or(Manifest {
                    through: 0,
                    segments: Vec::new(),
                }),
                None,
            );
        };
        let records = records(state, plan.after, plan.to).unwrap();
        assert_eq!(records.len() as u64, plan.records);
        let segment = self.segment(plan.after, plan.to, &records);
        let mut segments = plan.kept;
        segments.push(segment.clone());
        (Manifest { through, segments }, Some(segment))
    }

    pub(super) fn segment(&mut self, after: u64, to: u64, records: &[Record]) -> Segment {
        let plaintext = encode_segment(records);
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

/// A later record of a node replaces the earlier one: what merging two segments has to give.
fn merge(older: &SegmentRecords, newer: &SegmentRecords) -> Vec<Record> {
    let both = older.records().iter().chain(newer.records());
    let merged: BTreeMap<NodeId, Record> = both.map(|record| (record.node(), record.clone())).collect();
    merged.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn loading_gives_the_fold(steps in steps(120), places in proptest::collection::btree_set(1u64..120, 1..12)) {
        let mut state = MemoryDrive::new();
        let mut store = Store::default();
        let mut manifest: Option<Manifest> = None;
        for (seq, step) in (1..).zip(steps) {
            let op = op(seq, step, &state);
            apply(&mut state, &entry(seq, step), &op).unwrap();
            if !places.contains(&seq) {
                continue;
            }
            let (next, new) = store.checkpoint(&state, manifest.as_ref(), seq);
            prop_assert_eq!(check_manifest(&next), Ok(()));
            let new = store.open(&new.unwrap()).unwrap();
            let compared = compare(&state, &new).unwrap();
            prop_assert_eq!((compared.equal, compared.changed_since), (new.records().len() as u64, 0));
            prop_assert_eq!(&store.load(&next).unwrap(), &state);
            // What was merged from the state is what merging the old segments would give.
            if let Some(old) = &manifest {
                let delta = records(&state, old.through, seq).unwrap();
                let delta = store.segment(old.through, seq, &delta);
                let mut merged = store.open(&delta).unwrap();
                for segment in old.segments.iter().skip(next.segments.len() - 1).rev() {
                    merged = SegmentRecords::for_test(merge(&store.open(segment).unwrap(), &merged));
                }
                prop_assert_eq!(merged.records(), new.records());
            }
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
        let (_, segment) = store.checkpoint(&state, None, through);
        let segment = store.open(&segment.unwrap()).unwrap();
        run(&mut state, more);
        let compared = compare(&state, &segment).unwrap();
        prop_assert_eq!(compared.equal + compared.changed_since, segment.records().len() as u64);
    }
}

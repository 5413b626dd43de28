//! Which segments there are, and what writing them costs.

use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::check::Check;

/// Nodes that are changed again and again, without the drive around them.
struct Changes {
    last: Vec<u64>,
    by_seq: BTreeSet<(u64, usize)>,
}

impl Changes {
    fn new(nodes: usize) -> Self {
        Self {
            last: vec![0; nodes],
            by_seq: BTreeSet::new(),
        }
    }

    fn change(&mut self, node: usize, seq: u64) {
        self.by_seq.remove(&(self.last[node], node));
        self.last[node] = seq;
        self.by_seq.insert((seq, node));
    }

    fn count(&self, after: u64) -> u64 {
        self.by_seq.range((after + 1, 0)..).count() as u64
    }
}

fn segment(after: u64, to: u64, records: u64) -> Segment {
    segment_of(
        after,
        to,
        records,
        b"",
        sized(to, (4 + 30 * records).min(1_000_000)),
    )
}

/// Checkpoints after batches of these sizes; `choose` says which node a change meets. Checks the cost.
fn run(nodes: usize, batches: &[usize], mut choose: impl FnMut(usize) -> usize) {
    let mut changes = Changes::new(nodes);
    let mut manifest = None;
    let (mut made, mut written, mut seq) = (0, 0, 0);
    for batch in batches {
        for _ in 0..*batch {
            seq += 1;
            changes.change(choose(made), seq);
            made += 1;
        }
        let plan = plan_checkpoint(manifest.as_ref(), seq, |after| {
            Ok::<_, Infallible>(changes.count(after))
        });
        let plan = plan.unwrap().unwrap();
        written += plan.records;
        let mut segments = plan.kept;
        segments.push(segment(plan.after, plan.to, plan.records));
        let next = Manifest {
            through: seq,
            segments,
        };
        let levels = (made.max(8) as u64).ilog(8) as usize + 1;
        assert!(
            next.segments.len() <= 7 * levels,
            "{} segments",
            next.segments.len()
        );
        manifest = Some(next);
    }
    let bound = u64::from((made.max(8) as u64).ilog(8)) + 2;
    assert!(
        written <= bound * made as u64,
        "{written} records written for {made} changes, bound {bound}"
    );
}

#[test]
fn a_change_is_written_about_log8_times() {
    run(20_000, &[1; 5_000], |made| made);
    run(60_000, &[20; 3_000], |made| made);
    // A few nodes, changed again and again.
    run(10, &[1; 3_000], |made| made % 10);
    run(300, &[7; 2_000], |made| made * 31 % 300);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn whatever_the_batches(batches in proptest::collection::vec(1usize..300, 1..120), nodes in 1usize..40_000, stride in 1usize..100) {
        run(nodes.max(1), &batches, |made| made * stride % nodes);
    }
}

#[test]
fn nothing_new_needs_no_checkpoint() {
    let count = |_| Ok::<_, Infallible>(3);
    let old = Manifest {
        through: 9,
        segments: vec![segment(0, 9, 3)],
    };
    assert_eq!(plan_checkpoint(Some(&old), 9, count).unwrap(), None);
    assert_eq!(plan_checkpoint(Some(&old), 8, count).unwrap(), None);
    assert_eq!(plan_checkpoint(None, 0, count).unwrap(), None);
    // Entries that changed nothing still move the end.
    let plan = plan_checkpoint(Some(&old), 12, |_| Ok::<_, Infallible>(0))
        .unwrap()
        .unwrap();
    assert_eq!(
        (plan.kept.len(), plan.after, plan.to, plan.records),
        (1, 9, 12, 0)
    );
}

/// CHK-024, CHK-030: before anything is fetched.
#[test]
fn chk_024_manifests_that_cannot_be() {
    let checked = |through, segments: &[Segment]| {
        check_manifest(&Manifest {
            through,
            segments: segments.to_vec(),
        })
    };
    let [a, b] = [segment(0, 5, 2), segment(5, 9, 2)];
    assert_eq!(checked(0, &[]), Ok(()));
    assert_eq!(checked(9, &[a.clone(), b.clone()]), Ok(()));
    // CHK-030: gaps, overlaps, another end.
    for segments in [
        vec![b.clone()],
        vec![b.clone(), a.clone()],
        vec![a.clone()],
        vec![],
        vec![a.clone(), segment(4, 9, 2)],
    ] {
        assert_eq!(checked(9, &segments), Err(Check::Segment));
    }
    assert_eq!(checked(5, &[a.clone(), segment(5, 5, 0)]), Err(Check::Segment));
    // CHK-024: more records than bytes, more segments than anyone makes.
    assert_eq!(
        checked(
            9,
            &[
                a,
                Segment {
                    records: u64::MAX,
                    ..b.clone()
                }
            ]
        ),
        Err(Check::Bounds)
    );
    assert_eq!(
        checked(
            9,
            &[Segment {
                after: 0,
                records: 3,
                ..b
            }]
        ),
        Err(Check::Bounds)
    );
    let many: Vec<Segment> = (0..2_000).map(|n| segment(n, n + 1, 1)).collect();
    assert_eq!(checked(2_000, &many), Err(Check::Bounds));
}

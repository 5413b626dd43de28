//! Which segments there are, and what writing them costs.

use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::check::Check;

/// Nodes that are changed again and again, without the drive around them.
struct Nodes {
    last: Vec<u64>,
    by_seq: BTreeSet<(u64, usize)>,
}

impl Nodes {
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

    fn between(&self, after: u64, to: u64) -> impl Iterator<Item = &(u64, usize)> {
        self.by_seq.range((after + 1, 0)..(to + 1, 0))
    }
}

impl Changes for Nodes {
    type Error = Infallible;

    fn count(&self, after: u64, to: u64) -> Result<u64, Infallible> {
        Ok(self.between(after, to).count() as u64)
    }

    fn cut(&self, after: u64, to: u64, most: u64) -> Result<u64, Infallible> {
        // One node changes at each place.
        let beyond = self.between(after, to).nth(usize::try_from(most).unwrap());
        Ok(beyond.map_or(to, |(seq, _)| seq - 1))
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

/// Checkpoints after batches of these sizes; `choose` says which node a change meets. Checks what is written, and what is held.
fn run(nodes: usize, most: u64, batches: &[usize], mut choose: impl FnMut(usize) -> usize) {
    let mut changes = Nodes::new(nodes);
    let mut manifest: Option<Manifest> = None;
    let (mut made, mut written, mut seq) = (0u64, 0, 0);
    for batch in batches {
        for _ in 0..*batch {
            seq += 1;
            changes.change(choose(usize::try_from(made).unwrap()), seq);
            made += 1;
        }
        let plan = plan_checkpoint(manifest.as_ref(), seq, most, &changes).unwrap();
        let mut segments = Vec::new();
        for piece in plan.unwrap() {
            segments.push(match piece {
                Piece::Kept(segment) => segment,
                Piece::Write { after, to } => {
                    let Ok(records) = changes.count(after, to);
                    assert!(records <= most);
                    written += records;
                    segment(after, to, records)
                }
            });
        }
        let next = Manifest {
            through: seq,
            forgotten: 0,
            segments,
        };
        assert_eq!(check_manifest(&next), Ok(()));
        let live = changes.between(0, seq).count() as u64;
        let held: u64 = next.segments.iter().map(|segment| segment.records).sum();
        assert!(held <= 2 * live + 1, "{held} records held of {live}");
        // Full ones stand beside those that are not yet.
        let full = usize::try_from(4 * live / most).unwrap();
        let segments = next.segments.len();
        assert!(segments <= 140 + full, "{segments} segments of {live} nodes");
        manifest = Some(next);
    }
    // Each change once for each level, and once more for what is written anew.
    let bound = u64::from(made.max(8).ilog(8)) + 4;
    assert!(
        written <= bound * made,
        "{written} records written for {made} changes, bound {bound}"
    );
}

#[test]
fn a_change_is_written_about_log8_times() {
    let most = SEGMENT_RECORDS;
    run(20_000, most, &[1; 5_000], |made| made);
    run(60_000, most, &[20; 3_000], |made| made);
    // A few nodes, changed again and again.
    run(10, most, &[1; 3_000], |made| made % 10);
    run(300, most, &[7; 2_000], |made| made * 31 % 300);
    // Segments that are full.
    run(60_000, 500, &[20; 3_000], |made| made);
    run(3_000, 500, &[20; 2_000], |made| made * 31 % 3_000);
    run(3_000, 500, &[20; 2_000], |made| made % 3_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn whatever_the_batches(
        batches in proptest::collection::vec(1usize..300, 1..120),
        nodes in 1usize..40_000,
        stride in 1usize..100,
        most in 300u64..5_000,
    ) {
        run(nodes, most, &batches, |made| made * stride % nodes);
    }
}

#[test]
fn nothing_new_needs_no_checkpoint() {
    let mut changes = Nodes::new(3);
    (1..4).for_each(|seq| changes.change(usize::try_from(seq).unwrap() - 1, seq));
    let old = Manifest {
        through: 9,
        forgotten: 0,
        segments: vec![segment(0, 9, 3)],
    };
    assert_eq!(plan_checkpoint(Some(&old), 9, 50, &changes).unwrap(), None);
    assert_eq!(plan_checkpoint(Some(&old), 8, 50, &changes).unwrap(), None);
    assert_eq!(plan_checkpoint(None, 0, 50, &changes).unwrap(), None);
    // Entries that changed nothing still move the end.
    let plan = plan_checkpoint(Some(&old), 12, 50, &changes).unwrap().unwrap();
    let kept = Piece::Kept(segment(0, 9, 3));
    assert_eq!(plan, [kept, Piece::Write { after: 9, to: 12 }]);
}

/// CHK-024, CHK-030: before anything is fetched.
#[test]
fn chk_024_manifests_that_cannot_be() {
    let checked = |through, segments: &[Segment]| {
        check_manifest(&Manifest {
            through,
            forgotten: 0,
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

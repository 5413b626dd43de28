//! Random histories of several authors: the same state for everyone, and no content lost.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What an entry of a history says; small numbers, so that authors meet.
pub(super) type Step = (u8, u8, u8, u8, u8);

pub(super) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec((0u8..22, 0u8..14, 0u8..14, 0u8..6, 0u8..8), 1..most)
}

const NAMES: [&str; 6] = [
    "a",
    "b.txt",
    "Recovered",
    "recovered",
    "..",
    "a (conflict, phone, 2025-11-21)",
];
const DEVICES: [&str; 3] = ["laptop", "phone", "/\0"];

pub(super) fn entry(seq: u64, step: Step) -> EntryMeta<'static> {
    let author = step.4 % 3;
    EntryMeta {
        seq,
        index: 0,
        seen_seq: (seq - 1).saturating_sub(u64::from(step.4)),
        time: 1_763_683_200_000 + i64::from(step.4 / 4) * 86_400_000,
        account: AccountId([author; 32]),
        device: DeviceId([author; 16]),
        device_name: DEVICES[usize::from(author)],
    }
}

/// Mostly a node that is there; else a fixed one, or one of a small pool.
fn pick(n: u8, state: &MemoryDrive, wanted: fn(&Head) -> bool) -> NodeId {
    let all: Vec<NodeId> = state
        .heads()
        .filter(|head| wanted(head))
        .map(|head| head.node)
        .collect();
    match n {
        0 => NodeId::ROOT,
        1 => NodeId::RECOVERED,
        2 => node(n),
        _ => all
            .get(usize::from(n) * 7 % all.len().max(1))
            .copied()
            .unwrap_or(NodeId::ROOT),
    }
}

fn any(_: &Head) -> bool {
    true
}

fn is_directory(head: &Head) -> bool {
    head.kind == HeadKind::Directory && head.trashed.is_none()
}

fn is_file(head: &Head) -> bool {
    matches!(head.kind, HeadKind::File { .. })
}

pub(super) fn op(seq: u64, step: Step, state: &MemoryDrive) -> DriveOp {
    let (kind, a, b, name, lag) = step;
    let wanted = match kind {
        7..=10 | 18 | 20.. => is_file,
        16 | 17 => |head: &Head| head.trashed.is_some(),
        _ => any,
    };
    let other = pick(b, state, if b < 12 { is_directory } else { any });
    let (id, name) = (pick(a, state, wanted), NAMES[usize::from(name)]);
    let current = match state.head(id).unwrap().map(|head| head.kind) {
        Some(HeadKind::File { current }) if lag < 6 => current,
        _ => version(seq.saturating_sub(lag.into())),
    };
    // Ids of new nodes come from a wider pool, or too many would be taken.
    let fresh = if a < 4 {
        id
    } else {
        NodeId([(seq % 251) as u8; 16])
    };
    match kind {
        0..=2 => mkdir(fresh, other, name),
        3..=6 => create(fresh, other, name, seq),
        7..=10 => DriveOp::Write {
            node: id,
            base: current,
            version: version(seq),
            attrs: ATTRS,
            content: content(seq),
        },
        11..=13 => relocate(id, other, name),
        14 | 15 => trash(id),
        16 => restore(id),
        17 => purge(id),
        18 => match state.versions(id).unwrap().first() {
            Some(first) => DriveOp::PurgeVersion {
                node: id,
                version: first.version,
            },
            None => DriveOp::PurgeVersion {
                node: id,
                version: current,
            },
        },
        19 => DriveOp::SetAttrs {
            node: id,
            attrs: ATTRS,
        },
        _ => DriveOp::Repack {
            node: id,
            version: current,
            content: content(seq),
        },
    }
}

fn brings(op: &DriveOp) -> Option<&Content> {
    match op {
        DriveOp::Write { content, .. } | DriveOp::Repack { content, .. } => Some(content),
        DriveOp::Create {
            new: NewNode::File { content, .. },
            ..
        } => Some(content),
        _ => None,
    }
}

fn blob(content: &Content) -> BlobId {
    crate::content::blobs_of(content).next().unwrap()
}

fn held(state: &MemoryDrive) -> BTreeMap<BlobId, u64> {
    let versions = state.heads().flat_map(|head| state.versions(head.node).unwrap());
    versions
        .map(|version| (blob(&version.content), version.seq))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// What an append may say changes no node, no version and nothing in the trash, whatever it says and whatever the drive holds.
    #[test]
    fn what_only_adds_changes_nothing_that_was_there(steps in steps(60), adds in steps(20)) {
        let mut state = MemoryDrive::new();
        for (seq, step) in (1..).zip(&steps) {
            let op = op(seq, *step, &state);
            apply(&mut state, &entry(seq, *step), &op).unwrap();
        }
        let before = state.clone();
        let mut said = DriveBatch::default();
        for (seq, step) in (steps.len() as u64 + 1..).zip(adds) {
            let op = op(seq, (step.0 % 7, step.1, step.2, step.3, step.4), &state);
            let applied = apply(&mut state, &entry(seq, step), &op).unwrap();
            prop_assert!(applied.removed.is_empty() && applied.spared.is_empty());
            said.ops.push(op);
        }
        prop_assert!(said.only_adds());
        for head in before.heads() {
            let now = state.head(head.node).unwrap();
            prop_assert_eq!(now.as_ref(), Some(head));
            prop_assert_eq!(state.versions(head.node).unwrap(), before.versions(head.node).unwrap());
            prop_assert_eq!(is_live(&state, head.node).unwrap(), is_live(&before, head.node).unwrap());
        }
    }

    #[test]
    fn one_history_one_state_and_no_content_vanishes(steps in steps(120)) {
        let mut state = MemoryDrive::new();
        let mut history = Vec::new();
        let mut expected = BTreeMap::new();
        for (seq, step) in (1..).zip(steps) {
            let op = op(seq, step, &state);
            let meta = entry(seq, step);
            let before = state.clone();
            let applied = apply(&mut state, &meta, &op).unwrap();
            check_invariants(&state);
            let mut since = seq;
            for content in &applied.removed {
                let written = expected.remove(&blob(content)).expect("removed once, and only what was there");
                // Nobody purges a write that she has not seen.
                let purges = matches!(op, DriveOp::Purge { .. });
                prop_assert!(!purges || written <= meta.seen_seq);
                if let DriveOp::Repack { node, version, .. } = &op {
                    let moved = state.version(*node, *version).unwrap().expect("it is still there");
                    prop_assert_eq!((moved.account, moved.device), (meta.account, meta.device));
                    since = written;
                }
            }
            if let Some(content) = brings(&op) {
                match &applied.outcome {
                    Outcome::Ignored(reason) => {
                        let repacks = matches!(op, DriveOp::Repack { .. });
                        prop_assert!(repacks || *reason == Ignored::IdTaken);
                    }
                    _ => prop_assert!(expected.insert(blob(content), since).is_none()),
                }
            }
            prop_assert_eq!(&held(&state), &expected);
            match &applied.outcome {
                Outcome::Ignored(_) => prop_assert_eq!(&state, &before),
                Outcome::Conflict(landing) | Outcome::Recovered(landing) => {
                    let head = state.head(landing.node).unwrap().unwrap();
                    prop_assert_eq!(&head.name, &landing.name);
                    prop_assert!(is_live(&state, landing.node).unwrap());
                    prop_assert!(!matches!(applied.outcome, Outcome::Recovered(_)) || head.parent == NodeId::RECOVERED);
                }
                Outcome::Done => {}
            }
            for spared in &applied.spared {
                prop_assert_eq!(state.child(NodeId::RECOVERED, &spared.name).unwrap(), Some(spared.node));
            }
            history.push((meta, op));
        }
        let mut again = MemoryDrive::new();
        for (meta, op) in &history {
            apply(&mut again, meta, op).unwrap();
        }
        prop_assert_eq!(again, state);
    }
}

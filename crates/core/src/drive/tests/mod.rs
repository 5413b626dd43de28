//! Tests of the drive: each rule, hostile operations, random histories, checkpoints, vectors.

mod checkpoints;
mod exact;
mod histories;
mod hostile;
mod lies;
mod manifests;
mod purges;
mod rules;
mod vectors;

use std::collections::BTreeSet;

use crannog_proto::{AccountId, BlobId, DeviceId};
use crannog_seal::content::{ContentKey, PackKey};
use crannog_seal::floe::sealed_len;

use super::*;
use crate::content::{Chunk, Chunks, Content, Slot};

fn node(n: u8) -> NodeId {
    NodeId([n; 16])
}

fn version(n: u64) -> VersionId {
    let mut id = [0xee; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    VersionId(id)
}

/// A content of `size` small bytes that differs from that of every other tag.
fn sized(tag: u64, size: u64) -> Content {
    let slot = Slot {
        key: PackKey::from_bytes(&[1; 32]),
        offset: 0,
        len: sealed_len(size) as u32,
    };
    let chunk = Chunk {
        blob: BlobId::of(&tag.to_le_bytes()),
        key: ContentKey::from_bytes(&[2; 32]),
        slot: Some(slot),
    };
    Content {
        size,
        chunks: Chunks::Inline(vec![chunk]),
    }
}

fn content(tag: u64) -> Content {
    sized(tag, 10)
}

/// Of a checkpoint that forgot nothing.
fn upto(through: u64) -> Frame {
    Frame {
        through,
        forgotten: 0,
    }
}

const ATTRS: Attrs = Attrs {
    mtime_s: 1,
    mtime_ns: 2,
    mode: 0o644,
};

fn mkdir(id: NodeId, parent: NodeId, name: &str) -> DriveOp {
    DriveOp::Create {
        node: id,
        parent,
        name: name.into(),
        attrs: ATTRS,
        new: NewNode::Directory,
    }
}

/// A file whose first version has the number of its content.
fn create(id: NodeId, parent: NodeId, name: &str, tag: u64) -> DriveOp {
    let new = NewNode::File {
        version: version(tag),
        content: content(tag),
    };
    DriveOp::Create {
        node: id,
        parent,
        name: name.into(),
        attrs: ATTRS,
        new,
    }
}

fn write(id: NodeId, base: u64, tag: u64) -> DriveOp {
    DriveOp::Write {
        node: id,
        base: version(base),
        version: version(tag),
        attrs: ATTRS,
        content: content(tag),
    }
}

fn relocate(id: NodeId, parent: NodeId, name: &str) -> DriveOp {
    DriveOp::Move {
        node: id,
        parent,
        name: name.into(),
    }
}

fn trash(id: NodeId) -> DriveOp {
    DriveOp::Trash { node: id }
}

fn restore(id: NodeId) -> DriveOp {
    DriveOp::Restore { node: id }
}

fn purge(id: NodeId) -> DriveOp {
    DriveOp::Purge { node: id }
}

/// A drive and its clock.
#[derive(Default, Clone)]
struct Drive {
    state: MemoryDrive,
    seq: u64,
}

impl Drive {
    /// The next entry, whose author had read everything.
    fn apply(&mut self, op: &DriveOp) -> Applied {
        self.apply_seen(op, self.seq)
    }

    fn apply_seen(&mut self, op: &DriveOp, seen: u64) -> Applied {
        self.seq += 1;
        let applied = apply(&mut self.state, &meta(self.seq, seen), op).unwrap();
        check_invariants(&self.state);
        applied
    }

    fn done(&mut self, op: &DriveOp) {
        assert_eq!(self.apply(op).outcome, Outcome::Done, "{op:?}");
    }

    fn ignored(&mut self, op: &DriveOp, reason: Ignored) {
        let before = self.state.clone();
        assert_eq!(self.apply(op), Applied::ignored(reason), "{op:?}");
        assert_eq!(self.state, before);
    }

    fn at(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        self.state.child(parent, name).unwrap()
    }

    fn head(&self, id: NodeId) -> Head {
        self.state.head(id).unwrap().unwrap()
    }

    /// The tags of a file's versions.
    fn versions(&self, id: NodeId) -> Vec<VersionId> {
        self.state
            .versions(id)
            .unwrap()
            .into_iter()
            .map(|version| version.version)
            .collect()
    }
}

/// 2025-11-21.
fn meta(seq: u64, seen_seq: u64) -> EntryMeta<'static> {
    let (account, device) = (AccountId([7; 32]), DeviceId([8; 16]));
    EntryMeta {
        seq,
        index: 0,
        seen_seq,
        time: 1_763_683_200_000,
        account,
        device,
        device_name: "laptop",
    }
}

/// The records of a segment.
fn records(state: &MemoryDrive, after: u64, to: u64) -> Vec<Record> {
    let plaintext = segment_plaintext(state, after, to, u64::MAX).unwrap();
    crannog_proto::decode(&plaintext.unwrap().1).unwrap()
}

fn landing(id: NodeId, name: &str) -> Landing {
    Landing {
        node: id,
        name: name.into(),
    }
}

fn check_invariants(state: &MemoryDrive) {
    let mut names = BTreeSet::new();
    let count = state.heads().count();
    let mut rebuilt = MemoryDrive::new();
    for head in state.heads() {
        assert_eq!(check_name(&head.name), Ok(()));
        if head.trashed.is_none() {
            assert!(
                names.insert((head.parent, head.name.clone())),
                "two nodes of one name"
            );
            assert!(head.parent != NodeId::ROOT || head.name != RECOVERED_NAME);
        }
        let mut at = head.parent;
        let mut steps = 0;
        while at != NodeId::ROOT && at != NodeId::RECOVERED {
            let parent = state.head(at).unwrap().expect("a parent exists");
            assert_eq!(parent.kind, HeadKind::Directory);
            at = parent.parent;
            steps += 1;
            assert!(steps <= count, "a cycle");
        }
        assert!(state.gone(head.node).unwrap().is_none());
        let versions = state.versions(head.node).unwrap();
        match &head.kind {
            HeadKind::File { current } => {
                assert_eq!(versions.last().map(|version| version.version), Some(*current))
            }
            _ => assert!(versions.is_empty()),
        }
        rebuilt.put(head.clone()).unwrap();
        versions
            .into_iter()
            .for_each(|version| rebuilt.add_version(head.node, version).unwrap());
    }
    for id in state.changed(0, u64::MAX).unwrap() {
        if let Some(seq) = state.gone(id).unwrap() {
            rebuilt.remove(id, seq).unwrap();
        }
    }
    assert_eq!(&rebuilt, state, "the indexes are those of the nodes");
}

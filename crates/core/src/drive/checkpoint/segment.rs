//! A segment's canonical bytes, from a state and back.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crannog_proto::{Hash, decode, encode, labels};

use super::super::fold::{sensible_attrs, sensible_target};
use super::super::liveness::is_fixed;
use super::super::name::{RECOVERED_NAME, check_name};
use super::super::{DriveState, Head, HeadKind, Node, NodeId, Record, RecordKind, Segment, Version};
use crate::check::Check;
use crate::content::Content;

/// What a state says of a node that is or was.
pub(super) fn record<S: DriveState>(state: &S, node: NodeId) -> Result<Option<Record>, S::Error> {
    let Some(head) = state.head(node)? else {
        return Ok(state.gone(node)?.map(|changed| Record::Gone { node, changed }));
    };
    let Head {
        node,
        parent,
        name,
        attrs,
        kind,
        created,
        changed,
        trashed,
    } = head;
    let kind = match kind {
        HeadKind::Directory => RecordKind::Directory,
        HeadKind::File { .. } => RecordKind::File(state.versions(node)?),
        HeadKind::Symlink(target) => RecordKind::Symlink(target),
    };
    Ok(Some(Record::Node(Node {
        node,
        parent,
        name,
        attrs,
        kind,
        created,
        changed,
        trashed,
    })))
}

/// The plaintext of a segment, and how many records it has: all nodes that an entry in `after < seq <= to` changed last, ids ascending. None
/// if it has more than `most` bytes; one record is in memory beside it.
pub fn segment_plaintext<S: DriveState>(
    state: &S,
    after: u64,
    to: u64,
    most: u64,
) -> Result<Option<(u64, Vec<u8>)>, S::Error> {
    let (mut count, mut plaintext) = (0_u32, vec![0; 4]);
    for node in state.changed(after, to)? {
        let Some(record) = record(state, node)? else {
            continue;
        };
        plaintext.extend_from_slice(&zeroize::Zeroizing::new(encode(&record)));
        count = count.saturating_add(1);
        if plaintext.len() as u64 > most {
            return Ok(None);
        }
    }
    // Borsh: the number of records comes first.
    if let Some(first) = plaintext.first_chunk_mut() {
        *first = count.to_le_bytes();
    }
    Ok(Some((count.into(), plaintext)))
}

/// What the manifest says of a segment with this plaintext, stored as `content`.
pub fn segment_of(after: u64, to: u64, records: u64, plaintext: &[u8], content: Content) -> Segment {
    Segment {
        after,
        to,
        records,
        hash: Hash::of(labels::SEGMENT, plaintext),
        content,
    }
}

/// The records of a segment, well-formed and as its manifest announced them. Whether they are *true* is for
/// [`compare()`](super::compare()) or a voucher to say. Only [`open_segment`] makes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRecords {
    pub(super) after: u64,
    pub(super) to: u64,
    pub(super) records: Vec<Record>,
}

impl SegmentRecords {
    /// The records, ids ascending.
    pub fn records(&self) -> &[Record] {
        &self.records
    }
}

/// Reads a segment's plaintext, strictly: length (CHK-003), hash, count, range and sense of each record (CHK-030), canonical bytes and order
/// (CHK-029).
pub fn open_segment(segment: &Segment, plaintext: &[u8]) -> Result<SegmentRecords, Check> {
    // CHK-003
    if plaintext.len() as u64 != segment.content.size {
        return Err(Check::Length);
    }
    // CHK-030
    if Hash::of(labels::SEGMENT, plaintext) != segment.hash {
        return Err(Check::Segment);
    }
    // CHK-029
    let records: Vec<Record> = decode(plaintext).map_err(|_| Check::Decode)?;
    if !records.is_sorted_by(|a, b| a.node() < b.node()) {
        return Err(Check::Decode);
    }
    // CHK-030
    let range = segment.after.saturating_add(1)..=segment.to;
    let sensible = records
        .iter()
        .all(|record| range.contains(&record.changed()) && record.is_sensible());
    if records.len() as u64 != segment.records || !sensible {
        return Err(Check::Segment);
    }
    Ok(SegmentRecords {
        after: segment.after,
        to: segment.to,
        records,
    })
}

impl Record {
    /// The node.
    pub fn node(&self) -> NodeId {
        match self {
            Self::Node(node) => node.node,
            Self::Gone { node, .. } => *node,
        }
    }

    /// The entry that changed it last.
    pub fn changed(&self) -> u64 {
        match self {
            Self::Node(node) => node.changed,
            Self::Gone { changed, .. } => *changed,
        }
    }

    /// Whether a fold can have made it.
    fn is_sensible(&self) -> bool {
        let Self::Node(node) = self else {
            return !is_fixed(self.node());
        };
        let times = node.created..=node.changed;
        let kind = match &node.kind {
            RecordKind::Directory => true,
            RecordKind::Symlink(target) => sensible_target(target),
            RecordKind::File(versions) => sensible_versions(versions, &times),
        };
        kind && !is_fixed(node.node)
            && check_name(&node.name).is_ok()
            && !(node.parent == NodeId::ROOT && node.name == RECOVERED_NAME && node.trashed.is_none())
            && node.created > 0
            && times.contains(&node.changed)
            && node.trashed.is_none_or(|trashed| times.contains(&trashed))
            && sensible_attrs(node.attrs) == node.attrs
    }
}

fn sensible_versions(versions: &[Version], times: &RangeInclusive<u64>) -> bool {
    let ids: BTreeSet<_> = versions.iter().map(|version| version.version).collect();
    !versions.is_empty()
        && ids.len() == versions.len()
        && versions.is_sorted_by_key(|version| version.seq)
        && versions.iter().all(|version| {
            times.contains(&version.seq)
                && sensible_attrs(version.attrs) == version.attrs
                && version.content.check_shape().is_ok()
        })
}

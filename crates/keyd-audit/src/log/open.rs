//! From what lies in the folder to a log, whatever the last service was doing when it ended.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::sync::Arc;

use super::checkpoints::{self, CHECKPOINTS, SHORTER};
use super::error::{Damage, LogError, Opened, Repaired};
use super::options::Limits;
use super::remember;
use super::rotate::{NEXT, prepare};
use super::state::{LastCheckpoint, Segment};
use crate::anchor::{Anchor, AnchorStore};
use crate::folder::{File, Folder, Reader};
use crate::note::{Checkpoint, FoundNote, NotesFile, VerifierKey};
use crate::record::Time;
use crate::segment::{Lines, name, numbers};
use crate::tree::{Frontier, Hash};

/// A log as it lies on disk.
pub(super) struct Found {
    pub(super) tree: Frontier,
    pub(super) segment: Segment,
    pub(super) closed: BTreeMap<u64, u64>,
    pub(super) places: BTreeMap<u64, (u64, u64)>,
    pub(super) dropped: Frontier,
    pub(super) anchored: u64,
    pub(super) counter: u64,
    pub(super) last: LastCheckpoint,
    pub(super) opened: Opened,
}

/// What is in a log's folder.
pub(super) struct Place<'a> {
    pub(super) folder: &'a dyn Folder,
    pub(super) key: &'a VerifierKey,
    pub(super) limits: &'a Limits,
}

/// Lines from the anchor on.
pub(super) struct Walk {
    tree: Frontier,
    places: BTreeMap<u64, (u64, u64)>,
    /// Checkpoints that are newer than the anchor's, by size.
    newer: BTreeMap<u64, Hash>,
    cut: u64,
}

impl Place<'_> {
    /// Opens the log, or says what is wrong with it. Nothing is changed but what a crash left.
    pub(super) fn find(&self, anchors: &dyn AnchorStore) -> Result<Found, LogError> {
        let anchor = self.anchor(anchors)?;
        let damaged = |damage| LogError::Damaged(damage);
        let tree = anchor.tree().ok_or(damaged(Damage::Anchor))?;
        let dropped = anchor.dropped_tree().ok_or(damaged(Damage::Anchor))?;
        let mut segments = self.segments(&anchor)?;
        let (last, newer, cut_notes) = self.notes(&anchor)?;

        let mut walk = Walk::new(tree);
        walk.newer = newer;
        walk.compare()?;
        let current = self.walk(&anchor, &segments, &mut walk)?;
        if let Some((&checkpoint, _)) = walk.newer.last_key_value()
            && checkpoint > walk.tree.size()
        {
            let records = walk.tree.size();
            return Err(damaged(Damage::CheckpointBeyond { checkpoint, records }));
        }
        segments.remove(&current.number);
        let repaired = Repaired {
            records: walk.cut,
            checkpoints: cut_notes,
        };
        let opened = Opened {
            size: walk.tree.size(),
            root: walk.tree.root(),
            after_anchor: walk.tree.size() - anchor.size,
            repaired: (walk.cut + cut_notes > 0).then_some(repaired),
        };
        Ok(Found {
            tree: walk.tree,
            segment: current,
            closed: segments,
            places: walk.places,
            dropped,
            anchored: anchor.size,
            counter: anchor.counter,
            last,
            opened,
        })
    }

    /// The anchor; a new one where nothing was ever written.
    fn anchor(&self, anchors: &dyn AnchorStore) -> Result<Anchor, LogError> {
        if let Some(anchor) = anchors
            .load()
            .map_err(LogError::io("read the audit log's anchor"))?
        {
            return Ok(anchor);
        }
        let names = self.folder.names().map_err(LogError::io("list the audit log"))?;
        let empty = !names
            .iter()
            .any(|file| file == CHECKPOINTS || file.ends_with(".jsonl"));
        if !empty {
            return Err(LogError::Damaged(Damage::NoAnchor));
        }
        let anchor = Anchor::first();
        anchors
            .save(&anchor)
            .map_err(|error| LogError::Anchor(error.kind()))?;
        Ok(anchor)
    }

    /// The segments and their lengths, without what the last service had begun to make or to remove.
    fn segments(&self, anchor: &Anchor) -> Result<BTreeMap<u64, u64>, LogError> {
        let doing = LogError::io("list the audit log");
        for left in self.folder.names().map_err(&doing)? {
            if left == NEXT || left == SHORTER {
                self.folder.remove(&left).map_err(&doing)?;
            }
        }
        let mut found = numbers(self.folder).map_err(&doing)?;
        if found.is_empty() && anchor.size == 0 {
            prepare(self.folder, self.limits.segment_size).map_err(&doing)?;
            self.folder.rename(NEXT, &name(0)).map_err(&doing)?;
            self.folder.sync().map_err(&doing)?;
            found.push(0);
        }
        let (gone, kept): (Vec<u64>, Vec<u64>) = found.iter().partition(|number| **number < anchor.dropped);
        if kept.first() != Some(&anchor.dropped) {
            return Err(LogError::Damaged(Damage::Beginning(anchor.dropped)));
        }
        for number in gone {
            self.folder.remove(&name(number)).map_err(&doing)?;
        }
        let mut lengths = BTreeMap::new();
        for number in kept {
            let file = self.folder.open(&name(number)).map_err(&doing)?;
            lengths.insert(number, file.len().map_err(&doing)?);
        }
        Ok(lengths)
    }

    /// The last checkpoint, those newer than the anchor's, and how much was cut off the file. Notes that are older than the anchor's
    /// are for [`verify`](crate::verify()).
    fn notes(&self, anchor: &Anchor) -> Result<(LastCheckpoint, BTreeMap<u64, Hash>, u64), LogError> {
        let doing = LogError::io("read the file of checkpoints");
        let names = self.folder.names().map_err(&doing)?;
        let exists = names.iter().any(|file| file == CHECKPOINTS);
        let file = checkpoints::file(self.folder, exists).map_err(&doing)?;
        let len = file.len().map_err(&doing)?;
        let mut last = LastCheckpoint {
            size: anchor.checkpoint,
            root: anchor.checkpoint_root,
            note: None,
            file_len: len,
        };
        let mut newer = BTreeMap::new();
        let mut missing = anchor.checkpoint > 0;
        let mut notes = NotesFile::new(BufReader::new(Reader::new(file.clone(), 0)));
        while let Some(found) = notes.next_note().map_err(&doing)? {
            let note = match found {
                FoundNote::Note(note) => note,
                FoundNote::Bad(_) => continue,
                FoundNote::Torn(offset) => {
                    last.file_len = offset;
                    break;
                }
            };
            let Ok(checkpoint) = Checkpoint::of_note(&note, self.key) else {
                continue;
            };
            if checkpoint.size > last.size {
                newer.insert(checkpoint.size, checkpoint.root);
            } else if (checkpoint.size, checkpoint.root) != (last.size, last.root) {
                continue;
            }
            missing &= checkpoint.size != anchor.checkpoint;
            (last.size, last.root, last.note) = (checkpoint.size, checkpoint.root, Some(note));
        }
        if missing {
            return Err(LogError::Damaged(Damage::CheckpointMissing(anchor.checkpoint)));
        }
        let cut = len - last.file_len;
        if cut > 0 {
            file.truncate(last.file_len).map_err(&doing)?;
            file.sync().map_err(&doing)?;
        }
        Ok((last, newer, cut))
    }

    /// Reads on from the anchor, through all segments to the end. What is no record there is what a crash left, and is cut off.
    fn walk(
        &self,
        anchor: &Anchor,
        segments: &BTreeMap<u64, u64>,
        walk: &mut Walk,
    ) -> Result<Segment, LogError> {
        let doing = LogError::io("read the audit log");
        let short = LogError::Damaged(Damage::Tail(anchor.size));
        let mut offset = anchor.offset;
        let mut segments = segments.range(anchor.segment..).peekable();
        if segments
            .peek()
            .is_none_or(|(number, len)| **number != anchor.segment || **len < offset)
        {
            return Err(short);
        }
        loop {
            let Some((&number, &len)) = segments.next() else {
                return Err(short);
            };
            let file = self.folder.open(&name(number)).map_err(&doing)?;
            if !begins_line(&*file, number, offset, walk.tree.size()).map_err(&doing)? {
                return Err(LogError::Damaged(Damage::Record(walk.tree.size())));
            }
            let end = walk.segment(number, &file, offset)?;
            if segments.peek().is_some() {
                if end < len {
                    return Err(LogError::Damaged(Damage::Record(walk.tree.size())));
                }
                offset = 0;
                continue;
            }
            if end < len {
                walk.cut = len - end;
                file.truncate(end).map_err(&doing)?;
            }
            file.sync().map_err(&doing)?;
            return Ok(Segment {
                number,
                begun: begun(&file).map_err(&doing)?,
                file,
                len: end,
                reserved: 0,
            });
        }
    }
}

impl Walk {
    /// From a tree on, with nothing to compare it with.
    pub(super) fn new(tree: Frontier) -> Self {
        Self {
            tree,
            places: BTreeMap::new(),
            newer: BTreeMap::new(),
            cut: 0,
        }
    }

    pub(super) fn tree(&self) -> &Frontier {
        &self.tree
    }

    /// Adds the records of a segment from a place on; where they end.
    pub(super) fn segment(&mut self, number: u64, file: &Arc<dyn File>, from: u64) -> Result<u64, LogError> {
        let doing = LogError::io("read the audit log");
        let mut offset = from;
        let mut lines = Lines::new(BufReader::new(Reader::new(file.clone(), offset)), None);
        while let Some((line, taken)) = lines.next_line().map_err(&doing)? {
            let expected = self.tree.size();
            if !line.record().is_ok_and(|(found, _)| found == expected) {
                break;
            }
            remember(&mut self.places, expected, (number, offset));
            self.tree.push(line.leaf());
            self.compare()?;
            offset += taken;
        }
        Ok(offset)
    }

    /// A checkpoint of this size, if there is one, has this root.
    fn compare(&self) -> Result<(), LogError> {
        let size = self.tree.size();
        match self.newer.get(&size) {
            Some(root) if *root != self.tree.root() => Err(LogError::Damaged(Damage::CheckpointOther(size))),
            _ => Ok(()),
        }
    }
}

/// Whether a record of this number can begin there: after a line feed, or at the beginning of the segment with that number.
fn begins_line(file: &dyn File, number: u64, offset: u64, record: u64) -> std::io::Result<bool> {
    let Some(before) = offset.checked_sub(1) else {
        return Ok(number == record);
    };
    let mut byte = [0];
    let read = file.read_at(&mut byte, before)?;
    Ok(read == 1 && byte == *b"\n")
}

/// The time of a segment's first record.
fn begun(file: &Arc<dyn File>) -> std::io::Result<Option<Time>> {
    let mut lines = Lines::new(BufReader::new(Reader::new(file.clone(), 0)), None);
    let first = lines.next_line()?;
    Ok(first
        .and_then(|(line, _)| line.record().ok())
        .map(|(_, record)| record.time))
}

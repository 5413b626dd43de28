//! Going on after records were lost, because the operator said so.

use std::io::{self, BufReader};

use super::checkpoints::{self, CHECKPOINTS, SHORTER};
use super::error::{Damage, LogError};
use super::open::{Place, Walk};
use super::rotate::{NEXT, prepare};
use crate::anchor::{Anchor, AnchorStore};
use crate::folder::Reader;
use crate::note::{Checkpoint, FoundNote, NotesFile};
use crate::record::{Detail, Event, Record, Time, encode, tail};
use crate::segment::{name, numbers};
use crate::tree::{Frontier, Hash};

/// What the operator accepted; the event `log-damage-accepted` says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// How many records are there, from the beginning on without a gap.
    pub found: u64,
    /// The root over them.
    pub found_root: Hash,
    /// How many the anchor counts.
    pub anchored: u64,
    /// The root in the anchor.
    pub anchored_root: Hash,
    /// The number of the next record.
    pub next: u64,
}

impl Place<'_> {
    /// Sets aside what is not whole, and begins a segment at the size that is known: that of the anchor, or what is there, if that is
    /// more. Broken off, it can be done again.
    pub(super) fn accept(&self, anchors: &dyn AnchorStore) -> Result<Accepted, LogError> {
        let doing = LogError::io("set the damaged audit log aside");
        let loaded = anchors
            .load()
            .map_err(LogError::io("read the audit log's anchor"))?;
        let anchor = loaded.unwrap_or_else(Anchor::first);
        let contradiction = LogError::Damaged(Damage::Anchor);
        let anchored = anchor.tree().ok_or(contradiction)?;
        let dropped = anchor.dropped_tree().ok_or(contradiction)?;
        let aside = format!("damaged-{}", anchor.counter);

        let (found, any) = self.keep_whole(dropped.clone(), &aside)?;
        let next = if found.size() > anchored.size() {
            &found
        } else {
            &anchored
        };
        let (checkpoint, checkpoint_root) = self.keep_notes(next, &aside).map_err(&doing)?;
        let accepted = Accepted {
            found: found.size(),
            found_root: found.root(),
            anchored: anchor.size,
            anchored_root: anchor.root,
            next: next.size(),
        };
        self.begin(&accepted, next).map_err(&doing)?;
        let dropped = if any { &dropped } else { next };
        let anchor = Anchor {
            counter: anchor.counter + 1,
            size: next.size(),
            root: next.root(),
            frontier: next.roots().to_vec(),
            segment: next.size(),
            offset: 0,
            checkpoint,
            checkpoint_root,
            dropped: dropped.size(),
            dropped_frontier: dropped.roots().to_vec(),
        };
        anchors
            .save(&anchor)
            .map_err(|error| LogError::Anchor(error.kind()))?;
        Ok(accepted)
    }

    /// The tree of the records that are there without a gap, and whether there are any; everything else gets another name.
    fn keep_whole(&self, dropped: Frontier, aside: &str) -> Result<(Frontier, bool), LogError> {
        let doing = LogError::io("set the damaged audit log aside");
        let mut walk = Walk::new(dropped);
        let (mut whole, mut any) = (true, false);
        for number in numbers(self.folder).map_err(&doing)? {
            let file = name(number);
            let damaged = format!("{file}.{aside}");
            whole &= number == walk.tree().size();
            if !whole {
                self.folder.rename(&file, &damaged).map_err(&doing)?;
                continue;
            }
            let segment = self.folder.open(&file).map_err(&doing)?;
            let end = walk.segment(number, &segment, 0)?;
            if end < segment.len().map_err(&doing)? {
                whole = false;
                self.copy(&file, &damaged).map_err(&doing)?;
                segment.truncate(end).map_err(&doing)?;
                segment.sync().map_err(&doing)?;
            }
            if end == 0 {
                // The segment that begins now may get its name.
                self.folder.remove(&file).map_err(&doing)?;
            }
            any |= end > 0;
        }
        Ok((walk.tree().clone(), any))
    }

    /// Leaves in the file the notes that do not say more than is known; the last of them.
    fn keep_notes(&self, next: &Frontier, aside: &str) -> io::Result<(u64, Hash)> {
        let exists = self.folder.names()?.iter().any(|file| file == CHECKPOINTS);
        let file = checkpoints::file(self.folder, exists)?;
        let (mut kept, mut last) = (Vec::new(), (0, Hash::empty()));
        let mut notes = NotesFile::new(BufReader::new(Reader::new(file, 0)));
        while let Some(found) = notes.next_note()? {
            let FoundNote::Note(note) = found else { continue };
            let Ok(checkpoint) = Checkpoint::of_note(&note, self.key) else {
                continue;
            };
            let beyond = checkpoint.size > next.size();
            let other = checkpoint.size == next.size() && checkpoint.root != next.root();
            if checkpoint.size > last.0 && !beyond && !other {
                last = (checkpoint.size, checkpoint.root);
                kept.extend_from_slice(note.to_string().as_bytes());
            }
        }
        self.copy(CHECKPOINTS, &format!("{CHECKPOINTS}.{aside}"))?;
        let shorter = self.folder.create(SHORTER)?;
        shorter.write_at(&kept, 0)?;
        shorter.sync()?;
        self.folder.rename(SHORTER, CHECKPOINTS)?;
        self.folder.sync()?;
        Ok(last)
    }

    /// The segment whose first record says what happened. With `frontier` in it what follows can be judged without what is missing.
    fn begin(&self, accepted: &Accepted, next: &Frontier) -> io::Result<()> {
        let roots: Vec<u8> = next.roots().iter().flat_map(|root| root.0).collect();
        let detail = Detail::default()
            .number("found", accepted.found)
            .text("found_root", accepted.found_root.to_string())
            .number("anchored", accepted.anchored)
            .text("anchored_root", accepted.anchored_root.to_string())
            .text("frontier", data_encoding::HEXLOWER.encode(&roots));
        let record = Record::new(Time::now(), Event::LogDamageAccepted).with_detail(detail);
        let line = encode(next.size(), &tail(&record).unwrap_or_default());
        let (file, _) = prepare(self.folder, self.limits.segment_size)?;
        file.write_at(&line, 0)?;
        file.sync()?;
        self.folder.rename(NEXT, &name(next.size()))?;
        self.folder.sync()
    }

    /// A copy that is on disk.
    fn copy(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.folder.open(from)?, self.folder.create(to)?);
        let (mut buffer, mut offset) = (vec![0; 1 << 16], 0);
        loop {
            let read = from.read_at(&mut buffer, offset)?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                return to.sync();
            };
            to.write_at(bytes, offset)?;
            offset += read as u64;
        }
    }
}

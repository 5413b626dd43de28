//! The file of signed notes.

use std::io::BufReader;
use std::sync::Arc;

use super::error::LogError;
use super::state::Shared;
use crate::folder::{File, Folder, Reader};
use crate::note::{Checkpoint, FoundNote, NotesFile};

/// Its name.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// What takes its place when it is shortened.
pub(super) const SHORTER: &str = "checkpoints.next";

impl Shared {
    /// Adds a note behind `len` bytes and syncs it.
    pub(super) fn append_note(&self, note: &str, len: u64) -> Result<(), LogError> {
        let file = self
            .folder
            .open(CHECKPOINTS)
            .map_err(LogError::io("open the file of checkpoints"))?;
        let doing = LogError::io("write the file of checkpoints");
        // Something of a note that was not written whole may lie there.
        file.truncate(len).map_err(&doing)?;
        file.write_at(note.as_bytes(), len).map_err(&doing)?;
        if file.sync().is_err() {
            self.fail();
            return Err(LogError::Failed);
        }
        Ok(())
    }

    /// Leaves out the notes that only vouch for what was dropped. Gives the new length.
    pub(super) fn shorten_notes(&self, dropped: u64) -> Result<u64, LogError> {
        let doing = LogError::io("shorten the file of checkpoints");
        let mut kept = Vec::new();
        let file = self.folder.open(CHECKPOINTS).map_err(&doing)?;
        let mut notes = NotesFile::new(BufReader::new(Reader::new(file, 0)));
        while let Some(found) = notes.next_note().map_err(&doing)? {
            if let FoundNote::Note(note) = found
                && let Ok(checkpoint) = Checkpoint::of_note(&note, &self.key)
                && checkpoint.size >= dropped
            {
                kept.extend_from_slice(note.to_string().as_bytes());
            }
        }
        let shorter = self.folder.create(SHORTER).map_err(&doing)?;
        shorter.write_at(&kept, 0).map_err(&doing)?;
        shorter.sync().map_err(&doing)?;
        self.folder.rename(SHORTER, CHECKPOINTS).map_err(&doing)?;
        self.folder.sync().map_err(|_| {
            self.fail();
            LogError::Failed
        })?;
        Ok(kept.len() as u64)
    }
}

/// The file, made if it is not there.
pub(super) fn file(folder: &dyn Folder, exists: bool) -> std::io::Result<Arc<dyn File>> {
    if exists {
        return folder.open(CHECKPOINTS);
    }
    let file = folder.create(CHECKPOINTS)?;
    folder.sync()?;
    Ok(file)
}

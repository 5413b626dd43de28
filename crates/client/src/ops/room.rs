//! How much one answer may hold. How many names there are, and how long they are, is others' choice; how much memory they take in this
//! agent is not (CHK-024).

use crate::db::DbError;

/// Bytes of texts in one answer, with what stands around each. Some hundred thousand files of usual names.
const MOST: usize = 128 * 1024 * 1024;
/// What an entry takes beside its text.
const ENTRY: usize = 128;

/// What is left for one answer.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Room {
    /// For a whole answer.
    pub(super) fn new() -> Self {
        Self(MOST)
    }

    /// For nothing more.
    pub(super) fn none() -> Self {
        Self(0)
    }

    /// Makes room for one more entry with a text of so many bytes.
    pub(super) fn take(&mut self, text: usize) -> Result<(), DbError> {
        let left = self.0.checked_sub(ENTRY.saturating_add(text));
        self.0 = left.ok_or(DbError::TooMuch)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{ENTRY, MOST, Room};

    #[test]
    fn chk_024_an_answer_has_an_end() {
        let mut room = Room::new();
        let long = (1..).take_while(|_| room.take(1024 * 1024).is_ok()).count();
        assert_eq!(long, MOST / (1024 * 1024 + ENTRY));
        assert!(room.take(usize::MAX).is_err());
        let mut room = Room::new();
        let short = (1..).take_while(|_| room.take(16).is_ok()).count();
        assert!(short > 900_000, "{short}");
    }
}

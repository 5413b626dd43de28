//! Opening what others wrote of a checkpoint: that a segment's hash is true does not say that its blobs are there and hold it.

use std::sync::Arc;

use crannog_core::drive::{Manifest, open_segment};
use crannog_core::journal::Author;
use crannog_proto::ErrorCode;

use super::super::Journal;
use super::super::segments::fetch;
use crate::db::{Checkpoints, Cited, DbError, Segments, cited};
use crate::error::{Error, Result};
use crate::shared::Shared;
use crate::transfer::Fetcher;

impl Shared {
    /// Opens the segments of the newest checkpoint, entry `seq`, that this device never had in its hands. False: they are gone, or do not hold
    /// what they should, and nobody is to cite them again.
    pub(super) async fn hold(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        seq: u64,
        manifest: &Manifest,
    ) -> Result<bool> {
        let fetcher = Fetcher::of_reader(self, journal);
        for cited in cited(manifest) {
            match self.hold_one(journal, &fetcher, cited).await {
                Ok(()) => {}
                Err(Error::Lied { check, .. }) => {
                    self.give_up(journal, seq).await?;
                    let mut object =
                        format!("the checkpoint in entry {seq} of {}", self.name_of(&journal.id));
                    if let Some(author) = self.author_of(journal, cited).await? {
                        let name = self.name_of_person(&author.account);
                        object += &format!(", a segment by {name}, device {}", author.device);
                    }
                    return Err(self.alarm(&journal.id, Error::lied(check, object)).await);
                }
                Err(error) if error.server_code() == Some(ErrorCode::NotFound) => {
                    self.give_up(journal, seq).await?;
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    async fn author_of(&self, journal: &Journal, cited: Cited<'_>) -> Result<Option<Author>> {
        let (row, forgotten, segment) = (journal.row, cited.forgotten, cited.segment.clone());
        let author = self.db.read(move |c| {
            let segment = &segment;
            Segments(c).author(row, Cited { forgotten, segment })
        });
        Ok(author.await?)
    }

    async fn hold_one(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        fetcher: &Fetcher,
        cited: Cited<'_>,
    ) -> Result<()> {
        let (row, forgotten, segment) = (journal.row, cited.forgotten, cited.segment.clone());
        let is_held = self.db.read({
            let segment = segment.clone();
            move |c| {
                let segment = &segment;
                Segments(c).is_held(row, Cited { forgotten, segment })
            }
        });
        if is_held.await? {
            return Ok(());
        }
        let plain = fetch(fetcher, &segment).await?;
        let held = self.db.write(move |tx| match open_segment(&segment, &plain) {
            Err(check) => Ok::<_, DbError>(Err(check)),
            Ok(_) => {
                let segment = &segment;
                Segments(tx).hold(row, Cited { forgotten, segment }).map(Ok)
            }
        });
        held.await?.map_err(|check| Error::lied(check, "a segment"))
    }

    /// The next checkpoint cites nothing of this one, if it is still the newest.
    async fn give_up(&self, journal: &Journal, seq: u64) -> Result<()> {
        let row = journal.row;
        let forget = move |tx: &rusqlite::Transaction<'_>| match Checkpoints(tx).newest(row)? {
            Some((newest, _)) if newest == seq => Checkpoints(tx).forget(row),
            _ => Ok(()),
        };
        Ok(self.db.write(forget).await?)
    }
}

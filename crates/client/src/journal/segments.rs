//! Checkpoints of other members: each segment is compared with the own fold when it first appears (CHK-030, `docs/spec/drive.md`, Comparing).

use std::sync::Arc;

use crannog_core::check::Check;
use crannog_core::drive::{
    Changes, DriveState, Frame, LoadError, Manifest, Segment, compare, open_segment, segment_plaintext,
};
use crannog_core::journal::Author;
use crannog_proto::{ErrorCode, Hash, labels, limits};
use futures_util::future::BoxFuture;
use rusqlite::Connection;

use super::Journal;
use super::ingest::Culprit;
use crate::db::{Checkpoints, Cited, DbError, DriveStore, Journals, Known, Segments, cited};
use crate::error::{Error, Result};
use crate::shared::Shared;
use crate::transfer::{Fetcher, stream};

/// A segment may be so much longer than the own records of its range, bytes: nodes may have changed since.
const LONGER: u64 = 64 * 1024 * 1024;
/// All of one checkpoint that have to be fetched together, with a blob for each: one may lie in a pack.
const TOGETHER: u64 = 512 * 1024 * 1024;

/// A segment that does not say what the own fold says now. Entries after it may be the reason, or its author lies.
#[derive(Debug)]
pub(crate) struct Suspect {
    author: Author,
    culprit: Arc<Culprit>,
    frame: Frame,
    segment: Segment,
    /// How long the own records of its range are; none if they are not all among as many records as it claims, or it claims more than
    /// there can be. Then it is a lie, whatever its blobs hold.
    own: Option<u64>,
}

impl Suspect {
    /// The entry that names it.
    fn seq(&self) -> u64 {
        self.culprit.stored.seq
    }

    /// What fetching it costs beyond what the own fold would.
    fn excess(&self) -> u64 {
        let own = self.own.unwrap_or(0);
        self.segment.content.size.saturating_sub(own)
    }
}

/// Compares what is new in a manifest with the fold as it stands behind its entry `seq`, by hash alone. What differs has to be fetched. Where a
/// segment's bytes lie is not looked at: that comes before it is vouched for.
pub(super) fn suspects(
    tx: &Connection,
    row: i64,
    (seq, manifest): (u64, &Manifest),
    author: Author,
    own_account: bool,
    culprit: impl Fn() -> Culprit,
) -> Result<Vec<Suspect>, DbError> {
    let (drive, seen) = (DriveStore::new(tx, row), Segments(tx));
    let (mut suspects, mut whose) = (Vec::new(), None);
    let from = known_from(&drive, manifest.frame(), seq)?;
    for cited in cited(manifest) {
        if seen.is_compared(row, cited)? {
            continue;
        }
        let segment = cited.segment;
        // CHK-030: all own records of the range are in it, and of others only what changed later. What it claims to hold bounds what is made
        // to compare with it (CHK-024).
        let least = drive.count(segment.after, segment.to)?;
        let most = least.saturating_add(drive.count(segment.to, u64::MAX)?);
        let own = match (least..=most).contains(&segment.records) {
            true => segment_plaintext(&drive, segment.after, segment.to, segment.content.size)?,
            false => None,
        };
        let is_same = own.as_ref().is_some_and(|(records, own)| {
            *records == segment.records
                && own.len() as u64 == segment.content.size
                && Hash::of(labels::SEGMENT, own) == segment.hash
        });
        if is_same {
            seen.note_by(row, cited, Known::equal(own_account, from), &author)?;
        } else {
            seen.note_by(row, cited, Known::seen(own_account), &author)?;
            suspects.push(Suspect {
                author,
                // A manifest has a thousand segments: its entry is held once.
                culprit: Arc::clone(whose.get_or_insert_with(|| Arc::new(culprit()))),
                frame: manifest.frame(),
                segment: segment.clone(),
                own: own.map(|(_, own)| own.len() as u64),
            });
        }
    }
    Ok(suspects)
}

/// From which place on a checkpoint may rest on what a reader's fold, which stands at `at`, says now of this one.
fn known_from(drive: &DriveStore<'_>, frame: Frame, at: u64) -> Result<u64, DbError> {
    Ok(match drive.hides(frame.through)? {
        true => at,
        false => frame.through,
    })
}

/// All bytes of a segment.
pub(super) async fn fetch(fetcher: &Fetcher, segment: &Segment) -> Result<Vec<u8>> {
    let plain = std::sync::Mutex::new(Vec::new());
    stream(fetcher, &segment.content, |piece| {
        if let Ok(mut plain) = plain.lock() {
            plain.extend_from_slice(&piece);
        }
        async { true }
    })
    .await?;
    Ok(plain.into_inner().unwrap_or_default())
}

impl Shared {
    /// Fetches what was suspicious and compares it record by record. A false one stops the journal, and its author is named.
    pub(super) fn examine<'a>(
        self: &'a Arc<Self>,
        journal: &'a Arc<Journal>,
        suspects: Vec<Suspect>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.examine_each(journal, suspects))
    }

    async fn examine_each(self: &Arc<Self>, journal: &Arc<Journal>, suspects: Vec<Suspect>) -> Result<()> {
        let (mut of, mut left) = (None, TOGETHER);
        for suspect in suspects {
            if of.replace(suspect.seq()) != Some(suspect.seq()) {
                left = TOGETHER;
            }
            match self.compare_segment(journal, &suspect, &mut left).await {
                Ok(()) => {}
                Err(Error::Lied { check, .. }) => {
                    let (author, seq) = (suspect.author, suspect.seq());
                    self.keep_entry(journal, check, Arc::unwrap_or_clone(suspect.culprit))
                        .await;
                    let object = format!(
                        "the checkpoint in entry {seq} of {} by {}, device {}",
                        self.name_of(&journal.id),
                        self.name_of_person(&author.account),
                        author.device
                    );
                    return Err(self.alarm(&journal.id, Error::lied(check, object)).await);
                }
                // A later checkpoint may have taken its place, and its blobs may be gone.
                Err(error) if error.server_code() == Some(ErrorCode::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn compare_segment(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        suspect: &Suspect,
        left: &mut u64,
    ) -> Result<()> {
        let segment = suspect.segment.clone();
        let lied = |check| Error::lied(check, "a segment");
        if suspect.own.is_none() {
            return Err(lied(Check::Segment));
        }
        let (row, frame, seq) = (journal.row, suspect.frame, suspect.seq());
        let newest = self.db.read(move |c| Checkpoints(c).newest(row)).await?;
        if newest.is_none_or(|(newest, _)| newest != seq) {
            return Ok(());
        }
        // CHK-024: nothing is fetched, nor held, because a record claims to be large. It stays uncompared, and nobody cites it again.
        let cost = suspect.excess().saturating_add(limits::CHUNK as u64);
        if suspect.excess() > LONGER || cost > *left {
            return Ok(());
        }
        *left -= cost;
        let fetcher = Fetcher::of_reader(self, journal);
        let plain = fetch(&fetcher, &segment).await?;
        let compared = self
            .db
            .write(move |tx| {
                // Another one has taken its place: what that one forgot is no longer known here.
                if Checkpoints(tx)
                    .newest(row)?
                    .is_none_or(|(newest, _)| newest != seq)
                {
                    return Ok(Ok(()));
                }
                let drive = DriveStore::new(tx, row);
                let theirs = match open_segment(&segment, &plain) {
                    Ok(theirs) => theirs,
                    Err(check) => return Ok(Err(check)),
                };
                match compare(&drive, frame, &theirs) {
                    Ok(compared) => {
                        let from = match compared.exact {
                            true => frame.through,
                            false => Journals(tx).last(row)?,
                        };
                        let (forgotten, segment) = (frame.forgotten, &segment);
                        Segments(tx)
                            .note(row, Cited { forgotten, segment }, Known::opened(from))
                            .map(Ok)
                    }
                    Err(LoadError::State(error)) => Err(error),
                    Err(LoadError::Check(check)) => Ok(Err(check)),
                    Err(_) => Ok(Err(Check::Segment)),
                }
            })
            .await?;
        compared.map_err(lied)
    }
}

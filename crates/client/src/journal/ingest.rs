//! Entries into the local state: opened, folded and recorded in one transaction, or not at all.

use std::sync::Arc;

use crannog_core::drive::Applied;
use crannog_core::journal::{Author, JournalState, ReadError};
use crannog_proto::api::Stored;
use crannog_proto::{EntryId, Hash, Receipt, Seen};

use super::Journal;
use super::run::Run;
use super::segments::Suspect;
use crate::db::{Checkpoints, DbError, EarlierKeys, Journals, Meta, MetaKey, Receipts};
use crate::error::{Error, Result};
use crate::people::Happened;
use crate::shared::{Shared, load_home};

/// An entry with its body, if that travelled in blobs.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) stored: Stored,
    pub(crate) body: Option<Vec<u8>>,
}

/// An entry of this device that the server acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own {
    pub(crate) entry: EntryId,
    /// Where the receipt says that it stands.
    pub(crate) at: Seen,
}

/// What came of a run of entries.
#[derive(Debug, Default)]
pub(crate) struct Ingested {
    /// What became of the operations of the last entry, for whoever wrote it.
    pub(crate) applied: Vec<Applied>,
    /// Home changed: other journals may have new secrets, names, or be new altogether.
    pub(crate) home_changed: bool,
    /// There is a new list.
    pub(crate) members_changed: bool,
    /// Segments of checkpoints that have to be looked at.
    pub(super) suspects: Vec<Suspect>,
    /// There is a checkpoint for which this device might vouch.
    pub(super) checkpoint: bool,
    /// What was done, for whoever watches.
    pub(super) news: Vec<Happened>,
}

/// Why a run of entries stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The local database.
    Db(DbError),
    /// The engine's rules, at the entry that broke them.
    Read(ReadError, Option<Box<Culprit>>),
}

/// An entry that was refused, and what shows whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Culprit {
    pub(crate) stored: Stored,
    /// The head before it.
    pub(crate) before: Hash,
    /// Its author, and what her device signed, if that can be seen.
    pub(crate) said: Option<(Author, Vec<u8>)>,
    /// What the server signed of its place, if that came with it.
    pub(crate) receipt: Option<Receipt>,
}

impl Stop {
    /// A receipt for the place of a refused entry is kept with it: nothing else of this run is.
    fn with(mut self, receipts: &[Receipt]) -> Self {
        if let Self::Read(_, Some(culprit)) = &mut self {
            let seq = culprit.stored.seq;
            culprit.receipt = receipts.iter().find(|receipt| receipt.seq == seq).copied();
        }
        self
    }
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

/// What one run reads, and from whom.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) arrived: Arc<Vec<Arrived>>,
    /// The entry that must then stand where its receipt says.
    pub(super) own: Option<Own>,
    /// What the server signed meanwhile; it verified.
    pub(super) receipts: Vec<Receipt>,
}

impl Shared {
    /// Reads entries in, in order. The caller holds the journal's reading lock. `extra` runs in the same transaction.
    pub(super) async fn ingest(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        reading: Reading,
        extra: Option<crate::shared::Extra>,
    ) -> Result<Ingested, Stop> {
        let Reading {
            arrived,
            own,
            receipts,
        } = reading;
        if arrived.is_empty() && own.is_none() && extra.is_none() {
            return Ok(Ingested::default());
        }
        let (shared, row, id) = (Arc::clone(self), journal.row, journal.id);
        let (state, home, mut ingested) = self
            .db
            .write(move |tx| {
                let found = Journals(tx)
                    .find(&id)?
                    .ok_or(DbError::Damaged("a journal's row"))?;
                let state =
                    JournalState::restore(&zeroize::Zeroizing::new(found.state)).map_err(DbError::from)?;
                let mut run = Run {
                    tx,
                    row,
                    account: shared.account(),
                    chains: shared.chains(),
                    shared: &shared,
                    state,
                    home: load_home(tx)?,
                    walked: EarlierKeys(tx).of(&id)?,
                    start: Checkpoints(tx).start(row)?,
                    ingested: Ingested::default(),
                };
                for one in arrived.iter() {
                    // What a server shows beyond that is not for this account, or comes again when the checkpoint is loaded.
                    if run.state.is_removed() || run.is_at_start() {
                        break;
                    }
                    run.entry(one).map_err(|stop| stop.with(&receipts))?;
                }
                if let Some(own) = &own {
                    run.check_own(own)?;
                }
                let Run {
                    state,
                    home,
                    ingested,
                    ..
                } = run;
                // Of a place that was not read, or read otherwise, a receipt shows nothing that could be proved.
                for receipt in &receipts {
                    if Journals(tx).head_at(row, receipt.seq)? == Some(receipt.head) {
                        Receipts(tx).keep(row, receipt)?;
                    }
                }
                Journals(tx).save(&id, &state.snapshot(), state.last().map(|last| last.seq))?;
                if ingested.home_changed {
                    Meta(tx).write(MetaKey::Home, &*home.snapshot())?;
                }
                if let Some(extra) = extra {
                    extra(tx)?;
                }
                Ok::<_, Stop>((state, home, ingested))
            })
            .await?;
        if ingested.home_changed {
            self.publish_home(home);
        }
        journal.publish(state);
        for happened in std::mem::take(&mut ingested.news) {
            self.news.tell(happened);
        }
        Ok(ingested)
    }
}

/// A refusal becomes the engine's error, with the object named.
pub(super) fn refused(journal: &str, error: ReadError) -> Error {
    use crannog_agent_api::{Code, Failure};
    match error {
        ReadError::Refused { check, seq, .. } => Error::lied(check, format!("entry {seq} of {journal}")),
        ReadError::NotMember => Error::User(
            Failure::new(Code::Conflict, "this account is no longer a member").object(journal.to_owned()),
        ),
        ReadError::NeedsSecrets { .. } | ReadError::NeedsChain { .. } | ReadError::NeedsBody | _ => {
            Error::User(
                Failure::new(Code::TryAgain, error.to_string())
                    .object(journal.to_owned())
                    .hint("the server withholds what is needed to read on; try again, then crannog doctor"),
            )
        }
    }
}

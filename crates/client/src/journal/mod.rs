//! Journals on this device: catching up with the server, and appending.
//!
//! ```text
//!  server ─Page─▶ catch_up ─▶ ingest: one transaction { core opens, fold applies, heads recorded } ─▶ published state
//!  draft ─▶ append: core seals ─▶ PUT body ─▶ append ─▶ receipt checked ─▶ ingest
//! ```

mod append;
mod batch;
mod catch_up;
mod checkpoint;
mod give_back;
mod ingest;
mod run;
mod segments;
mod walk;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crannog_core::journal::JournalState;
use crannog_proto::{Hash, JournalId};
use crannog_seal::sign::Signer;

use crate::transport::GrantKey;

pub(crate) use append::Draft;
pub(crate) use checkpoint::{Due, keep as keep_checkpoints};
pub(crate) use give_back::Standing;
pub(crate) use ingest::{Culprit, Ingested};

/// One journal that this account reads.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) id: JournalId,
    /// Local number in the database.
    pub(crate) row: i64,
    state: RwLock<Arc<JournalState>>,
    /// Held while entries are read in: one reader at a time.
    reading: tokio::sync::Mutex<()>,
    /// The head of the last receipt that the server showed, for status.
    newest: RwLock<Option<(u64, Hash)>>,
    /// Entries that were sent and of which it is not known (yet) whether they were stored.
    unsure: AtomicUsize,
    starting: checkpoint::Starting,
}

impl Journal {
    pub(crate) fn new(row: i64, state: JournalState) -> Self {
        Self {
            id: *state.id(),
            row,
            state: RwLock::new(Arc::new(state)),
            reading: tokio::sync::Mutex::new(()),
            newest: RwLock::new(None),
            unsure: AtomicUsize::new(0),
            starting: checkpoint::Starting::default(),
        }
    }

    /// As far as it was read.
    pub(crate) fn state(&self) -> Arc<JournalState> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, state: JournalState) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }

    /// Entries that the server has beyond what was read, as last heard.
    pub(crate) fn behind(&self) -> u64 {
        let newest = *self.newest.read().unwrap_or_else(PoisonError::into_inner);
        let next = self.state().next_seq();
        newest.map_or(0, |(seq, _)| (seq + 1).saturating_sub(next))
    }

    fn heard(&self, seq: u64, head: Hash) {
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Some((seq, head));
    }

    /// Whether something may have been stored of which this device has not heard.
    pub(crate) fn is_unsure(&self) -> bool {
        self.unsure.load(Ordering::SeqCst) > 0
    }

    /// An entry goes out. If its fate stays unknown, the journal is read on before it is changed again, as long as the agent lives.
    fn sent(&self) {
        self.unsure.fetch_add(1, Ordering::SeqCst);
    }

    /// The fate of an entry that was [`sent`](Self::sent) is known.
    fn settled(&self) {
        self.unsure.fetch_sub(1, Ordering::SeqCst);
    }

    /// What shows the server that blobs may be put here now.
    pub(crate) fn grant(&self) -> Option<WriteKey> {
        let state = self.state();
        // Keys of an epoch that ended open nothing.
        let epoch = state
            .epoch()
            .filter(|_| !state.is_removed() && !state.is_closed())?;
        self.grant_of(epoch)
    }

    /// The same for an epoch that may have ended.
    fn grant_of(&self, epoch: u64) -> Option<WriteKey> {
        let secrets = self.state().secrets(epoch)?;
        let key: Box<dyn Signer + Send + Sync> = match secrets.write_key() {
            Some(key) => Box::new(key),
            None => Box::new(secrets.append_key()?),
        };
        Some(WriteKey { epoch, key })
    }

    /// What shows the server that this account made the journal: nobody else ever held the admin key of its first epoch.
    fn grant_of_maker(&self) -> Option<WriteKey> {
        let key = self.state().secrets(0)?.admin_key()?;
        Some(WriteKey {
            epoch: 0,
            key: Box::new(key),
        })
    }
}

/// The write key of an epoch, its append key or the maker's admin key, for the transport's grants.
pub(crate) struct WriteKey {
    epoch: u64,
    key: Box<dyn Signer + Send + Sync>,
}

impl GrantKey for WriteKey {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn sign_grant(&self, label: &'static str, statement: &[u8]) -> crannog_proto::sign::Signature {
        crannog_proto::sign::Signature(self.key.sign(&crannog_proto::sign::message(label, statement)))
    }
}

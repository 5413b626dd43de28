//! Journals on this device: catching up with the server, and appending.
//!
//! ```text
//!  server ─Page─▶ catch_up ─▶ ingest: one transaction { core opens, fold applies, heads recorded } ─▶ published state
//!  draft ─▶ append: core seals ─▶ PUT body ─▶ append ─▶ receipt checked ─▶ ingest
//! ```

mod append;
mod catch_up;
mod ingest;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crannog_core::journal::JournalState;
use crannog_proto::{Hash, JournalId};
use crannog_seal::sign::EpochWriteKey;

use crate::transport::GrantKey;

pub(crate) use append::Draft;
pub(crate) use ingest::Ingested;

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
    /// An entry was sent, and whether it was stored is not known (yet).
    unsure: AtomicBool,
}

impl Journal {
    pub(crate) fn new(row: i64, state: JournalState) -> Self {
        Self {
            id: *state.id(),
            row,
            state: RwLock::new(Arc::new(state)),
            reading: tokio::sync::Mutex::new(()),
            newest: RwLock::new(None),
            unsure: AtomicBool::new(false),
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
        self.unsure.load(Ordering::SeqCst)
    }

    fn set_unsure(&self, unsure: bool) {
        self.unsure.store(unsure, Ordering::SeqCst);
    }

    /// What shows the server that blobs may be put here now.
    pub(crate) fn grant(&self) -> Option<WriteKey> {
        let state = self.state();
        let epoch = state.epoch()?;
        Some(WriteKey {
            epoch,
            key: state.secrets(epoch)?.write_key()?,
        })
    }
}

/// The write key of an epoch, for the transport's grants.
pub(crate) struct WriteKey {
    epoch: u64,
    key: EpochWriteKey,
}

impl GrantKey for WriteKey {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn sign_grant(&self, label: &'static str, statement: &[u8]) -> crannog_proto::sign::Signature {
        crannog_proto::sign::Signature(self.key.sign(&crannog_proto::sign::message(label, statement)))
    }
}

//! From locked to open.

use std::sync::{Arc, PoisonError};

use crannog_keyd_audit::Event;
use crannog_keyd_client::{Refusal, Unlock};
use crannog_keyd_keys::{Opener, RecordError};
use crannog_seal::keyd::StoreKey;

use super::Service;
use super::opened::{OpenError, Opened};
use super::work::Done;

/// Why the store stays locked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// No slot opens with it.
    #[error(transparent)]
    Slot(#[from] RecordError),
    /// The store key is there, and the store or its log does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is open already.
    #[error("the store is unlocked already")]
    Already,
}

impl Service {
    /// Opens the store with what `opener` says. Blocks.
    pub fn unlock(&self, opener: &Opener<'_>) -> Result<(), UnlockError> {
        let inner = &self.0;
        let key = {
            let locked = inner.locked.lock().unwrap_or_else(PoisonError::into_inner);
            let dir = locked.as_ref().ok_or(UnlockError::Already)?;
            let unlock = dir.unlock_file().map_err(OpenError::from)?;
            unlock.open(opener)?
        };
        self.open_with(key)
    }

    /// Blocks.
    fn open_with(&self, key: StoreKey) -> Result<(), UnlockError> {
        let inner = &self.0;
        let mut locked = inner.locked.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = locked.take().ok_or(UnlockError::Already)?;
        let opened = Opened::open(dir, key, &inner.settings)?;
        let current = inner.policies.current();
        self.note_policy(&opened, &current.sha256)
            .map_err(OpenError::from)?;
        let _ = inner.opened.set(opened);
        Ok(())
    }

    /// The request `unlock`: a passphrase, on the administrators' socket alone, one at a time because each takes memory.
    pub(super) async fn unlock_called(&self, wanted: &Unlock) -> Result<Done, Refusal> {
        if !self.is_sealed() {
            return Ok(Done::nothing());
        }
        let _turn = self.0.unlocking.lock().await;
        let (service, passphrase) = (self.clone(), wanted.passphrase.expose().to_owned());
        let passphrase = zeroize::Zeroizing::new(passphrase);
        super::blocking(move || match service.unlock(&Opener::Passphrase(&passphrase)) {
            Ok(()) | Err(UnlockError::Already) => Ok(Done::nothing()),
            Err(UnlockError::Slot(error)) => Err(Refusal::invalid(error.to_string())),
            Err(UnlockError::Open(error)) => {
                tracing::error!(%error, "the store does not open; start the service again");
                Err(Refusal::failed(error.to_string()))
            }
        })
        .await
    }

    /// The last record, and a checkpoint over it. Blocks.
    pub fn stopped(&self) {
        let Some(opened) = self.0.opened.get() else {
            return;
        };
        let ended = opened
            .event(Event::Stop, |_| {})
            .and_then(|_| opened.log.checkpoint());
        if let Err(error) = ended {
            tracing::error!(%error, "the audit log takes no record");
        }
    }

    pub(super) fn opened(&self) -> Option<&Arc<Opened>> {
        self.0.opened.get()
    }
}

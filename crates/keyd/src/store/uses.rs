//! Counted uses (KEY-007): a block is on disk before a use of it is granted, and one reservation per version is under way at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crannog_keyd_keys::{Counter, Key, KeyError, KeyId, KeyName, Taken, Uses};
use tokio::sync::OwnedMutexGuard;

use super::Store;
use super::error::StoreError;

/// The counter of every version that was used since the start.
#[derive(Default)]
pub(super) struct Counters {
    used: Mutex<HashMap<(KeyId, u32), Arc<Counted>>>,
    listener: OnceLock<Box<dyn ReservationListener>>,
}

/// Is told each block of uses that is now on disk, before a use of it is granted. Does not wait for anything.
pub trait ReservationListener: Send + Sync {
    /// `key` is the state that says so.
    fn reserved(&self, key: &Key, version: u32);
}

struct Counted {
    name: KeyName,
    version: u32,
    counter: Counter,
    /// Held by whoever reserves.
    reserving: Arc<tokio::sync::Mutex<()>>,
}

impl Store {
    /// A right to `n` encryptions with a version whose uses are counted, all or none. Waits for a reservation when the last one is
    /// used up, at most as long as for any change of a key. What is granted counts as used, whether or not it is spent.
    pub async fn take_uses(&self, key: &Key, version: u32, n: u64) -> Result<Uses, StoreError> {
        let counted = self.counted(key, version)?;
        let uses = match counted.counter.take(n) {
            Taken::Granted(uses) => uses,
            Taken::Exhausted => return Err(KeyError::UsesExhausted.into()),
            Taken::Reserve { .. } => {
                let mut turn = counted.reserving.clone().lock_owned().await;
                loop {
                    // Whoever had the turn before may have reserved enough, and others take of what is reserved now.
                    match counted.counter.take(n) {
                        Taken::Granted(uses) => break uses,
                        Taken::Exhausted => return Err(KeyError::UsesExhausted.into()),
                        Taken::Reserve { up_to } => turn = self.reserve(&counted, up_to, turn).await?,
                    }
                }
            }
        };
        self.reserve_ahead(&counted);
        Ok(uses)
    }

    /// Who is told of reservations; the first one that is set stays.
    pub fn on_reserved(&self, listener: Box<dyn ReservationListener>) {
        let _ = self.counters.listener.set(listener);
    }

    /// The counter begins at what the store's own key says, not the caller's, which may be an older state.
    fn counted(&self, key: &Key, version: u32) -> Result<Arc<Counted>, StoreError> {
        let mut counters = self.counters.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = counters.get(&(key.id(), version)) {
            return Ok(counted.clone());
        }
        let current = self.shared.get(key.name())?;
        if current.id() != key.id() {
            return Err(StoreError::NoKey);
        }
        let counted = Arc::new(Counted {
            name: key.name().clone(),
            version,
            counter: Counter::resume(&current, version).ok_or(KeyError::NoVersion)?,
            reserving: Arc::default(),
        });
        counters.insert((key.id(), version), counted.clone());
        Ok(counted)
    }

    /// The next block, in the background, when half of one is used.
    fn reserve_ahead(&self, counted: &Arc<Counted>) {
        if let Ok(turn) = counted.reserving.clone().try_lock_owned()
            && let Some(up_to) = counted.counter.ahead()
        {
            let (store, counted) = (self.clone(), counted.clone());
            tokio::spawn(async move {
                if let Err(error) = store.reserve(&counted, up_to, turn).await {
                    tracing::warn!(%error, "uses cannot be reserved ahead");
                }
            });
        }
    }

    /// Goes on to its end when the caller goes away: what is on disk is then granted too.
    async fn reserve(
        &self,
        counted: &Arc<Counted>,
        up_to: u64,
        turn: OwnedMutexGuard<()>,
    ) -> Result<OwnedMutexGuard<()>, StoreError> {
        let (counted, counters) = (counted.clone(), self.counters.clone());
        self.write(move |writer, shared| {
            let current = shared.get(&counted.name)?;
            let reserved = current.reserved(counted.version).ok_or(KeyError::NoVersion)?;
            let committed = if reserved < up_to {
                let committed = writer.commit(shared, current.reserve(counted.version, up_to)?)?;
                if let Some(listener) = counters.listener.get() {
                    listener.reserved(&committed, counted.version);
                }
                committed
            } else {
                current
            };
            counted.counter.extend(&committed);
            Ok(turn)
        })
        .await
    }
}

//! Sessions lately seen, so that a request rarely asks the database who calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crannog_proto::{ErrorCode, Hash};
use tokio::sync::Semaphore;

use crate::clock::Hour;
use crate::config::Limits;
use crate::error::ApiError;
use crate::limiter::Buckets;
use crate::store::{AccountKey, Store};

/// For so long another node's change may go unnoticed.
const REMEMBERED: Duration = Duration::from_secs(30);
const MOST: usize = 65_536;

/// Who calls.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) account: AccountKey,
    pub(super) root: bool,
    pub(super) expires: Hour,
    pub(super) uploads: Arc<Semaphore>,
    seen: Instant,
}

#[derive(Debug)]
pub(super) struct Sessions {
    live: Mutex<HashMap<Hash, Live>>,
    rate: Buckets<Hash>,
    uploads: usize,
}

impl Sessions {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            live: Mutex::default(),
            rate: Buckets::new(limits.requests_per_second, 1.0),
            uploads: limits.uploads_per_session,
        }
    }

    pub(super) fn clear(&self) {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) async fn find(&self, store: &dyn Store, hash: Hash) -> Result<Live, ApiError> {
        let now = Instant::now();
        let known = self
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&hash)
            .cloned();
        let live = match known {
            Some(live) if now.saturating_duration_since(live.seen) < REMEMBERED => live,
            known => {
                let row = store.session(hash).await?.ok_or(ErrorCode::Unauthorized)?;
                if row.suspended {
                    return Err(ErrorCode::Suspended.into());
                }
                let uploads =
                    known.map_or_else(|| Arc::new(Semaphore::new(self.uploads)), |live| live.uploads);
                let live = Live {
                    account: row.account,
                    root: row.root,
                    expires: row.expires,
                    uploads,
                    seen: now,
                };
                let mut all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
                if all.len() >= MOST {
                    all.retain(|_, live| now.saturating_duration_since(live.seen) < REMEMBERED);
                }
                all.insert(hash, live.clone());
                live
            }
        };
        if live.expires <= Hour::now() {
            return Err(ErrorCode::Unauthorized.into());
        }
        self.rate
            .take(hash, now)
            .map_err(|seconds| ApiError::Slow { seconds })?;
        Ok(live)
    }
}

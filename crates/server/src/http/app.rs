//! What every request can reach.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crannog_proto::limits;
use tokio::sync::Semaphore;

use super::access::Grants;
use super::sessions::Sessions;
use crate::bell::Bell;
use crate::blobs::{BlobDir, Syncer};
use crate::ca::Identity;
use crate::config::Config;
use crate::limiter::Buckets;
use crate::metrics::Metrics;
use crate::store::{AccountKey, Store};

/// The address at the other end; never logged, never stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) identity: Arc<Identity>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Arc<BlobDir>,
    pub(crate) syncer: Arc<Syncer>,
    pub(crate) bell: Bell,
    pub(crate) metrics: Arc<Metrics>,
    pub(super) sessions: Sessions,
    pub(super) grants: Grants,
    pub(super) logins: Buckets<IpAddr>,
    /// What each account may drop into inboxes; never stored.
    pub(super) drops: Buckets<AccountKey>,
    pub(super) uploads: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(
        config: Config,
        identity: Arc<Identity>,
        store: Arc<dyn Store>,
        blobs: Arc<BlobDir>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            identity,
            store,
            syncer: Arc::new(Syncer::new(Arc::clone(&blobs), Arc::clone(&metrics))),
            blobs,
            bell: Bell::default(),
            metrics,
            sessions: Sessions::new(&config.limits),
            grants: Grants::default(),
            logins: Buckets::new(config.limits.logins_per_minute, 60.0),
            drops: Buckets::new(limits::DROPS_PER_HOUR, 3600.0),
            uploads: Arc::new(Semaphore::new(config.limits.uploads)),
            config,
        }
    }

    /// Forgets what is remembered of sessions and grants, after the operator changed something.
    pub(crate) fn forget_sessions(&self) {
        self.sessions.clear();
    }

    pub(super) fn idle(&self) -> Duration {
        Duration::from_secs(self.config.limits.idle_seconds)
    }
}

//! The way to the server and back: TLS to the one pinned server, HTTP/1.1, the API's calls, the bell.
//!
//! ```text
//!  calls, {journal,blob,inbox}_calls  one method per row of docs/spec/api.md, its answer's shape checked
//!      └ session                      login by signature, once more when it ended
//!          └ exchange, refusal        one request, one bounded answer (CHK-024, CHK-028)
//!              └ pace, paced      how fast blobs go, and how many at once
//!              └ pool                 kept-alive connections
//!                  └ tls              TLS 1.3, X25519MLKEM768, the pinned CA (CHK-020)
//!                      └ progress, dial   TCP, and how long it has been silent
//!  bell                               a WebSocket over the same TLS
//!  retry                              again, later, when nobody lied
//! ```
//!
//! Every call is idempotent, so a broken line costs a repetition and nothing else. What comes back is decoded strictly
//! and bounded; whether it is *true* (heads, signatures, receipts, sigchains) is for `crannog-core` to say. No token
//! stands in an error, a log line or a `Debug`.

mod bell;
mod blob_calls;
mod calls;
mod dial;
mod error;
mod exchange;
mod heal_calls;
mod inbox_calls;
mod journal_calls;
mod pace;
mod paced;
mod pool;
mod progress;
mod proof;
mod refusal;
mod retry;
mod server;
mod session;
mod tls;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crannog_agent_api::Limits;
use crannog_core::check::Check;
use crannog_proto::sign::{Signature, VerifyingKey};
use crannog_proto::{Fingerprint, ServerUrl, decode};

pub use bell::Bell;
pub use dial::{Dial, Dialing, Line};
pub use error::{Evidence, Obstacle, TransportError};
pub(crate) use pace::{AT_ONCE, Limit};
pub use proof::{NotCertified, ServerProof, receipt_key_certified};
pub use retry::{Policy, retry};
pub use server::VerifiedServer;
pub use session::{GrantKey, LoginKey};

use dial::Tcp;
use exchange::{Answer, Call, exchange};
use pace::Pace;
use pool::Pool;
use session::Account;
use tls::Pin;

/// Connections to one server, and at most one session on it. Clones share both.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
    /// What blobs keep to.
    pace: Pace,
}

struct Shared {
    pin: Arc<Pin>,
    host: String,
    pool: Arc<Pool>,
    /// With the CA's signature over it.
    receipt_key: OnceLock<(VerifyingKey, Signature)>,
    account: Mutex<Option<Arc<Account>>>,
    /// For all together.
    limit: Arc<Limit>,
}

impl Transport {
    /// A transport to this server. Nothing is sent before the first call. Errors only where TLS cannot be set up at all.
    pub fn connect(url: ServerUrl) -> Result<Self, TransportError> {
        Self::over(url.fingerprint, Box::new(Tcp { address: url.address }))
    }

    /// The same over other lines than TCP: fault injection, simulation. All checks stay.
    pub fn over(fingerprint: Fingerprint, dial: Box<dyn Dial>) -> Result<Self, TransportError> {
        let pin =
            Pin::new(fingerprint).map_err(|_| TransportError::Misuse("the server's name is no DNS name"))?;
        let pool = Pool::new(pin.clone(), dial)
            .map_err(|_| TransportError::Misuse("the TLS library was built without TLS 1.3"))?;
        let host = fingerprint.dns_name();
        let limit = Arc::<Limit>::default();
        Ok(Self {
            pace: Pace::of(Arc::clone(&limit)),
            shared: Arc::new(Shared {
                pin,
                host,
                pool,
                receipt_key: OnceLock::new(),
                account: Mutex::default(),
                limit,
            }),
        })
    }

    /// All blobs together keep to this from now on.
    pub(crate) fn set_limits(&self, limits: &Limits) {
        self.shared.limit.set(limits);
    }

    /// The same, whose blobs keep to a limit of their own too.
    pub(crate) fn within(&self, own: Arc<Limit>) -> Self {
        Self {
            pace: self.pace.within(own),
            ..self.clone()
        }
    }

    /// Which account to log in to, and how, when a call needs it. Ends the session of the last one.
    pub fn set_login(&self, name: impl Into<String>, key: Arc<dyn LoginKey>) {
        *self.account_slot() = Some(Arc::new(Account::new(name.into(), key)));
    }

    /// Forgets key and session, as when the agent locks itself.
    pub fn forget_login(&self) {
        *self.account_slot() = None;
    }

    /// The fingerprint that the server must show.
    pub fn pinned(&self) -> &Fingerprint {
        self.shared.pin.fingerprint()
    }

    fn account_in_use(&self) -> Result<Arc<Account>, TransportError> {
        self.account_slot().clone().ok_or(TransportError::NotLoggedIn)
    }

    fn account_slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<Account>>> {
        self.shared.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Performs a call that needs no session, or already has it.
    async fn exchange(&self, call: &Call) -> Result<Answer, TransportError> {
        exchange(&self.shared.pool, &self.shared.host, call).await
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("pinned", self.pinned())
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// CHK-029: the whole answer is one value.
    fn decode<T: borsh::BorshDeserialize>(&self, call: &Call) -> Result<T, TransportError> {
        decode(&self.bytes)
            .map_err(|_| TransportError::misbehaved(Check::Decode, call.object(), self.bytes.as_ref()))
    }

    /// The same where the answer holds a secret: it is not kept as evidence.
    fn decode_secret<T: borsh::BorshDeserialize>(&self, call: &Call) -> Result<T, TransportError> {
        decode(&self.bytes).map_err(|_| TransportError::misbehaved(Check::Decode, call.object(), []))
    }
}

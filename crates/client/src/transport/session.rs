//! Login by signature, and the session that comes of it: one at a time, renewed when it ends.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crannog_proto::api::{
    Challenge, ChallengeRequest, Login, Principal, Session, login_statement, write_grant_statement,
};
use crannog_proto::sign::Signature;
use crannog_proto::{ErrorCode, JournalId, encode, labels};
use data_encoding::HEXLOWER;
use http::header::AUTHORIZATION;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;
use zeroize::{Zeroize, Zeroizing};

use super::Transport;
use super::error::TransportError;
use super::exchange::{Answer, Call};

/// Largest answer of the login rows.
const ANSWER_MAX: usize = 256;
/// Sessions tried for one call: a server that restarts again between login and call has forgotten the first.
const LOGINS: usize = 3;

/// Who logs in, and signs for it. A device, or the root of the recovery words.
pub trait LoginKey: Send + Sync {
    /// Who.
    fn principal(&self) -> Principal;

    /// `Sign(device or root key, label, statement)`.
    fn sign_login(&self, label: &'static str, statement: &[u8]) -> Signature;
}

/// A journal's write key of one epoch.
pub trait GrantKey: Send + Sync {
    /// Its epoch.
    fn epoch(&self) -> u64;

    /// `Sign(write key, label, statement)`.
    fn sign_grant(&self, label: &'static str, statement: &[u8]) -> Signature;
}

/// An account that this transport logs in to, and its session while there is one.
pub(super) struct Account {
    name: String,
    key: Arc<dyn LoginKey>,
    live: AsyncMutex<Option<Arc<Live>>>,
}

/// A session; what is bound to it dies with it.
pub(super) struct Live {
    token: Zeroizing<[u8; 32]>,
    renew_at: Instant,
    grants: Mutex<HashMap<(JournalId, u64), Signature>>,
}

impl Account {
    pub(super) fn new(name: String, key: Arc<dyn LoginKey>) -> Self {
        Self {
            name,
            key,
            live: AsyncMutex::default(),
        }
    }

    /// The session, after a login if there is none. Who comes meanwhile waits for that one login.
    pub(super) async fn live(&self, transport: &Transport) -> Result<Arc<Live>, TransportError> {
        let mut live = self.live.lock().await;
        if let Some(live) = live.as_ref().filter(|live| Instant::now() < live.renew_at) {
            return Ok(live.clone());
        }
        *live = None;
        let fresh = Arc::new(self.log_in(transport).await?);
        *live = Some(fresh.clone());
        Ok(fresh)
    }

    /// The server no longer knows this session; another that came since stays.
    pub(super) async fn ended(&self, old: &Arc<Live>) {
        let mut live = self.live.lock().await;
        if live.as_ref().is_some_and(|live| Arc::ptr_eq(live, old)) {
            *live = None;
        }
    }

    /// Answers a challenge of the server.
    async fn prove(&self, transport: &Transport) -> Result<Login, TransportError> {
        let name = self.name.clone();
        let call = Call::post(
            "/v1/login/challenge",
            encode(&ChallengeRequest { name: name.clone() }),
            ANSWER_MAX,
        );
        let Challenge { challenge } = transport.exchange(&call).await?.decode(&call)?;
        let statement = login_statement(transport.pinned(), &challenge, &name);
        let signature = self.key.sign_login(labels::LOGIN, &statement);
        Ok(Login {
            name,
            principal: self.key.principal(),
            challenge,
            signature,
        })
    }

    async fn log_in(&self, transport: &Transport) -> Result<Live, TransportError> {
        let asked_at = Instant::now();
        let login = self.prove(transport).await?;
        let call = Call::post("/v1/login", encode(&login), ANSWER_MAX);
        let answer = transport.exchange(&call).await.map_err(not_known)?;
        let mut session: Session = answer.decode_secret(&call)?;
        let token = Zeroizing::new(session.token);
        session.token.zeroize();
        // An eighth early, so that no upload finds out at its end.
        let lifetime = Duration::from_secs(session.expires_in.into());
        Ok(Live {
            token,
            renew_at: asked_at + lifetime - lifetime / 8,
            grants: Mutex::default(),
        })
    }
}

impl Live {
    /// The value of `authorization`.
    pub(super) fn bearer(&self) -> Zeroizing<String> {
        let hex = Zeroizing::new(HEXLOWER.encode(&*self.token));
        Zeroizing::new(format!("Bearer {}", hex.as_str()))
    }

    /// The value of `crannog-write`: signed once per journal, epoch and session.
    pub(super) fn grant(&self, journal: &JournalId, key: &dyn GrantKey) -> Zeroizing<String> {
        let epoch = key.epoch();
        let mut grants = self.grants();
        let signature = grants
            .entry((*journal, epoch))
            .or_insert_with(|| self.sign(journal, key));
        written(epoch, signature)
    }

    /// The same by another key than those with which blobs are put: not kept.
    pub(super) fn grant_once(&self, journal: &JournalId, key: &dyn GrantKey) -> Zeroizing<String> {
        written(key.epoch(), &self.sign(journal, key))
    }

    fn sign(&self, journal: &JournalId, key: &dyn GrantKey) -> Signature {
        let statement = write_grant_statement(journal, key.epoch(), &self.token);
        key.sign_grant(labels::WRITE_GRANT, &statement)
    }

    fn grants(&self) -> MutexGuard<'_, HashMap<(JournalId, u64), Signature>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn written(epoch: u64, signature: &Signature) -> Zeroizing<String> {
    Zeroizing::new(format!("{epoch}:{}", HEXLOWER.encode(&signature.0)))
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Live")
    }
}

impl Transport {
    /// A login, for a call that carries it instead of a session.
    pub(super) async fn login(&self) -> Result<Login, TransportError> {
        self.account_in_use()?.prove(self).await
    }

    /// Performs a call with the session, again after a new login if the session had ended.
    pub(super) async fn with_session(
        &self,
        make: impl Fn(&Live) -> Call + Send,
    ) -> Result<Answer, TransportError> {
        let account = self.account_in_use()?;
        for _ in 1..LOGINS {
            let live = account.live(self).await?;
            match self.exchange(&authorized(&make, &live)).await {
                Err(error) if error.code() == Some(ErrorCode::Unauthorized) => {
                    account.ended(&live).await;
                }
                result => return result,
            }
        }
        let live = account.live(self).await?;
        self.exchange(&authorized(&make, &live)).await
    }

    /// The server did not accept this grant; the next one is signed anew.
    pub(super) async fn forget_grant(&self, journal: &JournalId, epoch: u64) {
        let Ok(account) = self.account_in_use() else {
            return;
        };
        if let Some(live) = account.live.lock().await.as_ref() {
            live.grants().remove(&(*journal, epoch));
        }
    }
}

/// The server finds no key of the chain's devices under the signature: this one was revoked.
fn not_known(error: TransportError) -> TransportError {
    match error {
        TransportError::Server {
            code: ErrorCode::BadSignature,
            ids,
            retry_after,
        } => TransportError::Server {
            code: ErrorCode::Unauthorized,
            ids,
            retry_after,
        },
        other => other,
    }
}

fn authorized(make: &impl Fn(&Live) -> Call, live: &Live) -> Call {
    make(live).secret(AUTHORIZATION, &live.bearer())
}

//! The one door to the keys: whoever speaks, by whatever interface, what is asked is judged, done and recorded here.
//!
//! ```text
//!  Caller, Call ─► limits ─► rights ─► policy ─► begin record ─► work ─► record ─► Reply or Refusal
//!                   429      table      403       of changes     keys    of all
//! ```
//! Nothing is answered whose record the kernel does not have; what changes something is answered only when its record is on disk and the
//! anchor counts it.

mod background;
mod caller;
mod carry;
mod chance;
mod crypt;
mod describe;
mod entry;
mod items;
mod keys;
mod limits;
mod opened;
mod own;
mod policies;
mod refusal;
mod rights;
mod settings;
mod sign;
mod system;
mod tokens;
mod unlocking;
mod work;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use crannog_keyd_audit::{Detail, Event, Fullness, LogError, Outcome};
use crannog_keyd_client::{Answer, Call, Refusal, Reply};
use crannog_keyd_keys::{KeyName, StoreId};
use crannog_keyd_os::{Measures, UserId};
use data_encoding::HEXLOWER;
use rand::Rng;
use tokio::sync::watch;

pub use self::caller::{Caller, Share};
pub use self::opened::OpenError;
pub use self::policies::read_policy;
pub use self::settings::Settings;
pub use self::unlocking::UnlockError;

use self::entry::{Entry, outcome};
use self::limits::{Notices, Rate, Slow};
use self::opened::Opened;
use self::policies::{Current, Policies};
use self::rights::{Right, changes, goes_on, key_name};
use self::tokens::Token;
use self::work::{Done, Work};
use crate::policy::{LoadError, Loaded, Names};
use crate::store::{StateDir, StoreError};

/// Refused requests of one subject a second that are recorded one by one; more get 429, and are counted.
const REFUSALS: u32 = 10;

/// The service. Clones are the same one.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    settings: Settings,
    names: Box<dyn Names + Send + Sync>,
    user: UserId,
    measures: Measures,
    store: StoreId,
    policies: Policies,
    opened: OnceLock<Arc<Opened>>,
    /// The state directory as long as the store is locked.
    locked: Mutex<Option<StateDir>>,
    unlocking: tokio::sync::Mutex<()>,
    rate: Rate,
    /// Of requests that are refused, so that who may nothing does not fill the log.
    refusals: Rate,
    slow: Slow,
    notices: Notices,
    reloading: Mutex<()>,
    connections: AtomicUsize,
    dropping: watch::Sender<u64>,
}

/// Why a policy was not loaded; the one before goes on to count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The file is not taken.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The audit log takes no record of it.
    #[error("the audit log cannot be written: {0}")]
    Log(#[from] LogError),
}

/// What a service is made of.
pub struct Parts {
    /// From the configuration.
    pub settings: Settings,
    /// The policy that counts first.
    pub policy: Loaded,
    /// The directory of users.
    pub names: Box<dyn Names + Send + Sync>,
    /// The user that the process runs as.
    pub user: UserId,
    /// How the process is shut in.
    pub measures: Measures,
    /// The store, locked.
    pub state: StateDir,
}

impl Service {
    /// A service whose store is locked.
    pub fn new(parts: Parts) -> Result<Self, StoreError> {
        let limits = parts.settings.limits();
        let (rate, slow) = (Rate::new(limits.rate), Slow::new(limits.slow));
        Ok(Self(Arc::new(Inner {
            rate,
            slow,
            store: parts.state.unlock_file()?.store(),
            settings: parts.settings,
            names: parts.names,
            user: parts.user,
            measures: parts.measures,
            policies: Policies::new(parts.policy),
            opened: OnceLock::new(),
            locked: Mutex::new(Some(parts.state)),
            unlocking: tokio::sync::Mutex::default(),
            refusals: Rate::new(REFUSALS),
            notices: Notices::default(),
            reloading: Mutex::default(),
            connections: AtomicUsize::new(0),
            dropping: watch::Sender::new(0),
        })))
    }

    /// What it was told about itself.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The directory of users.
    pub fn names(&self) -> &(dyn Names + Send + Sync) {
        &*self.0.names
    }

    /// The user that it runs as.
    pub fn user(&self) -> UserId {
        self.0.user
    }

    /// Whether the store is locked.
    pub fn is_sealed(&self) -> bool {
        self.0.opened.get().is_none()
    }

    /// Runs `with` on the policy that counts now, and gives the number of its load: a connection that was judged by an earlier one ends
    /// after its next answer.
    pub fn with_policy<T>(&self, with: impl FnOnce(&crate::policy::Policy) -> T) -> (T, u64) {
        let current = self.0.policies.current();
        (with(&current.policy), current.round)
    }

    /// How many connections there are, for [`Call::Status`].
    pub fn connections(&self) -> &AtomicUsize {
        &self.0.connections
    }

    /// Whether a call changes what is kept: it is not to be broken off.
    pub fn changes(&self, call: &Call) -> bool {
        changes(call) || (self.0.settings.upsert && matches!(call, Call::Encrypt(..)))
    }

    /// Has all connections dropped.
    pub fn drop_connections(&self) {
        self.0.dropping.send_modify(|round| *round += 1);
    }

    /// Changes when all connections are to be dropped.
    pub fn dropping(&self) -> watch::Receiver<u64> {
        self.0.dropping.subscribe()
    }

    /// Judges, does and records one request. `token` is what a client of the TLS process sent; others' is not looked at.
    pub async fn call(&self, caller: &Caller, token: Option<&str>, call: Call) -> Result<Reply, Refusal> {
        let request = new_request();
        let right = Right::of(&call);
        if right == Right::Pulse {
            return self.pulse(&call).map(|done| reply(done, request));
        }
        if let Err(wait) = self.0.rate.take(caller.share(), Instant::now()) {
            self.turned_away(caller, "rate");
            return Err(Refusal::too_many(wait));
        }
        if let Call::Unlock(unlock) = &call
            && caller.facts.is_admin()
        {
            let done = self.unlock_called(unlock).await?;
            return Ok(reply(done, request));
        }
        let Some(opened) = self.0.opened.get() else {
            return match call {
                Call::Unseal => Ok(reply(system::seal_status(self.0.store, true), request)),
                _ => Err(Refusal::sealed()),
            };
        };
        let (op, key, target) = right.words();
        let mut entry = Entry {
            op,
            key: key.cloned(),
            target: target.cloned(),
            ..Entry::default()
        };
        let changes = changes(&call);
        let follows = match &call {
            Call::AuditRecords(wanted) => wanted.wait.is_some() && caller.follows_already(),
            _ => false,
        };
        let changes = changes || self.makes(&call, opened);
        let current = self.0.policies.current();
        let token = self.token(opened, caller, token);
        let judged = self.judge(&current, caller, &right, token, &mut entry);
        let judged = judged.and_then(|token| self.room(opened, &call).map(|()| token));
        let result = match judged {
            Err(refusal) => {
                self.refuse_again(opened, caller)?;
                Err(refusal)
            }
            Ok(token) => {
                if changes {
                    self.begin(opened, caller, &entry, &request).await?;
                }
                self.perform(opened, &current, caller, token, call, &mut entry)
                    .await
            }
        };
        let (refusal, status) = match &result {
            Ok(done) => (None, done.status),
            Err(refusal) => (Some(refusal), refusal.status),
        };
        // Who follows the log would otherwise follow herself.
        if !follows || refusal.is_some() {
            let ended = outcome(refusal, status);
            self.record(opened, caller, &entry, &request, ended, changes)
                .await?;
        }
        result.map(|done| reply(done, request))
    }

    /// Records a request that was not understood, and gives what is answered. Nothing else is to be done with it.
    pub fn misunderstood(&self, caller: &Caller, refusal: Refusal) -> Refusal {
        let Some(opened) = self.0.opened.get().filter(|_| refusal.status != 404) else {
            return refusal;
        };
        if let Err(instead) = self.refuse_again(opened, caller) {
            return instead;
        }
        let (entry, request) = (Entry::default(), new_request());
        let ended = Some((Outcome::Error, refusal.status));
        let record = entry.record(Event::Request, caller, &request, ended);
        match opened.log.append(&record) {
            Ok(_) => refusal,
            Err(error) => refusal::of_log(&error),
        }
    }

    /// Whether one more refusal of this subject gets a record of its own: not too many a second, and none in a log that is nearly full.
    fn refuse_again(&self, opened: &Opened, caller: &Caller) -> Result<(), Refusal> {
        if opened.log.fullness() != Fullness::Room && !self.drops_oldest() {
            return Err(refusal::of_log(&LogError::Full));
        }
        let taken = self.0.refusals.take(caller.share(), Instant::now());
        taken.map_err(|wait| {
            self.turned_away(caller, "refusals");
            Refusal::too_many(wait)
        })
    }

    fn drops_oldest(&self) -> bool {
        self.0.settings.audit.when_full == crate::config::WhenFull::DropOldest
    }

    /// Whether `encrypt` would make its key.
    fn makes(&self, call: &Call, opened: &Opened) -> bool {
        let Call::Encrypt(name, ..) = call else {
            return false;
        };
        let missing = |name| matches!(opened.store.get(&name), Err(StoreError::NoKey));
        self.0.settings.upsert && key_name(name).is_some_and(missing)
    }

    /// Records a connection, or a request, that was turned away before it was looked at: once a second for each subject.
    pub fn turned_away(&self, caller: &Caller, why: &'static str) {
        let Some(count) = self.0.notices.due(caller.share(), Instant::now()) else {
            return;
        };
        if let Some(opened) = self.0.opened.get() {
            let entry = Entry {
                detail: Some(Detail::default().number("count", count).text("why", why)),
                ..Entry::default()
            };
            let request = new_request();
            let record = entry.record(Event::ConnectionRefused, caller, &request, None);
            if let Err(error) = opened.log.append(&record) {
                tracing::error!(%error, "the audit log takes no record");
            }
        }
    }

    /// Loads the policy file again, one load after another. The new one counts from the next request on, and not before its record is on
    /// disk; an invalid one changes nothing. Blocks.
    pub fn reload(&self) -> Result<u64, ReloadError> {
        let _turn = self.0.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = read_policy(&self.0.settings.policy, self.0.user, self.names());
        let loaded = loaded.inspect_err(|error| {
            tracing::error!(%error, "the policy is not taken; the one before goes on to count");
            if let Some(opened) = self.0.opened.get() {
                let detail = Detail::default().text("error", error.to_string());
                let noted = opened.event(Event::PolicyRefused, |record| record.detail = Some(detail));
                if let Err(error) = noted {
                    tracing::error!(%error, "the audit log takes no record");
                }
            }
        })?;
        for warning in &loaded.warnings {
            tracing::warn!(%warning, "the policy");
        }
        let rules = loaded.policy.len() as u64;
        if let Some(opened) = self.0.opened.get() {
            self.note_policy(opened, &loaded.sha256).inspect_err(|error| {
                tracing::error!(%error, "the policy is not taken: the audit log takes no record of it");
            })?;
        }
        self.0.policies.replace(loaded);
        tracing::info!(rules, "the policy was loaded");
        Ok(rules)
    }

    /// On disk when it returns. Blocks.
    fn note_policy(&self, opened: &Opened, sha256: &[u8; 32]) -> Result<(), LogError> {
        let written = opened.event(Event::PolicyLoaded, |record| {
            record.detail = Some(Detail::default().text("sha256", HEXLOWER.encode(sha256)));
        })?;
        tokio::runtime::Handle::current().block_on(opened.log.synced(written))
    }

    fn pulse(&self, call: &Call) -> Result<Done, Refusal> {
        let (store, sealed) = (self.0.store, self.is_sealed());
        match call {
            Call::Health(health) => Ok(system::health(health, store, sealed)),
            Call::SealStatus => Ok(system::seal_status(store, sealed)),
            Call::Leader => Ok(system::leader()),
            _ => Ok(system::init()),
        }
    }

    /// KEY-012: `None` where no token is asked about, an error where one was brought that does not count.
    fn token<'t>(
        &self,
        opened: &Opened,
        caller: &Caller,
        text: Option<&'t str>,
    ) -> Result<Option<(&'t str, Token)>, Refusal> {
        let (Some(certificate), Some(text)) =
            (caller.facts.certificate(), text.filter(|text| !text.is_empty()))
        else {
            return Ok(None);
        };
        match opened.tokens.judge(text, certificate, system::seconds()) {
            Ok(token) => Ok(Some((text, token))),
            Err(error) => {
                tracing::debug!(%error, "a token was refused");
                Err(Refusal::denied())
            }
        }
    }

    /// Default deny (KEY-010); told before it is known whether the key exists.
    fn judge<'t>(
        &self,
        current: &Current,
        caller: &Caller,
        right: &Right,
        token: Result<Option<(&'t str, Token)>, Refusal>,
        entry: &mut Entry,
    ) -> Result<Option<(&'t str, Token)>, Refusal> {
        let token = token?;
        let (policy, facts) = (&current.policy, &caller.facts);
        let mut decide = |op, key| {
            let decision = policy.decide(facts, op, key);
            entry.rule = decision.rule().map(str::to_owned);
            decision.allowed()
        };
        let allowed = match right {
            Right::Key(op, key) => decide(*op, Some(key)),
            Right::Both((from, source), (to, target)) => {
                decide(*from, Some(source)) && decide(*to, Some(target))
            }
            Right::Plain(op) => decide(*op, None),
            Right::Somewhere(op) => policy.allows_somewhere(facts, *op),
            Right::Anyone | Right::Pulse => true,
            Right::Admin => facts.is_admin(),
        };
        if allowed {
            Ok(token)
        } else {
            Err(Refusal::denied())
        }
    }

    /// A log that is nearly full lets only that go on by which people get at what is theirs.
    fn room(&self, opened: &Opened, call: &Call) -> Result<(), Refusal> {
        match opened.log.fullness() {
            Fullness::Low if !self.drops_oldest() && !goes_on(call) => Err(refusal::of_log(&LogError::Full)),
            _ => Ok(()),
        }
    }

    /// Before anything changes: what is about to be done, on disk.
    async fn begin(
        &self,
        opened: &Opened,
        caller: &Caller,
        entry: &Entry,
        request: &str,
    ) -> Result<(), Refusal> {
        let record = entry.record(Event::Begin, caller, request, None);
        let written = opened.log.append(&record);
        let written = written.map_err(|error| refusal::of_log(&error))?;
        let synced = opened.log.synced(written).await;
        synced.map_err(|error| refusal::of_log(&error))
    }

    async fn record(
        &self,
        opened: &Opened,
        caller: &Caller,
        entry: &Entry,
        request: &str,
        ended: (Outcome, u16),
        changes: bool,
    ) -> Result<(), Refusal> {
        let record = entry.record(Event::Request, caller, request, Some(ended));
        let written = opened.log.append(&record);
        let written = written.map_err(|error| refusal::of_log(&error))?;
        if changes {
            let anchored = opened.log.anchored(written).await;
            anchored.map_err(|error| refusal::of_log(&error))?;
        }
        Ok(())
    }

    async fn perform(
        &self,
        opened: &Arc<Opened>,
        current: &Arc<Current>,
        caller: &Caller,
        token: Option<(&str, Token)>,
        call: Call,
        entry: &mut Entry,
    ) -> Result<Done, Refusal> {
        let inner = &*self.0;
        let settings = &inner.settings;
        let token = token.as_ref().map(|(text, token)| (*text, token));
        let facts = &caller.facts;
        let mut work = Work {
            opened,
            settings,
            caller,
            entry,
            slow: &inner.slow,
        };
        let no_key = refusal::no_key;
        match call {
            Call::CreateKey(name, wanted) => work.create(own_name(&name)?, wanted).await,
            Call::ReadKey(name, how) => {
                let key = work.key(&name, Refusal::not_found)?;
                work.read(&key, &how)
            }
            Call::ListKeys => work.list(&current.policy),
            Call::DeleteKey(name) => work.delete(&own_name(&name)?).await,
            Call::ConfigKey(name, wanted) => work.configure(&own_name(&name)?, wanted).await,
            Call::RotateKey(name) => work.rotate(&own_name(&name)?).await,
            Call::TrimKey(name, wanted) => work.trim(&own_name(&name)?, &wanted).await,
            Call::Encrypt(name, upsert, crypt) => {
                let key = match work.key(&name, no_key) {
                    Err(_) if settings.upsert && work.is_missing(&name) => {
                        let name = own_name(&name)?;
                        let create = current
                            .policy
                            .decide(facts, crate::policy::Op::Create, Some(&name));
                        if !create.allowed() {
                            return Err(no_key());
                        }
                        work.upserted(name, &upsert).await?
                    }
                    found => found?,
                };
                work.encrypt(key, crypt).await
            }
            Call::Decrypt(name, crypt) => {
                let key = work.key(&name, no_key)?;
                work.decrypt(key, crypt).await
            }
            Call::Rewrap(name, crypt) => {
                let key = work.key(&name, no_key)?;
                work.rewrap(key, crypt).await
            }
            Call::Translate {
                source,
                target,
                items,
            } => {
                let to = work.key(&target, no_key)?;
                let from = work.key(&source, no_key)?;
                work.translate(from, to, items).await
            }
            Call::DataKeyPlaintext(name, wanted) => {
                let key = work.key(&name, no_key)?;
                work.data_key(key, wanted, true).await
            }
            Call::DataKeyWrapped(name, wanted) => {
                let key = work.key(&name, no_key)?;
                work.data_key(key, wanted, false).await
            }
            Call::Sign(name, sign) => {
                let key = work.key(&name, || Refusal::invalid("signing key not found"))?;
                work.sign(key, sign).await
            }
            Call::Verify(name, verify) => {
                let key = work.key(&name, || Refusal::invalid("signature verification key not found"))?;
                work.verify(key, verify).await
            }
            Call::Hmac(name, hmac) => {
                let key = work.key(&name, no_key)?;
                work.hmac(key, hmac).await
            }
            Call::Random(wanted, _) => Ok(work.random(&wanted)),
            Call::Hash(wanted) => Ok(work.hash(&wanted)),
            Call::Export {
                what,
                key,
                version,
                format,
            } => {
                let key = work.key(&key, Refusal::not_found)?;
                work.export(&key, what, version, format)
            }
            Call::Backup(name) => {
                let key = work.key(&name, || Refusal::failed(format!("key \"{name}\" not found")))?;
                work.backup(&key).await
            }
            Call::Restore(name, wanted) => {
                let name = name.as_ref().map(own_name).transpose()?;
                work.restore(name, wanted, &current.policy).await
            }
            Call::WrappingKey => work.wrapping_key().await,
            Call::ImportKey(name, wanted) => work.import(own_name(&name)?, wanted).await,
            Call::ImportVersion(name, wanted) => work.import_version(&own_name(&name)?, wanted).await,
            Call::KeysConfig => Ok(Done::of(Answer::KeysConfig(crannog_keyd_client::KeysConfig {
                disable_upsert: !settings.upsert,
            }))),
            Call::Initialize => Err(Refusal::invalid("Vault is already initialized")),
            Call::Unseal => Ok(system::seal_status(inner.store, false)),
            Call::Mounts => Ok(system::mounts(settings, inner.store)),
            Call::Mount(path) => Err(system::refuse_mount(settings, &path)),
            Call::UiMount(path) => system::ui_mount(settings, inner.store, &path),
            Call::Login => system::login(&opened.tokens, facts),
            Call::LookupSelf => Ok(system::lookup(facts, token)),
            Call::RenewSelf => system::renew(&opened.tokens, facts, token),
            Call::RevokeSelf => system::revoke(&opened.tokens, token.map(|(_, token)| token)),
            Call::CapabilitiesSelf(wanted) => system::capabilities(settings, &current.policy, facts, &wanted),
            Call::Status => {
                let connections = inner.connections.load(Ordering::Relaxed);
                Ok(own::status(opened, current, &inner.measures, connections))
            }
            Call::ReloadPolicy => self.reload_called().await,
            Call::ExplainPolicy(wanted) => {
                let (service, current) = (self.clone(), current.clone());
                blocking(move || own::explain(&current, service.names(), &wanted)).await
            }
            Call::AuditCheckpoint => {
                let opened = opened.clone();
                blocking(move || own::checkpoint(&opened)).await
            }
            Call::AuditRecords(wanted) => {
                own::wait_for_records(opened, &wanted).await;
                let opened = opened.clone();
                blocking(move || own::records(&opened, &wanted)).await
            }
            Call::AuditHash(wanted) => opened.hash_value(&wanted),
            // Whoever serves the connections does it once this is recorded.
            Call::DropConnections => Ok(Done::nothing()),
            // A later word of the interface: nothing here does it.
            _ => Err(Refusal::not_found()),
        }
    }

    async fn reload_called(&self) -> Result<Done, Refusal> {
        let service = self.clone();
        blocking(move || {
            let rules = service
                .reload()
                .map_err(|error| Refusal::invalid(error.to_string()))?;
            let policy = HEXLOWER.encode(&service.0.policies.current().sha256);
            let loaded = crannog_keyd_client::PolicyLoaded { policy, rules };
            Ok(Done::of(Answer::PolicyLoaded(loaded)))
        })
        .await
    }
}

impl Work<'_> {
    /// The key of this name, noted.
    fn key(
        &mut self,
        name: &crannog_keyd_client::Name,
        missing: impl FnOnce() -> Refusal,
    ) -> Result<Arc<crannog_keyd_keys::Key>, Refusal> {
        let key = self.opened.store.get(&own_name(name)?);
        let key = key.map_err(|error| refusal::of_store(&error, missing))?;
        self.entry.about(&key);
        Ok(key)
    }

    fn is_missing(&self, name: &crannog_keyd_client::Name) -> bool {
        let name = key_name(name);
        name.is_some_and(|name| matches!(self.opened.store.get(&name), Err(StoreError::NoKey)))
    }
}

fn own_name(name: &crannog_keyd_client::Name) -> Result<KeyName, Refusal> {
    key_name(name).ok_or_else(|| Refusal::invalid("invalid key name"))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Refusal::failed("the service failed; its log says why")))
}

fn reply(done: Done, request_id: String) -> Reply {
    Reply {
        status: done.status,
        request_id,
        warnings: done.warnings,
        answer: done.answer,
    }
}

/// Random, as a UUID of version 4 (RFC 9562, section 5.4).
fn new_request() -> String {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    system::uuid(&bytes)
}

//! The service once its store is open: keys, log, and what is derived for both.

use std::sync::{Arc, Weak};

use crannog_keyd_audit::{Detail, Event, Log, LogError, NoteSigner, Record, Time, Written};
use crannog_keyd_client::{AuditHash, Refusal};
use crannog_keyd_keys::{Key, KeyName};
use crannog_seal::keyd::{AuditSigningKey, AuditValueKey, StoreKey};
use data_encoding::HEXLOWER;
use tokio::sync::Notify;

use super::entry::Values;
use super::own;
use super::settings::Settings;
use super::tokens::Tokens;
use super::work::Done;
use crate::store::{Damage, Findings, ReservationListener, StateDir, Store, StoreError, Witness};

/// Everything that needs the store key.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) log: Log,
    pub(super) tokens: Tokens,
    value_key: AuditValueKey,
    /// Some version has many uses: it is time to look at what is due.
    pub(super) used: Notify,
}

/// Why the service does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store, or a record of it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The audit log.
    #[error("the audit log: {0}")]
    Log(#[from] LogError),
    /// The path of the rollback witness names no file.
    #[error("rollback.witness names no file")]
    Witness,
    /// The rollback witness could not be written, so it would not find a rollback.
    #[error("the rollback witness: {0}")]
    WitnessUnwritable(std::io::Error),
}

struct Signer(AuditSigningKey);

impl NoteSigner for Signer {
    fn public(&self) -> [u8; 32] {
        self.0.public()
    }

    fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.0.sign(text)
    }
}

/// The name under which a store's audit log signs.
pub(super) fn origin(store: &Store) -> String {
    format!("crannog-keyd/{}", HEXLOWER.encode(&store.id().0))
}

impl Opened {
    /// Opens store and log, and writes down what was found. Blocks.
    pub(super) fn open(dir: StateDir, key: StoreKey, settings: &Settings) -> Result<Arc<Self>, OpenError> {
        let witness = match &settings.witness {
            Some(path) => Some(Witness::at(path).ok_or(OpenError::Witness)?),
            None => None,
        };
        let (store, findings) = Store::open(dir, key, witness)?;
        let (root, id) = (store.audit_root()?, store.id());
        let (log, _) = Log::open(
            &settings.state.join("audit"),
            &origin(&store),
            Box::new(Signer(root.signing_key(&id.0))),
            Box::new(store.anchor()),
            settings.log_options(),
        )?;
        let tokens = Tokens::new(
            &store.key().token_key(&id.0),
            settings.tls.token_ttl.0,
            settings.tls.token_max.0,
        );
        let opened = Arc::new(Self {
            value_key: root.value_key(&id.0),
            tokens,
            store,
            log,
            used: Notify::new(),
        });
        let listener = Reservations {
            opened: Arc::downgrade(&opened),
            many: settings.limits.rotate_uses,
        };
        opened.store.on_reserved(Box::new(listener));
        opened.write_findings(&findings)?;
        Ok(opened)
    }

    pub(super) fn values(&self) -> Values {
        Values::new(self.value_key.expose_to_hash())
    }

    /// How a value that is looked for stands in the log.
    pub(super) fn hash_value(&self, wanted: &AuditHash) -> Result<Done, Refusal> {
        own::hash_value(self.value_key.expose_to_hash(), wanted)
    }

    /// Writes an event that no request brought about.
    pub(super) fn event<'r>(
        &self,
        event: Event,
        fill: impl FnOnce(&mut Record<'r>),
    ) -> Result<Written, LogError> {
        let mut record = Record::new(Time::now(), event);
        fill(&mut record);
        self.log.append(&record)
    }

    fn write_findings(&self, findings: &Findings) -> Result<(), LogError> {
        let version = env!("CARGO_PKG_VERSION");
        self.event(Event::Start, |record| {
            record.detail = Some(Detail::default().text("version", version));
        })?;
        self.event(Event::Unlocked, |_| {})?;
        for key in findings.recovered.iter().chain(&findings.kept) {
            tracing::warn!(%key, "a change had broken off; it was completed or undone");
            self.event(Event::Recovered, |record| record.key = Some(key.as_str().into()))?;
        }
        if findings.ahead_of_log {
            self.event(Event::Recovered, |record| {
                record.detail = Some(Detail::default().text("record", "missing"));
            })?;
        }
        for (key, damage) in &findings.damaged {
            self.damaged(key, damage)?;
        }
        Ok(())
    }

    fn damaged(&self, key: &KeyName, damage: &Damage) -> Result<(), LogError> {
        tracing::error!(%key, %damage, "a key is damaged and answers nothing");
        self.event(Event::Damaged, |record| {
            record.key = Some(key.as_str().into());
            record.detail = Some(Detail::default().text("damage", damage.to_string()));
        })?;
        Ok(())
    }
}

/// Writes reservations down, and calls for a rotation when there are many.
struct Reservations {
    opened: Weak<Opened>,
    many: u64,
}

impl ReservationListener for Reservations {
    fn reserved(&self, key: &Key, version: u32) {
        let (Some(opened), Some(reserved)) = (self.opened.upgrade(), key.reserved(version)) else {
            return;
        };
        let note = |event| {
            let written = opened.event(event, |record| {
                record.key = Some(key.name().as_str().into());
                record.id = Some(HEXLOWER.encode(&key.id().0).into());
                record.version = Some(version);
                record.detail = Some(Detail::default().number("reserved", reserved));
            });
            if let Err(error) = written {
                tracing::error!(%error, "the audit log takes no record");
            }
        };
        note(Event::Reserved);
        let before = reserved.saturating_sub(crannog_keyd_keys::USES_BLOCK);
        if reserved >= self.many && before < self.many {
            tracing::warn!(key = %key.name(), version, reserved, "a version has many uses");
            note(Event::UsesHigh);
        }
        if reserved >= self.many {
            opened.used.notify_one();
        }
    }
}

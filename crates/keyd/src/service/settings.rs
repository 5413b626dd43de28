//! What the service was told about itself.

use std::path::PathBuf;

use crannog_keyd_audit::{Options, SignedNote};
use crannog_keyd_client::Mount;
use crannog_keyd_keys::KeyType;

use crate::config::{Audit, Config, Limits, Tls, WhenFull};

/// What of the configuration requests need.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) mount: Mount,
    pub(super) default_type: KeyType,
    pub(super) upsert: bool,
    pub(super) tls: Tls,
    pub(super) audit: Audit,
    pub(super) limits: Limits,
    pub(super) nss: bool,
    pub(super) state: PathBuf,
    pub(super) policy: PathBuf,
    pub(super) witness: Option<PathBuf>,
}

impl Settings {
    /// Of a configuration that was [checked](Config::parse).
    pub fn of(config: &Config) -> Self {
        Self {
            mount: Mount::parse(&config.http.mount).unwrap_or_default(),
            default_type: KeyType::parse(&config.http.default_type).unwrap_or(KeyType::Xaes256Gcm),
            upsert: config.http.upsert,
            tls: config.tls.clone(),
            audit: config.audit.clone(),
            limits: config.limits.clone(),
            nss: config.identity.nss,
            state: config.state.clone(),
            policy: config.policy.clone(),
            witness: config.rollback.witness.clone(),
        }
    }

    /// Where keys are found.
    pub const fn mount(&self) -> &Mount {
        &self.mount
    }

    /// Whether the directory of users must confirm a group (KEY-008).
    pub const fn nss(&self) -> bool {
        self.nss
    }

    /// The bounds.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How the audit log is kept.
    pub(super) fn log_options(&self) -> Options {
        let mut options = Options::default();
        options.max_size = self.audit.max_size.0;
        options.when_full = match self.audit.when_full {
            WhenFull::Refuse => crannog_keyd_audit::WhenFull::Refuse,
            WhenFull::DropOldest => crannog_keyd_audit::WhenFull::DropOldest,
        };
        options.checkpoint_dir.clone_from(&self.audit.checkpoint_dir);
        options.on_checkpoint = Some(Box::new(|note: &SignedNote| {
            tracing::info!(checkpoint = %note, "the audit log signed a checkpoint");
        }));
        options
    }
}

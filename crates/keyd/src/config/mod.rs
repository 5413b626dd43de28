//! The configuration (docs/spec/keyd.md, *Configuration*): one TOML file, each field with a default, an unknown field an error.

mod measure;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crannog_keyd_client::Mount;
use crannog_keyd_keys::KeyType;
use serde::Deserialize;

use crate::identity::SocketName;

pub use self::measure::{ByteCount, Period};

/// All settings. Two processes read the same file; each takes what is its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The state directory.
    pub state: PathBuf,
    /// The folder of the sockets.
    pub run: PathBuf,
    /// The policy file.
    pub policy: PathBuf,
    /// What the sandbox must have.
    pub hardening: Hardening,
    /// How the store is unlocked.
    pub unlock: Unlock,
    /// The interface.
    pub http: Http,
    /// Who speaks.
    pub identity: Identity,
    /// A socket per application.
    pub socket: Vec<AppSocket>,
    /// The TLS process, and tokens.
    pub tls: Tls,
    /// The audit log.
    pub audit: Audit,
    /// What knows the newest generation.
    pub rollback: Rollback,
    /// Bounds (KEY-015).
    pub limits: Limits,
}

/// What happens where the kernel lacks a part of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hardening {
    /// It is told, and the service runs.
    #[default]
    Best,
    /// The service does not start.
    Require,
}

/// How the store is unlocked without anybody present.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unlock {
    /// Ignored when there is a credential of the service manager.
    pub key_file: PathBuf,
}

/// The interface.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// The path of keys below `/v1/`.
    pub mount: String,
    /// The type of keys that are made without one.
    pub default_type: String,
    /// Whether `encrypt` makes a missing key.
    pub upsert: bool,
}

/// Who speaks.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// Whether the directory of users must confirm a group (KEY-008).
    pub nss: bool,
}

/// A socket of one application.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppSocket {
    /// Its name, which is a fact about everybody who connects to it.
    pub name: String,
    /// The group that may connect.
    pub group: String,
}

/// The TLS process, and tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its certificate, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The user that it runs as: the one that may assert certificates (KEY-009).
    pub user: String,
    /// How long a token counts.
    pub token_ttl: Period,
    /// How long after its login one can be renewed to count.
    pub token_max: Period,
}

/// The audit log.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// The most bytes of segments.
    pub max_size: ByteCount,
    /// What happens then.
    pub when_full: WhenFull,
    /// A folder that gets each checkpoint.
    pub checkpoint_dir: Option<PathBuf>,
}

/// What happens to a log that has no room left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// What needs a record is refused.
    #[default]
    Refuse,
    /// The oldest segment goes.
    DropOldest,
}

/// What knows the newest generation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rollback {
    /// A file on another file system.
    pub witness: Option<PathBuf>,
}

/// Bounds (KEY-015).
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a body.
    pub body: ByteCount,
    /// Items of a batch.
    pub batch: usize,
    /// Bytes of a head.
    pub head: ByteCount,
    /// For a head, from its first byte.
    pub head_time: Period,
    /// For a body, from the end of the head.
    pub body_time: Period,
    /// Between two requests.
    pub idle: Period,
    /// A connection older than this ends after its next answer.
    pub connection_age: Period,
    /// Connections at once.
    pub connections: usize,
    /// Connections of one user or certificate at once.
    pub connections_per_subject: usize,
    /// Requests a second of one subject; 0: any number.
    pub rate: u32,
    /// Requests at once of one subject that take long.
    pub slow: usize,
    /// Handshakes at once, in the TLS process.
    pub tls_handshakes: usize,
    /// For one of them.
    pub tls_handshake_time: Period,
    /// Uses at which a version is replaced.
    pub rotate_uses: u64,
    /// Keys in the store.
    pub keys: usize,
    /// Versions of one key.
    pub versions: usize,
}

/// Why a configuration is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, an unknown field, or a value of another kind; with line and column.
    #[error("{path}: {message}")]
    File {
        /// Which.
        path: PathBuf,
        /// What, and where.
        message: String,
    },
    /// A value out of range.
    #[error("{path}: {field}: {message}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which field.
        field: &'static str,
        /// What it must be.
        message: String,
    },
}

impl Config {
    /// Where it is looked for.
    pub const PATH: &str = "/etc/crannog-keyd/config.toml";

    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// From the text of a file; `path` is for its errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::File {
            path: path.to_owned(),
            message: error.to_string(),
        })?;
        match config.fault() {
            None => Ok(config),
            Some((field, message)) => Err(ConfigError::Value {
                path: path.to_owned(),
                field,
                message: message.to_owned(),
            }),
        }
    }

    /// The first value out of range.
    fn fault(&self) -> Option<(&'static str, &'static str)> {
        const SHORT: Duration = Duration::from_secs(1);
        let limits = &self.limits;
        let checks = [
            (
                Mount::parse(&self.http.mount).is_ok(),
                "http.mount",
                "names joined by /, the first one neither sys nor auth",
            ),
            (
                KeyType::parse(&self.http.default_type).is_some_and(|kind| kind != KeyType::Fernet),
                "http.default_type",
                "a type of keys that can be made",
            ),
            (
                self.socket.iter().all(AppSocket::is_valid),
                "socket.name",
                "1 to 64 characters of A-Z a-z 0-9 _ - ., and neither clients, admin nor tls",
            ),
            (
                self.socket
                    .iter()
                    .enumerate()
                    .all(|(at, one)| self.socket.iter().take(at).all(|other| other.name != one.name)),
                "socket.name",
                "different for each socket",
            ),
            (
                (1 << 10..=32 << 20).contains(&limits.body.0),
                "limits.body",
                "from 1KiB to 32MiB",
            ),
            (
                (8 << 10..=1 << 20).contains(&limits.head.0),
                "limits.head",
                "from 8KiB to 1MiB",
            ),
            (
                (1..=100_000).contains(&limits.batch),
                "limits.batch",
                "from 1 to 100000",
            ),
            (
                limits.connections >= 4 && limits.connections_per_subject >= 1,
                "limits.connections",
                "at least 4, and 1 per subject",
            ),
            (limits.slow >= 1, "limits.slow", "at least 1"),
            (
                [
                    limits.head_time,
                    limits.body_time,
                    limits.idle,
                    limits.connection_age,
                ]
                .iter()
                .all(|time| time.0 >= SHORT),
                "limits",
                "times of at least a second",
            ),
            (
                (1..=1 << 31).contains(&limits.rotate_uses),
                "limits.rotate_uses",
                "from 1 to 2147483648",
            ),
            (
                self.audit.max_size.0 >= 128 << 20,
                "audit.max_size",
                "at least 128MiB",
            ),
            (
                self.tls.token_ttl.0 >= SHORT && self.tls.token_max.0 >= self.tls.token_ttl.0,
                "tls.token_ttl",
                "at least a second, and at most tls.token_max",
            ),
        ];
        let mut faults = checks.into_iter().filter(|(fine, ..)| !fine);
        faults.next().map(|(_, field, message)| (field, message))
    }
}

impl AppSocket {
    fn is_valid(&self) -> bool {
        SocketName::parse(&self.name).is_some_and(|name| !name.is_reserved())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state: "/var/lib/crannog-keyd".into(),
            run: "/run/crannog-keyd".into(),
            policy: "/etc/crannog-keyd/policy.toml".into(),
            hardening: Hardening::default(),
            unlock: Unlock::default(),
            http: Http::default(),
            identity: Identity::default(),
            socket: Vec::new(),
            tls: Tls::default(),
            audit: Audit::default(),
            rollback: Rollback::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Unlock {
    fn default() -> Self {
        Self {
            key_file: "/etc/crannog-keyd/master.key".into(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            mount: Mount::default().as_str().to_owned(),
            default_type: KeyType::Xaes256Gcm.as_str().to_owned(),
            upsert: false,
        }
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self { nss: true }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8200).into(),
            cert: "/etc/crannog-keyd/tls/cert.pem".into(),
            key: "/etc/crannog-keyd/tls/key.pem".into(),
            user: "crannog-keyd-tls".to_owned(),
            token_ttl: Period(Duration::from_hours(1)),
            token_max: Period(Duration::from_hours(24)),
        }
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            max_size: ByteCount(4 << 30),
            when_full: WhenFull::default(),
            checkpoint_dir: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: ByteCount(4 << 20),
            batch: 10_000,
            head: ByteCount(16 << 10),
            head_time: Period(Duration::from_secs(10)),
            body_time: Period(Duration::from_secs(30)),
            idle: Period(Duration::from_mins(5)),
            connection_age: Period(Duration::from_hours(1)),
            connections: 1_024,
            connections_per_subject: 64,
            rate: 0,
            slow: 4,
            tls_handshakes: 64,
            tls_handshake_time: Period(Duration::from_secs(5)),
            rotate_uses: 1 << 31,
            keys: 10_000,
            versions: 10_000,
        }
    }
}

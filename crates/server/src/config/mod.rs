//! The configuration: a TOML file in which every field has a default (`docs/operate/server.md`).

mod limits;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use limits::Limits;

/// Everything that an operator can set.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Where everything is kept.
    pub data: PathBuf,
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: String,
    /// `host:port` under which clients reach the server; the bound address when absent.
    pub public_address: Option<String>,
    /// Bytes that a new account may use when its invite does not say.
    pub default_quota: u64,
    /// Days that a blob which was put, but not yet named by an entry, is kept.
    pub lease_days: u32,
    /// Days that a dropped blob is kept, outside the quota.
    pub grace_days: u32,
    /// Hours that a session lasts.
    pub session_hours: u32,
    /// Seconds that requests under way get when the server stops.
    pub shutdown_seconds: u64,
    /// What one client may ask for.
    pub limits: Limits,
}

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the configuration {} is not valid: {source}", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<toml::de::Error>,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("/var/lib/crannogd"),
            listen: "0.0.0.0:7443".to_owned(),
            public_address: None,
            default_quota: 10 * 1024 * 1024 * 1024,
            lease_days: 7,
            grace_days: 30,
            session_hours: 12,
            shutdown_seconds: 20,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// The defaults, for this data directory.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            ..Self::default()
        }
    }

    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|source| ConfigError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn every_field_has_a_default_and_unknown_ones_are_refused() {
        let config: Config = toml::from_str("listen = \"[::1]:0\"\n[limits]\nuploads = 3\n").unwrap();
        assert_eq!(
            (config.listen.as_str(), config.limits.uploads, config.grace_days),
            ("[::1]:0", 3, 30)
        );
        assert!(toml::from_str::<Config>("lisen = \"x\"").is_err());
    }
}

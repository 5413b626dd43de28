//! The configuration: a TOML file in which every field has a default, and a variable for each (`docs/operate/server.md`).

mod check;
mod limits;
mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use limits::Limits;
pub(crate) use settings::{Origin, Setting, variable};

/// Everything that an operator can set.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// Address and port of the metrics page; none when absent.
    pub metrics_listen: Option<String>,
    /// How the log is written.
    pub log_format: LogFormat,
    /// Whether refused requests are logged with the address that they came from.
    pub log_addresses: bool,
    /// What one client may ask for.
    pub limits: Limits,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object per line.
    Json,
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
    /// A variable is not what it should be.
    #[error("the variable {variable} {why}")]
    Variable {
        /// Which.
        variable: String,
        /// Why.
        why: &'static str,
    },
    /// A value cannot be used.
    #[error("the setting {field} {why}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// Why.
        why: &'static str,
    },
}

/// A configuration, and where each value comes from.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// The values in force.
    pub(crate) config: Config,
    /// Variables that look like settings and are none.
    pub(crate) unknown: Vec<String>,
    origins: BTreeMap<&'static str, Origin>,
}

impl Loaded {
    /// From the file, if there is one, and the environment.
    pub(crate) fn new(
        file: Option<&Path>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let mut table = file.map_or_else(|| Ok(toml::Table::new()), Config::table)?;
        let origins = settings::overlay(&mut table, environment)?;
        let path = file.unwrap_or(Path::new("(environment)"));
        Ok(Self {
            config: table
                .try_into()
                .map_err(|source| Config::parse_error(path, source))?,
            unknown: settings::unknown(environment),
            origins,
        })
    }

    /// An option of the command wins over everything.
    pub(crate) fn given<T>(
        &mut self,
        name: &'static str,
        value: Option<T>,
        field: impl FnOnce(&mut Config, T),
    ) {
        if let Some(value) = value {
            field(&mut self.config, value);
            self.origins.insert(name, Origin::Option);
        }
    }

    /// All settings in force.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        settings::all(&self.config, &self.origins)
    }
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
            metrics_listen: None,
            log_format: LogFormat::Text,
            log_addresses: false,
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
        let table = Self::table(path)?;
        table.try_into().map_err(|source| Self::parse_error(path, source))
    }

    fn table(path: &Path) -> Result<toml::Table, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        // First as a whole, for errors that name the line.
        toml::from_str::<Self>(&text).map_err(|source| Self::parse_error(path, source))?;
        toml::from_str(&text).map_err(|source| Self::parse_error(path, source))
    }

    fn parse_error(path: &Path, source: toml::de::Error) -> ConfigError {
        ConfigError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        }
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

    #[test]
    fn variables_win_over_the_file_and_options_over_both() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("crannogd.toml");
        std::fs::write(&file, "lease_days = 3\ngrace_days = 4\n[limits]\nuploads = 3\n").unwrap();
        let environment = [
            ("CRANNOGD_GRACE_DAYS", "5"),
            ("CRANNOGD_LIMITS_UPLOADS", "6"),
            ("CRANNOGD_LISTEN", "[::]:1"),
            ("CRANNOGD_PUBLIC_ADDRESS", ""),
            ("CRANNOGD_LOG", "debug"),
            ("CRANNOGD_GRASE_DAYS", "5"),
        ];
        let mut environment = environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let mut loaded = super::Loaded::new(Some(&file), &environment).unwrap();
        loaded.given("listen", Some("[::]:2".to_owned()), |config, listen| {
            config.listen = listen
        });
        let config = &loaded.config;
        assert_eq!(
            (config.lease_days, config.grace_days, config.limits.uploads),
            (3, 5, 6)
        );
        assert_eq!(
            (config.listen.as_str(), &config.public_address),
            ("[::]:2", &None)
        );
        assert_eq!(loaded.unknown, ["CRANNOGD_GRASE_DAYS"]);
        let origin = |name: &str| {
            loaded
                .settings()
                .iter()
                .find(|row| row.name == name)
                .unwrap()
                .origin
        };
        use super::Origin;
        assert_eq!(
            ["listen", "grace_days", "lease_days", "data"].map(origin),
            [Origin::Option, Origin::Environment, Origin::File, Origin::Default]
        );
        environment.insert("CRANNOGD_LEASE_DAYS".to_owned(), "soon".to_owned());
        let told = super::Loaded::new(None, &environment).unwrap_err().to_string();
        assert_eq!(told, "the variable CRANNOGD_LEASE_DAYS is not a number");
        environment.insert("CRANNOGD_LEASE_DAYS".to_owned(), "-1".to_owned());
        assert!(super::Loaded::new(None, &environment).is_err());
    }
}

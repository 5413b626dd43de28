//! keys rotate, config, trim, delete.

use clap::Args;
use crannog_keyd_client::{Call, ConfigKey, KeyObject, Name, Seconds, TrimKey};
use serde_json::json;

use super::key_of;
use crate::ask;
use crate::commands::WithKey;
use crate::commands::options::{YesOption, period};
use crate::failure::{Code, Failure};
use crate::session::{Session, name};

/// Add a version, which is the latest from now on
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog-keyd keys rotate shop-orders")]
pub(crate) struct Rotate {
    /// The key
    name: String,
}

/// Change a key's settings
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd keys config shop-orders --min-decryption 3
  crannog-keyd keys config shop-orders --rotate-every 30d
  crannog-keyd keys config shop-orders --deletion-allowed true")]
pub(crate) struct Config {
    /// The key
    name: String,
    /// Open and verify nothing below this version
    #[arg(long, value_name = "NUMBER")]
    min_decryption: Option<u32>,
    /// Encrypt and sign with nothing below this version; 0: only with the latest
    #[arg(long, value_name = "NUMBER")]
    min_encryption: Option<u32>,
    /// Whether it may be deleted
    #[arg(long, value_name = "true|false")]
    deletion_allowed: Option<bool>,
    /// Rotate it by itself, at most every hour; 0: never
    #[arg(long, value_name = "30d", value_parser = period)]
    rotate_every: Option<Seconds>,
}

/// Remove old versions for good
///
/// What they encrypted can never be decrypted again. Both minima must be set to at least NUMBER before.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog-keyd keys trim shop-orders --below 3 --yes")]
pub(crate) struct Trim {
    /// The key
    name: String,
    /// All versions below this one go
    #[arg(long, value_name = "NUMBER")]
    below: u32,
    #[command(flatten)]
    yes: YesOption,
}

/// Delete a key with all versions for good
///
/// What it encrypted can never be decrypted again. It must be allowed before: keys config NAME --deletion-allowed true.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog-keyd keys delete shop-orders --yes")]
pub(crate) struct Delete {
    /// The key
    name: String,
    #[command(flatten)]
    yes: YesOption,
}

impl Rotate {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let name = name(&self.name)?;
        let key = key_of(session, &name, &Call::RotateKey(name.clone())).await?;
        show(
            session,
            &name,
            &key,
            &format!("{name} has version {}\n", key.latest_version),
        )
    }
}

impl Config {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let name = name(&self.name)?;
        let config = ConfigKey {
            min_decryption_version: self.min_decryption,
            min_encryption_version: self.min_encryption,
            deletion_allowed: self.deletion_allowed,
            auto_rotate_period: self.rotate_every,
            exportable: None,
            allow_plaintext_backup: None,
        };
        let nothing = config.min_decryption_version.is_none()
            && config.min_encryption_version.is_none()
            && config.deletion_allowed.is_none()
            && config.auto_rotate_period.is_none();
        if nothing {
            return Err(
                Failure::new(Code::Usage, "nothing to change").hint("crannog-keyd keys config --help")
            );
        }
        let key = key_of(session, &name, &Call::ConfigKey(name.clone(), config)).await?;
        show(session, &name, &key, &format!("changed {name}\n"))
    }
}

impl Trim {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let name = name(&self.name)?;
        let question = format!("Remove all versions of {name} below {} for good?", self.below);
        ask::confirm(question, self.yes.yes).await?;
        let trim = TrimKey {
            min_available_version: self.below,
        };
        let key = key_of(session, &name, &Call::TrimKey(name.clone(), trim)).await?;
        show(
            session,
            &name,
            &key,
            &format!("{name} begins with version {}\n", key.min_available_version),
        )
    }
}

impl Delete {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let name = name(&self.name)?;
        let question = format!("Delete {name} with all versions for good? What it encrypted is lost.");
        ask::confirm(question, self.yes.yes).await?;
        session
            .call_about(name.as_str(), &Call::DeleteKey(name.clone()))
            .await?;
        session
            .printer
            .result(&format!("deleted {name}\n"), &json!({ "key": name.as_str() }))
    }
}

fn show(session: &Session<'_>, name: &Name, key: &KeyObject, text: &str) -> Result<(), Failure> {
    session.printer.result(
        text,
        &WithKey {
            key: name.as_str(),
            data: key,
        },
    )
}

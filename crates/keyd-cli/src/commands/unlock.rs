//! unlock.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use crannog_keyd_client::{Call, SecretText};
use serde_json::json;

use super::blocking;
use crate::failure::Failure;
use crate::session::Session;
use crate::{ask, secret_file};

/// Argon2id takes its time, on a busy machine more of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Open the store with its passphrase, for those who start without a key file
///
/// For root and the service's user, on the administrators' socket.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd unlock
  crannog-keyd unlock --passphrase-file -")]
pub(crate) struct Unlock {
    /// Read the passphrase from this file instead of the terminal; `-` is standard input
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Unlock {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let passphrase = match self.passphrase_file {
            Some(path) => {
                blocking(move || {
                    let bytes = secret_file::read(&path)?;
                    secret_file::text(&path, &bytes)
                })
                .await?
            }
            None => ask::secret("Passphrase of the key service").await?,
        };
        let unlock = crannog_keyd_client::Unlock {
            passphrase: SecretText::new(passphrase),
        };
        session
            .patient(PATIENCE)
            .administer(&Call::Unlock(unlock))
            .await?;
        session.printer.result("unlocked\n", &json!({}))
    }
}

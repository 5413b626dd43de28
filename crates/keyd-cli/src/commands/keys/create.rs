//! keys create.

use clap::Args;
use crannog_keyd_client::{Answer, Call, CreateKey, Seconds};

use crate::commands::WithKey;
use crate::commands::options::period;
use crate::failure::{Code, Failure};
use crate::session::{Session, name, unexpected};

/// Make a key
///
/// Types: xaes256-gcm (the default), aes256-gcm96, xchacha20-poly1305, aes256-gcm-siv (equal plaintexts give equal ciphertexts),
/// rsa-3072, rsa-4096, ed25519, ecdsa-p256, ecdsa-p384, ml-dsa-65, hmac.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd keys create shop-orders
  crannog-keyd keys create releases --type ed25519
  crannog-keyd keys create sessions --derived --rotate-every 30d")]
pub(crate) struct Create {
    /// Its name
    name: String,
    /// Its type [default: the service's]
    #[arg(long = "type", value_name = "TYPE")]
    key_type: Option<String>,
    #[command(flatten)]
    fixed: FixedOptions,
    /// Its length in bytes, for hmac
    #[arg(long, value_name = "BYTES")]
    size: Option<u16>,
}

/// What can be chosen for a new key.
#[derive(Debug, Clone, Args)]
pub(super) struct FixedOptions {
    /// Each use brings a context; for life
    #[arg(long)]
    pub(super) derived: bool,
    /// It may leave the service; for life
    #[arg(long)]
    pub(super) exportable: bool,
    /// It may be backed up; for life
    #[arg(long)]
    pub(super) plaintext_backup: bool,
    /// Rotate it by itself, at most every hour
    #[arg(long, value_name = "30d", value_parser = period)]
    pub(super) rotate_every: Option<Seconds>,
}

impl Create {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let name = name(&self.name)?;
        let create = CreateKey {
            key_type: self.key_type,
            derived: self.fixed.derived,
            convergent_encryption: false,
            exportable: self.fixed.exportable,
            allow_plaintext_backup: self.fixed.plaintext_backup,
            auto_rotate_period: self.fixed.rotate_every,
            key_size: self.size,
            deletion_allowed: false,
        };
        let reply = session
            .call_about(name.as_str(), &Call::CreateKey(name.clone(), create))
            .await?;
        if reply
            .warnings
            .iter()
            .any(|warning| warning.ends_with("already existed"))
        {
            return Err(
                Failure::new(Code::Conflict, "this key exists already and was not changed")
                    .object(name.as_str()),
            );
        }
        let Answer::Key(key) = reply.answer else {
            return Err(unexpected());
        };
        if key.key_type == "aes256-gcm-siv" {
            session.printer.say(
                "warning: whoever may encrypt under this key can test guesses of a plaintext: for identifiers that must be looked \
                 up, never for secrets that can be guessed",
            );
        }
        let data = WithKey {
            key: name.as_str(),
            data: &*key,
        };
        session.printer.result(
            &format!("made {name} ({})\n", crate::sanitise::line(&key.key_type)),
            &data,
        )
    }
}

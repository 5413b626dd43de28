//! translate.

use std::ffi::OsString;

use clap::Args;
use crannog_keyd_client::{Call, Ciphertext, Crypt, TranslateItem};

use super::lines;
use super::options::{BindingOptions, octets};
use super::rewrap::each;
use crate::failure::Failure;
use crate::input::Source;
use crate::session::{Session, name};

/// Encrypt ciphertexts of one key anew under another one, inside the service
///
/// Files and standard input have a ciphertext on each line. The results come in the same order; the line of one that failed is empty.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd translate --from fernet --to session - < tokens.txt
  crannog-keyd translate --from old --to new vault:v1:AAAA")]
pub(crate) struct Translate {
    /// Ciphertexts, or files with one on each line; `-` is standard input, and so is nothing
    #[arg(value_name = "TEXT|-|FILE")]
    words: Vec<OsString>,
    /// The key that decrypts
    #[arg(long, value_name = "NAME")]
    from: String,
    /// The key that encrypts
    #[arg(long, value_name = "NAME")]
    to: String,
    #[command(flatten)]
    binding: BindingOptions,
    /// What the second key is derived with [default: --context, if it is derived]
    #[arg(long, value_name = "TEXT")]
    to_context: Option<String>,
    /// What the new ciphertext is bound to [default: --aad, if the key takes some]
    #[arg(long, value_name = "TEXT")]
    to_aad: Option<String>,
    /// The second key's version [default: the latest]
    #[arg(long, value_name = "NUMBER")]
    version: Option<u32>,
}

impl Translate {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let (source, target) = (name(&self.from)?, name(&self.to)?);
        let sources = Source::ciphertexts(&self.words, false)?;
        let item = |ciphertext: Ciphertext| TranslateItem {
            ciphertext,
            context: self.binding.context(),
            associated_data: self.binding.associated_data(),
            target_context: octets(self.to_context.as_deref()),
            target_associated_data: octets(self.to_aad.as_deref()),
            key_version: self.version,
        };
        lines::through(session, &target, sources, |ciphertexts| Call::Translate {
            source: source.clone(),
            target: target.clone(),
            items: Crypt::from(each(ciphertexts, item)),
        })
        .await
    }
}

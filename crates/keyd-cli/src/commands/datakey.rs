//! datakey.

use clap::Args;
use crannog_keyd_client::{Answer, Call, DataKey, DataKeyBits};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::WithKey;
use super::options::{BindingOptions, KeyOption};
use crate::failure::Failure;
use crate::session::{Session, name, unexpected};

/// Make a random key for use elsewhere, sealed by a key of the service
///
/// Without --wrapped the data key is printed too: whoever reads the output has it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd datakey --key backup --wrapped
  crannog-keyd datakey --key backup --bits 512 --json")]
pub(crate) struct Datakey {
    #[command(flatten)]
    key: KeyOption,
    /// Print the sealed form alone
    #[arg(long)]
    wrapped: bool,
    /// Its length
    #[arg(long, value_name = "128|256|512", default_value = "256", value_parser = bits)]
    bits: DataKeyBits,
    #[command(flatten)]
    binding: BindingOptions,
}

impl Datakey {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let key = name(&self.key.key)?;
        let asked = DataKey {
            bits: self.bits,
            context: self.binding.context(),
            associated_data: self.binding.associated_data(),
            key_version: None,
        };
        let call = match self.wrapped {
            true => Call::DataKeyWrapped(key.clone(), asked),
            false => Call::DataKeyPlaintext(key.clone(), asked),
        };
        let Answer::DataKey(made) = session.call_about(key.as_str(), &call).await?.answer else {
            return Err(unexpected());
        };
        let mut text = Zeroizing::new(String::with_capacity(512));
        if let Some(plaintext) = &made.plaintext {
            text.push_str("plaintext:  ");
            BASE64.encode_append(plaintext.expose(), &mut text);
            text.push_str("\nciphertext: ");
        }
        text.push_str(made.ciphertext.as_str());
        text.push('\n');
        session.printer.result(
            &text,
            &WithKey {
                key: key.as_str(),
                data: &made,
            },
        )
    }
}

fn bits(text: &str) -> Result<DataKeyBits, String> {
    [DataKeyBits::B128, DataKeyBits::B256, DataKeyBits::B512]
        .into_iter()
        .find(|bits| bits.bits().to_string() == text)
        .ok_or_else(|| "128, 256 or 512".to_owned())
}

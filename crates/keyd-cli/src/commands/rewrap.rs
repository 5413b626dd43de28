//! rewrap.

use std::ffi::OsString;

use clap::Args;
use crannog_keyd_client::{Call, Ciphertext, Crypt, Item, Items, RewrapItem};

use super::lines;
use super::options::{BindingOptions, KeyOption};
use crate::failure::Failure;
use crate::input::Source;
use crate::session::{Session, name};

/// Encrypt ciphertexts anew under the key's latest version, inside the service
///
/// Files and standard input have a ciphertext on each line. The results come in the same order; the line of one that failed is empty.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd rewrap --key shop vault:v1:AAAA
  crannog-keyd rewrap --key shop - < column.txt > new.txt")]
pub(crate) struct Rewrap {
    /// Ciphertexts, or files with one on each line; `-` is standard input, and so is nothing
    #[arg(value_name = "TEXT|-|FILE")]
    words: Vec<OsString>,
    #[command(flatten)]
    key: KeyOption,
    #[command(flatten)]
    binding: BindingOptions,
    /// The key's version [default: the latest]
    #[arg(long, value_name = "NUMBER")]
    version: Option<u32>,
}

impl Rewrap {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let key = name(&self.key.key)?;
        let sources = Source::ciphertexts(&self.words, false)?;
        let item = |ciphertext: Ciphertext| RewrapItem {
            ciphertext,
            context: self.binding.context(),
            associated_data: self.binding.associated_data(),
            key_version: self.version,
        };
        lines::through(session, &key, sources, |ciphertexts| {
            Call::Rewrap(key.clone(), Crypt::from(each(ciphertexts, item)))
        })
        .await
    }
}

/// The same items, of another kind.
pub(super) fn each<T>(ciphertexts: Items<Ciphertext>, make: impl Fn(Ciphertext) -> T) -> Items<T> {
    match ciphertexts {
        Items::One(ciphertext) => Items::One(make(ciphertext)),
        Items::Batch(items) => {
            let item = |item: Item<Ciphertext>| Item {
                reference: item.reference,
                item: item.item.map(&make),
            };
            Items::Batch(items.into_iter().map(item).collect())
        }
    }
}

//! hmac.

use std::path::PathBuf;

use clap::Args;
use crannog_keyd_client::{Answer, Call, HashAlgorithm, HmacItem, Items, Octets, Outcomes};

use super::WithKey;
use super::options::KeyOption;
use super::sign::{hash, message};
use crate::failure::Failure;
use crate::session::{Session, name, unexpected};

/// Make an HMAC of a file
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog-keyd hmac --key cookies - < cookie")]
pub(crate) struct Hmac {
    /// The file; `-` is standard input, and so is nothing
    file: Option<PathBuf>,
    #[command(flatten)]
    key: KeyOption,
    /// The hash [default: sha2-256]
    #[arg(long, value_parser = hash, value_name = "sha2-256|sha2-384|…")]
    hash: Option<HashAlgorithm>,
    /// The key's version [default: the latest]
    #[arg(long, value_name = "NUMBER")]
    version: Option<u32>,
}

impl Hmac {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let key = name(&self.key.key)?;
        let hmac = crannog_keyd_client::Hmac {
            hash: self.hash,
            key_version: self.version,
            items: Items::One(HmacItem {
                input: Octets::from(message(session, self.file).await?),
            }),
        };
        let reply = session
            .call_about(key.as_str(), &Call::Hmac(key.clone(), hmac))
            .await?;
        let Answer::Hmac(Outcomes::One(made)) = reply.answer else {
            return Err(unexpected());
        };
        let data = WithKey {
            key: key.as_str(),
            data: &made,
        };
        session.printer.result(&format!("{}\n", made.hmac), &data)
    }
}

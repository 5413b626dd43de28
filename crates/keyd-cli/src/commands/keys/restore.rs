//! keys restore.

use std::path::PathBuf;

use clap::Args;
use crannog_keyd_client::{Call, SecretText};
use serde_json::json;

use crate::ask;
use crate::commands::blocking;
use crate::commands::options::YesOption;
use crate::failure::Failure;
use crate::input::Source;
use crate::secret_file;
use crate::session::{Session, name};

/// A backup is a key of at most 10,000 versions; the service takes no longer body.
const LONGEST: usize = 32 << 20;

/// Take a key back from its backup
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd keys restore shop.backup
  crannog-keyd keys restore shop.backup --as shop-2025
  crannog-keyd keys restore shop.backup --force --yes")]
pub(crate) struct Restore {
    /// The backup; `-` is standard input
    file: PathBuf,
    /// Under another name
    #[arg(long = "as", value_name = "NAME")]
    new_name: Option<String>,
    /// Delete the key that has the name now, for good
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    yes: YesOption,
}

impl Restore {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let new_name = self.new_name.as_deref().map(name).transpose()?;
        let (source, path) = (Source::of_path(Some(&self.file)), self.file.clone());
        let object = source.object();
        source.announce(session.printer);
        let backup = blocking(move || secret_file::text(&path, &source.whole(LONGEST)?)).await?;
        if self.force {
            let question = "Delete the key that has this name now, with all versions, for good?";
            ask::confirm(question.to_owned(), self.yes.yes).await?;
        }
        let restore = crannog_keyd_client::Restore {
            backup: SecretText::new(backup),
            force: self.force,
        };
        let call = Call::Restore(new_name.clone(), restore);
        session.call_about(&object, &call).await?;
        let key = new_name.as_ref().map(|name| name.as_str());
        let said = match key {
            Some(name) => format!("restored {name}\n"),
            None => "restored\n".to_owned(),
        };
        session
            .printer
            .result(&said, &key.map_or_else(|| json!({}), |key| json!({ "key": key })))
    }
}

//! keys: what is done with keys themselves.

mod change;
mod create;
mod export;
mod import;
mod list;
mod restore;
mod show;

use clap::{Args, Subcommand};
use crannog_keyd_client::{Answer, Call, KeyObject, Name};

pub(super) use list::names;

use crate::failure::Failure;
use crate::session::{Session, unexpected};

/// Make, show, change and delete keys
#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(create::Create),
    List(list::List),
    Show(show::Show),
    Rotate(change::Rotate),
    Config(change::Config),
    Trim(change::Trim),
    Delete(change::Delete),
    Export(export::Export),
    Backup(export::Backup),
    Restore(restore::Restore),
    Import(import::Import),
}

impl Keys {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        match self.command {
            Command::Create(create) => create.run(session).await,
            Command::List(list) => list.run(session).await,
            Command::Show(show) => show.run(session).await,
            Command::Rotate(rotate) => rotate.run(session).await,
            Command::Config(config) => config.run(session).await,
            Command::Trim(trim) => trim.run(session).await,
            Command::Delete(delete) => delete.run(session).await,
            Command::Export(export) => export.run(session).await,
            Command::Backup(backup) => backup.run(session).await,
            Command::Restore(restore) => restore.run(session).await,
            Command::Import(import) => import.run(session).await,
        }
    }
}

/// A call that answers with the key.
async fn key_of(session: &Session<'_>, name: &Name, call: &Call) -> Result<Box<KeyObject>, Failure> {
    match session.call_about(name.as_str(), call).await?.answer {
        Answer::Key(key) => Ok(key),
        _ => Err(unexpected()),
    }
}

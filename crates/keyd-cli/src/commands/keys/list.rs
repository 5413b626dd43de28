//! keys list.

use clap::Args;
use crannog_keyd_client::{Answer, Call, KeyNames};

use crate::failure::{Code, Failure};
use crate::sanitise::line;
use crate::session::{Session, unexpected};

/// Name the keys that this user may use or see
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog-keyd keys list")]
pub(crate) struct List {}

impl List {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let names = names(session).await?;
        let text: String = names
            .keys
            .iter()
            .map(|name| format!("{}\n", line(name)))
            .collect();
        session.printer.result(&text, &names)
    }
}

/// The names; none is no failure.
pub(in crate::commands) async fn names(session: &Session<'_>) -> Result<KeyNames, Failure> {
    match session.call(&Call::ListKeys).await {
        Ok(reply) => match reply.answer {
            Answer::Keys(names) => Ok(names),
            _ => Err(unexpected()),
        },
        Err(failure) if failure.code == Code::NotFound => Ok(KeyNames { keys: Vec::new() }),
        Err(failure) => Err(failure),
    }
}

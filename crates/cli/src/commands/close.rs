//! account delete.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use crannog_agent_api::{Code, Failure, Request, Secret};

use crate::args::DryRun;
use crate::session::Session;
use crate::shown::Shown;
use crate::{ask, output, password};

/// Close this account
#[derive(Debug, Args)]
pub(crate) struct Account {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Delete(Delete),
}

/// Close this account for ever, by its recovery words
///
/// Deletes it on the server with every drive that it made, also for those with whom they are shared, its inbox and its
/// sessions; its devices are logged out. Nobody, not even its owner, gets it or its name again, and contacts see that
/// it was closed. It takes the twelve words: a device alone can't do it. Then this profile is wiped; other devices of the
/// account keep what they have. `crannog export` keeps a copy before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog account delete --dry-run
  crannog account delete
  crannog account delete --name alice --words-file words.txt --keep-local")]
struct Delete {
    /// The account's name, to say that this is meant; asked for on a terminal
    #[arg(long)]
    name: Option<String>,
    /// The twelve words, or the whole recovery sheet (`-`: standard input); asked for on a terminal
    #[arg(long, value_name = "FILE")]
    words_file: Option<PathBuf>,
    /// Leave what is on this device
    #[arg(long)]
    keep_local: bool,
    #[command(flatten)]
    try_out: DryRun,
}

impl Account {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let What::Delete(delete) = self.what;
        delete.run(session).await
    }
}

impl Delete {
    async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let own = own_name(session).await?;
        let try_out = Request::DeleteAccount {
            name: own.clone(),
            words: None,
            keep_local: true,
            dry_run: true,
        };
        let plan = session.ask(try_out).await?;
        if self.try_out.dry_run {
            return Shown::done(&plan, "nothing to do");
        }
        let name = match self.name {
            Some(name) => name,
            None if ask::is_possible() => {
                output::aside(&Shown::done(&plan, "nothing to do")?.text);
                ask::apart(|| ask::line("Type the name of the account to close it for ever:")).await?
            }
            None => {
                return Err(Failure::new(
                    Code::Usage,
                    "this cannot be taken back, and there is no terminal to ask",
                )
                .hint(
                    "give --name with the account's name if you are sure; --dry-run says what would be done",
                ));
            }
        };
        if name != own {
            return Err(Failure::new(Code::Usage, "this is not the name of this account")
                .object(name)
                .hint("nothing was changed"));
        }
        let words = match &self.words_file {
            Some(file) => Secret(password::read(file)?),
            None if ask::secret_is_possible() => ask::secret("The twelve words")?,
            None => {
                return Err(Failure::new(Code::Usage, "the words are needed").hint("give --words-file FILE"));
            }
        };
        let request = Request::DeleteAccount {
            name,
            words: Some(words),
            keep_local: self.keep_local,
            dry_run: false,
        };
        let answer = session.ask(request).await?;
        Shown::done(&answer, "closed")
    }
}

async fn own_name(session: &mut Session) -> Result<String, Failure> {
    match session.ask(Request::Whoami).await? {
        crannog_agent_api::Answer::Whoami(me) => Ok(me.name),
        other => Err(crate::shown::unexpected(&other)),
    }
}

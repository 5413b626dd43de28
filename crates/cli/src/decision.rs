//! Things that cannot be taken back: a person is asked, a script must have said that it is sure.

use clap::Args;
use crannog_agent_api::{Code, Failure, Request};

use crate::session::Session;
use crate::shown::Shown;
use crate::{ask, output};

/// The option that answers beforehand.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Yes {
    /// Go on without a question
    #[arg(short, long)]
    pub(crate) yes: bool,
}

impl Yes {
    /// Asks, unless it was answered beforehand.
    pub(crate) async fn or_ask(self, question: String) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        possible()?;
        if ask::apart(move || ask::yes(&question)).await? {
            return Ok(());
        }
        Err(Failure::new(Code::Interrupted, "not done").hint("nothing was changed"))
    }

    /// The same, after showing what `try_out`, which changes nothing, says would be done.
    pub(crate) async fn or_ask_after(
        self,
        session: &mut Session,
        try_out: Request,
        question: String,
    ) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        possible()?;
        output::aside(&Shown::done(&session.ask(try_out).await?, "nothing to do")?.text);
        self.or_ask(question).await
    }
}

fn possible() -> Result<(), Failure> {
    if ask::is_possible() {
        return Ok(());
    }
    let failure = Failure::new(
        Code::Usage,
        "this cannot be taken back, and there is no terminal to ask",
    );
    Err(failure.hint("give --yes if you are sure; --dry-run says what would be done"))
}

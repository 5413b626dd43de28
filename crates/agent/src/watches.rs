//! Requests that only look, for as long as they are let (`watch`). They keep nobody waiting: not a lock, not a newer program,
//! not the end; and they are no use that keeps the agent unlocked.

use std::sync::Arc;
use std::time::Duration;

use crannog_agent_api::{Answer, Code, Failure};
use crannog_client::Cancel;
use tokio::sync::watch;

use crate::gauge::{Entered, Gauge};

/// Why all of them end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nobody may ask any more.
    Locked,
    /// The agent ends.
    Stopping,
    /// A newer program goes on.
    Moving,
}

impl Why {
    fn failure(self) -> Failure {
        match self {
            Self::Locked => Failure::new(Code::Locked, "the agent was locked").hint("crannog unlock"),
            Self::Stopping => Failure::new(Code::Locked, "the agent was stopped").hint("crannog unlock"),
            Self::Moving => Failure::new(Code::TryAgain, "the agent goes on as a newer program")
                .hint("run the command again"),
        }
    }
}

/// All that watch.
#[derive(Debug)]
pub(crate) struct Watches {
    end: watch::Sender<Option<Why>>,
    working: Arc<Gauge>,
    sessions: Arc<Gauge>,
}

impl Default for Watches {
    fn default() -> Self {
        Self {
            end: watch::Sender::new(None),
            working: Arc::default(),
            sessions: Arc::default(),
        }
    }
}

impl Watches {
    /// A session that has nothing but a watch left to do.
    pub(crate) fn session(&self) -> Entered {
        self.sessions.enter()
    }

    /// One more. Enter first and look for the engine then: a lock that comes between finds it.
    pub(crate) fn enter(&self) -> Watching {
        Watching {
            end: self.end.subscribe(),
            _working: self.working.enter(),
        }
    }

    /// Ends all; none uses the engine when this returns.
    pub(crate) async fn end(&self, why: Why) {
        self.end.send_replace(Some(why));
        self.working.none().await;
    }

    /// The agent goes on after all.
    pub(crate) fn resume(&self) {
        self.end.send_replace(None);
    }

    /// Waits until all sessions have told their commands why they end, or have given up on them.
    pub(crate) async fn gone(&self) {
        self.sessions.none().await;
    }
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Watching {
    end: watch::Receiver<Option<Why>>,
    _working: Entered,
}

impl Watching {
    /// Does the work until it is done, the command has gone or wants no more, or all end.
    pub(crate) async fn unless_ended(
        self,
        cancel: &Cancel,
        work: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, Failure> {
        tokio::select! {
            biased;
            why = ended(self.end.clone()) => Err(why.failure()),
            answer = work => answer,
            () = cancel.cancelled() => Err(Failure::new(Code::Interrupted, "interrupted")),
        }
    }

    /// Is over when a command that does not read has had the time to hear that all end.
    pub(crate) fn given_up(&self) -> impl Future<Output = ()> + use<> {
        const PATIENCE: Duration = Duration::from_secs(2);
        let end = self.end.clone();
        async move {
            ended(end).await;
            // sleep: a command that reads needs no such time
            tokio::time::sleep(PATIENCE).await;
        }
    }
}

/// Waits for the end of all. A lock is one moment, who comes afterwards asks the vault; the other reasons last.
async fn ended(mut end: watch::Receiver<Option<Why>>) -> Why {
    let lasting = |why: &Option<Why>| why.filter(|why| *why != Why::Locked);
    let already = lasting(&end.borrow());
    if let Some(why) = already {
        return why;
    }
    loop {
        // The sender lives as long as the agent.
        if end.changed().await.is_err() {
            return Why::Stopping;
        }
        if let Some(why) = *end.borrow_and_update() {
            return why;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use crannog_agent_api::{Answer, Code};
    use crannog_client::Cancel;

    use super::{Watches, Why};

    async fn code(watches: &Watches, cancel: &Cancel) -> Code {
        let watching = watches.enter();
        watching.unless_ended(cancel, pending()).await.unwrap_err().code
    }

    #[tokio::test]
    async fn all_end_at_once_and_say_why() {
        for (why, code_then) in [
            (Why::Locked, Code::Locked),
            (Why::Stopping, Code::Locked),
            (Why::Moving, Code::TryAgain),
        ] {
            let watches = Arc::new(Watches::default());
            let (one, two) = (watches.enter(), watches.enter());
            let run = |watching: super::Watching| {
                tokio::spawn(async move { watching.unless_ended(&Cancel::default(), pending()).await })
            };
            let (one, two) = (run(one), run(two));
            watches.end(why).await;
            for ended in [one, two] {
                assert_eq!(ended.await.unwrap().unwrap_err().code, code_then);
            }
        }
    }

    #[tokio::test]
    async fn who_comes_after_a_lock_is_not_ended_by_it() {
        let watches = Watches::default();
        watches.end(Why::Locked).await;
        let cancel = Cancel::default();
        cancel.cancel();
        assert_eq!(code(&watches, &cancel).await, Code::Interrupted);
    }

    #[tokio::test]
    async fn who_comes_while_the_program_changes_is_sent_back_until_it_stays() {
        let watches = Watches::default();
        watches.end(Why::Moving).await;
        assert_eq!(code(&watches, &Cancel::default()).await, Code::TryAgain);
        watches.resume();
        let cancel = Cancel::default();
        let done = watches.enter().unless_ended(&cancel, async { Ok(Answer::Ok) });
        assert!(done.await.is_ok());
    }

    #[tokio::test]
    async fn a_command_that_does_not_read_is_given_up() {
        let watches = Watches::default();
        let (session, watching) = (watches.session(), watches.enter());
        let given_up = watching.given_up();
        drop(watching);
        watches.end(Why::Locked).await;
        given_up.await;
        drop(session);
        watches.gone().await;
    }
}

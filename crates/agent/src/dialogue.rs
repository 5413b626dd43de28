//! Questions in the middle of join and recover, put to the command.

use std::sync::Arc;

use crannog_agent_api::{Code, Event, Failure};
use crannog_client::{Cancel, Dialogue};
use tokio::sync::{Mutex, mpsc};

/// The two ways of a conversation.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) confirms: Mutex<mpsc::Receiver<Vec<String>>>,
    pub(crate) cancel: Arc<Cancel>,
}

impl Dialogue for Question {
    async fn confirm(&self, event: Event) -> Result<Vec<String>, Failure> {
        let gone = || Failure::new(Code::Interrupted, "nobody confirmed").hint("nothing was changed");
        self.events.send(event).await.map_err(|_| gone())?;
        let mut confirms = self.confirms.lock().await;
        // Ends without a confirm when the command says no, or goes away, or the agent stops.
        tokio::select! {
            revoke = confirms.recv() => revoke.ok_or_else(gone),
            () = self.cancel.cancelled() => Err(gone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crannog_agent_api::{Code, Event, Secret};
    use crannog_client::Dialogue;
    use tokio::sync::{Mutex, mpsc};

    use super::Question;

    fn sheet() -> Event {
        Event::Sheet {
            words: Secret::new("a b".into()),
            sheet: Secret::new("words: a b".into()),
        }
    }

    #[tokio::test]
    async fn yes_and_no() {
        let (events, mut shown) = mpsc::channel(1);
        let (confirm, confirms) = mpsc::channel(1);
        let question = Question {
            events,
            confirms: Mutex::new(confirms),
            cancel: Arc::default(),
        };
        confirm.send(vec!["id".into()]).await.unwrap();
        assert_eq!(question.confirm(sheet()).await.unwrap(), ["id"]);
        assert!(matches!(shown.recv().await, Some(Event::Sheet { .. })));
        let (other_events, _shown) = mpsc::channel(1);
        let (_confirm, confirms) = mpsc::channel(1);
        let stopped = Question {
            events: other_events,
            confirms: Mutex::new(confirms),
            cancel: Arc::default(),
        };
        stopped.cancel.cancel();
        assert_eq!(
            stopped.confirm(sheet()).await.unwrap_err().code,
            Code::Interrupted
        );
        drop(confirm);
        assert_eq!(
            question.confirm(sheet()).await.unwrap_err().code,
            Code::Interrupted
        );
    }
}

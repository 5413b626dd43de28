//! Questions in the middle of join and recover, put to the command.

use crannog_agent_api::{Code, Event, Failure};
use crannog_client::Dialogue;
use tokio::sync::{Mutex, mpsc};

/// The two ways of a conversation.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) confirms: Mutex<mpsc::Receiver<Vec<String>>>,
}

impl Dialogue for Question {
    async fn confirm(&self, event: Event) -> Result<Vec<String>, Failure> {
        let gone = || Failure::new(Code::Interrupted, "nobody confirmed").hint("nothing was changed");
        self.events.send(event).await.map_err(|_| gone())?;
        // Ends without a confirm when the command says no, or goes away.
        self.confirms.lock().await.recv().await.ok_or_else(gone)
    }
}

#[cfg(test)]
mod tests {
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
        };
        confirm.send(vec!["id".into()]).await.unwrap();
        assert_eq!(question.confirm(sheet()).await.unwrap(), ["id"]);
        assert!(matches!(shown.recv().await, Some(Event::Sheet { .. })));
        drop(confirm);
        assert_eq!(
            question.confirm(sheet()).await.unwrap_err().code,
            Code::Interrupted
        );
    }
}

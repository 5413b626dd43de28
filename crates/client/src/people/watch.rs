//! News for whoever watches: what was read, invites, alarms.

use std::sync::Arc;

use crannog_agent_api::answer::{self, NewsKind};
use crannog_agent_api::{Answer, Event, RemotePath};
use crannog_core::check::Check;
use crannog_proto::{AccountId, JournalId, limits};
use tokio::sync::broadcast;

use crate::clock;
use crate::db::Deed;
use crate::engine::Caller;
use crate::error::Result;
use crate::shared::Shared;

/// News that wait for a slow watcher: a page of entries is read at once. Then the oldest are lost, and she is told how many.
const WAITING: usize = 2 * limits::PAGE_ENTRIES;

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) struct Happened {
    pub(crate) kind: NewsKind,
    pub(crate) journal: Option<JournalId>,
    pub(crate) seq: Option<u64>,
    pub(crate) author: Option<(AccountId, String)>,
    pub(crate) changes: Vec<String>,
    pub(crate) more: u64,
    pub(crate) check: Option<Check>,
}

impl Happened {
    /// Without author and check.
    pub(crate) fn new(kind: NewsKind, journal: Option<JournalId>, text: String) -> Self {
        Self {
            kind,
            journal,
            seq: None,
            author: None,
            changes: vec![text],
            more: 0,
            check: None,
        }
    }

    /// An entry that was read.
    pub(crate) fn deed(kind: NewsKind, journal: JournalId, deed: &Deed) -> Self {
        Self {
            kind,
            journal: Some(journal),
            seq: Some(deed.seq),
            author: Some((deed.account, deed.device_name.clone())),
            changes: deed.changes.clone(),
            more: deed.more,
            check: None,
        }
    }
}

/// Tells watchers.
#[derive(Debug)]
pub(crate) struct News(broadcast::Sender<Arc<Happened>>);

impl Default for News {
    fn default() -> Self {
        Self(broadcast::Sender::new(WAITING))
    }
}

impl News {
    /// Whether anyone watches.
    pub(crate) fn is_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Tells everyone who watches now.
    pub(crate) fn tell(&self, happened: Happened) {
        // Nobody has to watch.
        let _ = self.0.send(Arc::new(happened));
    }
}

impl Shared {
    /// News until the caller goes away. First a note: from then on nothing is missed.
    pub(crate) async fn watch(self: &Arc<Self>, path: Option<RemotePath>, caller: &Caller) -> Result<Answer> {
        let (only, place) = match path {
            Some(path) => (Some(self.share_of(&path).await?.id), path.to_string()),
            None => (None, "everything".to_owned()),
        };
        let mut news = self.news.0.subscribe();
        let begun = Event::Note(answer::Note {
            object: place,
            text: "watching; whatever happens from now on is told".to_owned(),
        });
        if caller.events.send(begun).await.is_err() {
            return Ok(Answer::Ok);
        }
        loop {
            let happened = tokio::select! {
                happened = news.recv() => happened,
                () = caller.cancel.cancelled() => return Ok(Answer::Ok),
                () = caller.events.closed() => return Ok(Answer::Ok),
            };
            let told = match happened {
                Ok(happened) if only.is_some() && happened.journal != only => continue,
                Ok(happened) => Event::News(self.told(&happened)),
                Err(broadcast::error::RecvError::Lagged(lost)) => Event::Note(answer::Note {
                    object: lost.to_string(),
                    text: "more happened than could be told: crannog log has it".to_owned(),
                }),
                Err(broadcast::error::RecvError::Closed) => return Ok(Answer::Ok),
            };
            if caller.events.send(told).await.is_err() {
                return Ok(Answer::Ok);
            }
        }
    }

    fn told(&self, happened: &Happened) -> answer::News {
        let author = happened.author.as_ref();
        answer::News {
            kind: happened.kind,
            time: clock::now_ms(),
            drive: happened.journal.map(|journal| self.drive_name(&journal)),
            journal: happened.journal.map(|journal| journal.to_string()),
            seq: happened.seq,
            author: author.map(|(account, device)| self.person(account, device)),
            changes: happened.changes.clone(),
            more: happened.more,
            check: happened.check.map(|check| format!("CHK-{:03}", check.number())),
        }
    }
}

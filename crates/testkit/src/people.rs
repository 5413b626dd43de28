//! What people do with each other: share, accept, watch.

use std::sync::Arc;

use crannog_agent_api::answer::{ContactInfo, InviteInfo, LogInfo, MemberInfo, News, NewsKind, SharedInfo};
use crannog_agent_api::request::Role;
use crannog_agent_api::{Answer, Event, Failure, RemotePath, Request};
use crannog_client::{Caller, Cancel};
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::task::JoinHandle;

use crate::Device;

/// News as they come, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    news: mpsc::Receiver<Event>,
    cancel: Arc<Cancel>,
    task: JoinHandle<Result<Answer, Failure>>,
}

impl Watch {
    /// The next news.
    pub async fn next(&mut self) -> News {
        loop {
            match self.news.recv().await {
                Some(Event::News(news)) => return news,
                Some(_) => {}
                None => panic!("the watch has ended"),
            }
        }
    }

    /// The next news of this kind of which a line has this text.
    pub async fn until(&mut self, kind: NewsKind, text: &str) -> News {
        loop {
            let news = self.next().await;
            if news.kind == kind && news.changes.iter().any(|line| line.contains(text)) {
                return news;
            }
        }
    }

    /// Ends it; what it answered.
    pub async fn end(self) -> Result<Answer, Failure> {
        self.cancel.cancel();
        self.task.await.unwrap()
    }
}

impl Device {
    /// News from now on.
    pub async fn watch(&self) -> Watch {
        let (events, mut news) = mpsc::channel(65_536);
        let cancel = Arc::new(Cancel::default());
        let caller = Caller {
            events,
            input: AsyncMutex::new(mpsc::channel(1).1),
            output: mpsc::channel(1).0,
            umask: 0o022,
            cancel: Arc::clone(&cancel),
        };
        let engine = self.engine.clone();
        let task = tokio::spawn(async move { engine.perform(Request::Watch { path: None }, &caller).await });
        let first = news.recv().await;
        assert!(matches!(first, Some(Event::Note(_))), "{first:?}");
        Watch { news, cancel, task }
    }

    /// Shares a path.
    pub async fn share(&self, path: &str, with: &str, role: Role) -> Result<SharedInfo, Failure> {
        let request = Request::Share {
            path: remote(path),
            with: with.to_owned(),
            role: Some(role),
            dry_run: false,
        };
        match self.perform(request).await? {
            Answer::Shared(shared) => Ok(shared),
            other => panic!("share: {other:?}"),
        }
    }

    /// Invites that wait.
    pub async fn invites(&self) -> Vec<InviteInfo> {
        match self.perform(Request::Invites).await {
            Ok(Answer::Invites(invites)) => invites,
            other => panic!("invites: {other:?}"),
        }
    }

    /// Accepts an invite by name or id.
    pub async fn accept(&self, invite: &str, at: Option<&str>) -> Result<(), Failure> {
        let request = Request::Accept {
            invite: invite.to_owned(),
            at: at.map(remote),
            dry_run: false,
        };
        self.perform(request).await.map(drop)
    }

    /// Declines one.
    pub async fn decline(&self, invite: &str) -> Result<(), Failure> {
        let invite = invite.to_owned();
        let request = Request::Decline {
            invite,
            dry_run: false,
        };
        self.perform(request).await.map(drop)
    }

    /// Who is in the share at a path.
    pub async fn members(&self, path: &str) -> Result<Vec<MemberInfo>, Failure> {
        match self.perform(Request::Members { path: remote(path) }).await? {
            Answer::Members(members) => Ok(members),
            other => panic!("members: {other:?}"),
        }
    }

    /// Gives a role.
    pub async fn set_role(&self, path: &str, name: &str, role: Role) -> Result<(), Failure> {
        let request = Request::SetRole {
            path: remote(path),
            name: name.to_owned(),
            role,
            dry_run: false,
        };
        self.perform(request).await.map(drop)
    }

    /// Removes people; nobody named: all others.
    pub async fn unshare(&self, path: &str, names: &[&str]) -> Result<(), Failure> {
        let request = Request::Unshare {
            path: remote(path),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            dry_run: false,
        };
        self.perform(request).await.map(drop)
    }

    /// Leaves a share.
    pub async fn leave(&self, path: &str) -> Result<(), Failure> {
        let request = Request::Leave {
            path: remote(path),
            dry_run: false,
        };
        self.perform(request).await.map(drop)
    }

    /// The contacts.
    pub async fn contacts(&self) -> Vec<ContactInfo> {
        match self.perform(Request::Contacts).await {
            Ok(Answer::Contacts(contacts)) => contacts,
            other => panic!("contacts: {other:?}"),
        }
    }

    /// The log of a path, or of everything.
    pub async fn log(&self, path: Option<&str>) -> Vec<LogInfo> {
        let request = Request::Log {
            path: path.map(remote),
            limit: 1_000,
        };
        match self.perform(request).await {
            Ok(Answer::Log(log)) => log,
            other => panic!("log: {other:?}"),
        }
    }
}

fn remote(path: &str) -> RemotePath {
    path.parse().unwrap()
}

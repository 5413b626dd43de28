//! A watch of a real device that notes when news came.

use std::time::{Duration, Instant};

use crannog_agent_api::answer::{News, NewsKind};
use crannog_testkit::Device;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Nothing here takes so long: who waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(300);

/// Notes news in a task of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    heard: mpsc::Receiver<(Instant, News)>,
    task: JoinHandle<()>,
}

impl Listener {
    pub(crate) async fn of(device: &Device) -> Self {
        let mut watch = device.watch().await;
        let (say, heard) = mpsc::channel(4_096);
        let task = tokio::spawn(async move {
            loop {
                let news = watch.next().await;
                if say.send((Instant::now(), news)).await.is_err() {
                    return;
                }
            }
        });
        Self { heard, task }
    }

    /// When news of this kind with this text in a line came.
    pub(crate) async fn until(&mut self, kind: NewsKind, text: &str) -> Instant {
        let waiting = async {
            loop {
                let (at, news) = self.heard.recv().await.expect("a watch");
                if news.kind == kind && news.changes.iter().any(|line| line.contains(text)) {
                    return at;
                }
            }
        };
        timeout(PATIENCE, waiting).await.expect("news that come")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

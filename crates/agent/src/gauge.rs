//! How many there are, and waiting until there are none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crannog_client::Cancel;
use tokio::sync::watch;

/// A number that goes up with each guard and down when the guard is dropped.
#[derive(Debug)]
pub(crate) struct Gauge(watch::Sender<usize>);

impl Default for Gauge {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Gauge {
    /// One more.
    pub(crate) fn enter(self: &Arc<Self>) -> Entered {
        self.0.send_modify(|count| *count += 1);
        Entered(Arc::clone(self))
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Waits until there are none.
    pub(crate) async fn none(&self) {
        // The sender lives as long as `self`.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Entered(Arc<Gauge>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

/// Requests that use an engine: counted, and each can be asked to stop.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    gauge: Arc<Gauge>,
    cancels: Mutex<(u64, HashMap<u64, Arc<Cancel>>)>,
}

impl Requests {
    /// One more.
    pub(crate) fn enter(self: &Arc<Self>, cancel: Arc<Cancel>) -> Request {
        let mut cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        let id = cancels.0;
        cancels.0 += 1;
        cancels.1.insert(id, cancel);
        Request {
            id,
            all: Arc::clone(self),
            _entered: self.gauge.enter(),
        }
    }

    /// Asks all to stop.
    pub(crate) fn cancel(&self) {
        let cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        cancels.1.values().for_each(|cancel| cancel.cancel());
    }

    /// Waits until there are none.
    pub(crate) async fn none(&self) {
        self.gauge.none().await;
    }
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Request {
    id: u64,
    all: Arc<Requests>,
    _entered: Entered,
}

impl Drop for Request {
    fn drop(&mut self) {
        self.all
            .cancels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Requests;

    #[tokio::test]
    async fn none_comes_after_the_last() {
        let requests = Arc::new(Requests::default());
        requests.none().await;
        let (one, two) = (Arc::default(), Arc::default());
        let first = requests.enter(Arc::clone(&one));
        let second = requests.enter(Arc::clone(&two));
        drop(first);
        requests.cancel();
        assert!(!one.is_cancelled() && two.is_cancelled());
        let waiting = tokio::spawn({
            let requests = Arc::clone(&requests);
            async move { requests.none().await }
        });
        drop(second);
        waiting.await.unwrap();
    }
}

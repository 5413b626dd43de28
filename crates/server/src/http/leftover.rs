//! What is left of a refused request's body. A client that is still sending would meet a closed connection instead of the
//! answer: so a bounded rest is taken and thrown away.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use crannog_proto::limits;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, timeout_at};

/// The most that is taken: the largest request, once more.
const MOST: usize = 2 * limits::APPEND_MAX;

/// A body that can be asked for its rest after its reader is gone.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Mutex<Incoming>>);

impl Shared {
    pub(crate) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    /// Takes the rest, within limits.
    pub(crate) async fn drain(mut self, patience: Duration) {
        let (mut taken, until) = (0, Instant::now() + patience);
        while taken < MOST {
            let frame = std::future::poll_fn(|context| Pin::new(&mut self).poll_frame(context));
            match timeout_at(until, frame).await {
                Ok(Some(Ok(frame))) => taken += frame.data_ref().map_or(0, Bytes::len),
                _ => return,
            }
        }
    }
}

impl Body for Shared {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}

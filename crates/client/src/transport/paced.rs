//! A request's body that goes out no faster than it may.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use crannog_agent_api::answer::Direction;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep_until};

use super::pace::Pace;
use super::progress::Progress;

/// The rest of a body.
pub(super) struct Paced {
    rest: Bytes,
    pace: Pace,
    /// The piece that is being earned.
    earning: Option<(usize, Pin<Box<Sleep>>)>,
}

impl Paced {
    pub(super) fn new(bytes: Bytes, pace: Pace) -> Self {
        Self {
            rest: bytes,
            pace,
            earning: None,
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let len = match &mut self.earning {
            Some((len, sleep)) => {
                ready!(sleep.as_mut().poll(cx));
                *len
            }
            None => {
                let len = self
                    .pace
                    .piece(Direction::Up)
                    .unwrap_or(usize::MAX)
                    .min(self.rest.len());
                if let Some(earned) = self.pace.reserve(Direction::Up, len) {
                    // sleep: the limit that the person set
                    let mut sleep = Box::pin(sleep_until(earned));
                    let earned = sleep.as_mut().poll(cx);
                    self.earning = Some((len, sleep));
                    ready!(earned);
                }
                len
            }
        };
        self.earning = None;
        self.pace.moved(len);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(len)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// Waits until so many bytes that came are earned. Our own waiting is no silence of the server's.
pub(super) async fn earn(pace: &Pace, bytes: usize, progress: &Progress) {
    pace.moved(bytes);
    let Some(piece) = pace.piece(Direction::Down) else {
        return;
    };
    let mut left = bytes;
    while left > 0 {
        let len = piece.min(left);
        if let Some(earned) = pace.reserve(Direction::Down, len) {
            // sleep: the limit that the person set
            sleep_until(earned).await;
            progress.touch();
        }
        left -= len;
    }
}

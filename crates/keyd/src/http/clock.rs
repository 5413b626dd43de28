//! A stream that nobody holds open by doing nothing (KEY-015): between requests, within a head, and while an answer waits to be read.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long each phase of a connection may last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) head: Duration,
    pub(super) idle: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing of a request is there yet, or an answer is being read.
    Idle { until: Instant },
    /// A head has begun.
    Head { until: Instant },
    /// A request is being worked off: its own clock runs.
    Busy,
}

/// What requests tell the clock.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    phase: Arc<Mutex<Phase>>,
    times: Times,
}

impl Clock {
    pub(super) fn new(times: Times) -> Self {
        let until = Instant::now() + times.idle;
        Self {
            phase: Arc::new(Mutex::new(Phase::Idle { until })),
            times,
        }
    }

    /// The head is there.
    pub(super) fn busy(&self) {
        self.set(Phase::Busy);
    }

    /// The answer is made.
    pub(super) fn idle(&self) {
        self.set(Phase::Idle {
            until: Instant::now() + self.times.idle,
        });
    }

    fn bytes_came(&self) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*phase, Phase::Idle { .. }) {
            *phase = Phase::Head {
                until: Instant::now() + self.times.head,
            };
        }
    }

    fn set(&self, to: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }

    fn until(&self) -> Option<Instant> {
        match *self.phase.lock().unwrap_or_else(PoisonError::into_inner) {
            Phase::Idle { until } | Phase::Head { until } => Some(until),
            Phase::Busy => None,
        }
    }
}

/// The stream with its clock: reading and writing end with [`io::ErrorKind::TimedOut`] when a phase lasts too long.
pub(super) struct Clocked<S> {
    stream: S,
    clock: Clock,
    sleep: Pin<Box<Sleep>>,
}

impl<S> Clocked<S> {
    pub(super) fn new(stream: S, clock: Clock) -> Self {
        // sleep: the deadline of a connection; it is moved with each phase
        let sleep = Box::pin(sleep_until(Instant::now() + clock.times.idle));
        Self { stream, clock, sleep }
    }

    /// Whether the time is up. Wakes the task when it will be.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let Some(until) = self.clock.until() else {
                return Poll::Pending;
            };
            if self.sleep.deadline() != until {
                self.sleep.as_mut().reset(until);
            }
            ready!(self.sleep.as_mut().poll(context));
            if self.clock.until().is_some_and(|until| until <= Instant::now()) {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Clocked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            if buffer.filled().len() > before {
                self.clock.bytes_came();
            }
            return Poll::Ready(read);
        }
        self.poll_late(context).map(Err)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Clocked<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(context, bytes) {
            return Poll::Ready(written);
        }
        self.poll_late(context).map(Err)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write_vectored(context, slices) {
            return Poll::Ready(written);
        }
        self.poll_late(context).map(Err)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

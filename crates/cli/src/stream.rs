//! Standard input and output as lines of bytes. Each has a thread, so that a pipe that stands still does not keep the
//! command from hearing the agent or Ctrl-C.

use std::future::pending;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use crannog_agent_api::Failure;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::local_path;

const PIECE: usize = 256 * 1024;
const PIECES: usize = 4;

/// Pieces of standard input until its end.
pub(crate) fn input() -> mpsc::Receiver<io::Result<Bytes>> {
    let (send, receive) = mpsc::channel(PIECES);
    std::thread::spawn(move || read(io::stdin().lock(), &send));
    receive
}

fn read(mut from: impl Read, to: &mpsc::Sender<io::Result<Bytes>>) {
    loop {
        let mut piece = BytesMut::zeroed(PIECE);
        let sent = match from.read(&mut piece) {
            Ok(0) => return,
            Ok(length) => to.blocking_send(Ok(piece.split_to(length).freeze())),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                let _ = to.blocking_send(Err(error));
                return;
            }
        };
        // Nobody wants more.
        if sent.is_err() {
            return;
        }
    }
}

/// Standard output.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) pieces: mpsc::Sender<Bytes>,
    written: oneshot::Receiver<io::Result<()>>,
    /// Is told when the reader of a pipe has gone away.
    unread: Option<Arc<Notify>>,
}

impl Output {
    /// From now on.
    pub(crate) fn standard() -> Self {
        Self::to(io::stdout())
    }

    /// The same, for lines that may be long in coming: a reader that goes away meanwhile is noticed.
    pub(crate) fn standard_while_read() -> Self {
        let copy = io::stdout().as_fd().try_clone_to_owned().ok();
        Self {
            unread: copy.map(notice_end),
            ..Self::to(io::stdout())
        }
    }

    fn to(mut target: impl Write + Send + 'static) -> Self {
        let (pieces, mut receive) = mpsc::channel::<Bytes>(PIECES);
        let (done, written) = oneshot::channel();
        std::thread::spawn(move || {
            let mut write = || {
                while let Some(piece) = receive.blocking_recv() {
                    target.write_all(&piece)?;
                    target.flush()?;
                }
                Ok(())
            };
            let _ = done.send(write());
        });
        Self {
            pieces,
            written,
            unread: None,
        }
    }

    /// Waits until the reader of a pipe has gone away.
    pub(crate) async fn unread(&self) {
        match &self.unread {
            Some(unread) => unread.notified().await,
            None => pending().await,
        }
    }

    /// Waits until everything is written. A reader that went away is no failure.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        drop(self.pieces);
        match self.written.await {
            Ok(Err(error)) if error.kind() != ErrorKind::BrokenPipe => {
                Err(local_path::local("standard output", &error))
            }
            _ => Ok(()),
        }
    }
}

/// Tells when nobody can read what is written to `output`. Of a file that never comes.
fn notice_end(output: OwnedFd) -> Arc<Notify> {
    let unread = Arc::<Notify>::default();
    let tell = Arc::clone(&unread);
    std::thread::spawn(move || {
        let mut asked = [PollFd::new(output.as_fd(), PollFlags::empty())];
        while let Err(nix::errno::Errno::EINTR) = poll(&mut asked, PollTimeout::NONE) {}
        tell.notify_one();
    });
    unread
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use bytes::Bytes;
    use tokio::sync::mpsc;

    use super::{Output, PIECE, notice_end, read};

    #[tokio::test]
    async fn all_of_the_input() {
        let (send, mut receive) = mpsc::channel(1);
        let text: Vec<u8> = (0..PIECE * 2 + 7).map(|i| i as u8).collect();
        let sent = text.clone();
        std::thread::spawn(move || read(&sent[..], &send));
        let mut got = Vec::new();
        while let Some(piece) = receive.recv().await {
            got.extend_from_slice(&piece.unwrap());
        }
        assert!(got == text);
    }

    #[tokio::test]
    async fn a_reader_that_goes_away_is_noticed_without_a_write() {
        let (reader, writer) = io::pipe().unwrap();
        let unread = notice_end(writer.into());
        let early = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(early, unread.notified()).await.is_err());
        drop(reader);
        unread.notified().await;
    }

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_reader_may_go_away_but_a_disk_may_not_be_full() {
        for (kind, fine) in [
            (io::ErrorKind::BrokenPipe, true),
            (io::ErrorKind::StorageFull, false),
        ] {
            let output = Output::to(Broken(kind));
            output.pieces.send(Bytes::from_static(b"x")).await.unwrap();
            output.pieces.closed().await;
            assert_eq!(output.end().await.is_ok(), fine);
        }
    }
}

//! One running request: its events and bytes go out, the command's bytes and wishes come in.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use crannog_agent_api::connection::{FrameReader, FrameWriter, word};
use crannog_agent_api::frame::Frame;
use crannog_agent_api::{Answer, Code, Event, Failure, Reply, Request};
use crannog_client::{Caller, Cancel};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use crate::dialogue::Question;
use crate::outbox::Outbox;

/// Room for events that the engine does not wait with; they are taken out at once.
const EVENTS: usize = 1024;
/// Pieces of a file on their way; the engine waits when there are more.
const PIECES: usize = 4;

/// Our ends of the lines to the engine.
#[derive(Debug)]
pub(crate) struct Lines {
    events: mpsc::Receiver<Event>,
    output: mpsc::Receiver<Bytes>,
    input: Option<mpsc::Sender<Bytes>>,
    confirms: Option<mpsc::Sender<Vec<String>>>,
    pub(crate) cancel: Arc<Cancel>,
}

/// Lines for a request to an engine.
pub(crate) fn for_engine(umask: u32) -> (Lines, Caller) {
    let (events, from_engine) = mpsc::channel(EVENTS);
    let (output, bytes) = mpsc::channel(PIECES);
    let (to_engine, input) = mpsc::channel(PIECES);
    let cancel = Arc::<Cancel>::default();
    let lines = Lines {
        events: from_engine,
        output: bytes,
        input: Some(to_engine),
        confirms: None,
        cancel: Arc::clone(&cancel),
    };
    (
        lines,
        Caller {
            events,
            input: Mutex::new(input),
            output,
            umask,
            cancel,
        },
    )
}

/// Lines for join and recover.
pub(crate) fn for_question() -> (Lines, Question) {
    let (events, from_engine) = mpsc::channel(EVENTS);
    let (confirm, confirms) = mpsc::channel(1);
    let cancel = Arc::<Cancel>::default();
    let lines = Lines {
        events: from_engine,
        output: mpsc::channel(1).1,
        input: None,
        confirms: Some(confirm),
        cancel: Arc::clone(&cancel),
    };
    (
        lines,
        Question {
            events,
            confirms: Mutex::new(confirms),
            cancel,
        },
    )
}

/// The work of a request.
pub(crate) type Work = JoinHandle<Result<Answer, Failure>>;

/// Carries everything until the work is done and its answer sent. When the command goes away, the work is asked to stop
/// and ends by itself.
pub(crate) async fn carry(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    mut lines: Lines,
    mut work: Work,
) -> io::Result<()> {
    let carried = until_done(reader, writer, &mut lines, &mut work).await;
    if carried.is_err() {
        lines.stop();
    }
    let (result, mut outbox) = carried?;
    while let Ok(event) = lines.events.try_recv() {
        outbox.push(event);
    }
    while let Some(event) = outbox.pop() {
        writer.push(&Reply::Event(event))?;
        writer.flush().await?;
    }
    while let Ok(bytes) = lines.output.try_recv() {
        writer.data(bytes)?;
    }
    writer
        .send(&result.map_or_else(Reply::Failure, Reply::Answer))
        .await
}

async fn until_done(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    lines: &mut Lines,
    work: &mut Work,
) -> io::Result<(Result<Answer, Failure>, Outbox)> {
    let mut outbox = Outbox::default();
    // Bytes for which the engine has no room yet: nothing more is read before it has.
    let mut waiting: Option<Bytes> = None;
    loop {
        if writer.is_idle()
            && let Some(event) = outbox.pop()
        {
            writer.push(&Reply::Event(event))?;
        }
        tokio::select! {
            biased;
            Some(event) = lines.events.recv() => outbox.push(event),
            done = &mut *work => {
                let result = done.unwrap_or_else(|error| {
                    tracing::error!(%error, "a request ended by a bug");
                    Err(Failure::new(Code::Internal, "the agent made a mistake").hint("look into agent.log"))
                });
                return Ok((result, outbox));
            }
            sent = writer.advance(), if !writer.is_idle() => sent?,
            Some(bytes) = lines.output.recv(), if writer.is_idle() => writer.data(bytes)?,
            room = room(lines.input.clone()), if waiting.is_some() => {
                if let (Some(bytes), Some(room)) = (waiting.take(), room) {
                    room.send(bytes);
                }
            }
            frame = reader.next(), if waiting.is_none() => match frame? {
                Some(frame) => waiting = lines.take(frame)?,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            },
        }
    }
}

/// `None` when the engine does not want any bytes.
async fn room(input: Option<mpsc::Sender<Bytes>>) -> Option<mpsc::OwnedPermit<Bytes>> {
    input?.reserve_owned().await.ok()
}

impl Lines {
    /// What the command says while the work runs; returns bytes for the engine.
    fn take(&mut self, frame: Frame) -> io::Result<Option<Bytes>> {
        match frame {
            Frame::Data(bytes) => return Ok(Some(bytes)),
            Frame::End => self.input = None,
            Frame::Interrupt => self.stop(),
            Frame::Part(_) => return Err(io::ErrorKind::InvalidData.into()),
            Frame::Json(text) => match (word(&text)?, &self.confirms) {
                (Request::Confirm { revoke }, Some(confirms)) => {
                    // A second confirm answers no question.
                    let _ = confirms.try_send(revoke);
                }
                _ => return Err(io::ErrorKind::InvalidData.into()),
            },
        }
        Ok(None)
    }

    /// The work shall stop. It may be waiting for an answer, for bytes of a standard input that is silent, or for room in a
    /// standard output that nobody reads.
    fn stop(&mut self) {
        self.cancel.cancel();
        self.confirms = None;
        self.input = None;
        self.output.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use crannog_agent_api::answer::{Note, Progress};
    use crannog_agent_api::connection::{FrameReader, FrameWriter, split, word};
    use crannog_agent_api::frame::Frame;
    use crannog_agent_api::{Answer, Code, Event, Failure, Reply};
    use tokio::net::UnixStream;

    use super::{carry, for_engine};

    fn both() -> ((FrameReader, FrameWriter), (FrameReader, FrameWriter)) {
        let (a, b) = UnixStream::pair().unwrap();
        (split(a), split(b))
    }

    #[tokio::test]
    async fn bytes_go_through_and_come_back() {
        let ((mut command_reads, mut command), (mut reader, mut writer)) = both();
        let (lines, caller) = for_engine(0o022);
        let work = tokio::spawn(async move {
            let mut count = 0;
            while let Some(bytes) = caller.input.lock().await.recv().await {
                count += bytes.len();
                caller.output.send(bytes).await.unwrap();
            }
            assert_eq!(count, 300_000);
            Ok(Answer::Ok)
        });
        let agent = tokio::spawn(async move { carry(&mut reader, &mut writer, lines, work).await });
        let send = async {
            for _ in 0..30 {
                command.data(Bytes::from(vec![1; 10_000])).unwrap();
                command.flush().await.unwrap();
            }
            command.frame(Frame::End).unwrap();
            command.flush().await.unwrap();
        };
        let receive = async {
            let mut count = 0;
            loop {
                match command_reads.next().await.unwrap().unwrap() {
                    Frame::Data(bytes) => count += bytes.len(),
                    Frame::Json(text) => {
                        assert!(matches!(word(&text).unwrap(), Reply::Answer(Answer::Ok)));
                        return count;
                    }
                    other => panic!("{other:?}"),
                }
            }
        };
        let ((), count) = tokio::join!(send, receive);
        assert_eq!(count, 300_000);
        agent.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_slow_reader_stops_nobody_and_misses_no_note() {
        let ((mut command_reads, _command), (mut reader, mut writer)) = both();
        let (lines, caller) = for_engine(0);
        let work = tokio::spawn(async move {
            for i in 0..20_000_u64 {
                let note = Note {
                    object: format!("{i:0>100}"),
                    text: String::new(),
                };
                caller.events.send(Event::Note(note)).await.unwrap();
                caller
                    .events
                    .send(Event::Progress(Progress {
                        files: i,
                        ..Progress::default()
                    }))
                    .await
                    .unwrap();
            }
            Err(Failure::new(Code::Quota, "full"))
        });
        let finished = Arc::new(tokio::sync::Notify::new());
        let agent = tokio::spawn({
            let finished = Arc::clone(&finished);
            async move {
                let work = tokio::spawn(async move {
                    let result = work.await.unwrap();
                    finished.notify_one();
                    result
                });
                carry(&mut reader, &mut writer, lines, work).await
            }
        });
        // The work is done although nobody has read a byte.
        finished.notified().await;
        let mut notes = 0;
        loop {
            let Some(Frame::Json(text)) = command_reads.next().await.unwrap() else {
                panic!("not a word")
            };
            match word(&text).unwrap() {
                Reply::Event(Event::Note(_)) => notes += 1,
                Reply::Event(_) => {}
                Reply::Failure(failure) => break assert_eq!(failure.code, Code::Quota),
                Reply::Answer(answer) => panic!("{answer:?}"),
            }
        }
        assert_eq!(notes, 20_000);
        agent.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn an_interrupt_ends_a_wait_for_bytes() {
        let ((mut command_reads, mut command), (mut reader, mut writer)) = both();
        let (lines, caller) = for_engine(0);
        let work = tokio::spawn(async move {
            assert!(caller.input.lock().await.recv().await.is_none() && caller.cancel.is_cancelled());
            while caller.output.send(Bytes::from_static(b"x")).await.is_ok() {}
            Err(Failure::new(Code::Interrupted, "stopped"))
        });
        command.frame(Frame::Interrupt).unwrap();
        command.flush().await.unwrap();
        carry(&mut reader, &mut writer, lines, work).await.unwrap();
        let Some(Frame::Json(text)) = command_reads.next().await.unwrap() else {
            panic!("not a word")
        };
        assert!(matches!(word(&text).unwrap(), Reply::Failure(failure) if failure.code == Code::Interrupted));
    }

    #[tokio::test]
    async fn interrupt_and_disconnect_cancel() {
        for disconnect in [false, true] {
            let ((command_reads, mut command), (mut reader, mut writer)) = both();
            let (lines, caller) = for_engine(0);
            let (done, ended) = tokio::sync::oneshot::channel();
            let work = tokio::spawn(async move {
                caller.cancel.cancelled().await;
                done.send(()).unwrap();
                Err(Failure::new(Code::Interrupted, "stopped"))
            });
            let agent = tokio::spawn(async move { carry(&mut reader, &mut writer, lines, work).await });
            if disconnect {
                drop((command, command_reads));
                ended.await.unwrap();
                assert!(agent.await.unwrap().is_err());
            } else {
                command.frame(Frame::Interrupt).unwrap();
                command.flush().await.unwrap();
                ended.await.unwrap();
                agent.await.unwrap().unwrap();
            }
        }
    }
}

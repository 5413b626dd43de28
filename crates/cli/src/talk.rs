//! One request: until its answer, everything that comes from the agent, the pipes and the keyboard.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use crannog_agent_api::client::{Said, lost, said};
use crannog_agent_api::frame::Frame;
use crannog_agent_api::{Answer, Client, Code, Event, Failure, Reply, Request};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::ask;
use crate::output::Printer;
use crate::shown::Remarks;
use crate::stream::Output;

/// Answers an event that asks something: ids of devices to revoke, or why not to go on.
pub(crate) type Decide = Arc<dyn Fn(Event) -> Result<Vec<String>, Failure> + Send + Sync>;

/// Makes a line for standard output of an event. A request with one is only looked at: it is left as soon as nobody looks.
pub(crate) type Tell = Box<dyn FnMut(&Event) -> Option<String> + Send>;

/// What a request needs beside its words.
#[derive(Default)]
pub(crate) struct With {
    /// Bytes for the agent.
    pub(crate) input: Option<mpsc::Receiver<io::Result<Bytes>>>,
    /// Bytes from the agent.
    pub(crate) output: Option<Output>,
    /// Lines from the agent.
    pub(crate) tell: Option<Tell>,
    /// Questions.
    pub(crate) decide: Option<Decide>,
}

/// Sends it and waits.
pub(crate) async fn talk(
    client: &mut Client,
    request: &Request,
    with: With,
    printer: &mut Printer,
    remarks: &mut Remarks,
) -> Result<Answer, Failure> {
    // One listener for all the while: a Ctrl-C between two of them would be lost.
    let keyboard = signal(SignalKind::interrupt());
    let mut keyboard = keyboard.map_err(|error| crate::local_path::local("signals", &error))?;
    client.writer.push(request).map_err(lost)?;
    let mut talk = Talk {
        with,
        waiting: None,
        decision: None,
        own: None,
        interrupted: false,
        unread: false,
        left: false,
        printer,
        remarks,
    };
    let result = talk.until_done(client, &mut keyboard).await;
    let (output, own, unread) = (talk.with.output.take(), talk.own.take(), talk.unread);
    let left = talk.left;
    printer.end_bar();
    if let Some(output) = output.filter(|_| !left) {
        // Whoever reads may have stopped without going away.
        tokio::select! {
            ended = output.end() => ended?,
            _ = keyboard.recv() => {}
        }
    }
    if unread {
        return Ok(Answer::Ok);
    }
    // Why we stopped it says more than that it was stopped.
    own.map_or(result, Err)
}

struct Talk<'a> {
    with: With,
    /// Bytes for which standard output has no room yet.
    waiting: Option<Bytes>,
    /// A question that is being answered.
    decision: Option<JoinHandle<Result<Vec<String>, Failure>>>,
    /// What failed on our side.
    own: Option<Failure>,
    interrupted: bool,
    /// The reader of our output went away, which is no failure (`| head`).
    unread: bool,
    /// The person at the keyboard does not want to wait for anything.
    left: bool,
    printer: &'a mut Printer,
    remarks: &'a mut Remarks,
}

impl Talk<'_> {
    async fn until_done(&mut self, client: &mut Client, keyboard: &mut Signal) -> Result<Answer, Failure> {
        loop {
            let (idle, waiting) = (client.writer.is_idle(), self.waiting.is_some());
            tokio::select! {
                sent = client.writer.advance(), if !idle => {
                    // The agent may have said why before it closed.
                    if sent.is_err() {
                        return self.last_word(client).await;
                    }
                }
                frame = client.reader.next(), if !waiting => match said(frame)? {
                    Said::Reply(Reply::Answer(answer)) => return Ok(answer),
                    Said::Reply(Reply::Failure(failure)) => return Err(failure),
                    Said::Reply(Reply::Event(event)) => self.event(event, client)?,
                    Said::Data(bytes) => self.waiting = self.with.output.is_some().then_some(bytes),
                },
                room = room(self.with.output.as_ref()), if waiting => match (room, self.waiting.take()) {
                    (Some(room), Some(bytes)) => drop(room.send(bytes)),
                    _ if self.with.tell.is_some() => return Ok(Answer::Ok),
                    _ => {
                        self.unread = true;
                        self.stop(client)?;
                    }
                },
                () = unread(self.with.output.as_ref()), if self.with.tell.is_some() => return Ok(Answer::Ok),
                piece = next(&mut self.with.input), if idle && self.with.input.is_some() => self.piece(piece, client)?,
                decided = decided(&mut self.decision), if self.decision.is_some() => {
                    self.decision = None;
                    match decided {
                        Ok(revoke) => client.writer.push(&Request::Confirm { revoke }).map_err(lost)?,
                        Err(failure) => {
                            self.own = Some(failure);
                            self.stop(client)?;
                        }
                    }
                }
                _ = keyboard.recv() => {
                    self.left = self.interrupted || self.with.tell.is_some();
                    if self.with.tell.is_some() {
                        return Ok(Answer::Ok);
                    }
                    if self.interrupted {
                        return Err(Failure::new(Code::Interrupted, "interrupted twice").hint("the agent stops the work at its next safe point"));
                    }
                    self.printer.say("stopping; once more leaves at once\n");
                    self.stop(client)?;
                }
            }
        }
    }

    async fn last_word(&mut self, client: &mut Client) -> Result<Answer, Failure> {
        loop {
            match client.next().await? {
                Said::Reply(Reply::Answer(answer)) => return Ok(answer),
                Said::Reply(Reply::Failure(failure)) => return Err(failure),
                Said::Reply(Reply::Event(_)) | Said::Data(_) => {}
            }
        }
    }

    fn event(&mut self, event: Event, client: &mut Client) -> Result<(), Failure> {
        /// So many are kept for a JSON document.
        const MOST: usize = 10_000;
        self.remarks.begun = true;
        if let Some(line) = self.with.tell.as_mut().and_then(|tell| tell(&event)) {
            self.waiting = Some(Bytes::from(line));
            return Ok(());
        }
        self.printer.event(&event);
        match event {
            Event::Sheet { .. } | Event::Recovery(_) => match &self.with.decide {
                Some(decide) => {
                    let decide = Arc::clone(decide);
                    self.decision = Some(tokio::spawn(ask::apart(move || decide(event))));
                }
                None => self.stop(client)?,
            },
            Event::Note(note) if self.remarks.notes.len() < MOST => self.remarks.notes.push(note),
            Event::Failed(failure) if self.remarks.failed.len() < MOST => self.remarks.failed.push(failure),
            Event::Progress(_) | Event::Note(_) | Event::Failed(_) | Event::News(_) => {}
        }
        Ok(())
    }

    fn piece(&mut self, piece: Option<io::Result<Bytes>>, client: &mut Client) -> Result<(), Failure> {
        match piece {
            Some(Ok(bytes)) => client.writer.data(bytes).map_err(lost),
            Some(Err(error)) => {
                self.own = Some(crate::local_path::local("standard input", &error));
                self.stop(client)
            }
            None => {
                self.with.input = None;
                client.writer.frame(Frame::End).map_err(lost)
            }
        }
    }

    /// Asks the agent to stop; its answer still comes.
    fn stop(&mut self, client: &mut Client) -> Result<(), Failure> {
        self.interrupted = true;
        self.with.input = None;
        client.writer.frame(Frame::Interrupt).map_err(lost)
    }
}

async fn room(output: Option<&Output>) -> Option<mpsc::OwnedPermit<Bytes>> {
    output?.pieces.clone().reserve_owned().await.ok()
}

async fn unread(output: Option<&Output>) {
    if let Some(output) = output {
        output.unread().await;
    }
}

async fn next(input: &mut Option<mpsc::Receiver<io::Result<Bytes>>>) -> Option<io::Result<Bytes>> {
    input.as_mut()?.recv().await
}

async fn decided(
    decision: &mut Option<JoinHandle<Result<Vec<String>, Failure>>>,
) -> Result<Vec<String>, Failure> {
    let bug = || Failure::new(Code::Internal, "the question ended by a bug");
    match decision {
        Some(decision) => decision.await.unwrap_or_else(|_| Err(bug())),
        None => Err(bug()),
    }
}

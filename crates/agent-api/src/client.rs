//! A command's side of a connection: finds the agent, starts one if need be, and speaks with it.

use std::io;
use std::path::Path;

use bytes::Bytes;
use nix::sys::stat::{Mode, umask};
use nix::unistd::geteuid;
use tokio::net::UnixStream;

use crate::connection::{FrameReader, FrameWriter, split, word};
use crate::frame::Frame;
use crate::lock_file::{self, Lock};
use crate::{Code, Failure, Hello, Next, PROTOCOL, Reply, Request, Welcome, build, home, start};

/// An agent that moves to a newer program is met again at most so often.
const MOVES: u32 = 3;

/// A connection that has said hello.
#[derive(Debug)]
pub struct Client {
    /// From the agent.
    pub reader: FrameReader,
    /// To the agent.
    pub writer: FrameWriter,
    /// What it said first.
    pub welcome: Welcome,
}

/// What came from the agent.
#[derive(Debug)]
pub enum Said {
    /// A word.
    Reply(Reply),
    /// Bytes of a file.
    Data(Bytes),
}

impl Client {
    /// Connects to the agent of `home`; `None` when none runs.
    pub async fn connect(home: &Path) -> Result<Option<Self>, Failure> {
        for _ in 0..MOVES {
            let Some(place) = lock_file::place(home) else {
                return Ok(None);
            };
            let Ok(stream) = UnixStream::connect(&place.socket).await else {
                return Ok(None);
            };
            let peer = stream.peer_cred().map_err(lost)?;
            if peer.uid() != geteuid().as_raw() {
                let failure = Failure::new(Code::Other, "the agent's socket belongs to another user");
                return Err(failure.object(place.socket.display().to_string()));
            }
            let mut client = match Self::hello(stream).await {
                Ok(client) => client,
                // It was just ending.
                Err(error) if error.kind() != io::ErrorKind::InvalidData => return Ok(None),
                Err(error) => return Err(lost(error)),
            };
            match &client.welcome.next {
                Next::Ready => return Ok(Some(client)),
                Next::Refused(failure) => return Err(failure.clone()),
                Next::Moving => while matches!(client.reader.next().await, Ok(Some(_))) {},
            }
        }
        Err(
            Failure::new(Code::TryAgain, "the agent does not come back after its update")
                .hint("crannog agent stop"),
        )
    }

    /// Connects; starts the agent (by `program`) when none runs.
    pub async fn connect_or_start(home: &Path, program: &Path) -> Result<Self, Failure> {
        if let Some(client) = Self::connect(home).await? {
            return Ok(client);
        }
        home::make(home)?;
        let _starting = Lock::wait(home, lock_file::START)?;
        // Someone else may have started it while we waited.
        if let Some(client) = Self::connect(home).await? {
            return Ok(client);
        }
        start::detached(home, program)?;
        let client = Self::connect(home).await?;
        client.ok_or_else(|| {
            Failure::new(Code::TryAgain, "the agent ended at once").object(home.display().to_string())
        })
    }

    async fn hello(stream: UnixStream) -> io::Result<Self> {
        let (mut reader, mut writer) = split(stream);
        writer
            .send(&Hello {
                protocol: PROTOCOL,
                build: build::running(),
                umask: current_umask(),
            })
            .await?;
        match reader.next().await? {
            Some(Frame::Json(text)) => Ok(Self {
                welcome: word(&text)?,
                reader,
                writer,
            }),
            Some(_) => Err(io::ErrorKind::InvalidData.into()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Sends a request.
    pub async fn send(&mut self, request: &Request) -> Result<(), Failure> {
        self.writer.send(request).await.map_err(lost)
    }

    /// Waits for the agent.
    pub async fn next(&mut self) -> Result<Said, Failure> {
        said(self.reader.next().await)
    }

    /// One request that needs neither events nor bytes.
    pub async fn ask(&mut self, request: &Request) -> Result<crate::Answer, Failure> {
        self.send(request).await?;
        loop {
            match self.next().await? {
                Said::Reply(Reply::Answer(answer)) => return Ok(answer),
                Said::Reply(Reply::Failure(failure)) => return Err(failure),
                Said::Reply(Reply::Event(_)) | Said::Data(_) => {}
            }
        }
    }
}

/// Reads what the agent said.
pub fn said(frame: io::Result<Option<Frame>>) -> Result<Said, Failure> {
    match frame.map_err(lost)? {
        Some(Frame::Json(text)) => Ok(Said::Reply(word(&text).map_err(lost)?)),
        Some(Frame::Data(bytes)) => Ok(Said::Data(bytes)),
        Some(Frame::End | Frame::Interrupt | Frame::Part(_)) => Err(lost(io::ErrorKind::InvalidData.into())),
        None => Err(lost(io::ErrorKind::UnexpectedEof.into())),
    }
}

/// The connection broke.
pub fn lost(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::InvalidData => Failure::new(
            Code::Internal,
            format!("the agent said something that nobody understands ({error})"),
        )
        .hint("crannog agent stop"),
        _ => Failure::new(Code::TryAgain, "the agent went away")
            .hint("run the command again; it goes on where it stopped"),
    }
}

/// Reading it means setting it: done once, before there are threads.
fn current_umask() -> u32 {
    let current = umask(Mode::from_bits_truncate(0o077));
    umask(current);
    current.bits()
}

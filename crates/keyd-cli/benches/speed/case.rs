//! One thing to measure.

use std::path::{Path, PathBuf};

use crate::framing::Framing;
use crate::{Outcome, load};

/// Connections at once.
pub(crate) const CONNECTIONS: [usize; 2] = [1, 16];

/// A request that is sent again and again, and what must come back.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Whose server.
    pub(crate) who: &'static str,
    /// What it does.
    pub(crate) what: String,
    /// Keep-alive connections, each with one request under way.
    pub(crate) connections: usize,
    /// Operations of one request.
    pub(crate) operations: usize,
    /// The server's process.
    pub(crate) server: u32,
    /// Its socket.
    pub(crate) socket: PathBuf,
    /// How requests and answers are told apart.
    pub(crate) framing: Framing,
    /// Head and body.
    pub(crate) request: Vec<u8>,
    /// Bytes of every answer, head and all.
    pub(crate) answer: usize,
}

/// Where requests go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct To<'a> {
    pub(crate) who: &'static str,
    pub(crate) server: u32,
    pub(crate) socket: &'a Path,
    pub(crate) framing: Framing,
}

impl To<'_> {
    /// One case for each number of connections. The request is sent once, to see how long a good answer is.
    pub(crate) fn cases(&self, what: &str, operations: usize, request: &[u8]) -> Outcome<Vec<Case>> {
        let answer = load::once(self.socket, self.framing, request)?;
        let case = Case {
            who: self.who,
            what: what.to_owned(),
            connections: 0,
            operations,
            server: self.server,
            socket: self.socket.to_owned(),
            framing: self.framing,
            request: request.to_vec(),
            answer: answer.len(),
        };
        let with = |connections| Case {
            connections,
            ..case.clone()
        };
        Ok(CONNECTIONS.map(with).into())
    }
}

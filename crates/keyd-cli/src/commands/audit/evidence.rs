//! What a log is held against, and where its lines come from.

use std::collections::VecDeque;
use std::io;

use crannog_keyd_audit::{Anchor, Evidence, Line, Problem, Report, SignedNote, VerifierKey, verify};
use crannog_keyd_client::{AuditRecords, Call, Client};
use tokio::runtime::Handle;

use super::lines;
use super::show::COUNT;
use crate::failure::Failure;
use crate::fault;

/// Everything that vouches for a log.
pub(super) struct Vouching {
    pub(super) vkey: VerifierKey,
    pub(super) anchor: Option<Anchor>,
    /// The log's own file of checkpoints.
    pub(super) notes: Vec<SignedNote>,
    /// What in that file is no checkpoint.
    pub(super) bad_notes: Vec<Problem>,
    /// Checkpoints that lay elsewhere.
    pub(super) elsewhere: Vec<SignedNote>,
}

impl Vouching {
    /// Holds the lines against it. Blocks.
    pub(super) fn judge(&self, lines: impl Iterator<Item = io::Result<Line>>) -> Report {
        let evidence = Evidence {
            vkey: &self.vkey,
            anchor: self.anchor.as_ref(),
            notes: &self.notes,
            elsewhere: &self.elsewhere,
        };
        let mut report = verify(lines, &evidence);
        report.problems.splice(0..0, self.bad_notes.iter().cloned());
        report
    }
}

/// The lines of a log below `until`, through the service: at most one answer is held. Blocks, on a thread outside the runtime.
pub(super) struct ThroughService {
    pub(super) client: Client,
    pub(super) runtime: Handle,
    next: u64,
    until: u64,
    held: VecDeque<String>,
    /// Why it ended early.
    pub(super) failure: Option<Failure>,
}

impl ThroughService {
    pub(super) fn new(client: Client, runtime: Handle, until: u64) -> Self {
        Self {
            client,
            runtime,
            next: 0,
            until,
            held: VecDeque::new(),
            failure: None,
        }
    }

    fn fetch(&mut self) -> Result<(), Failure> {
        let left = u32::try_from(self.until - self.next).unwrap_or(COUNT);
        let asked = AuditRecords {
            from: self.next,
            count: left.min(COUNT),
            wait: None,
        };
        let reply = self
            .runtime
            .block_on(self.client.call(&Call::AuditRecords(asked)));
        let lines = lines(reply.map_err(|error| fault::of(&error))?.answer)?;
        // An answer that leads nowhere is the end of what there is.
        self.next = if lines.next > self.next {
            lines.next
        } else {
            self.until
        };
        self.held = lines.records.into();
        Ok(())
    }
}

impl Iterator for &mut ThroughService {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.held.is_empty() && self.next < self.until {
            if let Err(failure) = self.fetch() {
                self.failure = Some(failure);
                return Some(Err(io::ErrorKind::ConnectionAborted.into()));
            }
        }
        self.held.pop_front().map(|line| Ok(Line::new(line)))
    }
}

//! Passing over an entry that a member spoilt (`docs/spec/membership.md`, Bad entries).

use crannog_proto::Kind;
use crannog_proto::api::Stored;

use super::error::ReadError;
use super::open::{OpenedEntry, Sources};
use super::state::{JournalState, StateChange};

impl JournalState {
    /// Takes the header of the next entry, a Change or Checkpoint, and nothing of its body: no author, no payload, no citation.
    ///
    /// Only for an entry that [`open`](Self::open) refused by a member's fault, after somebody has looked: whoever skips a good one
    /// has another state than everyone else from there on. What `open` checks outside the body is checked here too; other kinds are
    /// [`ReadError::NotSkippable`].
    pub fn skip(
        &self,
        stored: &Stored,
        sources: &Sources<'_>,
    ) -> Result<(OpenedEntry, StateChange), ReadError> {
        let (opened, change) = self.open_header(stored, sources)?;
        match opened.header.kind {
            Kind::Change | Kind::Checkpoint { .. } => Ok((opened, change)),
            _ => Err(ReadError::NotSkippable),
        }
    }
}

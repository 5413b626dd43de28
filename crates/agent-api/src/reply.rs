//! What the agent says to a request.

use serde::{Deserialize, Serialize};

use crate::{Answer, Event, Failure};

/// Any number of events, then one answer or failure.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "reply", content = "value", rename_all = "snake_case")]
pub enum Reply {
    /// The work goes on.
    Event(Event),
    /// Done.
    Answer(Answer),
    /// Not done.
    Failure(Failure),
}

//! Words of the page `keyd.md`, section *Audit*.

use serde::{Deserialize, Serialize};

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// The service began to serve.
    Start,
    /// It stopped on purpose.
    Stop,
    /// The store was opened.
    Unlocked,
    /// A request that reached a route.
    Request,
    /// Something is about to change.
    Begin,
    /// A connection was turned away.
    ConnectionRefused,
    /// A key was rotated by period or uses.
    Rotated,
    /// Uses were reserved.
    Reserved,
    /// A version nears its limit of uses.
    UsesHigh,
    /// A policy took effect.
    PolicyLoaded,
    /// A policy was not taken.
    PolicyRefused,
    /// The store was brought up to what a broken-off change left.
    Recovered,
    /// The operator accepted that the store was put back.
    RollbackAccepted,
    /// A key is damaged.
    Damaged,
    /// The log's own: what a crash left at its end was cut off.
    LogRepaired,
    /// The log's own: the operator accepted that records are missing.
    LogDamageAccepted,
    /// The log's own: the oldest segment was removed.
    SegmentDropped,
    /// The log's own: a checkpoint was signed.
    Checkpoint,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done.
    Ok,
    /// The policy, or what is known of the subject, said no.
    Denied,
    /// Anything else.
    Error,
}

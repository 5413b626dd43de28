//! Checkpoints of drives (`docs/spec/drive.md`, Checkpoints): writing, vouching, and starting from one.
//!
//! ```text
//!  own entry ─▶ due? ─▶ one snapshot: plan, records ─▶ seal, put ─▶ append (Checkpoint)
//!  a Checkpoint, read like any entry ─▶ compare ─▶ open what others wrote ─▶ vouch in home ─▶ prune
//!  vouch in home ─▶ read up to it without folding ─▶ load its segments ─▶ fold what follows
//! ```

mod due;
mod hold;
mod prune;
mod sealer;
mod start;
mod turn;
mod vouch;
mod write;

pub(super) use due::next_through;
pub(crate) use due::{Due, keep};
pub(super) use start::Starting;

//! The audit log of the key service: what was done with which key, by whom, in a form that cannot be changed afterwards unseen.
//!
//! ```text
//!  Record ──▶ line of JSON ──▶ segment file          Log::append, synced, anchored
//!                 │ leaf
//!                 ▼
//!          Merkle tree (RFC 6962) ──▶ Checkpoint ──▶ SignedNote (C2SP)      kept elsewhere: nobody can take back what it signs
//!                 └──────────────────▶ Anchor                                kept under a key that who edits the log does not have
//!
//!  segments + notes + anchor ──▶ verify ──▶ Report   with public keys alone
//! ```
//! The exact bytes are in `docs/spec/keyd.md`, section *Audit*. This crate holds no key: it signs through a [`NoteSigner`] and keeps its
//! anchor through an [`AnchorStore`].
//!
//! ```
//! use crannog_keyd_audit::{Frontier, Hash};
//! let mut tree = Frontier::new();
//! tree.push(Hash::leaf(b""));
//! assert_eq!(tree.root().to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
//! ```
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod anchor;
mod folder;
mod log;
mod note;
mod record;
mod segment;
mod tree;
mod verify;
#[cfg(test)]
mod world;

pub use anchor::{Anchor, AnchorStore};
pub use log::{
    Accepted, CheckpointListener, Damage, Fullness, Log, LogError, Opened, Options, Repaired, WhenFull,
    Written,
};
pub use note::{
    Checkpoint, CheckpointError, FoundNote, KeyError, NoteError, NoteSigner, NotesFile, SignedNote,
    VerifierKey,
};
pub use record::{
    Detail, Event, Fact, Line, LineError, MAX_LINE, Outcome, Record, Subject, Time, ValueHasher,
};
pub use segment::Segments;
pub use tree::{Frontier, Hash};
pub use verify::{Evidence, Problem, Report, verify};

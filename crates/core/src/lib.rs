//! The sans-IO engine: bytes, time and randomness come in as arguments; verified values and bytes to send come out.
//!
//! ```text
//!  core::journal   open and seal entries; the reader's ladder: EntryIn → VerifiedEntry → OpenedEntry
//!  core::identity  words, account secret generations, sigchain links, home
//!  core::drive     records, the fold, checkpoints
//!  core::inbox     notes: signed and sealed to a person; the ladder NoteIn → VerifiedNote
//!  core::evidence  what a lie leaves behind, and whom it convicts
//!  core::content   chunks, packs, lists: file bytes to blobs and back
//! ```
//! No sockets, files, clocks or operating-system randomness: `clippy.toml` of this crate forbids them.
#![forbid(unsafe_code)]

pub mod check;
pub mod content;
pub mod drive;
pub mod evidence;
pub mod identity;
pub mod inbox;
pub mod journal;

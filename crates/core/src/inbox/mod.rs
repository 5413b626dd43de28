//! Notes from person to person: signed first, sealed afterwards (`docs/spec/inbox.md`).
//!
//! ```text
//!  write   Note ──seal_note──▶ a drop of 4, 16 or 64 KiB
//!  read    drop ──NoteIn::open──▶ NoteIn ──the sender's sigchain──▶ NoteIn::verify ──▶ VerifiedNote
//!          VerifiedNote ──signed_bytes──▶ home's Invited ──NoteIn::recorded──▶ NoteIn ──verify_recorded──▶ VerifiedNote
//! ```
//!
//! Whether a note's id was taken before, and whether its sender is the one who is pinned, is asked of home by the caller
//! ([`HomeState::is_accepted`](crate::identity::HomeState::is_accepted), [`HomeState::pin`](crate::identity::HomeState::pin)).

mod error;
mod note;
mod open;
mod recorded;
mod seal;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

pub use self::error::NoteRefused;
pub use self::note::{Form, Inside, Invite, Note, NoteUnfit, Purpose};
pub use self::open::NoteIn;
pub use self::recorded::RecordedNote;
pub use self::seal::seal_note;
pub use self::verify::VerifiedNote;

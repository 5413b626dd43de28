//! Journals: sealing entries, and the ladder by which a reader comes to trust them (`docs/spec/journal.md`).
//!
//! ```text
//!  write   EntryDraft ──seal_entry──▶ SealedEntry { entry, body_blobs }          (seal_genesis, seal_rekey are special cases)
//!  read    Stored ──decode, bound──▶ EntryIn ──outer signature──▶ VerifiedEntry ──body, author, rights──▶ OpenedEntry
//!                                            JournalState::open, which changes nothing            + StateChange
//!          StateChange ──JournalState::commit──▶ the next state
//! ```
//!
//! [`JournalState::open`] either gives an entry of which **everything** was checked, or an error and nothing else.

mod error;
mod genesis;
mod grant;
mod keys;
mod open;
mod payload;
mod receipt;
mod rekey;
mod rekey_body;
mod rekey_open;
mod rights;
mod said;
mod seal;
mod signed;
mod skip;
mod state;
mod statements;
#[cfg(test)]
pub(crate) mod tests;

pub use self::error::{Fault, ReadError, WriteError};
pub use self::genesis::seal_genesis;
pub use self::grant::{EpochGrant, public_halves};
pub use self::keys::Keys;
pub use self::open::{OpenedEntry, Sources, pending_blobs};
pub use self::payload::{Author, Content, JournalKind, Member, Payload, RekeyContent, Role};
pub use self::receipt::{check_heads, check_receipt, check_receipt_of};
pub use self::rekey::{RekeyDraft, SealedRekey, seal_rekey};
pub use self::rekey_body::{grant_of_rekey, previous_read_secret};
pub use self::seal::{EntryDraft, Ground, SealedEntry, seal_close, seal_entry};
pub(crate) use self::signed::Signed;
pub use self::state::{JournalState, StateChange};
pub(crate) use self::statements::device_key;

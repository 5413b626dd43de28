//! Why a note is refused.

use super::note::NoteUnfit;
use crate::check::Check;

/// What came out of the inbox is refused: acknowledged, told to whoever watches, and nothing more, because anyone can make garbage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteRefused {
    /// None of the three lengths.
    #[error("the drop has none of the three lengths")]
    Length,
    /// No generation's key opens it for this account.
    #[error("the drop does not open")]
    Sealed,
    /// Does not decode, or something is left over.
    #[error("the note does not decode")]
    Decode,
    /// Another version than 1 (CHK-010).
    #[error("note version {0} is not known")]
    Version(u8),
    /// The padding is not zero.
    #[error("the drop's padding is not zero")]
    Padding,
    /// It is for someone else, or for a root that never was this account's.
    #[error("the note is for someone else")]
    Recipient,
    /// The sender's sigchain is another account's, lacks the link that she cites, or has another root there.
    #[error("the sender's sigchain is not the one that the note names")]
    Sender,
    /// The sending device is not, or no longer, one of the sender's.
    #[error("the sender's device is not valid")]
    Device,
    /// The signature is not that device's.
    #[error("the note's signature does not verify")]
    Signature,
    /// Sent more than a day ahead of the reader's clock.
    #[error("the note comes from the future")]
    Future,
    /// Its time is over.
    #[error("the note has expired")]
    Expired,
    /// Signed well, but with a content that no honest device signs.
    #[error(transparent)]
    Unfit(#[from] NoteUnfit),
}

impl NoteRefused {
    /// The check that this is.
    pub fn check(&self) -> Check {
        match self {
            Self::Version(_) => Check::Version,
            _ => Check::Note,
        }
    }
}

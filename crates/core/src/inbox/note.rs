//! What a note says (`docs/spec/inbox.md`).

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::sigchain::Cite;
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{AccountId, JournalId, Receipt, Seen};

use crate::drive::NodeId;
use crate::journal::{Author, EpochGrant, JournalKind, Role};

/// The only version there is (CHK-010).
pub(super) const VERSION: u8 = 1;
/// The longest life of a note, in milliseconds: 30 days.
const LIFE_MAX: i64 = 30 * DAY;
/// Milliseconds of a day.
pub(super) const DAY: i64 = 86_400_000;
/// Most receipts of one note.
const HEADS_MAX: usize = 64;
/// Most bytes of an invite's name.
const NAME_MAX: usize = 64;

/// What one person's device says to another person. An invite in it holds secrets: encode it into wiped or sealed bytes only.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Note {
    /// 1 (CHK-010).
    pub version: u8,
    /// Random, used once.
    pub id: [u8; 16],
    /// Who says it, by which device.
    pub sender: Author,
    /// The newest link of the sender's sigchain that she knows.
    pub chain: Cite,
    /// Her root there.
    pub sender_root: VerifyingKey,
    /// To whom.
    pub recipient: AccountId,
    /// The recipient's root, as the sender has it pinned.
    pub recipient_root: VerifyingKey,
    /// The sender's clock, milliseconds since 1970.
    pub time: i64,
    /// Until when it may be taken, milliseconds since 1970; at most 30 days after `time`.
    pub expires: i64,
    /// The newest receipts of journals that both share, at most 64.
    pub heads: Vec<Receipt>,
    /// What for.
    pub purpose: Purpose,
}

/// What a note is for.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub enum Purpose {
    /// Into a journal.
    Invite(Invite),
    /// The sender wants to be a member no longer.
    Leave {
        /// Of which journal.
        journal: JournalId,
        /// Since which epoch she is one: who was taken in later stays.
        epoch: u64,
    },
    /// The sender, who may not write, has a newer generation than the list cites.
    Refresh {
        /// Of which journal.
        journal: JournalId,
    },
}

/// What lets its recipient read a journal from the beginning.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Invite {
    /// Which journal.
    pub journal: JournalId,
    /// What it is for; never home.
    pub kind: JournalKind,
    /// What the sender calls it, 1 to 64 bytes.
    pub name: String,
    /// A folder, or one file.
    pub form: Form,
    /// The epoch of the grant.
    pub epoch: u64,
    /// As what; the list of the epoch decides.
    pub role: Role,
    /// The epoch's secrets, as far as the role has them.
    pub grant: EpochGrant,
    /// The last entry that the sender had read (CHK-012, CHK-013).
    pub at: Seen,
    /// Where it lies in another share.
    pub inside: Option<Inside>,
}

/// What a share shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Form {
    /// A folder.
    Folder,
    /// The only file in its top.
    File,
}

/// A node of another share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Inside {
    /// Which share.
    pub journal: JournalId,
    /// At which node.
    pub node: NodeId,
}

/// Why a note is not sealed: the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteUnfit {
    /// Another version than 1.
    #[error("a note has version 1")]
    Version,
    /// The name has no or more than 64 bytes, or holds `/`, `:` or a control character.
    #[error("an invite's name has 1 to 64 bytes without '/', ':' and control characters")]
    Name,
    /// An invite into a home.
    #[error("nobody is invited into a home")]
    Home,
    /// More than 64 receipts.
    #[error("a note brings at most 64 heads")]
    Heads,
    /// `expires` lies before `time` or more than 30 days after it.
    #[error("a note lives for at most 30 days")]
    Life,
    /// More than the largest drop holds.
    #[error("the note is too large for a drop")]
    TooLarge,
}

impl Note {
    /// What writer and reader alike hold a note to.
    pub(super) fn check(&self) -> Result<(), NoteUnfit> {
        if self.version != VERSION {
            return Err(NoteUnfit::Version);
        }
        if self.heads.len() > HEADS_MAX {
            return Err(NoteUnfit::Heads);
        }
        let life = self.expires.checked_sub(self.time);
        if !life.is_some_and(|life| (0..=LIFE_MAX).contains(&life)) {
            return Err(NoteUnfit::Life);
        }
        match &self.purpose {
            Purpose::Invite(invite) if invite.kind == JournalKind::Home => Err(NoteUnfit::Home),
            Purpose::Invite(invite) if !is_name(&invite.name) => Err(NoteUnfit::Name),
            _ => Ok(()),
        }
    }
}

fn is_name(name: &str) -> bool {
    let bad = |letter: char| letter == '/' || letter == ':' || letter.is_control();
    (1..=NAME_MAX).contains(&name.len()) && !name.chars().any(bad)
}

//! What is inside a body (`docs/spec/journal.md`, Body).

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::sigchain::Cite;
use crannog_proto::{AccountId, DeviceId};

use crate::drive::{DriveBatch, Manifest};
use crate::identity::HomeOp;

/// What a journal is for; known to members only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum JournalKind {
    /// An account's own.
    Home,
    /// A drive.
    Drive,
    /// A chat.
    Conversation,
}

/// What a member may do; each includes the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Role {
    /// Read.
    Reader,
    /// Make new files and folders, and change nothing that is there.
    Append,
    /// Change and refresh.
    Writer,
    /// Rekey with another list, reset, prune, close.
    Admin,
}

/// One line of a member list.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Member {
    /// Who.
    pub account: AccountId,
    /// As what.
    pub role: Role,
    /// With which devices: her sigchain up to here.
    pub chain: Cite,
}

/// The body of a Rekey.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct RekeyContent {
    /// The complete list.
    pub members: Vec<Member>,
    /// The epoch's read secret before (drives only).
    pub previous: Option<crannog_seal::schedule::ReadSecret>,
    /// Zero bytes in place of the members that are missing up to a power of two (drives only): the list's length tells no more than
    /// the number of envelopes.
    pub padding: Vec<u8>,
}

/// Bytes of an encoded [`Member`].
const MEMBER_LEN: usize = 101;

/// How long the padding of a list of so many members is.
pub(super) fn list_padding(members: usize) -> usize {
    members
        .next_power_of_two()
        .saturating_sub(members)
        .saturating_mul(MEMBER_LEN)
}

/// What an entry says, by kind.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub enum Content {
    /// The first entry.
    Genesis {
        /// What the journal is for.
        kind: JournalKind,
        /// The first member list.
        members: Vec<Member>,
    },
    /// A change of home.
    Home(Vec<HomeOp>),
    /// A change of a drive.
    Drive(DriveBatch),
    /// A snapshot.
    Checkpoint(Manifest),
    /// New keys.
    Rekey(RekeyContent),
    /// See the header.
    Reset,
    /// See the header.
    Prune,
    /// See the header.
    Close,
}

/// The plain payload, signed by the author's device.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Payload {
    /// The author's clock, milliseconds since 1970; decides nothing.
    pub time: i64,
    /// The author's name of her device, for conflict names.
    pub device_name: String,
    /// Newer sigchain heads that readers may rely on from here.
    pub cites: Vec<Cite>,
    /// What it says.
    pub content: Content,
}

/// Who wrote an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Author {
    /// The person.
    pub account: AccountId,
    /// Her device.
    pub device: DeviceId,
}

//! Requests and answers of the server's API (`docs/spec/api.md`). All but raw blobs are Borsh.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::entry::Entry;
use crate::hash::Hash;
use crate::ids::{BlobId, DeviceId, JournalId};
use crate::receipt::Receipt;
use crate::server_url::Fingerprint;
use crate::sigchain::{DeviceEnvelope, GenerationSecrets, SignedLink};
use crate::sign::Signature;
use crate::{encode, labels};

/// Header with one or more read tokens in hex, separated by commas.
pub const READ_HEADER: &str = "crannog-read";
/// Header with a write grant, `EPOCH:HEX`.
pub const WRITE_HEADER: &str = "crannog-write";
/// Header that says of a blob that it is an entry's body, not content: [`BODY`].
pub const BODY_HEADER: &str = "crannog-body";
/// Its only value.
pub const BODY: &str = "1";
/// Header that says that something lost with a server's disk is given back (`docs/spec/journal.md`, Healing): [`HEAL`].
pub const HEAL_HEADER: &str = "crannog-heal";
/// Its only value.
pub const HEAL: &str = "1";

/// Who the server is; true because it came over the pinned connection.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ServerInfo {
    /// Of its CA.
    pub ca_fingerprint: Fingerprint,
    /// Verifies receipts.
    pub receipt_key: crate::sign::VerifyingKey,
    /// By the CA's key, over `receipt_key`.
    pub receipt_key_signature: Signature,
    /// Its clock, milliseconds since 1970.
    pub time: i64,
    /// Its version, for people.
    pub version: String,
}

/// The server was restored from a backup, and takes back what came later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Healing {
    /// When the backup was taken, seconds since 1970.
    pub taken: i64,
}

/// One's own account, given back to a server that heals (`docs/spec/identity.md`, Healing).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct GiveBack {
    /// By a device that is valid at the end of `links`.
    pub login: Login,
    /// The whole sigchain.
    pub links: Vec<SignedLink>,
    /// All its generations, ascending; boxes in the last one only.
    pub secrets: Vec<GenerationSecrets>,
    /// For a server that does not know the account.
    pub lost: Option<LostAccount>,
}

/// What a server needs beside the sigchain to know an account again.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LostAccount {
    /// From the operator.
    pub invite: String,
    /// Home's genesis.
    pub home: Entry,
}

/// Makes an account with its home, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Register {
    /// From the operator.
    pub invite: String,
    /// The Create link.
    pub link: SignedLink,
    /// Generation 0, sealed.
    pub secrets: GenerationSecrets,
    /// Home's genesis.
    pub home: Entry,
}

/// The account exists.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Registered {
    /// Of home's genesis.
    pub receipt: Receipt,
}

/// Asks for something to sign.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ChallengeRequest {
    /// The account's name.
    pub name: String,
}

/// To be signed once, within 60 s.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Challenge {
    /// Random.
    pub challenge: [u8; 32],
}

/// Who logs in.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Principal {
    /// A device of the sigchain.
    Device(DeviceId),
    /// The root key: may read, and append a link.
    Root,
}

/// Answers a challenge.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Login {
    /// The account's name.
    pub name: String,
    /// Who.
    pub principal: Principal,
    /// As given.
    pub challenge: [u8; 32],
    /// Over [`login_statement`].
    pub signature: Signature,
}

/// What a login signs, without label [`labels::LOGIN`].
pub fn login_statement(server: &Fingerprint, challenge: &[u8; 32], name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64 + name.len());
    bytes.extend_from_slice(&server.0);
    bytes.extend_from_slice(challenge);
    bytes.extend_from_slice(name.as_bytes());
    bytes
}

/// A session; the token is a bearer secret.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Session {
    /// Shown as `authorization: Bearer HEX`.
    pub token: [u8; 32],
    /// Seconds.
    pub expires_in: u32,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

/// What a write grant signs, without label [`labels::WRITE_GRANT`].
pub fn write_grant_statement(journal: &JournalId, epoch: u64, session: &[u8; 32]) -> Vec<u8> {
    encode(&(journal, epoch, Hash::of(labels::SESSION_HASH, session)))
}

/// One's own account, as the server has it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AccountView {
    /// The name.
    pub name: String,
    /// The sigchain, from Create; links that a root cut off are left out.
    pub links: Vec<SignedLink>,
    /// All generations, ascending.
    pub secrets: Vec<GenerationSecrets>,
    /// The home journal, as claimed.
    pub home: JournalId,
    /// Bytes that the operator allows.
    pub quota: u64,
    /// Bytes that count.
    pub used: u64,
}

/// The sealed secrets that come with a link.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum LinkSecrets {
    /// None.
    None,
    /// AddDevice: the current generation for it.
    Device(DeviceEnvelope),
    /// A new generation.
    Generation(GenerationSecrets),
}

/// Appends a link to one's own sigchain.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AppendLink {
    /// The link.
    pub link: SignedLink,
    /// Its secrets.
    pub secrets: LinkSecrets,
}

/// Someone's sigchain.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DirectoryEntry {
    /// The name that was asked for.
    pub name: String,
    /// The sigchain.
    pub links: Vec<SignedLink>,
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Stored {
    /// Its place.
    pub seq: u64,
    /// The head there.
    pub head: Hash,
    /// The entry; its inline body is empty when gone.
    pub entry: Entry,
    /// The body was pruned.
    pub body_gone: bool,
}

/// A run of entries.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Page {
    /// In order, without gap.
    pub entries: Vec<Stored>,
    /// Of the journal's last entry.
    pub last: Receipt,
}

/// Appends entries, in order.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Append {
    /// 1 to 64.
    pub entries: Vec<Entry>,
}

/// What became of one of them.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum AppendResult {
    /// On disk.
    Done(Receipt),
    /// These blobs have to be put first.
    Missing(Vec<BlobId>),
    /// Refused, with a code of [`crate::ErrorCode`].
    Refused {
        /// The code's text.
        code: String,
    },
}

/// One result per entry that was tried; the first that is not `Done` is the last.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Appended {
    /// In order.
    pub results: Vec<AppendResult>,
}

/// A journal on a bell.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Held {
    /// Which.
    pub journal: JournalId,
    /// Its read token.
    pub token: [u8; 32],
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held")
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}

/// Something sealed that lies in one's inbox (`docs/spec/inbox.md`).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Drop {
    /// The server's name for it; whoever took it in deletes it by this.
    pub id: [u8; 16],
    /// Of one of [`crate::limits::DROP_SIZES`].
    pub sealed: Vec<u8>,
}

/// What lies in one's inbox, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Inbox {
    /// At most [`crate::limits::INBOX_PAGE`]; those behind come when these are deleted.
    pub drops: Vec<Drop>,
}

/// Client to bell: ring for these. Answered at once with one [`Ring`] per journal that the token opens, and after the first
/// with [`Rung::Inbox`] if something lies there.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Hold {
    /// At most 1,024; replaces what was held.
    pub journals: Vec<Held>,
}

/// Bell to client: a journal's newest place.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ring {
    /// Of the last entry.
    pub last: Receipt,
    /// That entry itself, when small.
    pub entry: Option<Stored>,
}

/// Bell to client: something is new.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Rung {
    /// A journal grew.
    Journal(Box<Ring>),
    /// Something lies in the account's inbox.
    Inbox,
}

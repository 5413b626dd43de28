//! Entries: a header that the server orders and checks, and a sealed body that it cannot read.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash::Hash;
use crate::ids::{BlobId, EntryId, JournalId};
use crate::sign::{Signature, VerifyingKey};
use crate::{DecodeError, decode, encode, labels, limits};

/// The only version there is (CHK-010).
pub const VERSION: u8 = 1;

/// What an author had read when it wrote: a place and the head there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Default)]
pub struct Seen {
    /// Place in the journal.
    pub seq: u64,
    /// Head at that place.
    pub head: Hash,
}

/// The public halves of an epoch's secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EpochPublic {
    /// `H("read token hash", token)`; whoever shows the token may read.
    pub read_token_hash: Hash,
    /// Signs appends.
    pub append_key: VerifyingKey,
    /// Signs changes, checkpoints and refreshes.
    pub write_key: VerifyingKey,
    /// Signs genesis, rekeys, resets, prunes and close.
    pub admin_key: VerifyingKey,
}

/// Which epoch key signed a rekey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Signer {
    /// A refresh: same members, fresh secrets.
    Writer,
    /// A rekey: the member list may change.
    Admin,
}

/// Places `from` to `to`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SeqRange {
    /// First place.
    pub from: u64,
    /// Last place, not below `from`.
    pub to: u64,
}

/// What an entry is for.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Kind {
    /// The first entry; opens epoch 0.
    Genesis(EpochPublic),
    /// A batch of changes.
    Change,
    /// Ends `header.epoch` and opens the next.
    Rekey {
        /// Who signed.
        signer: Signer,
        /// The next epoch's public halves.
        next: EpochPublic,
    },
    /// A sealed snapshot of the state at a place.
    Checkpoint {
        /// That place.
        through: u64,
    },
    /// After a restored backup: what nobody has any more.
    Reset {
        /// Last place known before.
        through: u64,
        /// What is lost.
        lost: Vec<SeqRange>,
    },
    /// The bodies at these places may be dropped.
    Prune {
        /// All below the last checkpoint's `through`.
        ranges: Vec<SeqRange>,
    },
    /// The last entry: every blob and body goes.
    Close,
    /// A batch that only adds: no drops, and nothing that stood before is changed.
    Append,
}

/// Where the sealed body is.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Place {
    /// In the entry.
    Inline,
    /// Cut into these blobs, in order.
    Blobs(Vec<BlobId>),
}

/// The sealed body, as the header names it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Body {
    /// Plain BLAKE3 of the sealed bytes.
    pub hash: Hash,
    /// Their length.
    pub len: u32,
    /// Where they are.
    pub place: Place,
}

impl Body {
    /// The blobs that it lies in; none if it is in the entry.
    pub fn pieces(&self) -> &[BlobId] {
        match &self.place {
            Place::Inline => &[],
            Place::Blobs(ids) => ids,
        }
    }
}

/// Everything about an entry that the server sees. `body` is last: what precedes it is the body's associated data.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// [`VERSION`].
    pub version: u8,
    /// The journal; zero in a genesis.
    pub journal: JournalId,
    /// The epoch whose keys seal and sign this entry.
    pub epoch: u64,
    /// Random id.
    pub entry: EntryId,
    /// What the author had read.
    pub seen: Seen,
    /// What it is for.
    pub kind: Kind,
    /// Every blob that the content refers to anew, strictly ascending.
    pub adds: Vec<BlobId>,
    /// Blobs no longer referred to, strictly ascending.
    pub drops: Vec<BlobId>,
    /// The sealed body.
    pub body: Body,
}

impl Header {
    /// The associated data of the body: the header's bytes before the field `body`.
    pub fn associated_data(&self) -> Vec<u8> {
        let mut bytes = encode(self);
        bytes.truncate(bytes.len().saturating_sub(encode(&self.body).len()));
        bytes
    }

    /// The blobs that this entry makes the journal hold: `adds` and those of the body.
    pub fn held_blobs(&self) -> impl Iterator<Item = &BlobId> {
        self.adds.iter().chain(self.body.pieces())
    }
}

/// An entry as it travels and is stored.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// Canonical bytes of a [`Header`].
    pub header: Vec<u8>,
    /// By the epoch's key, over `header`.
    pub signature: Signature,
    /// The sealed body if inline, else empty.
    pub body: Vec<u8>,
}

/// Why an entry is refused before anything of it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// CHK-029.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// CHK-010.
    #[error("entry version {0} is not known")]
    Version(u8),
    /// CHK-024.
    #[error("the entry breaks a limit: {0}")]
    Limit(&'static str),
    /// CHK-018.
    #[error("the entry's body is not the one that its header names")]
    Body,
    /// CHK-016.
    #[error("the entry's signature does not verify under its epoch's key")]
    Signature,
}

/// An entry whose header decoded and holds to the limits, and whose inline body is the named one. Its signature is not checked yet.
#[derive(Debug, Clone)]
pub struct EntryIn {
    header: Header,
    entry: Entry,
}

/// An entry whose outer signature verified under the keys that were given.
#[derive(Debug, Clone)]
pub struct VerifiedEntry {
    header: Header,
    entry: Entry,
}

impl EntryIn {
    /// Decodes and bounds an entry (CHK-010, CHK-018, CHK-024, CHK-029).
    pub fn new(entry: Entry) -> Result<Self, EntryError> {
        let header = decode_header(&entry.header)?;
        match header.body.place {
            Place::Inline => {
                let bytes = &entry.body;
                if bytes.len() > limits::INLINE_BODY_MAX {
                    return Err(EntryError::Limit("inline body"));
                }
                if bytes.len() != header.body.len as usize || Hash::plain(bytes) != header.body.hash {
                    return Err(EntryError::Body);
                }
            }
            Place::Blobs(_) if !entry.body.is_empty() => return Err(EntryError::Body),
            Place::Blobs(_) => {}
        }
        Ok(Self { header, entry })
    }

    /// The same for an entry whose body was pruned: it must bring none.
    pub fn with_body_gone(entry: Entry) -> Result<Self, EntryError> {
        let header = decode_header(&entry.header)?;
        if entry.body.is_empty() {
            Ok(Self { header, entry })
        } else {
            Err(EntryError::Body)
        }
    }

    /// What the header says; not yet verified.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// CHK-016: the key that the kind demands, of the header's epoch, signed this header. `keys` are that epoch's
    /// (for a genesis: any value; its own are used).
    pub fn verify(self, keys: &EpochPublic) -> Result<VerifiedEntry, EntryError> {
        let key = match &self.header.kind {
            Kind::Genesis(own) => own.admin_key,
            Kind::Append => keys.append_key,
            Kind::Change
            | Kind::Checkpoint { .. }
            | Kind::Rekey {
                signer: Signer::Writer,
                ..
            } => keys.write_key,
            Kind::Rekey {
                signer: Signer::Admin,
                ..
            }
            | Kind::Reset { .. }
            | Kind::Prune { .. }
            | Kind::Close => keys.admin_key,
        };
        key.verify(labels::ENTRY, &self.entry.header, &self.entry.signature)
            .map_err(|_| EntryError::Signature)?;
        Ok(VerifiedEntry {
            header: self.header,
            entry: self.entry,
        })
    }
}

impl VerifiedEntry {
    /// The verified header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The entry as it travelled.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Both parts.
    pub fn into_parts(self) -> (Header, Entry) {
        (self.header, self.entry)
    }
}

fn decode_header(bytes: &[u8]) -> Result<Header, EntryError> {
    if bytes.len() > limits::HEADER_MAX {
        return Err(EntryError::Limit("header"));
    }
    let header: Header = decode(bytes)?;
    if header.version != VERSION {
        return Err(EntryError::Version(header.version));
    }
    check_shape(&header)?;
    Ok(header)
}

fn check_shape(header: &Header) -> Result<(), EntryError> {
    let ascending = |ids: &[BlobId]| ids.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
    let genesis = matches!(header.kind, Kind::Genesis(_));
    if header.adds.len() + header.drops.len() > limits::IDS_MAX {
        return Err(EntryError::Limit("adds and drops"));
    }
    if !ascending(&header.adds) || !ascending(&header.drops) {
        return Err(EntryError::Limit("adds and drops are strictly ascending"));
    }
    if header.body.len as usize > limits::BODY_MAX {
        return Err(EntryError::Limit("body"));
    }
    if let Place::Blobs(ids) = &header.body.place
        && ids.len() != (header.body.len as usize).div_ceil(limits::CHUNK)
    {
        return Err(EntryError::Limit("body blobs"));
    }
    if header
        .body
        .pieces()
        .iter()
        .any(|id| header.adds.binary_search(id).is_ok())
    {
        return Err(EntryError::Limit("what the body lies in is not repeated in adds"));
    }
    if genesis && (header.journal != JournalId::ZERO || header.epoch != 0 || header.seen != Seen::default()) {
        return Err(EntryError::Limit("genesis fields"));
    }
    if header.kind == Kind::Append && !header.drops.is_empty() {
        return Err(EntryError::Limit("an append drops nothing"));
    }
    let ranges: &[SeqRange] = match &header.kind {
        Kind::Reset { lost, .. } => lost,
        Kind::Prune { ranges } => ranges,
        _ => &[],
    };
    if ranges.len() > limits::PAGE_ENTRIES || ranges.iter().any(|range| range.from > range.to) {
        return Err(EntryError::Limit("ranges"));
    }
    Ok(())
}

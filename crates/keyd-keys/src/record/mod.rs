//! Sealed records: `header || FLOE`, the box bound to the header by label and associated data.
//!
//! A reader parses the header, compares it with what the place of the file says, and only then opens the box (KEY-001).

mod head;
mod key;

pub use self::head::{Found, Head, HeadEntry, Judgement, Verdict};
pub use self::key::{RecordIn, Settings, open_key};
pub(crate) use self::key::{VersionEntry, VersionSecret, seal_key, seal_version};

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_seal::floe::{self, Aad};
use crannog_seal::keyd::StoreKey;
use crannog_seal::labels::{self, Label};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::StoreId;
use crate::error::RecordError;
use crate::key_type::Policy;
use crate::memory::LockedBytes;

const MAGIC: [u8; 8] = *b"CRKDREC1";

/// What a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// What the store holds.
    Head = 1,
    /// A key's settings and list of versions.
    Key = 2,
    /// The secret of one version.
    Version = 3,
    /// The audit root.
    AuditRoot = 4,
    /// How far the audit log had come.
    Anchor = 5,
}

impl RecordKind {
    const fn label(self) -> Label {
        match self {
            Self::Head => labels::SEAL_KEYD_HEAD,
            Self::Key => labels::SEAL_KEYD_KEY,
            Self::Version => labels::SEAL_KEYD_VERSION,
            Self::AuditRoot => labels::SEAL_KEYD_AUDIT_ROOT,
            Self::Anchor => labels::SEAL_KEYD_ANCHOR,
        }
    }
}

/// The readable beginning of a record.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecordHeader {
    magic: [u8; 8],
    store: [u8; 16],
    kind: u8,
    key: [u8; 16],
    name: String,
    version: u32,
    key_type: u8,
    policy: Policy,
    /// The key's generation in kinds 2 and 3, the store's in the others.
    pub generation: u64,
}

impl RecordHeader {
    /// The header of a record of no key: head, audit root, anchor.
    pub fn of_store(store: &StoreId, kind: RecordKind, generation: u64) -> Self {
        Self {
            magic: MAGIC,
            store: store.0,
            kind: kind as u8,
            key: [0; 16],
            name: String::new(),
            version: 0,
            key_type: 0,
            policy: Policy::default(),
            generation,
        }
    }

    /// Whether this is `expected` in all but the generation, which only the reader of the place can judge.
    fn stands_at(&self, expected: &Self) -> bool {
        let mut same = expected.clone();
        same.generation = self.generation;
        *self == same
    }
}

/// Seals `plaintext` as the record that `header` says. For kinds 4 and 5; the others have functions of their own.
pub fn seal_record(
    store: &StoreKey,
    kind: RecordKind,
    header: &RecordHeader,
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, RecordError> {
    let mut out = encoded(header)?;
    let key = store.record_key(&header.store, kind as u8);
    let sealed = floe::seal(&key, Aad::new(kind.label(), &out), plaintext, rng);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Opens a record if it stands where `expected` says, whatever its generation: header and plaintext.
pub fn open_record(
    store: &StoreKey,
    kind: RecordKind,
    expected: &RecordHeader,
    bytes: &[u8],
) -> Result<(RecordHeader, LockedBytes), RecordError> {
    let (header, rest) = parse(bytes)?;
    if !header.stands_at(expected) || header.kind != kind as u8 {
        return Err(RecordError::Misplaced);
    }
    let encoded = bytes
        .get(..bytes.len() - rest.len())
        .ok_or(RecordError::Damaged)?;
    let key = store.record_key(&header.store, kind as u8);
    let plain = floe::open(&key, Aad::new(kind.label(), encoded), rest).map_err(|_| RecordError::Damaged)?;
    let plain = Zeroizing::new(plain);
    Ok((header, LockedBytes::copy_of(&plain)))
}

/// The header and what follows it. Unknown magic: another version of the format (CHK-010).
fn parse(bytes: &[u8]) -> Result<(RecordHeader, &[u8]), RecordError> {
    if !bytes.starts_with(&MAGIC) {
        return Err(RecordError::Format);
    }
    let mut rest = bytes;
    let header = RecordHeader::deserialize(&mut rest).map_err(|_| RecordError::Damaged)?;
    Ok((header, rest))
}

/// Borsh of what can always be encoded.
pub(crate) fn encoded(value: &impl BorshSerialize) -> Result<Vec<u8>, RecordError> {
    borsh::to_vec(value).map_err(|_| RecordError::Damaged)
}

/// Borsh of something secret, into a buffer that does not move while it grows to `capacity`, and is wiped.
pub(crate) fn encoded_secret(
    value: &impl BorshSerialize,
    capacity: usize,
) -> Result<Zeroizing<Vec<u8>>, RecordError> {
    let mut out = Zeroizing::new(Vec::with_capacity(capacity));
    value.serialize(&mut *out).map_err(|_| RecordError::Damaged)?;
    Ok(out)
}

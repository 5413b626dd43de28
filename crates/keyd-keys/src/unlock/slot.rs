//! One slot: the store key under one unlocking key.

use core::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_seal::keyd::{SlotKey, StoreKey};
use crannog_seal::password::{KdfParams, PasswordError};
use rand_core::CryptoRng;

use super::RecoveryKey;
use crate::StoreId;
use crate::error::RecordError;

/// The shortest passphrase, in characters.
const MIN_PASSPHRASE: usize = 12;

/// What opens a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotKind {
    /// 32 bytes of a credential or key file.
    KeyFile = 1,
    /// A passphrase.
    Passphrase = 2,
    /// The recovery key.
    Recovery = 3,
}

/// A slot to be made.
#[derive(Clone, Copy)]
pub enum NewSlot<'a> {
    /// For the bytes of a credential or key file.
    KeyFile(&'a [u8; 32]),
    /// For a passphrase of at least twelve characters.
    Passphrase(&'a str, KdfParams),
}

/// What is to open a slot.
#[derive(Clone, Copy)]
pub enum Opener<'a> {
    /// The bytes of a credential or key file.
    KeyFile(&'a [u8; 32]),
    /// A passphrase.
    Passphrase(&'a str),
    /// The recovery key.
    Recovery(&'a RecoveryKey),
}

impl Opener<'_> {
    /// The kind of slots that it opens.
    pub const fn kind(&self) -> SlotKind {
        match self {
            Self::KeyFile(_) => SlotKind::KeyFile,
            Self::Passphrase(_) => SlotKind::Passphrase,
            Self::Recovery(_) => SlotKind::Recovery,
        }
    }
}

impl fmt::Debug for NewSlot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewSlot")
    }
}

impl fmt::Debug for Opener<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

/// A slot as it lies in the file.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Slot {
    head: SlotHead,
    sealed: Vec<u8>,
}

/// The bytes before the box. The box is bound to them.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct SlotHead {
    kind: u8,
    id: [u8; 16],
    m_kib: u32,
    t: u32,
    p: u32,
    salt: [u8; 16],
}

impl Slot {
    /// What opens it; `None` for a kind that this version does not know.
    pub const fn kind(&self) -> Option<SlotKind> {
        match self.head.kind {
            1 => Some(SlotKind::KeyFile),
            2 => Some(SlotKind::Passphrase),
            3 => Some(SlotKind::Recovery),
            _ => None,
        }
    }

    /// Its random id.
    pub const fn id(&self) -> &[u8; 16] {
        &self.head.id
    }

    pub(super) fn seal(
        store: &StoreId,
        key: &StoreKey,
        new: &NewSlot<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, RecordError> {
        let (head, slot) = match new {
            NewSlot::KeyFile(bytes) => {
                let head = SlotHead::plain(SlotKind::KeyFile, rng);
                let slot = SlotKey::from_key_file(bytes, &store.0, &head.id);
                (head, slot)
            }
            NewSlot::Passphrase(text, params) => {
                if text.chars().count() < MIN_PASSPHRASE {
                    return Err(RecordError::PassphraseLength);
                }
                let mut head = SlotHead::plain(SlotKind::Passphrase, rng);
                rng.fill_bytes(&mut head.salt);
                (head.m_kib, head.t, head.p) = (params.m_kib(), params.t(), params.p());
                let slot = SlotKey::from_passphrase(text, *params, &head.salt).map_err(derivation)?;
                (head, slot)
            }
        };
        Self::finish(store, key, head, &slot, rng)
    }

    pub(super) fn seal_recovery(
        store: &StoreId,
        key: &StoreKey,
        recovery: &RecoveryKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, RecordError> {
        let head = SlotHead::plain(SlotKind::Recovery, rng);
        let slot = SlotKey::from_recovery(recovery.expose(), &store.0, &head.id);
        Self::finish(store, key, head, &slot, rng)
    }

    fn finish(
        store: &StoreId,
        key: &StoreKey,
        head: SlotHead,
        slot: &SlotKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, RecordError> {
        let sealed = key.wrap(slot, &head.context(store)?, rng);
        Ok(Self { head, sealed })
    }

    /// Opens this slot alone. `with` is of its kind, or it does not open.
    pub(crate) fn open(&self, store: &StoreId, with: &Opener<'_>) -> Result<StoreKey, RecordError> {
        if self.kind() != Some(with.kind()) {
            return Err(RecordError::Unopened);
        }
        let head = &self.head;
        let slot = match with {
            Opener::KeyFile(bytes) => SlotKey::from_key_file(bytes, &store.0, &head.id),
            Opener::Recovery(key) => SlotKey::from_recovery(key.expose(), &store.0, &head.id),
            Opener::Passphrase(text) => {
                let params = KdfParams::new(head.m_kib, head.t, head.p).map_err(derivation)?;
                SlotKey::from_passphrase(text, params, &head.salt).map_err(derivation)?
            }
        };
        StoreKey::unwrap(&slot, &head.context(store)?, &self.sealed).map_err(|_| RecordError::Unopened)
    }
}

impl SlotHead {
    /// The head of a slot that needs no password.
    fn plain(kind: SlotKind, rng: &mut impl CryptoRng) -> Self {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        Self {
            kind: kind as u8,
            id,
            m_kib: 0,
            t: 0,
            p: 0,
            salt: [0; 16],
        }
    }

    fn context(&self, store: &StoreId) -> Result<Vec<u8>, RecordError> {
        let mut context = store.0.to_vec();
        context.extend(crate::record::encoded(self)?);
        Ok(context)
    }
}

fn derivation(error: PasswordError) -> RecordError {
    match error {
        PasswordError::ParamsOutOfRange { .. } => RecordError::KdfParams,
        PasswordError::OutOfMemory => RecordError::OutOfMemory,
        _ => RecordError::Unopened,
    }
}

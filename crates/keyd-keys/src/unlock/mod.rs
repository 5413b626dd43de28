//! The unlocking file: the store key, sealed once per slot.

mod recovery;
mod slot;

pub use self::recovery::RecoveryKey;
pub use self::slot::{NewSlot, Opener, Slot, SlotKind};

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_seal::keyd::StoreKey;
use rand_core::CryptoRng;

use crate::StoreId;
use crate::error::RecordError;

const MAGIC: [u8; 8] = *b"CRKDUNL1";
/// At most so many slots besides the recovery slot.
const MAX_OTHERS: usize = 8;

/// `STATE/unlock`.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct UnlockFile {
    magic: [u8; 8],
    store: [u8; 16],
    slots: Vec<Slot>,
}

impl UnlockFile {
    /// The file of a new store: one slot for whoever starts it, one for the recovery key.
    pub fn create(
        store: &StoreId,
        key: &StoreKey,
        first: &NewSlot<'_>,
        recovery: &RecoveryKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, RecordError> {
        let slots = vec![
            Slot::seal(store, key, first, rng)?,
            Slot::seal_recovery(store, key, recovery, rng)?,
        ];
        Ok(Self {
            magic: MAGIC,
            store: store.0,
            slots,
        })
    }

    /// From the file's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(RecordError::Format);
        }
        Self::try_from_slice(bytes)
            .map_err(|_| RecordError::Damaged)?
            .checked()
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        crate::record::encoded(self)
    }

    /// The store that the file is of.
    pub const fn store(&self) -> StoreId {
        StoreId(self.store)
    }

    /// Its slots. Nothing in them is secret but what the boxes hold.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The recovery slot.
    pub fn recovery_slot(&self) -> Result<&Slot, RecordError> {
        let mut slots = self.slots.iter();
        slots
            .find(|slot| slot.kind() == Some(SlotKind::Recovery))
            .ok_or(RecordError::Slots)
    }

    /// Opens the store key by the first slot of that kind which opens. Whatever is wrong, the error is one (CHK-002); but a slot
    /// that asks for a costlier or cheaper derivation than is allowed says so (KEY-002).
    pub fn open(&self, with: &Opener<'_>) -> Result<StoreKey, RecordError> {
        let mut failed = RecordError::Unopened;
        for slot in self.slots.iter().filter(|slot| slot.kind() == Some(with.kind())) {
            match slot.open(&self.store(), with) {
                Ok(key) => return Ok(key),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// The file with one more slot. `key` is the store key that the file already seals.
    pub fn add(
        &self,
        key: &StoreKey,
        new: &NewSlot<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, RecordError> {
        let mut next = self.clone();
        next.slots.push(Slot::seal(&self.store(), key, new, rng)?);
        next.checked()
    }

    /// The file without the slot of this id. The recovery slot and the last other slot stay.
    pub fn remove(&self, id: &[u8; 16]) -> Result<Self, RecordError> {
        let mut next = self.clone();
        next.slots.retain(|slot| slot.id() != id);
        if next.slots.len() == self.slots.len() {
            return Err(RecordError::Slots);
        }
        next.checked()
    }

    /// Exactly one recovery slot, 1 to 8 others, ids that differ.
    fn checked(self) -> Result<Self, RecordError> {
        let recovery = |slot: &&Slot| slot.kind() == Some(SlotKind::Recovery);
        let others = self.slots.len().saturating_sub(1);
        let distinct = self
            .slots
            .iter()
            .enumerate()
            .all(|(i, one)| self.slots.iter().skip(i + 1).all(|other| other.id() != one.id()));
        let known = self.slots.iter().all(|slot| slot.kind().is_some());
        if known
            && distinct
            && (1..=MAX_OTHERS).contains(&others)
            && self.slots.iter().filter(recovery).count() == 1
        {
            Ok(self)
        } else {
            Err(RecordError::Slots)
        }
    }
}

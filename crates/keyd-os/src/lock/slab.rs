//! A mapping cut into slots of one length.

use std::ptr::NonNull;

use super::map::{Lock, Mapping};

/// Slots up to this length share a slab of [`SHARED_LEN`]; a longer one has a slab of its own.
const LONGEST_SHARED: usize = 4096;
const SHORTEST: usize = 64;
const SHARED_LEN: usize = 64 * 1024;

/// The length of the slot that holds `len` bytes.
pub(super) fn slot_len(len: usize) -> usize {
    if len > LONGEST_SHARED {
        len
    } else {
        len.max(SHORTEST).next_power_of_two()
    }
}

/// One mapping and which of its slots are free. A free slot holds zeros.
#[derive(Debug)]
pub(super) struct Slab {
    pages: Mapping,
    slot_len: usize,
    /// Offsets.
    free: Vec<usize>,
    used: usize,
}

impl Slab {
    pub(super) fn new(slot_len: usize) -> Self {
        let (pages, slots) = if slot_len > LONGEST_SHARED {
            (Mapping::new(slot_len), 1)
        } else {
            let pages = Mapping::new(SHARED_LEN);
            let slots = pages.len() / slot_len;
            (pages, slots)
        };
        Self {
            pages,
            slot_len,
            free: (0..slots).rev().map(|slot| slot * slot_len).collect(),
            used: 0,
        }
    }

    /// Lends a slot of zeros, until [`give_back`](Self::give_back).
    pub(super) fn take(&mut self) -> Option<NonNull<u8>> {
        let offset = self.free.pop()?;
        self.used += 1;
        // SAFETY: offsets of slots lie inside the mapping.
        Some(unsafe { self.pages.start().add(offset) })
    }

    /// Takes back a slot that [`take`](Self::take) lent, wiped.
    pub(super) fn give_back(&mut self, slot: NonNull<u8>) {
        self.free.push(slot.addr().get() - self.address());
        self.used -= 1;
    }

    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Whether it has more than one slot.
    pub(super) fn is_shared(&self) -> bool {
        self.slot_len <= LONGEST_SHARED
    }

    pub(super) fn slot_len(&self) -> usize {
        self.slot_len
    }

    /// Where it begins.
    pub(super) fn address(&self) -> usize {
        self.pages.start().addr().get()
    }

    /// Bytes of its pages.
    pub(super) fn len(&self) -> usize {
        self.pages.len()
    }

    pub(super) fn is_locked(&self) -> bool {
        self.pages.lock() != Lock::Ordinary
    }
}

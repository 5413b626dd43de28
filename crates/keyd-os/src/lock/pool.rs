//! All slabs of the process.

use std::collections::{BTreeMap, BTreeSet};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::map;
use super::slab::{Slab, slot_len};

/// What the pool holds, in bytes of whole pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// Pages that are never swapped.
    pub locked: usize,
    /// Pages that had to be ordinary ones, because `RLIMIT_MEMLOCK` was reached. Their users got them all the same.
    pub unlocked: usize,
    /// Whether the kernel offers `memfd_secret`, which is then tried first.
    pub secret_memfd: bool,
}

/// How much memory secrets have, and whether any of it could be swapped.
pub fn pool_state() -> PoolState {
    let pool = pool();
    PoolState {
        locked: pool.locked,
        unlocked: pool.unlocked,
        secret_memfd: map::secret_memory(),
    }
}

/// Lends at least `len` bytes of zeros, until [`give_back`].
pub(super) fn take(len: usize) -> NonNull<u8> {
    pool().take(slot_len(len))
}

/// Takes back what [`take`] lent, wiped.
pub(super) fn give_back(slot: NonNull<u8>) {
    // Unmapped only when others may use the pool again.
    let emptied = pool().give_back(slot);
    drop(emptied);
}

#[derive(Debug)]
struct Pool {
    /// By address.
    slabs: BTreeMap<usize, Slab>,
    /// Addresses of the slabs with a free slot, by the length of their slots.
    open: BTreeMap<usize, BTreeSet<usize>>,
    locked: usize,
    unlocked: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    slabs: BTreeMap::new(),
    open: BTreeMap::new(),
    locked: 0,
    unlocked: 0,
});

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    fn take(&mut self, slot_len: usize) -> NonNull<u8> {
        loop {
            let open = self.open.entry(slot_len).or_default();
            if let Some(address) = open.first().copied()
                && let Some(slab) = self.slabs.get_mut(&address)
                && let Some(slot) = slab.take()
            {
                if slab.is_full() {
                    open.remove(&address);
                }
                return slot;
            }
            let slab = Slab::new(slot_len);
            open.insert(slab.address());
            *self.count(&slab) += slab.len();
            self.slabs.insert(slab.address(), slab);
        }
    }

    /// The slab, if it is empty now and was not the last of its kind with room.
    fn give_back(&mut self, slot: NonNull<u8>) -> Option<Slab> {
        let (&address, slab) = self.slabs.range_mut(..=slot.addr().get()).next_back()?;
        slab.give_back(slot);
        let open = self.open.entry(slab.slot_len()).or_default();
        open.insert(address);
        let needed = slab.is_shared() && open.len() == 1;
        if needed || !slab.is_empty() {
            return None;
        }
        open.remove(&address);
        if open.is_empty() {
            let slot_len = slab.slot_len();
            self.open.remove(&slot_len);
        }
        let slab = self.slabs.remove(&address)?;
        *self.count(&slab) -= slab.len();
        Some(slab)
    }

    fn count(&mut self, slab: &Slab) -> &mut usize {
        if slab.is_locked() {
            &mut self.locked
        } else {
            &mut self.unlocked
        }
    }
}

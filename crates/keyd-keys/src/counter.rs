//! Counted uses: SP 800-38D, section 8.3, allows 2^32 random nonces of 96 bits per key.
//!
//! ```text
//!          used            next                     reserved (on disk)              2^32
//!  0 ───────────────────────┼──────────────────────────┼─────────────────────────────┤
//!                           └── granted from memory ───┘
//! ```
//! `reserved` is synced before a use of its block is granted, and counting begins at `reserved` after a start: a number is granted
//! once, whenever the process dies.

use std::sync::{Mutex, PoisonError};

use crate::KeyId;
use crate::key::Key;

/// Uses reserved at a time.
pub const USES_BLOCK: u64 = 65_536;
/// From here on the key is rotated by itself, and answers warn.
pub const USES_WARNING: u64 = 1 << 31;
/// No use beyond is ever granted.
pub const USES_LIMIT: u64 = 1 << 32;

/// A right to draw nonces that are already counted on disk. Only a [`Counter`] makes it, and each encryption spends one use.
/// What is not spent is lost.
#[derive(Debug)]
pub struct Uses {
    of: Option<(KeyId, u32)>,
    left: u64,
}

impl Uses {
    /// For keys whose uses are not counted. An encryption that needs a counted use refuses it (KEY-007).
    pub const fn uncounted() -> Self {
        Self { of: None, left: 0 }
    }

    /// Spends one use of `version` of `key`; `false` if this right is for another one, or spent.
    pub(crate) fn spend(&mut self, key: KeyId, version: u32) -> bool {
        match self.left.checked_sub(1) {
            Some(left) if self.of == Some((key, version)) => {
                self.left = left;
                true
            }
            _ => false,
        }
    }

    /// How many encryptions this right still covers.
    pub const fn left(&self) -> u64 {
        self.left
    }
}

/// What [`Counter::take`] gives.
#[derive(Debug)]
pub enum Taken {
    /// Encrypt at once.
    Granted(Uses),
    /// Commit [`Key::reserve`] with `up_to` first, [`extend`](Counter::extend) this counter, then take again.
    Reserve {
        /// The new `reserved`.
        up_to: u64,
    },
    /// KEY-007: the version has no such number of uses left. Rotate the key.
    Exhausted,
}

/// Counts the uses of one version, in memory, up to what is reserved on disk.
#[derive(Debug)]
pub struct Counter {
    key: KeyId,
    version: u32,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    next: u64,
    reserved: u64,
}

impl Counter {
    /// Begins at what the key record says is reserved. **One** counter per version and process; `None` if the key has no such version
    /// or its uses are not counted.
    pub fn resume(key: &Key, version: u32) -> Option<Self> {
        let reserved = key.reserved(version)?;
        Some(Self {
            key: key.id(),
            version,
            state: Mutex::new(State {
                next: reserved,
                reserved,
            }),
        })
    }

    /// Takes `n` uses, all or none; a batch of n is n uses.
    pub fn take(&self, n: u64) -> Taken {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(end) = state.next.checked_add(n).filter(|end| *end <= USES_LIMIT) else {
            return Taken::Exhausted;
        };
        if end > state.reserved {
            return Taken::Reserve {
                up_to: block_end(end),
            };
        }
        state.next = end;
        Taken::Granted(Uses {
            of: Some((self.key, self.version)),
            left: n,
        })
    }

    /// What to reserve now, while uses are still granted: half of the last block is used. `None` if there is no need, or no more.
    pub fn ahead(&self) -> Option<u64> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let scarce = state.reserved - state.next <= USES_BLOCK / 2 && state.reserved < USES_LIMIT;
        scarce.then(|| block_end(state.reserved + 1))
    }

    /// Grants up to what `committed` says is reserved. The record of `committed` **must** be synced; a key that was only planned gives
    /// numbers that a crash gives again.
    pub fn extend(&self, committed: &Key) {
        if committed.id() != self.key {
            return;
        }
        if let Some(reserved) = committed.reserved(self.version) {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.reserved = state.reserved.max(reserved);
        }
    }
}

/// The end of the block in which the use before `end` lies.
fn block_end(end: u64) -> u64 {
    end.div_ceil(USES_BLOCK)
        .saturating_mul(USES_BLOCK)
        .min(USES_LIMIT)
}

//! Secret bytes in the pool.

use std::fmt;
use std::ptr::NonNull;
use std::slice;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::pool;

/// Secret bytes in guarded pages ([`lock`](super)), wiped on drop. No Clone, no comparison, silent in Debug.
///
/// Making one never fails for want of locked memory. A forked child must not touch one that its parent made: there the
/// bytes are zero, or the pages do not exist and the child dies. Bytes that are copied out of
/// [`expose`](Self::expose) are the caller's to wipe.
pub struct LockedBytes {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: it owns its slot alone, as a box does; `expose` gives shared access only, and nothing inside depends on a thread.
unsafe impl Send for LockedBytes {}
// SAFETY: as above.
unsafe impl Sync for LockedBytes {}

impl LockedBytes {
    /// `len` bytes that `fill` writes in place, so that no copy stays elsewhere. They are zero when it gets them. Wiped too
    /// if `fill` panics.
    pub fn init_with(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let start = if len == 0 {
            NonNull::dangling()
        } else {
            pool::take(len)
        };
        let mut secret = Self { start, len };
        fill(secret.bytes());
        secret
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        // SAFETY: the slot has `len` initialized bytes (zeros at least), is ours until drop, and no unique reference to it
        // outlives `init_with`.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: as in `expose`, and `&mut self` makes it the only reference.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl fmt::Debug for LockedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockedBytes")
    }
}

impl Drop for LockedBytes {
    fn drop(&mut self) {
        self.bytes().zeroize();
        if self.len > 0 {
            pool::give_back(self.start);
        }
    }
}

impl ZeroizeOnDrop for LockedBytes {}

//! Memory for secrets: never swapped where the system allows it, never in a core file, gone in a forked child, wiped when
//! freed.
//!
//! ```text
//!  LockedBytes ──▶ Pool ──▶ Slab (slots of one length) ──▶ Mapping: inaccessible page │ pages │ inaccessible page
//! ```
//!
//! A mapping is, in this order, whatever the kernel grants: `memfd_secret` (Linux 5.14: pages that the kernel itself does not
//! map, so that neither `/proc/PID/mem` nor `ptrace` reads them, not even for root), pages locked with `mlock`, or ordinary
//! pages. The last two are left out of core files (`MADV_DONTDUMP`) and come empty in a forked child (`MADV_WIPEONFORK`);
//! the first does not exist in a child at all (`MADV_DONTFORK`). Ordinary pages can be swapped: [`pool_state`] counts them.
//!
//! The pool grows by slabs and gives empty ones back. For want of locked memory nothing fails; for want of any memory the
//! process ends, as everywhere in Rust.
//!
//! While memory of `memfd_secret` is mapped, the machine does not hibernate. The kernel does not read or write it for a
//! device (`O_DIRECT`, registered buffers of `io_uring`); `read` and `write` work.

mod bytes;
mod map;
mod pool;
mod slab;
#[cfg(test)]
mod tests;

pub use bytes::LockedBytes;
pub use pool::{PoolState, pool_state};

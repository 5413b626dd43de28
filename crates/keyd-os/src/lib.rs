//! What the key service asks of the operating system: memory that does not leak, the kernel's word on who speaks, and a
//! process that is shut in. `docs/adr/0015` says what a port has to deliver; Linux is the one that exists.
//!
//! ```text
//!  harden ──▶ unlocking_key ──▶ listen ──▶ confine ──▶ threads, accept ──▶ Peer
//!  no core    LockedBytes       sockets    files and                       user, group, groups at connect
//!  no tracer                               calls of the plan alone
//! ```
//!
//! The one crate of the service with `unsafe`, and only in `lock` (pages) and `linux` (calls without a safe function).
//!
//! ```
//! use crannog_keyd_os::LockedBytes;
//!
//! let key = LockedBytes::init_with(32, |bytes| bytes.copy_from_slice(&[7; 32]));
//! assert_eq!(key.expose(), [7; 32]);
//! assert_eq!(format!("{key:?}"), "LockedBytes");
//! ```

#[cfg(not(target_os = "linux"))]
compile_error!("the key service runs on Linux; docs/adr/0015 says what a port has to deliver");

#[expect(
    unsafe_code,
    reason = "pages are mapped, locked, guarded and lent out by address (docs/adr/0016)"
)]
pub mod lock;

mod linux;
mod measures;
mod peer;
mod platform;

pub use linux::{Linux, LinuxListener};
pub use lock::{LockedBytes, PoolState, pool_state};
pub use measures::{HardenError, Measure, Measures};
pub use peer::{Decoration, GroupId, Peer, UserId};
pub use platform::{
    Confinement, DirectoryError, Endpoint, KeyPlace, KeyPlaceError, Listener, Platform, ServiceState,
};

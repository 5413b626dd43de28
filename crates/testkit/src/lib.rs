//! Real server, real client, lying server: what the end-to-end tests in `tests/` are made of.
//!
//! ```text
//!  Device (a real engine) ──▶ Liar (terminates TLS with the server's own keys, twists what it likes) ──▶ Site (the real crannogd)
//! ```
//!
//! - [`Site`]: the built binary `crannogd` on port 0 in a folder of its own; killed, restarted, checked.
//! - [`Device`]: a client engine with its profile; every request that a command could send.
//! - [`Insider`]: a person without an engine, who signs and seals by hand whatever a test wants.
//! - [`Liar`]: the malicious operator, who owns every key of the server. Lies are closures over requests and answers, and over the bell's rings.
#![forbid(unsafe_code)]

mod binaries;
mod device;
mod fork;
mod insider;
mod liar;
mod loot;
mod people;
mod site;
mod slow;
mod tables;
mod world;

pub use binaries::{crannog, crannogd};
pub use device::{Device, PASSWORD, Resting, Sheet};
pub use fork::{Branch, Pair};
pub use insider::{
    DEVICE_NAME, Dropped, Envelopes, Insider, NOW, Reading, Signed, random_entry, seal_payload, unplaced,
};
pub use liar::{Ask, Exchange, HeldBell, Liar, Route, Rung, Said, Seen, ServerKeys, Told};
pub use loot::{Loot, Member, Piece};
pub use people::Watch;
pub use site::{Site, SiteOptions};
pub use slow::long_line;
pub use tables::{Row, Tables, python};
pub use world::{Victim, World, copy_folder};

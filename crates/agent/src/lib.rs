//! The process that owns an engine and serves the local interface; one per profile.
//!
//! ```text
//!  socket ─▶ session (hello, one request at a time) ─▶ exchange (events, bytes, cancel) ─▶ vault ─▶ engine
//!              │                                                                        locked | finishing | unlocked
//!              ├─ a watch? ─▶ watches (keeps nobody waiting)
//!              └─ a newer program? ─▶ handover (socket, key and lock over exec)
//! ```
//!
//! The crate decides nothing about files and servers: it starts ([`run()`]), keeps the engine locked or unlocked, carries
//! words, and ends.
#![forbid(unsafe_code)]

mod agent;
mod clock;
mod config;
mod dialogue;
mod exchange;
mod gauge;
mod handover;
mod listen;
mod log;
mod outbox;
mod process;
mod run;
mod serve;
mod session;
mod vault;
mod watches;

pub use run::run;

//! The client engine: everything a device does, behind one call, [`Engine::perform`].
//!
//! ```text
//!  agent ─Request─▶ engine ─▶ ops ─▶ core (pure step) ─▶ database transaction ─▶ transport ─▶ server
//!                              └▶ transfer ─▶ packs, uploads, part files
//! ```
//! `journal` reads and appends, `membership` keeps keys current, `people` shares, `background` holds the bell, `db` is the one encrypted file.
#![forbid(unsafe_code)]

mod account;
mod background;
mod clock;
mod close;
mod db;
mod engine;
mod error;
mod join;
mod journal;
mod membership;
mod ops;
mod people;
mod profile;
mod recover;
mod shared;
mod transfer;
pub mod transport;

pub use engine::{Caller, Cancel, Dialogue, Engine};

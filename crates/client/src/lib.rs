//! The client engine: everything a device does, behind one call, [`Engine::perform`].
//!
//! ```text
//!  agent ─Request─▶ engine ─▶ ops ─▶ core (pure step) ─▶ database transaction ─▶ transport ─▶ server
//! ```
#![forbid(unsafe_code)]

mod engine;

pub use engine::{Caller, Dialogue, Engine};

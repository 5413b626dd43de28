//! What others try against a process that this crate has shut in, and what it must still be able to do. Each victim and each
//! attacker is a process of its own (`trial/`). What needs root says so, and is left out by name where there is none.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say what they leave out"
)]

mod directory;
mod hardened;
mod key_place;
mod peers;
mod pool;
mod sandbox;
mod service_manager;
mod trial;

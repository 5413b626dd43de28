//! The words of the local interface between commands and agent. The engine answers in them, the agent carries them, the
//! command line shows them (`docs/adr/0002-one-vocabulary.md`).
//!
//! ```text
//!  command ──Request──▶ agent ──call──▶ engine
//!          ◀──Event*──        ◀─events─
//!          ◀──Answer or Failure
//! ```
//!
//! The words ([`request`], [`answer`], [`failure`], [`path`]) travel as JSON in [`frame`]s over a Unix socket ([`connection`]),
//! after a [`hello`]. [`client`] finds the agent of a profile ([`home`], [`lock_file`], [`socket_path`]) and starts one
//! ([`start`]) if need be.
#![forbid(unsafe_code)]

pub mod answer;
pub mod build;
pub mod client;
pub mod connection;
pub mod failure;
pub mod frame;
pub mod hello;
pub mod home;
pub mod limits;
pub mod lock_file;
pub mod path;
pub mod reply;
pub mod request;
pub mod socket_path;
pub mod start;

pub use answer::{Answer, Event};
pub use client::Client;
pub use failure::{Code, Failure};
pub use hello::{Hello, Next, PROTOCOL, Welcome};
pub use limits::{Bandwidth, Limits};
pub use path::RemotePath;
pub use reply::Reply;
pub use request::{Request, Secret};
pub use start::Start;

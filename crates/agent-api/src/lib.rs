//! The words of the local interface between commands and agent. The engine answers in them, the agent carries them, the
//! command line shows them (`docs/adr/0002-one-vocabulary.md`).
//!
//! ```text
//!  command ──Request──▶ agent ──call──▶ engine
//!          ◀──Event*──        ◀─events─
//!          ◀──Answer or Failure
//! ```
#![forbid(unsafe_code)]

pub mod answer;
pub mod failure;
pub mod path;
pub mod request;

pub use answer::{Answer, Event};
pub use failure::{Code, Failure};
pub use path::RemotePath;
pub use request::{Request, Secret};

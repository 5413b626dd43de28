//! Other people: their sigchains, what they drop into the inbox, shares and their members (`docs/spec/membership.md`).
//!
//! ```text
//!  share ─▶ split (folder ─▶ drive of its own) ─▶ membership::rekey ─▶ note ─▶ inbox of the other
//!  inbox ─▶ note checked ─▶ home records it ─▶ acknowledged;   accept ─▶ home: secrets, mount ─▶ journal is read
//! ```

mod accept;
mod chains;
mod contacts;
mod evidence;
mod inbox;
mod leave;
mod log;
mod members;
mod notes;
mod person;
mod place;
mod share;
mod split;
mod watch;

pub(crate) use chains::{ChainStore, Chains};
pub(crate) use evidence::audit;
pub(crate) use log::deed_of;
pub(crate) use person::shown_role;
pub(crate) use watch::{Happened, News};

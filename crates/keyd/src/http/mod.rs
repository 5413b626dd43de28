//! HTTP in front of the service: one connection, its clock, its requests (docs/spec/keyd.md, *HTTP*).
//!
//! ```text
//!  stream ─► Clocked ─► hyper ─► head: limits, token ─► body: size, time ─► Call::read ─► Service::call ─► response
//! ```

mod body;
mod clock;
mod connection;
mod headers;
mod response;

pub use self::connection::{Ended, Served, serve};

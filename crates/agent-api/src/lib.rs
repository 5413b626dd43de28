//! The agent's local interface: types and client.
#![forbid(unsafe_code)]

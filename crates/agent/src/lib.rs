//! The process that owns an engine and serves the local interface.
#![forbid(unsafe_code)]

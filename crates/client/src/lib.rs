//! The client engine: transport, local database, transfers, sync.
#![forbid(unsafe_code)]

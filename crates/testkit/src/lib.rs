//! Real server, real client, lying server, faults.
#![forbid(unsafe_code)]

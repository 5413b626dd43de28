//! The key service (docs/spec/keyd.md): it holds encryption and signing keys, and uses them for applications that never see one.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

pub mod store;

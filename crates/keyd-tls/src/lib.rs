//! The TLS process of the key service (docs/spec/keyd.md, *Identity*, TLS).
#![forbid(unsafe_code)]

//! Installing the key service (docs/spec/keyd.md, *Installing*).
#![forbid(unsafe_code)]

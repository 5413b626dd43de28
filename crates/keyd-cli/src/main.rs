//! `crannog-keyd` (docs/spec/keyd.md, *Command line*).
#![forbid(unsafe_code)]

fn main() {}

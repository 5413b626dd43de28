//! Fuzz targets; `cargo fuzz run NAME` in this folder's parent, on a nightly toolchain.

pub mod keyd;
pub mod targets;

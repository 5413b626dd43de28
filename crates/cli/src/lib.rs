//! The commands of crannog.
#![forbid(unsafe_code)]

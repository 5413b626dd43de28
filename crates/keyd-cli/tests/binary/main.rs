//! The program itself: what it prints, how it ends, which files it leaves.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod audit;
mod files;
mod pages;
mod policy;
mod run;
mod service;
mod usage;

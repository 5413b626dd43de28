//! What is promised of a whole system: two writers lose nothing, the server learns nothing, sizes say little.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod canaries;
mod convergence;
mod padding;
mod slow_line;

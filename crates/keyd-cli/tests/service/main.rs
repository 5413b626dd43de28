//! The key service as its users meet it: the real program, its sockets, its users and groups, clients of others. One program, because
//! all of it needs the same world.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

mod clients;
mod floods;
mod guide;
mod identity;
mod interface;
mod kills;
mod memory;
mod world;

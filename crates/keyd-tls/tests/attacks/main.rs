//! What clients, strangers and a key process that is not there do to the TLS process, over real sockets. Each attack has its
//! honest twin.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod account;
mod bounds;
mod certificate;
mod confined;
mod identity;
mod logging;
mod parties;
mod relaying;
mod stopping;
mod world;

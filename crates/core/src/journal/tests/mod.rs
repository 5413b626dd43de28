//! Readers, writers and a server that lies between them.

mod appends;
mod attacks;
mod authors;
mod devices;
mod envelopes;
mod flips;
mod honest;
mod members;
mod partitions;
mod rekeys;
mod share;
mod spoilt;
pub(crate) mod vectors;
pub(crate) mod world;

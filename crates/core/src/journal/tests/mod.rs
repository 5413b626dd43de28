//! Readers, writers and a server that lies between them.

mod attacks;
mod authors;
mod devices;
mod envelopes;
mod flips;
mod honest;
mod partitions;
mod rekeys;
mod vectors;
pub(crate) mod world;

//! Attacks on sharing: the server, members, and both together against real clients (attacks 6, 8, 14, 15, 26, 31, 34, 35, 36, 37, 61).
//! Every lie is refused with its check and its object, nothing else changes, and the honest twin passes.

mod append;
mod circle;
mod closed;
mod garbage;
mod inbox;
mod invites;
mod leaving;
mod members;
mod names;
mod pasts;
mod rekeys;
mod removal;
mod seen;
mod share;

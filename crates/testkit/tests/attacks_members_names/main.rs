//! Attack 51: a member with hostile names, links, times, contents and numbers harms nobody's disk, terminal or agent (CHK-023, CHK-024).
//! Mallory may write into alice's share and does it by hand; alice uses the real programs.

#[path = "../bin/mod.rs"]
mod bin;

mod bombs;
mod claims;
mod disk;
mod invites;
mod mallory;
mod memory;
mod millions;
mod terminal;
mod text;

/// The long run is wanted.
fn full() -> bool {
    std::env::var_os("CRANNOG_FULL").is_some_and(|value| value == "1")
}

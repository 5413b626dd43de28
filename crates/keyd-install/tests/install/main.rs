//! Installing, uninstalling and recovering, for real, below a root of its own: users by `useradd --prefix`, units by `systemctl --root`.
//! What needs root says so, and is left out by name where there is none.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say what they leave out"
)]

mod break_off;
mod fresh;
mod going;
mod host;
mod recovering;
mod recovery;
mod systemd;

//! Accounts, their secrets and chains, and a server that lies about them.

mod chains;
mod home;
mod secrets;
mod sheets;

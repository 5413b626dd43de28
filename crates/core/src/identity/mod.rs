//! A person's own authority: words, account secrets, sigchain links, home (`docs/spec/identity.md`).
//!
//! ```text
//!  words ──root──▶ Create, Recover, NewWords      account secret g ──▶ AddDevice, RevokeDevice
//!  sigchain from the server ──KnownChain──▶ SigchainState ──AccountSecrets::open──▶ S_0 … S_g ──▶ home's epochs
//!  home's entries ──HomeState──▶ secrets of every journal, names, heads, pins
//! ```

mod account_secrets;
mod create;
mod generation;
mod home_op;
mod home_state;
mod known_chain;
mod links;
mod root_words;
mod sheet;
#[cfg(test)]
mod tests;

pub use self::account_secrets::{AccountSecrets, Opener, SecretsRefused};
pub use self::create::{NewAccount, create_account};
pub use self::generation::envelope_for;
pub use self::home_op::HomeOp;
pub use self::home_state::{DriveView, HomeState, Pin, Vouch};
pub use self::known_chain::{ChainNews, ChainRefused, Expected, KnownChain};
pub use self::links::{
    AddDevice, LinkError, NewLink, NewWords, close, new_words, recover, revoke_device, sign_as_new_device,
};
pub use self::root_words::root_words;
pub use self::sheet::{RecoverySheet, SheetError, WrittenWords};

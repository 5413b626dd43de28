//! Installing the key service on a host, and taking it away (docs/spec/keyd.md, *Installing*).
//!
//! ```text
//!  Install    accounts ─► folders, config, policy ─► unlocking key ─► store ─► recovery key proven ─► units, started
//!  Uninstall  units stopped and removed; with the store's id also keys, configuration, users
//!  Recover    recovery key ─► store key ─► another unlocking key, the old ones dropped
//! ```
//!
//! Each step looks first at what is there: what is as it should be is kept, what is missing is made. So a second run does nothing, and a
//! run after one that broke off does what was left. A dry run only says what it would do.
//!
//! A store belongs to root until its recovery key has opened it (KEY-014) and its first key is there. Only then is it handed to the
//! service's user, so that the owner of the state directory tells whether installing came to its end.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod accounts;
mod error;
mod files;
mod host;
mod install;
mod operator;
mod places;
mod recover;
mod recovery;
mod report;
mod site;
mod store;
mod tls;
mod tool;
mod uninstall;
mod units;
mod unlocking;

pub use self::error::InstallError;
pub use self::install::Install;
pub use self::operator::Operator;
pub use self::places::Places;
pub use self::recover::Recover;
pub use self::report::{Action, Note, Report, Step};
pub use self::uninstall::Uninstall;

//! Why installing, uninstalling or recovering did not come to its end.

use std::io;
use std::path::PathBuf;

use crannog_keyd::store::StoreError;
use crannog_keyd_keys::{KeyError, RecordError};
use crannog_keyd_os::KeyPlaceError;

/// Why it did not come to its end. What was done until then stays, and a second run goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// Who runs it is not root.
    #[error("only root can install")]
    NotRoot,
    /// A path that stands in a unit must be absolute, and of letters, digits and `/ . _ + -`.
    #[error("{path} cannot stand in a unit: it must be absolute, of letters, digits and / . _ + - alone")]
    PathInUnit {
        /// Which.
        path: PathBuf,
    },
    /// The units hide the folder in which the program lies.
    #[error("the service cannot run {path}: its unit hides /home, /root, /run/user, /tmp and /var/tmp")]
    HiddenProgram {
        /// The program.
        path: PathBuf,
    },
    /// There is no such user to add to the clients.
    #[error("there is no user {0}")]
    NoUser(String),
    /// The name of a user or group cannot be one.
    #[error("{0} is not a name of a user")]
    Name(String),
    /// A file or folder could not be looked at, made or removed: the fault of this host.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is there is neither missing nor what must be there.
    #[error("{path} is not {expected}")]
    InTheWay {
        /// Where.
        path: PathBuf,
        /// What was expected.
        expected: &'static str,
    },
    /// The directory of users gave no answer.
    #[error("the directory of users: {0}")]
    Directory(io::Error),
    /// A program of the system could not be run.
    #[error("{tool} cannot be run: {source}")]
    NoTool {
        /// Which.
        tool: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A program of the system failed.
    #[error("{tool} failed: {message}")]
    Tool {
        /// Which.
        tool: &'static str,
        /// What it said.
        message: String,
    },
    /// The terminal, or whoever stands for the operator.
    #[error("the operator cannot be asked: {0}")]
    Operator(io::Error),
    /// KEY-004 among others: the unlocking key that is there is not used.
    #[error("the unlocking key: {0}")]
    UnlockingKey(#[from] KeyPlaceError),
    /// The service already owns the unlocking key, so it belongs to a store; but no store is here.
    #[error("{path} is the unlocking key of a store, and there is none in {state}")]
    KeyWithoutStore {
        /// The unlocking key.
        path: PathBuf,
        /// The state directory.
        state: PathBuf,
    },
    /// There are files, but they are no store.
    #[error("{path} is not empty, and has no store in it")]
    NotAStore {
        /// The state directory.
        path: PathBuf,
    },
    /// An unfinished store that neither the unlocking key of this host nor the passphrase opens.
    #[error("nothing on this host unlocks the store in {state}")]
    NothingUnlocks {
        /// The state directory.
        state: PathBuf,
    },
    /// KEY-014: the recovery key was not proven.
    #[error("KEY-014: the recovery key that was given back does not open the store")]
    RecoveryUnproven,
    /// The operator ended it at the question for the recovery key.
    #[error("KEY-014: the recovery key was not given back")]
    RecoveryNotGiven,
    /// Others can read or replace the recovery file.
    #[error("{path} is not a file that root alone can read")]
    RecoveryFileOpen {
        /// Which.
        path: PathBuf,
    },
    /// The id that was given is not the store's.
    #[error("this is not the id of the store in {state}; nothing was removed")]
    AnotherStore {
        /// The state directory.
        state: PathBuf,
    },
    /// There is an unlocking key, but no store whose id could be asked for.
    #[error("{path} unlocks a store that is not in {state}; nothing was removed")]
    NoStoreToName {
        /// The unlocking key.
        path: PathBuf,
        /// The state directory.
        state: PathBuf,
    },
    /// The store.
    #[error("{state}: {source}")]
    Store {
        /// The state directory.
        state: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// The unlocking file, a passphrase, or the text of a recovery key.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The first key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate of the TLS process could not be made.
    #[error("the certificate: {0}")]
    Certificate(#[from] rcgen::Error),
}

impl InstallError {
    /// What to do now, as an imperative, where there is one thing that helps.
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotRoot => "run it with `sudo`",
            Self::HiddenProgram { .. } => "copy the program to /usr/local/bin, and run it from there",
            Self::KeyWithoutStore { .. } | Self::NoStoreToName { .. } => {
                "mount the state directory; if the store is gone for good, move the unlocking key away"
            }
            Self::NotAStore { .. } => "move its contents away, or put `unlock` back from a backup",
            Self::NothingUnlocks { .. } => "run `crannog-keyd recover`, then this again",
            Self::RecoveryUnproven | Self::RecoveryNotGiven => {
                "run it again; keep what it shows where you find it again, and type that"
            }
            Self::RecoveryFileOpen { .. } => "choose another file, or `chown root` and `chmod 600` this one",
            Self::Store {
                source: StoreError::InUse,
                ..
            } => "stop the service first",
            _ => return None,
        })
    }
}

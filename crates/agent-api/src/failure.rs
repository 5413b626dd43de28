//! How everything that fails speaks: what happened, to which object, whose fault, what to do now.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $exit:literal;)*) => {
        /// A stable code with its exit code (`docs/use/exit-codes.md`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The command line's exit code.
            pub fn exit(self) -> u8 {
                match self { $(Self::$name => $exit,)* }
            }
        }
    };
}

codes! {
    /// Anything that has no better code.
    Other = "other", 1;
    /// A bug in this program.
    Internal = "internal", 1;
    /// The local disk refused.
    LocalIo = "local_io", 1;
    /// The local database is damaged, or from a newer version.
    LocalState = "local_state", 1;
    /// The command's words are off.
    Usage = "usage", 2;
    /// Some of it was done; the rest is named.
    PartlyDone = "partly_done", 3;
    /// No such path, drive, version or file.
    NotFound = "not_found", 4;
    /// Its bytes were lost with the server's disk, and an admin said so.
    Lost = "lost", 4;
    /// The server or the agent cannot be reached now.
    TryAgain = "try_again", 5;
    /// The server was restored from a backup and takes nothing new yet.
    Healing = "healing", 5;
    /// The agent is locked.
    Locked = "locked", 6;
    /// A wrong password, wrong words, or a device that the server does not know.
    WrongCredentials = "wrong_credentials", 7;
    /// The server's quota or disk is full.
    Quota = "quota", 8;
    /// Something is in the way.
    Conflict = "conflict", 9;
    /// This profile has no account.
    NoAccount = "no_account", 10;
    /// A check failed: someone is lying.
    VerificationFailed = "verification_failed", 11;
    /// Somebody ended the transfer (`transfers cancel`).
    Cancelled = "cancelled", 12;
    /// Stopped by the user.
    Interrupted = "interrupted", 130;
}

/// Something that could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable code.
    pub code: Code,
    /// What happened, in a sentence without full stop.
    pub message: String,
    /// To which object: a path, a drive, a server, an entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What to do now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// `CHK-nnn`, when a check failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
}

impl Failure {
    /// A failure with nothing but code and message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            object: None,
            hint: None,
            check: None,
        }
    }

    /// Names the object.
    #[must_use]
    pub fn object(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// Says what to do now.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the check that failed.
    #[must_use]
    pub fn check(mut self, check: impl Into<String>) -> Self {
        self.check = Some(check.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(object) = &self.object {
            write!(f, ": {object}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

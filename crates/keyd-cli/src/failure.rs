//! How everything that fails speaks: what happened, to which object, which check found it, what to do now.

use std::fmt;
use std::io;
use std::path::Path;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $exit:literal;)*) => {
        /// A stable code with its exit code (docs/spec/keyd.md, *Command line*).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The exit code.
            pub const fn exit(self) -> u8 {
                match self { $(Self::$name => $exit,)* }
            }
        }
    };
}

codes! {
    /// Anything that has no better code.
    Other = "other", 1;
    /// A bug in this program or in the service.
    Internal = "internal", 1;
    /// The local disk refused.
    LocalIo = "local_io", 1;
    /// The command's words are off, or the key does not do that.
    Usage = "usage", 2;
    /// Some of it was done, or could not be judged; the rest is named.
    PartlyDone = "partly_done", 3;
    /// No such key, version or file.
    NotFound = "not_found", 4;
    /// The service cannot be reached, is full or too busy.
    TryAgain = "try_again", 5;
    /// The store is not unlocked.
    Locked = "locked", 6;
    /// Identity or policy.
    Denied = "denied", 7;
    /// A limit of uses, of size, of the disk.
    Quota = "quota", 8;
    /// It exists already.
    Conflict = "conflict", 9;
    /// There is no store, or no configuration.
    NotInstalled = "not_installed", 10;
    /// A ciphertext does not open, a signature is not valid, a check failed.
    VerificationFailed = "verification_failed", 11;
    /// Stopped by the user.
    Interrupted = "interrupted", 130;
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Something that could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    /// Stable code.
    pub(crate) code: Code,
    /// What happened, in a sentence without full stop.
    pub(crate) message: String,
    /// To what: a key, a file, a socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object: Option<String>,
    /// `KEY-nnn` or `CHK-nnn`, when a check found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) check: Option<String>,
    /// What to do now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// From a sentence. The id of a check at its beginning, as all of this project's errors write it, becomes the check.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        let (check, message) = match message.split_once(": ") {
            Some((id, rest)) if is_check(id) => (Some(id.to_owned()), rest.to_owned()),
            _ => (None, message),
        };
        Self {
            code,
            message,
            object: None,
            check,
            hint: None,
        }
    }

    /// The local disk refused, or has no such file.
    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::NotFound => Code::NotFound,
            io::ErrorKind::AlreadyExists => Code::Conflict,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::Quota,
            _ => Code::LocalIo,
        };
        Self::new(code, error.to_string()).object(path.display().to_string())
    }

    /// Names the object.
    #[must_use]
    pub(crate) fn object(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// Names the object, unless the failure already knows a closer one.
    #[must_use]
    pub(crate) fn about(mut self, object: impl Into<String>) -> Self {
        self.object.get_or_insert_with(|| object.into());
        self
    }

    /// Says what to do now.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the check that failed.
    #[must_use]
    pub(crate) fn check(mut self, check: impl Into<String>) -> Self {
        self.check = Some(check.into());
        self
    }
}

/// `KEY-nnn` or `CHK-nnn`.
fn is_check(text: &str) -> bool {
    let digits = text.strip_prefix("KEY-").or_else(|| text.strip_prefix("CHK-"));
    digits.is_some_and(|digits| digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.object {
            Some(object) => write!(f, ": {object}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Failure};

    #[test]
    fn the_id_of_a_check_is_taken_from_the_sentence() {
        let failure = Failure::new(Code::Other, "KEY-010: the policy is not a file");
        assert_eq!(failure.check.as_deref(), Some("KEY-010"));
        assert_eq!(failure.message, "the policy is not a file");
        for text in ["KEY-1: x", "the policy: KEY-010", "KEYS-010: x"] {
            let failure = Failure::new(Code::Other, text);
            assert_eq!((failure.check, failure.message.as_str()), (None, text));
        }
    }
}

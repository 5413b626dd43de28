//! What is wrong with a policy file, and what is odd about one.

use std::fmt;
use std::io;
use std::ops::Range;

use super::subject::SubjectError;

/// Where in a file, both from 1 on; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    pub(super) fn of(text: &str, span: &Range<usize>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A policy that is not used. Nothing of it holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {fault}")]
pub struct PolicyError {
    /// Where.
    pub position: Position,
    /// What.
    pub fault: PolicyFault,
}

/// What is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFault {
    /// Not TOML, or with a field that is missing, unknown, or of another kind.
    #[error("{0}")]
    Toml(String),
    /// Another format.
    #[error("format {0} is not known; this service reads format 1")]
    Format(i64),
    /// Two rules of one name, or one without.
    #[error("a rule needs a name of its own; `{0}` is not")]
    RuleName(String),
    /// A rule for nobody.
    #[error("rule `{0}` has no subject")]
    NoSubject(String),
    /// A rule that says nothing.
    #[error("rule `{0}` neither allows nor denies anything")]
    NoOperation(String),
    /// A rule about keys that names none.
    #[error("rule `{0}` has an operation on keys, but no keys")]
    NoKeys(String),
    /// A rule with keys and nothing to do with them.
    #[error("rule `{0}` has keys, but no operation on keys")]
    NoKeyOperation(String),
    /// A subject that is none.
    #[error(transparent)]
    Subject(SubjectError),
    /// A rule that denies somebody whom nobody knows would deny nobody.
    #[error("`{0}` is not known here, and a rule that denies needs to know whom")]
    UnknownDenied(String),
    /// A pattern with other characters.
    #[error("`{0}` is no pattern: characters of key names, * and ? only")]
    Pattern(String),
    /// No such operation.
    #[error("`{0}` is no operation")]
    Operation(String),
}

/// A policy file that is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It cannot be read.
    #[error("the policy cannot be read: {0}")]
    Io(#[from] io::Error),
    /// KEY-010: a folder or device.
    #[error("KEY-010: the policy is not a file")]
    NotAFile,
    /// KEY-010: somebody else owns it.
    #[error("KEY-010: the policy belongs to user {0}")]
    Owner(u32),
    /// KEY-010: others can write it.
    #[error("KEY-010: the policy has mode {0:04o}; only its owner may write it")]
    Mode(u32),
    /// KEY-015: more than 1 MiB.
    #[error("KEY-015: the policy has more than 1 MiB")]
    TooLarge,
    /// It is not UTF-8.
    #[error("the policy is not UTF-8")]
    Encoding,
    /// It is no policy.
    #[error("the policy, {0}")]
    Policy(#[from] PolicyError),
}

/// Something that is allowed, and hardly meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub position: Position,
    /// In which rule.
    pub rule: String,
    /// What.
    pub kind: WarningKind,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: rule `{}`: {}", self.position, self.rule, self.kind)
    }
}

/// What is odd there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WarningKind {
    /// The directory of users does not know the name. `policy check` takes it for an error.
    #[error("`{0}` is not known here; it never holds")]
    UnknownName(String),
    /// Nobody can be all that the subject asks for.
    #[error("`{0}` can never hold")]
    NeverHolds(String),
    /// Everything for everybody.
    #[error("everybody who may connect is allowed everything")]
    AllForAny,
    /// The operation hands out secrets, of every key.
    #[error("`{0}` is allowed on every key")]
    SecretsOfAllKeys(&'static str),
}

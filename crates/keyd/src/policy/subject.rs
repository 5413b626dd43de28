//! Subjects of rules: facts that must all hold.

use std::fmt;

use crannog_keyd_os::{DirectoryError, GroupId, UserId};
use data_encoding::HEXLOWER;

use crate::identity::{Facts, SocketName};

/// The directory of users, as policy and identity ask it. Every [`Platform`](crannog_keyd_os::Platform) is one. May block.
pub trait Names {
    /// The user of this name.
    fn user(&self, name: &str) -> Result<Option<UserId>, DirectoryError>;
    /// The group of this name.
    fn group(&self, name: &str) -> Result<Option<GroupId>, DirectoryError>;
    /// Whether the user is listed in the group now.
    fn is_member(&self, user: UserId, group: GroupId) -> Result<bool, DirectoryError>;
}

impl<P: crannog_keyd_os::Platform> Names for P {
    fn user(&self, name: &str) -> Result<Option<UserId>, DirectoryError> {
        self.user_named(name)
    }

    fn group(&self, name: &str) -> Result<Option<GroupId>, DirectoryError> {
        self.group_named(name)
    }

    fn is_member(&self, user: UserId, group: GroupId) -> Result<bool, DirectoryError> {
        crannog_keyd_os::Platform::is_member(self, user, group)
    }
}

/// One thing that must hold of who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    User(UserId),
    Group(GroupId),
    Socket(SocketName),
    /// SHA-256 of the certificate.
    Cert([u8; 32]),
    /// SHA-256 of its public key.
    Spki([u8; 32]),
    /// The account's key.
    Account([u8; 32]),
    /// Whoever may connect locally.
    Any,
    /// A user or group whose name nobody knows: it never holds.
    Unknown,
}

/// Facts joined by `+`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    text: String,
    facts: Vec<Fact>,
}

/// Why a text is no subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// No fact begins so.
    #[error(
        "`{0}` is no fact: user:, uid:, group:, gid:, socket:, cert:sha256:, spki:sha256:, account: or any"
    )]
    Unknown(String),
    /// A uid or gid that is no number, has zeros before it, or is the one that stands for none (2^32 - 1).
    #[error("`{0}` needs a number")]
    Number(String),
    /// Not 64 hex digits in small letters.
    #[error("`{0}` needs 64 hex digits in small letters")]
    Digest(String),
    /// No name, or one that no socket has.
    #[error("`{0}` needs a name")]
    Name(String),
    /// The directory of users gives no answer.
    #[error("the directory of users does not answer about `{0}`")]
    Directory(String),
}

impl Subject {
    /// The subject, and the names in it that the directory of users does not know.
    pub(crate) fn parse(text: &str, names: &dyn Names) -> Result<(Self, Vec<String>), SubjectError> {
        let (mut facts, mut unknown) = (Vec::new(), Vec::new());
        for part in text.split('+') {
            let fact = Fact::parse(part, names)?;
            if fact == Fact::Unknown {
                unknown.push(part.to_owned());
            }
            facts.push(fact);
        }
        let text = text.to_owned();
        Ok((Self { text, facts }, unknown))
    }

    pub(crate) fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Whether all facts hold. A remote subject is always named: on TLS one of them must be of the certificate (KEY-009).
    pub(super) fn holds(&self, facts: &Facts) -> bool {
        (!facts.is_remote() || self.names_certificate()) && self.facts.iter().all(|fact| facts.hold(fact))
    }

    /// The same for a rule that denies.
    pub(super) fn holds_to_deny(&self, facts: &Facts) -> bool {
        (!facts.is_remote() || self.names_certificate())
            && self.facts.iter().all(|fact| facts.hold_to_deny(fact))
    }

    /// Whether a certificate or its account is pinned.
    pub(super) fn names_certificate(&self) -> bool {
        self.facts
            .iter()
            .any(|fact| matches!(fact, Fact::Cert(_) | Fact::Spki(_) | Fact::Account(_)))
    }

    pub(super) fn is_any(&self) -> bool {
        self.facts.contains(&Fact::Any)
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = GroupId> {
        self.facts.iter().filter_map(|fact| match fact {
            Fact::Group(group) => Some(*group),
            _ => None,
        })
    }

    /// Whether nobody can be all of that, whatever the directory of users says tomorrow.
    pub(super) fn is_impossible(&self) -> bool {
        let remote = self.names_certificate();
        let on_tls = self
            .facts
            .iter()
            .any(|fact| matches!(fact, Fact::Socket(name) if name.is_tls()));
        let local = self.facts.iter().any(|fact| match fact {
            Fact::User(_) | Fact::Group(_) | Fact::Any | Fact::Unknown => true,
            Fact::Socket(name) => !name.is_tls(),
            Fact::Cert(_) | Fact::Spki(_) | Fact::Account(_) => false,
        });
        // A group may be held beside another one; of everything else there is one.
        let contradicts = |a: &Fact, b: &Fact| {
            a != b && !matches!(a, Fact::Group(_)) && std::mem::discriminant(a) == std::mem::discriminant(b)
        };
        let contradictory = self
            .facts
            .iter()
            .any(|a| self.facts.iter().any(|b| contradicts(a, b)));
        (remote && local) || (on_tls && !remote) || contradictory
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Fact {
    fn parse(text: &str, names: &dyn Names) -> Result<Self, SubjectError> {
        let given = || text.to_owned();
        if text == "any" {
            return Ok(Self::Any);
        }
        let (kind, value) = text
            .split_once(':')
            .ok_or_else(|| SubjectError::Unknown(given()))?;
        let named = || {
            if value.is_empty() {
                Err(SubjectError::Name(given()))
            } else {
                Ok(value)
            }
        };
        match kind {
            "user" => {
                let found = names.user(named()?);
                let found = found.map_err(|_| SubjectError::Directory(given()))?;
                Ok(found.map_or(Self::Unknown, Self::User))
            }
            "group" => {
                let found = names.group(named()?);
                let found = found.map_err(|_| SubjectError::Directory(given()))?;
                Ok(found.map_or(Self::Unknown, Self::Group))
            }
            "uid" => number(value)
                .map(|number| Self::User(UserId::from_number(number)))
                .ok_or_else(|| SubjectError::Number(given())),
            "gid" => number(value)
                .map(|number| Self::Group(GroupId::from_number(number)))
                .ok_or_else(|| SubjectError::Number(given())),
            "socket" => SocketName::parse(value)
                .map(Self::Socket)
                .ok_or_else(|| SubjectError::Name(given())),
            "cert" | "spki" => {
                let digest = value
                    .strip_prefix("sha256:")
                    .ok_or_else(|| SubjectError::Unknown(given()))?;
                let digest = digest32(digest).ok_or_else(|| SubjectError::Digest(given()))?;
                Ok(if kind == "cert" {
                    Self::Cert(digest)
                } else {
                    Self::Spki(digest)
                })
            }
            "account" => digest32(value)
                .map(Self::Account)
                .ok_or_else(|| SubjectError::Digest(given())),
            _ => Err(SubjectError::Unknown(given())),
        }
    }
}

/// In canonical decimal. 2^32 - 1 is no id: the kernel says it for none (chown(2)).
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number != u32::MAX && number.to_string() == text).then_some(number)
}

fn digest32(text: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

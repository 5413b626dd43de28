//! Somebody who did not connect, to explain what would be if she did.

use std::net::{Ipv6Addr, SocketAddr};

use super::facts::{Facts, Local, Origin, Remote};
use super::socket::SocketName;
use crate::policy::{Fact, Names, Policy, Subject, SubjectError};

/// Why nobody can be supposed to be so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SupposedError {
    /// Not facts joined by `+`.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The directory of users does not know the name.
    #[error("`{0}` is not known here")]
    UnknownName(String),
    /// Two users, sockets or certificates, or a certificate with what only a local connection has.
    #[error("nobody is all of that at once")]
    Contradiction,
}

impl Facts {
    /// Facts as a subject of the policy names them; of a user the groups that `policy` names are filled in from `names`. For
    /// [`Policy::explain`] alone: they are nobody's word, and **never** decide a request. Blocks.
    pub fn supposed(text: &str, policy: &Policy, names: &dyn Names) -> Result<Self, SupposedError> {
        let (subject, unknown) = Subject::parse(text, names)?;
        if let Some(name) = unknown.into_iter().next() {
            return Err(SupposedError::UnknownName(name));
        }
        let (mut user, mut socket, mut groups) = (None, None, Vec::new());
        let (mut certificate, mut spki, mut account, mut any) = (None, None, None, false);
        for fact in subject.facts() {
            let clash = match fact.clone() {
                Fact::User(id) => user.replace(id).is_some_and(|old| old != id),
                Fact::Socket(name) => socket.replace(name.clone()).is_some_and(|old| old != name),
                Fact::Cert(hash) => certificate.replace(hash).is_some_and(|old| old != hash),
                Fact::Spki(hash) => spki.replace(hash).is_some_and(|old| old != hash),
                Fact::Account(key) => account.replace(key).is_some_and(|old| old != key),
                Fact::Group(group) => {
                    groups.push(group);
                    false
                }
                Fact::Any => {
                    any = true;
                    false
                }
                Fact::Unknown => true,
            };
            if clash {
                return Err(SupposedError::Contradiction);
            }
        }

        let on_tls = socket.as_ref().is_some_and(SocketName::is_tls);
        let origin = if on_tls || certificate.is_some() || spki.is_some() || account.is_some() {
            let local = user.is_some() || !groups.is_empty() || any || (socket.is_some() && !on_tls);
            if local {
                return Err(SupposedError::Contradiction);
            }
            // What is not supposed is what no certificate has: a hash of all zeros is nobody's.
            Origin::Remote(Remote {
                certificate: certificate.unwrap_or_default(),
                spki: spki.unwrap_or_default(),
                account,
                address: SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0),
            })
        } else {
            if let Some(user) = user {
                let member = |group: &_| names.is_member(user, *group).unwrap_or(false);
                groups.extend(policy.groups().into_iter().filter(member));
            }
            let socket = socket.unwrap_or_else(SocketName::clients);
            Origin::Local(Local {
                user,
                group: None,
                held: groups.clone(),
                groups,
                admin: socket.is_admin(),
                socket,
            })
        };
        Ok(Self(origin))
    }
}

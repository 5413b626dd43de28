//! Where the interface is mounted.

use std::fmt;

use super::name::Name;

/// The path under `/v1/` at which keys are found: names joined by `/`. `sys` and `auth` are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount(String);

/// Not a path at which keys can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mount: names joined by /, the first one neither sys nor auth")]
pub struct MountError;

impl Mount {
    /// The mount, without slashes around it.
    pub fn parse(text: &str) -> Result<Self, MountError> {
        let own = !matches!(text.split('/').next(), Some("sys" | "auth"));
        if own && text.split('/').all(|part| Name::parse(part).is_ok()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(MountError)
        }
    }

    /// The path, without slashes around it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the mount in a path, if it begins with it.
    pub(crate) fn strip<'p, 's>(&self, path: &'p [&'s str]) -> Option<&'p [&'s str]> {
        let mut rest = path;
        for part in self.0.split('/') {
            match rest {
                [first, others @ ..] if *first == part => rest = others,
                _ => return None,
            }
        }
        Some(rest)
    }
}

impl Default for Mount {
    fn default() -> Self {
        Self("transit".to_owned())
    }
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! Remote paths: `/path` in the default drive, or `drive:/path`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A place in a drive. The path is absolute, without empty, `.` or `..` components; `/` is the top.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RemotePath {
    /// The drive's name; `None` for the default drive.
    pub drive: Option<String>,
    /// Names from the top.
    pub components: Vec<String>,
    /// It was written with a slash at its end (and is not the top).
    pub trailing_slash: bool,
}

/// Not a remote path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a remote path: {0:?} (write /path or drive:/path)")]
pub struct ParseRemotePathError(pub String);

impl FromStr for RemotePath {
    type Err = ParseRemotePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseRemotePathError(text.to_owned());
        let (drive, path) = match text.find('/') {
            Some(0) => (None, text),
            Some(at) => {
                let name = text
                    .get(..at)
                    .and_then(|head| head.strip_suffix(':'))
                    .ok_or_else(error)?;
                (Some(name.to_owned()), text.get(at..).unwrap_or_default())
            }
            None => (Some(text.strip_suffix(':').ok_or_else(error)?.to_owned()), "/"),
        };
        if drive.as_deref().is_some_and(str::is_empty) || path.contains('\0') {
            return Err(error());
        }
        let components: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .map(str::to_owned)
            .collect();
        if components.iter().any(|part| part == "..") {
            return Err(error());
        }
        let trailing_slash = path.ends_with('/') && !components.is_empty();
        Ok(Self {
            drive,
            components,
            trailing_slash,
        })
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(drive) = &self.drive {
            write!(f, "{drive}:")?;
        }
        write!(f, "/{}", self.components.join("/"))
    }
}

impl RemotePath {
    /// This place with one more name.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let mut components = self.components.clone();
        components.push(name.to_owned());
        Self {
            drive: self.drive.clone(),
            components,
            trailing_slash: false,
        }
    }

    /// The last name; `None` at the top.
    pub fn name(&self) -> Option<&str> {
        self.components.last().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::RemotePath;

    #[test]
    fn forms() {
        let show = |text: &str| text.parse::<RemotePath>().map(|path| path.to_string()).ok();
        assert_eq!(show("/"), Some("/".into()));
        assert_eq!(show("/a//b/./c/"), Some("/a/b/c".into()));
        assert_eq!(show("photos:/2024"), Some("photos:/2024".into()));
        assert_eq!(show("photos:"), Some("photos:/".into()));
        assert_eq!(show("a/b"), None);
        assert_eq!(show("/a/../b"), None);
        assert_eq!(show(":/x"), None);
        assert_eq!(show("plain"), None);
    }
}

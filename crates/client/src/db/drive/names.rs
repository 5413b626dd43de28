//! The names from a folder down to a node.

use std::sync::Arc;

/// What lies in one folder shares the names above: a thousand long ones, and thousands of files below them, take no gigabytes (CHK-024).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Names(Option<Arc<Link>>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Link {
    above: Names,
    name: String,
}

impl Names {
    /// Of what lies there under this name.
    pub(crate) fn with(&self, name: &str) -> Self {
        Self(Some(Arc::new(Link {
            above: self.clone(),
            name: name.to_owned(),
        })))
    }

    /// Of the folder itself.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The node's own name.
    pub(crate) fn last(&self) -> Option<&str> {
        self.0.as_ref().map(|link| link.name.as_str())
    }

    /// Of what it lies in.
    pub(crate) fn above(&self) -> Option<&Self> {
        self.0.as_ref().map(|link| &link.above)
    }

    /// Itself, and of all that it lies in, up to the folder.
    pub(crate) fn upwards(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |names| names.above())
    }

    /// A path from the folder.
    pub(crate) fn path(&self) -> String {
        let mut names: Vec<&str> = self.upwards().filter_map(Self::last).collect();
        names.reverse();
        names.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn names_are_their_words() {
        let top = Names::default();
        let (one, other) = (top.with("a").with("b"), top.with("a").with("b"));
        assert_eq!(one, other);
        assert_ne!(one, top.with("b"));
        assert_eq!((one.path().as_str(), one.last()), ("a/b", Some("b")));
        assert_eq!(one.above(), Some(&top.with("a")));
        assert_eq!(one.upwards().count(), 3);
        assert!(top.is_empty() && top.above().is_none() && top.path().is_empty());
    }
}

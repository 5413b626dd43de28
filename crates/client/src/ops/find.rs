//! What a search finds: a name that matches, of a thing that is asked for.

use crannog_agent_api::answer::NodeKind;
use crannog_agent_api::request::Only;
use globset::{GlobBuilder, GlobMatcher};

use crate::db::{NodeRow, RowKind, fold};

/// A pattern and the facts that are asked for beside it.
#[derive(Debug)]
pub(super) struct Matcher {
    name: GlobMatcher,
    /// What every folded name that matches has in it.
    text: String,
    only: Only,
}

impl Matcher {
    /// Of a glob, or of a text that a name has in it.
    pub(super) fn new(pattern: &str, only: Only) -> Result<Self, globset::Error> {
        let pattern = fold(pattern);
        let plain = pattern.split(['[', '{', '\\']).next().unwrap_or_default();
        let text = plain.split(['*', '?']).max_by_key(|part| part.len());
        let text = text.unwrap_or_default().to_owned();
        let glob = if pattern.contains(['*', '?', '[', '{']) {
            pattern
        } else {
            format!("*{pattern}*")
        };
        let glob = GlobBuilder::new(&glob).build()?;
        Ok(Self {
            name: glob.compile_matcher(),
            text,
            only,
        })
    }

    /// A text that the folded name of whatever is found has in it; it may be empty.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The cheap questions first.
    pub(super) fn finds(&self, name: &str, row: &NodeRow) -> bool {
        let Only {
            kind,
            at_least,
            at_most,
            since,
            before,
        } = self.only;
        let (is, size) = match &row.kind {
            RowKind::Directory => (NodeKind::Dir, None),
            RowKind::File { size, .. } => (NodeKind::File, Some(*size)),
            RowKind::Symlink(_) => (NodeKind::Link, None),
        };
        let changed = row
            .attrs
            .mtime_s
            .saturating_mul(1000)
            .saturating_add(i64::from(row.attrs.mtime_ns / 1_000_000));
        kind.is_none_or(|kind| kind == is)
            && at_least.is_none_or(|least| size.is_some_and(|size| size >= least))
            && at_most.is_none_or(|most| size.is_some_and(|size| size <= most))
            && since.is_none_or(|since| changed >= since)
            && before.is_none_or(|before| changed < before)
            && self.name.is_match(fold(name))
    }
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::NodeKind;
    use crannog_agent_api::request::Only;
    use crannog_core::drive::{Attrs, NodeId, VersionId};

    use super::Matcher;
    use crate::db::{NodeRow, RowKind};

    fn row(kind: RowKind, mtime_s: i64) -> NodeRow {
        NodeRow {
            node: NodeId::ROOT,
            name: String::new(),
            attrs: Attrs {
                mtime_s,
                mtime_ns: 500_000_000,
                mode: 0o644,
            },
            kind,
            versions: 1,
        }
    }

    fn file(size: u64) -> RowKind {
        RowKind::File {
            size,
            current: VersionId([0; 16]),
        }
    }

    #[test]
    fn capitals_and_accents_do_not_count() {
        let finds = |pattern: &str, name: &str| {
            let matcher = Matcher::new(pattern, Only::default()).unwrap();
            matcher.finds(name, &row(file(1), 0))
        };
        for (pattern, name) in [
            ("uber", "\u{dc}ber uns.txt"),
            ("\u{fc}ber", "u\u{308}ber.txt"),
            ("CAFE*", "caf\u{e9}.jpg"),
            ("*.JPG", "a.jpg"),
            ("\u{3a3}", "\u{3c3}.txt"),
        ] {
            assert!(finds(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("uber*", "der \u{fc}ber"), ("b?", "bcd"), ("x", "a")] {
            assert!(!finds(pattern, name), "{pattern} {name}");
        }
        assert!(Matcher::new("[", Only::default()).is_err());
    }

    #[test]
    fn only_what_is_asked_for() {
        let finds = |only: Only, row: &NodeRow| Matcher::new("", only).unwrap().finds("name", row);
        let (photo, folder) = (row(file(1_000), 100), row(RowKind::Directory, 100));
        let none = Only::default();
        for (only, of_photo, of_folder) in [
            (none, true, true),
            (
                Only {
                    kind: Some(NodeKind::Dir),
                    ..none
                },
                false,
                true,
            ),
            (
                Only {
                    at_least: Some(1_000),
                    ..none
                },
                true,
                false,
            ),
            (
                Only {
                    at_least: Some(1_001),
                    ..none
                },
                false,
                false,
            ),
            (
                Only {
                    at_most: Some(1_000),
                    ..none
                },
                true,
                false,
            ),
            (
                Only {
                    at_most: Some(999),
                    ..none
                },
                false,
                false,
            ),
            (
                Only {
                    since: Some(100_500),
                    ..none
                },
                true,
                true,
            ),
            (
                Only {
                    since: Some(100_501),
                    ..none
                },
                false,
                false,
            ),
            (
                Only {
                    before: Some(100_501),
                    ..none
                },
                true,
                true,
            ),
            (
                Only {
                    before: Some(100_500),
                    ..none
                },
                false,
                false,
            ),
        ] {
            assert_eq!(finds(only, &photo), of_photo, "{only:?}");
            assert_eq!(finds(only, &folder), of_folder, "{only:?}");
        }
    }
}

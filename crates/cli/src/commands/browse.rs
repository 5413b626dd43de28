//! ls, tree, stat, find, du.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use crannog_agent_api::answer::{NodeInfo, NodeKind};
use crannog_agent_api::request::Only;
use crannog_agent_api::{Answer, Code, Failure, RemotePath, Request};
use serde_json::json;

use crate::sanitise::line;
use crate::session::Session;
use crate::shown::{Shown, unexpected};
use crate::table::Align::{Left, Right};
use crate::{amount, human, places, table};

fn top() -> RemotePath {
    RemotePath {
        drive: None,
        components: Vec::new(),
        trailing_slash: false,
    }
}

/// List a folder
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog ls
  crannog ls -l /letters
  crannog ls -R photos:/2024")]
pub(crate) struct Ls {
    /// Permissions, size and time too
    #[arg(short)]
    long: bool,
    /// Everything below too
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Sizes in bytes
    #[arg(long)]
    bytes: bool,
    /// A folder or a file
    #[arg(default_value = "/")]
    path: RemotePath,
}

impl Ls {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let answer = session
            .ask(Request::List {
                path: self.path,
                recursive: self.recursive,
            })
            .await?;
        let Answer::Nodes(nodes) = &answer else {
            return Err(unexpected(&answer));
        };
        let text = if self.long {
            long(nodes, self.bytes)
        } else {
            names(nodes.iter().map(|node| node.path.as_str()))
        };
        Ok(Shown::new(text, &answer))
    }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.flat_map(|name| [line(name), "\n".to_owned()]).collect()
}

fn long(nodes: &[NodeInfo], exact: bool) -> String {
    let row = |node: &NodeInfo| {
        let size = match node.kind {
            NodeKind::File => human::bytes(node.size, exact),
            NodeKind::Dir | NodeKind::Link => "-".to_owned(),
        };
        vec![
            human::mode(node),
            size,
            human::time(node.mtime_s),
            with_target(node),
        ]
    };
    table::lines(
        &nodes.iter().map(row).collect::<Vec<_>>(),
        &[Left, Right, Left, Left],
    )
}

fn with_target(node: &NodeInfo) -> String {
    match &node.target {
        Some(target) => format!("{} -> {}", line(&node.path), line(target)),
        None => line(&node.path),
    }
}

/// Draw a folder and everything below
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog tree\n  crannog tree photos:/2024")]
pub(crate) struct Tree {
    /// A folder
    #[arg(default_value = "/")]
    path: RemotePath,
}

impl Tree {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let root = line(&self.path.to_string());
        let answer = session
            .ask(Request::List {
                path: self.path,
                recursive: true,
            })
            .await?;
        let Answer::Nodes(nodes) = &answer else {
            return Err(unexpected(&answer));
        };
        Ok(Shown::new(draw(&root, nodes), &answer))
    }
}

#[derive(Default)]
struct Branch<'a>(BTreeMap<&'a str, Branch<'a>>);

fn draw(root: &str, nodes: &[NodeInfo]) -> String {
    let mut tree = Branch::default();
    for node in nodes {
        node.path
            .split('/')
            .fold(&mut tree, |branch, name| branch.0.entry(name).or_default());
    }
    let count = |dirs: bool| {
        nodes
            .iter()
            .filter(|node| (node.kind == NodeKind::Dir) == dirs)
            .count() as u64
    };
    let mut text = format!("{root}\n");
    branches(&tree, "", &mut text);
    text.push_str(&format!(
        "{}, {}\n",
        human::count(count(true), "folder"),
        human::count(count(false), "file")
    ));
    text
}

fn branches(branch: &Branch<'_>, before: &str, text: &mut String) {
    let last = branch.0.len().saturating_sub(1);
    for (at, (name, below)) in branch.0.iter().enumerate() {
        let (arm, space) = if at == last {
            ("└── ", "    ")
        } else {
            ("├── ", "│   ")
        };
        text.push_str(&format!("{before}{arm}{}\n", line(name)));
        branches(below, &format!("{before}{space}"), text);
    }
}

/// Show everything about one file or folder
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog stat /letters/a.txt")]
pub(crate) struct Stat {
    path: RemotePath,
}

impl Stat {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let path = line(&self.path.to_string());
        let answer = session.ask(Request::Stat { path: self.path }).await?;
        let Answer::Node(node) = &answer else {
            return Err(unexpected(&answer));
        };
        let kind = match node.kind {
            NodeKind::Dir => "folder".to_owned(),
            NodeKind::File => "file".to_owned(),
            NodeKind::Link => format!("link to {}", line(node.target.as_deref().unwrap_or_default())),
        };
        let mut pairs = vec![("path", path), ("kind", kind)];
        if node.kind == NodeKind::File {
            pairs.push((
                "size",
                format!("{} ({} bytes)", human::size(node.size), node.size),
            ));
            pairs.push(("versions", node.versions.to_string()));
        }
        pairs.push(("mode", format!("{} ({:03o})", human::mode(node), node.mode)));
        pairs.push((
            "modified",
            format!(
                "{} ({}.{:09})",
                human::time(node.mtime_s),
                node.mtime_s,
                node.mtime_ns
            ),
        ));
        pairs.push(("id", line(&node.id)));
        Ok(Shown::new(table::pairs(&pairs), &answer))
    }
}

/// Find names below a folder (`*`, `?`, `[abc]`; case matters)
#[derive(Debug, Args)]
#[command(override_usage = "crannog find [OPTIONS] [PATH] <PATTERN>")]
#[command(after_help = "\
Examples:
  crannog find '*.jpg'
  crannog find photos:/2024 'IMG_*' --larger 5MB
  crannog find cafe --kind file --newer 7d
  crannog find '*' --older 2020-01-01")]
pub(crate) struct Find {
    /// Only this kind
    #[arg(long, value_enum)]
    kind: Option<KindWord>,
    /// Only files of at least this size: 500, 10kB, 4MiB
    #[arg(long, value_name = "SIZE", value_parser = amount::size)]
    larger: Option<u64>,
    /// Only files of at most this size
    #[arg(long, value_name = "SIZE", value_parser = amount::size)]
    smaller: Option<u64>,
    /// Only what changed since: 2024-05-31, or 30m, 12h, 7d ago
    #[arg(long, value_name = "TIME", value_parser = amount::moment)]
    newer: Option<i64>,
    /// Only what has not changed since: 2024-05-31, or 30m, 12h, 7d ago
    #[arg(long, value_name = "TIME", value_parser = amount::moment)]
    older: Option<i64>,
    /// Where, if not everywhere in the default drive, and last what the name looks like
    #[arg(required = true, num_args = 1..=2, value_name = "PATTERN")]
    pub(crate) words: Vec<String>,
}

/// What a thing is, as one writes it.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum KindWord {
    /// Files
    File,
    /// Folders
    Folder,
    /// Symbolic links
    Link,
}

impl From<KindWord> for NodeKind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::File => Self::File,
            KindWord::Folder => Self::Dir,
            KindWord::Link => Self::Link,
        }
    }
}

impl Find {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let (path, pattern) = where_and_what(self.words)?;
        let request = Request::Find {
            path: path.clone(),
            pattern,
            only: Only {
                kind: self.kind.map(NodeKind::from),
                at_least: self.larger,
                at_most: self.smaller,
                since: self.newer,
                before: self.older,
            },
        };
        let answer = session.ask(request).await?;
        let Answer::Nodes(nodes) = &answer else {
            return Err(unexpected(&answer));
        };
        let found: Vec<String> = nodes.iter().map(|node| below(&path, &node.path)).collect();
        Ok(Shown::new(names(found.iter().map(String::as_str)), &answer))
    }
}

fn where_and_what(words: Vec<String>) -> Result<(RemotePath, String), Failure> {
    let mut words = words.into_iter();
    match (words.next(), words.next(), words.next()) {
        (Some(pattern), None, _) => Ok((top(), pattern)),
        (Some(path), Some(pattern), None) => Ok((places::remote(&path.into())?, pattern)),
        _ => Err(Failure::new(Code::Usage, "one place and one pattern at a time").hint("crannog help find")),
    }
}

/// What can be given to another command.
fn below(path: &RemotePath, relative: &str) -> String {
    match path.to_string() {
        // From the top of the drive already.
        _ if relative.starts_with('/') => match &path.drive {
            Some(drive) => format!("{drive}:{relative}"),
            None => relative.to_owned(),
        },
        top if top.ends_with('/') => format!("{top}{relative}"),
        folder => format!("{folder}/{relative}"),
    }
}

/// Show how much space a folder takes, with its old versions
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog du\n  crannog du --bytes /letters")]
pub(crate) struct Du {
    /// Sizes in bytes
    #[arg(long)]
    bytes: bool,
    /// A folder
    #[arg(default_value = "/")]
    path: RemotePath,
}

impl Du {
    pub(crate) async fn run(self, session: &mut Session) -> Result<Shown, Failure> {
        let answer = session.ask(Request::Usage { path: self.path }).await?;
        let Answer::Usage(rows) = &answer else {
            return Err(unexpected(&answer));
        };
        let lines: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                let old = match row.old_bytes {
                    0 => String::new(),
                    bytes => format!("(and {} of old versions)", human::bytes(bytes, self.bytes)),
                };
                let (size, files) = (
                    human::bytes(row.bytes, self.bytes),
                    human::count(row.files, "file"),
                );
                vec![size, files, line(&row.path.to_string()), old]
            })
            .collect();
        let mut shown = Shown::new(table::lines(&lines, &[Right, Right, Left, Left]), &answer);
        // A path as it is written, not as its parts.
        shown.result = rows
            .iter()
            .map(|row| {
                let path = row.path.to_string();
                json!({ "path": path, "files": row.files, "bytes": row.bytes, "old_bytes": row.old_bytes })
            })
            .collect();
        Ok(shown)
    }
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::{NodeInfo, NodeKind};

    use super::{below, draw, long, names, where_and_what};

    fn node(path: &str, kind: NodeKind) -> NodeInfo {
        NodeInfo {
            path: path.into(),
            kind,
            size: 2048,
            mtime_s: 0,
            mtime_ns: 0,
            mode: 0o640,
            versions: 1,
            target: (kind == NodeKind::Link).then(|| "t\x07".to_owned()),
            id: "00".into(),
        }
    }

    #[test]
    fn names_are_sanitised() {
        assert_eq!(names(["a", "b\nc"].into_iter()), "a\nb\\nc\n");
        let text = long(
            &[
                node("d", NodeKind::Dir),
                node("f\x1b", NodeKind::File),
                node("l", NodeKind::Link),
            ],
            true,
        );
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        let first = |row: usize| [rows[row][0], rows[row][1], rows[row][4]];
        assert_eq!(first(0), ["drw-r-----", "-", "d"]);
        assert_eq!(first(1), ["-rw-r-----", "2048", "f\\u{1b}"]);
        assert_eq!(rows[2][4..], ["l", "->", "t\\u{7}"]);
    }

    #[test]
    fn trees() {
        let nodes = [
            node("b", NodeKind::Dir),
            node("b/x", NodeKind::File),
            node("b-c", NodeKind::File),
            node("b/y", NodeKind::Dir),
            node("b/y/z", NodeKind::File),
        ];
        let tree = "/\n├── b\n│   ├── x\n│   └── y\n│       └── z\n└── b-c\n2 folders, 3 files\n";
        assert_eq!(draw("/", &nodes), tree);
        assert_eq!(draw("/e", &[]), "/e\n0 folders, 0 files\n");
    }

    #[test]
    fn the_place_is_optional() {
        let asked = |words: &[&str]| {
            where_and_what(words.iter().map(|word| (*word).to_owned()).collect())
                .map(|(path, pattern)| (path.to_string(), pattern))
                .ok()
        };
        assert_eq!(asked(&["*.jpg"]), Some(("/".into(), "*.jpg".into())));
        assert_eq!(asked(&["d:/a", "x"]), Some(("d:/a".into(), "x".into())));
        assert_eq!(asked(&["/a", "x", "y"]), None);
        assert_eq!(asked(&["relative", "x"]), None);
    }

    #[test]
    fn found_paths_can_be_used() {
        assert_eq!(below(&"/".parse().unwrap(), "a/b"), "/a/b");
        assert_eq!(below(&"d:/x/".parse().unwrap(), "a"), "d:/x/a");
        assert_eq!(below(&"/x".parse().unwrap(), "/x/a"), "/x/a");
        assert_eq!(below(&"d:/x".parse().unwrap(), "/x/a"), "d:/x/a");
    }
}

//! What a drive must hold: its tree, versions and trash, and which bytes that are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};

use crate::bin::Dice;

/// The top of what the model holds.
pub(crate) const TOP: u64 = 0;
/// Where the drive puts what has lost its place.
pub(crate) const RECOVERED: u64 = 1;

/// Bytes that anybody can make again from the two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Content {
    pub(crate) seed: u64,
    pub(crate) len: u64,
}

impl Content {
    pub(crate) fn bytes(self) -> Vec<u8> {
        Dice::seeded(self.seed).bytes(usize::try_from(self.len).unwrap())
    }
}

/// A version, and the simulated day on which it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Version {
    pub(crate) content: Content,
    pub(crate) day: i64,
}

/// A folder, or a file's versions, the current one last.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Folder,
    File(Vec<Version>),
}

#[derive(Debug, Clone)]
struct Node {
    name: String,
    parent: u64,
    kind: Kind,
    trashed: Option<i64>,
}

/// How the model's bytes divide.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bytes {
    /// Current contents.
    pub(crate) live: u64,
    /// Old versions of files that are not in the trash.
    pub(crate) versions: u64,
    /// Everything of what is in the trash.
    pub(crate) trash: u64,
    /// What nothing names any more, since fewer days than the server keeps it.
    pub(crate) grace: u64,
}

/// Names are never used twice, so that nothing is ever in the way of anything.
#[derive(Debug)]
pub(crate) struct Model {
    nodes: BTreeMap<u64, Node>,
    /// What is in the trash itself comes last.
    children: BTreeMap<u64, BTreeSet<(bool, u64)>>,
    /// Until the folders change.
    folders: OnceLock<Arc<[u64]>>,
    trashed: BTreeSet<u64>,
    next: u64,
    uses: BTreeMap<Content, u64>,
    /// Bytes that lost their last name, by day.
    gone: VecDeque<(i64, u64)>,
    pub(crate) day: i64,
}

impl Model {
    pub(crate) fn new() -> Self {
        let folder = |name: &str| Node {
            name: name.into(),
            parent: TOP,
            kind: Kind::Folder,
            trashed: None,
        };
        Self {
            nodes: BTreeMap::from([(TOP, folder("")), (RECOVERED, folder("Recovered"))]),
            children: BTreeMap::from([(TOP, BTreeSet::from([(false, RECOVERED)]))]),
            folders: OnceLock::new(),
            trashed: BTreeSet::new(),
            next: 2,
            uses: BTreeMap::new(),
            gone: VecDeque::new(),
            day: 0,
        }
    }

    /// A name that nothing has had.
    pub(crate) fn fresh_name(&self, dice: &mut Dice) -> String {
        const STEMS: [&str; 8] = ["note", "Bild", "été", "plan", "list", "draft", "mail", "rechnung"];
        let stem = STEMS[usize::try_from(dice.below(8)).unwrap()];
        format!("{stem}-{}", self.next)
    }

    pub(crate) fn add(&mut self, parent: u64, name: &str, kind: Kind) -> u64 {
        let id = self.next;
        self.next += 1;
        if let Kind::File(versions) = &kind {
            versions.iter().for_each(|version| self.count(version.content));
        }
        let node = Node {
            name: name.into(),
            parent,
            kind,
            trashed: None,
        };
        self.nodes.insert(id, node);
        self.attach(id);
        id
    }

    pub(crate) fn write(&mut self, file: u64, content: Content) {
        self.count(content);
        let day = self.day;
        self.versions_mut(file).push(Version { content, day });
    }

    fn attach(&mut self, node: u64) {
        let found = &self.nodes[&node];
        let place = (found.trashed.is_some(), node);
        self.children.entry(found.parent).or_default().insert(place);
        if matches!(found.kind, Kind::Folder) {
            self.folders.take();
        }
    }

    /// Changes a node and the place that it has by that.
    fn change(&mut self, node: u64, change: impl FnOnce(&mut Node)) {
        let found = self.nodes.get_mut(&node).unwrap();
        let place = (found.trashed.is_some(), node);
        self.children.entry(found.parent).or_default().remove(&place);
        change(found);
        self.attach(node);
    }

    pub(crate) fn place(&mut self, node: u64, parent: u64, name: Option<&str>) {
        self.change(node, |found| {
            found.parent = parent;
            if let Some(name) = name {
                found.name = name.into();
            }
        });
    }

    pub(crate) fn trash(&mut self, node: u64) {
        let today = self.day;
        self.change(node, |found| found.trashed = Some(today));
        self.trashed.insert(node);
    }

    /// Back to where it was, or to `/Recovered` when that is not there.
    pub(crate) fn restore(&mut self, node: u64) {
        self.change(node, |found| found.trashed = None);
        self.trashed.remove(&node);
        let parent = self.nodes[&node].parent;
        if !self.is_live(parent) {
            self.place(node, RECOVERED, None);
        }
    }

    /// It vanishes, with all that is attached to it.
    pub(crate) fn purge(&mut self, node: u64) {
        for (_, child) in self.children.remove(&node).unwrap_or_default() {
            self.purge(child);
        }
        self.trashed.remove(&node);
        self.folders.take();
        if let Some(gone) = self.nodes.remove(&node) {
            if let Some(siblings) = self.children.get_mut(&gone.parent) {
                siblings.remove(&(gone.trashed.is_some(), node));
            }
            if let Kind::File(versions) = gone.kind {
                versions.iter().for_each(|version| self.release(version.content));
            }
        }
    }

    /// Purges what has been in the trash for so many days.
    pub(crate) fn empty_trash(&mut self, days: i64) {
        let until = self.day - days;
        let old = |id: &u64| self.nodes[id].trashed.is_some_and(|day| day <= until);
        for id in self.trashed.iter().copied().filter(old).collect::<Vec<_>>() {
            if self.nodes.contains_key(&id) {
                self.purge(id);
            }
        }
    }

    /// Removes old versions of live files that were made so many days ago.
    pub(crate) fn forget(&mut self, days: i64) {
        let until = self.day - days;
        for (_, file) in self.live() {
            let Kind::File(versions) = &mut self.nodes.get_mut(&file).unwrap().kind else {
                continue;
            };
            let current = versions.pop().unwrap();
            let (old, mut kept): (Vec<_>, Vec<_>) =
                versions.drain(..).partition(|version| version.day <= until);
            kept.push(current);
            *versions = kept;
            old.iter().for_each(|version| self.release(version.content));
        }
    }

    /// Everything that can be seen, by its path.
    pub(crate) fn live(&self) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        self.walk(TOP, "", &mut found);
        found.retain(|_, id| *id != RECOVERED);
        found
    }

    fn walk(&self, folder: u64, path: &str, found: &mut BTreeMap<String, u64>) {
        for id in self.visible(folder) {
            let path = format!("{path}/{}", self.nodes[&id].name);
            self.walk(id, &path, found);
            found.insert(path, id);
        }
    }

    /// What a folder shows.
    fn visible(&self, folder: u64) -> impl Iterator<Item = u64> {
        let inside = self.children.get(&folder).into_iter().flatten();
        inside.take_while(|(trashed, _)| !trashed).map(|(_, id)| *id)
    }

    /// The folders that can be seen and are not deeper than this; not the top.
    pub(crate) fn folders(&self, depth: usize) -> Arc<[u64]> {
        let make = || {
            let (mut found, mut level) = (Vec::new(), vec![TOP]);
            for _ in 0..depth {
                let inside = level.iter().flat_map(|folder| self.visible(*folder));
                level = inside
                    .filter(|id| *id != RECOVERED && matches!(self.nodes[id].kind, Kind::Folder))
                    .collect();
                found.extend_from_slice(&level);
            }
            found.into()
        };
        Arc::clone(self.folders.get_or_init(make))
    }

    /// How much lies below a folder.
    pub(crate) fn size(&self, folder: u64) -> usize {
        self.visible(folder).map(|id| 1 + self.size(id)).sum()
    }

    pub(crate) fn is_live(&self, mut node: u64) -> bool {
        while node != TOP {
            match self.nodes.get(&node) {
                Some(found) if found.trashed.is_none() => node = found.parent,
                _ => return false,
            }
        }
        true
    }

    /// Where it is, or was.
    pub(crate) fn path(&self, mut node: u64) -> String {
        let mut path = String::new();
        while node != TOP {
            path = format!("/{}{path}", self.nodes[&node].name);
            node = self.nodes[&node].parent;
        }
        path
    }

    /// What a person could take back.
    pub(crate) fn in_trash(&self) -> &BTreeSet<u64> {
        &self.trashed
    }

    pub(crate) fn parent(&self, node: u64) -> u64 {
        self.nodes[&node].parent
    }

    pub(crate) fn parent_is_live(&self, node: u64) -> bool {
        self.is_live(self.nodes[&node].parent)
    }

    /// A file's versions, the current one last; none of a folder.
    pub(crate) fn versions(&self, node: u64) -> Option<&[Version]> {
        match &self.nodes[&node].kind {
            Kind::Folder => None,
            Kind::File(versions) => Some(versions),
        }
    }

    fn versions_mut(&mut self, file: u64) -> &mut Vec<Version> {
        match &mut self.nodes.get_mut(&file).unwrap().kind {
            Kind::File(versions) => versions,
            Kind::Folder => panic!("a folder has no versions"),
        }
    }

    fn count(&mut self, content: Content) {
        *self.uses.entry(content).or_default() += 1;
    }

    fn release(&mut self, content: Content) {
        let uses = self.uses.get_mut(&content).unwrap();
        *uses -= 1;
        if *uses == 0 {
            self.uses.remove(&content);
            self.gone.push_back((self.day, content.len));
        }
    }

    /// Contents that several versions share count once, for the first of these that applies.
    pub(crate) fn bytes(&mut self, grace_days: i64) -> Bytes {
        let since = self.day - grace_days;
        self.gone.retain(|(day, _)| *day >= since);
        let mut bytes = Bytes {
            grace: self.gone.iter().map(|(_, len)| len).sum(),
            ..Bytes::default()
        };
        let mut seen = BTreeSet::new();
        let live: BTreeSet<u64> = self.live().into_values().collect();
        let files = |wanted: bool| {
            let of = self
                .nodes
                .iter()
                .filter(move |(id, _)| live.contains(id) == wanted);
            of.filter_map(|(_, node)| match &node.kind {
                Kind::File(versions) => Some(versions.clone()),
                Kind::Folder => None,
            })
            .collect::<Vec<_>>()
        };
        let mut sum = |contents: &mut dyn Iterator<Item = Content>| {
            contents
                .filter(|content| seen.insert(*content))
                .map(|content| content.len)
                .sum()
        };
        let visible = files.clone()(true);
        bytes.live = sum(&mut visible.iter().map(|versions| versions.last().unwrap().content));
        bytes.versions = sum(&mut visible.iter().flatten().map(|version| version.content));
        bytes.trash = sum(&mut files(false).iter().flatten().map(|version| version.content));
        bytes
    }
}

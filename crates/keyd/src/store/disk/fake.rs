//! A disk in memory that loses power after so many operations.

use std::collections::BTreeMap;
use std::io::{self, Error, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Disk, Entry};

/// What is found after the power came back. Bytes of files were synced or not; a name that was not synced is there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// All: only the process was killed.
    All,
    /// Nothing that was not synced.
    Nothing,
    /// All names, but only synced bytes.
    Names,
    /// Names in the uppermost folder as they were, others only if synced.
    TopNames,
    /// Names in the uppermost folder only if synced, others as they were.
    LowerNames,
    /// In every folder, of the names that were not synced, the first one as it was.
    FirstNames,
}

pub(crate) const FOUND: [Found; 6] = [
    Found::All,
    Found::Nothing,
    Found::Names,
    Found::TopNames,
    Found::LowerNames,
    Found::FirstNames,
];

type Names = BTreeMap<String, usize>;

#[derive(Clone)]
enum Node {
    File { kernel: Vec<u8>, disk: Vec<u8> },
    Folder { kernel: Names, disk: Names },
}

impl Node {
    fn folder() -> Self {
        Self::Folder {
            kernel: Names::new(),
            disk: Names::new(),
        }
    }
}

#[derive(Clone)]
struct Inner {
    nodes: Vec<Node>,
    /// Operations that still succeed; of the write that fails only `torn` bytes are written.
    left: Option<u64>,
    torn: usize,
    operations: u64,
}

/// The disk; clones are the same disk.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Mutex<Inner>>);

impl Default for Fake {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Inner {
            nodes: vec![Node::folder()],
            left: None,
            torn: 0,
            operations: 0,
        })))
    }
}

impl Inner {
    fn find(&self, path: &str) -> Option<usize> {
        path.split('/')
            .filter(|name| !name.is_empty())
            .try_fold(0, |node, name| match &self.nodes[node] {
                Node::Folder { kernel, .. } => kernel.get(name).copied(),
                Node::File { .. } => None,
            })
    }

    fn names(&mut self, folder: &str) -> io::Result<&mut Names> {
        let node = self.find(folder).ok_or(ErrorKind::NotFound)?;
        match &mut self.nodes[node] {
            Node::Folder { kernel, .. } => Ok(kernel),
            Node::File { .. } => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn make(&mut self, path: &str, node: Node) -> io::Result<usize> {
        let id = self.nodes.len();
        let (folder, name) = split(path);
        self.names(folder)?.insert(name.to_owned(), id);
        self.nodes.push(node);
        Ok(id)
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        let (folder, name) = split(path);
        let removed = self.names(folder)?.remove(name);
        removed.map(|_| ()).ok_or(ErrorKind::NotFound.into())
    }

    /// Copies what is found of `node` into `to`.
    fn found(&self, node: usize, found: Found, to: &mut Vec<Node>) -> usize {
        let id = to.len();
        match &self.nodes[node] {
            Node::File { kernel, disk } => {
                let bytes = if found == Found::All { kernel } else { disk };
                to.push(Node::File {
                    kernel: bytes.clone(),
                    disk: bytes.clone(),
                });
            }
            Node::Folder { kernel, disk } => {
                to.push(Node::folder());
                let synced_only = match found {
                    Found::All | Found::Names => false,
                    Found::Nothing | Found::FirstNames => true,
                    Found::TopNames => node != 0,
                    Found::LowerNames => node == 0,
                };
                let mut there = if synced_only { disk } else { kernel }.clone();
                let first = kernel
                    .iter()
                    .find(|(name, below)| disk.get(*name) != Some(*below));
                if let Some((name, below)) = first
                    && found == Found::FirstNames
                {
                    there.insert(name.clone(), *below);
                }
                let mut names = Names::new();
                for (name, below) in &there {
                    names.insert(name.clone(), self.found(*below, found, to));
                }
                to[id] = Node::Folder {
                    kernel: names.clone(),
                    disk: names,
                };
            }
        }
        id
    }
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl Fake {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// The power goes after `operations`; of the write that is cut off, `torn` bytes are written.
    pub(crate) fn lose_power_after(&self, operations: u64, torn: usize) {
        let mut inner = self.lock();
        (inner.left, inner.torn) = (Some(operations), torn);
    }

    pub(crate) fn restore_power(&self) {
        self.lock().left = None;
    }

    pub(crate) fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// The disk as another process finds it.
    pub(crate) fn after_power_loss(&self, found: Found) -> Self {
        let inner = self.lock();
        let mut nodes = Vec::new();
        inner.found(0, found, &mut nodes);
        Self(Arc::new(Mutex::new(Inner {
            nodes,
            left: None,
            torn: 0,
            operations: 0,
        })))
    }

    /// The same bytes on a disk of their own.
    pub(crate) fn copy(&self) -> Self {
        self.after_power_loss(Found::All)
    }

    /// Puts a file there as an attacker would, with the folder that it is in.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        let mut inner = self.lock();
        for (end, _) in path.match_indices('/') {
            if inner.find(&path[..end]).is_none() {
                inner.make(&path[..end], Node::folder()).unwrap();
            }
        }
        inner
            .make(
                path,
                Node::File {
                    kernel: bytes.to_vec(),
                    disk: bytes.to_vec(),
                },
            )
            .unwrap();
    }

    /// Takes a file or a folder away.
    pub(crate) fn take(&self, path: &str) {
        self.lock().remove(path).unwrap();
    }

    /// Puts a file or folder there as it is on another disk.
    pub(crate) fn put_back(&self, path: &str, from: &Self) {
        if from.read(path).is_err() {
            let _ = self.lock().remove(path);
            for entry in from.list(path).unwrap() {
                self.put_back(&format!("{path}/{}", entry.name), from);
            }
        } else {
            self.put(path, &from.read(path).unwrap().unwrap());
        }
    }

    fn change(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let mut inner = self.lock();
        inner.operations += 1;
        match &mut inner.left {
            Some(0) => Err(Error::other("no power")),
            Some(left) => {
                *left -= 1;
                Ok(inner)
            }
            None => Ok(inner),
        }
    }

    /// Writes into an existing file, then syncs it: two operations.
    fn fill(&self, id: usize, bytes: &[u8]) -> io::Result<()> {
        let powered = self.change().map(drop);
        let mut inner = self.lock();
        // Once, and then nothing more.
        let written = match powered {
            Ok(()) => bytes.len(),
            Err(_) => std::mem::take(&mut inner.torn).min(bytes.len()),
        };
        if let Node::File { kernel, .. } = &mut inner.nodes[id] {
            kernel.resize(kernel.len().max(written), 0);
            kernel[..written].copy_from_slice(&bytes[..written]);
        }
        drop(inner);
        powered?;
        if let Node::File { kernel, disk } = &mut self.change()?.nodes[id] {
            disk.clone_from(kernel);
        }
        Ok(())
    }
}

impl Disk for Fake {
    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let inner = self.lock();
        let Some(node) = inner.find(folder) else {
            return Ok(Vec::new());
        };
        let Node::Folder { kernel, .. } = &inner.nodes[node] else {
            return Err(ErrorKind::NotADirectory.into());
        };
        let entry = |(name, node): (&String, &usize)| Entry {
            name: name.clone(),
            is_folder: matches!(inner.nodes[*node], Node::Folder { .. }),
        };
        Ok(kernel.iter().map(entry).collect())
    }

    fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>> {
        let inner = self.lock();
        match inner.find(file).map(|node| &inner.nodes[node]) {
            None => Ok(None),
            Some(Node::File { kernel, .. }) => Ok(Some(kernel.clone())),
            Some(Node::Folder { .. }) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    fn write(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        let id = self.change()?.make(
            file,
            Node::File {
                kernel: Vec::new(),
                disk: Vec::new(),
            },
        )?;
        self.fill(id, bytes)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.change()?;
        let id = inner.find(from).ok_or(ErrorKind::NotFound)?;
        let (folder, name) = split(to);
        if inner
            .find(to)
            .is_some_and(|old| matches!(inner.nodes[old], Node::Folder { .. }))
        {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        inner.names(folder)?.insert(name.to_owned(), id);
        inner.remove(from)
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        let mut inner = self.change()?;
        match inner.find(folder) {
            Some(_) => Ok(()),
            None => inner.make(folder, Node::folder()).map(|_| ()),
        }
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        let mut inner = self.change()?;
        if inner.names(folder)?.is_empty() {
            inner.remove(folder)
        } else {
            Err(ErrorKind::DirectoryNotEmpty.into())
        }
    }

    /// A rename is one step for the disk too: when one of its folders is synced, both names are.
    fn sync(&self, folder: &str) -> io::Result<()> {
        let mut inner = self.change()?;
        let node = inner.find(folder).ok_or(ErrorKind::NotFound)?;
        let Node::Folder { kernel, disk } = &mut inner.nodes[node] else {
            return Err(ErrorKind::NotADirectory.into());
        };
        let before = std::mem::replace(disk, kernel.clone());
        let now = kernel.clone();
        for (other, place) in inner.nodes.iter_mut().enumerate() {
            let Node::Folder { kernel, disk } = place else {
                continue;
            };
            if other == node {
                continue;
            }
            disk.retain(|name, id| kernel.get(name) == Some(id) || !now.values().any(|own| own == id));
            for (name, id) in kernel.iter() {
                if before.values().any(|old| old == id) {
                    disk.insert(name.clone(), *id);
                }
            }
        }
        Ok(())
    }

    fn wipe(&self, file: &str) -> io::Result<()> {
        let inner = self.lock();
        let id = inner.find(file).ok_or(ErrorKind::NotFound)?;
        let len = match &inner.nodes[id] {
            Node::File { kernel, .. } => kernel.len(),
            Node::Folder { .. } => return Err(ErrorKind::IsADirectory.into()),
        };
        drop(inner);
        self.fill(id, &vec![0; len])?;
        self.change()?.remove(file)
    }
}

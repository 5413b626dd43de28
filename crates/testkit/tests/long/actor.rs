//! Somebody who works with a drive at random, and does the same to a model of it.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::model::{Content, Kind, Model, Version};
use crate::bin::{Device, Dice, Done};

/// So many operations go into one round of commands.
const ROUND: u64 = 2_500;
/// And so many files are moved by one of them.
const MOVED: u64 = 100;
/// No folder lies deeper than this.
pub(super) const DEPTH: usize = 6;
/// So many of the last commands are told when something fails.
const TOLD: usize = 12;

/// How somebody works.
#[derive(Debug, Clone)]
pub(crate) struct Habits {
    /// The folder in which everything happens; empty for the whole drive.
    pub(crate) top: String,
    /// About so many files at any time.
    pub(crate) files: u64,
    /// The drive that this is, if it is not the default one.
    pub(crate) drive: Option<String>,
}

/// A device and what its drive must hold.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) device: Device,
    pub(crate) model: Model,
    pub(crate) habits: Habits,
    pub(crate) dice: Dice,
    /// Where files lie before they are put.
    source: PathBuf,
    last: VecDeque<String>,
    pub(crate) commands: u64,
    pub(crate) operations: u64,
    /// What each kind of command has taken so far, and how many there were.
    pub(crate) taken: BTreeMap<String, (u64, Duration)>,
}

impl Actor {
    pub(crate) fn new(device: Device, habits: Habits, dice: Dice) -> Self {
        let source = device.home.with_extension("source");
        Self {
            device,
            model: Model::new(),
            habits,
            dice,
            source,
            last: VecDeque::new(),
            commands: 0,
            operations: 0,
            taken: BTreeMap::new(),
        }
    }

    /// A day's work.
    pub(crate) fn work(&mut self, operations: u64) {
        let end = self.operations + operations;
        while self.operations < end {
            self.round((end - self.operations).min(ROUND));
        }
    }

    fn round(&mut self, size: u64) {
        self.make_folders(1 + size / 100);
        self.put(size.div_ceil(2));
        self.move_files(size / 8);
        self.rename();
        self.move_folder();
        self.remove_files();
        self.remove_folders();
        self.take_back(size / 12);
        self.purge(size / 25);
        self.restore_version();
    }

    fn make_folders(&mut self, count: u64) {
        let mut words = vec!["mkdir".to_owned()];
        for _ in 0..count {
            let parent = self.some_folder();
            let name = self.model.fresh_name(&mut self.dice);
            let id = self.model.add(parent, &name, Kind::Folder);
            words.push(self.remote(&self.model.path(id)));
        }
        self.operations += count;
        self.run(words);
    }

    fn put(&mut self, count: u64) {
        let words = self.prepare(count);
        self.run(words);
    }

    /// Writes new files, and new contents of old ones, to be put by the command that comes back.
    pub(crate) fn prepare(&mut self, count: u64) -> Vec<String> {
        let _ = fs::remove_dir_all(&self.source);
        fs::create_dir_all(&self.source).unwrap();
        let files = self.files();
        let lacking = self.habits.files.saturating_sub(files.len() as u64);
        let new = lacking.min(count).max(count / 3);
        let mut wanted: Vec<(u64, Content)> = Vec::new();
        for _ in 0..new {
            let (parent, content) = (self.some_folder(), self.content());
            let name = self.model.fresh_name(&mut self.dice);
            let version = Version {
                content,
                day: self.model.day,
            };
            let id = self.model.add(parent, &name, Kind::File(vec![version]));
            wanted.push((id, content));
        }
        let mut old = files;
        for _ in new..count {
            if let Some((_, id)) = self.draw(&mut old) {
                let content = self.content();
                self.model.write(id, content);
                wanted.push((id, content));
            }
        }
        self.operations += wanted.len() as u64;
        for (id, content) in wanted {
            let path = self.source.join(self.model.path(id).trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content.bytes()).unwrap();
        }
        let source = format!("{}/", self.source.to_str().unwrap());
        vec!["put".into(), "-r".into(), source, self.remote("/")]
    }

    fn move_files(&mut self, count: u64) {
        let mut files = self.files();
        let mut left = count;
        while left > 0 && !files.is_empty() {
            let to = self.some_folder();
            let mut words = vec!["mv".to_owned()];
            for _ in 0..left.min(MOVED) {
                let drawn = self.draw(&mut files);
                if let Some((path, id)) = drawn.filter(|(_, id)| self.model.parent(*id) != to) {
                    words.push(self.remote(&path));
                    self.model.place(id, to, None);
                }
            }
            let moved = words.len() as u64 - 1;
            words.push(format!(
                "{}/",
                self.remote(&self.model.path(to)).trim_end_matches('/')
            ));
            self.operations += moved;
            left = left.saturating_sub(MOVED);
            if moved > 0 {
                self.run(words);
            }
        }
    }

    fn rename(&mut self) {
        let mut files = self.files();
        if let Some((path, id)) = self.draw(&mut files) {
            let (to, name) = (self.some_folder(), self.model.fresh_name(&mut self.dice));
            // The number in it is this node's alone from now on.
            let name = format!("{name}-{}", self.operations);
            self.model.place(id, to, Some(&name));
            let to = self.remote(&self.model.path(id));
            self.operations += 1;
            self.run(vec!["mv".into(), self.remote(&path), to]);
        }
    }

    fn move_folder(&mut self) {
        let folders = self.folders();
        let Some(&(ref path, id)) = self.pick(&folders) else {
            return;
        };
        let inside = format!("{path}/");
        let deep = path.matches('/').count();
        let below = folders.iter().filter(|(other, _)| other.starts_with(&inside));
        let height = below
            .map(|(other, _)| other.matches('/').count() - deep)
            .max()
            .unwrap_or(0);
        let to = self.some_folder();
        let target = self.model.path(to);
        let within = to == id || to == self.model.parent(id) || target.starts_with(&inside);
        if within || target.matches('/').count() + height + 1 > DEPTH {
            return;
        }
        let words = vec![
            "mv".into(),
            self.remote(path),
            format!("{}/", self.remote(&target).trim_end_matches('/')),
        ];
        self.model.place(id, to, None);
        self.operations += 1;
        self.run(words);
    }

    /// So many that about as many are left as there should be.
    fn remove_files(&mut self) {
        let mut files = self.files();
        let extra = (files.len() as u64).saturating_sub(self.habits.files);
        let mut words = vec!["rm".to_owned()];
        for _ in 0..extra.min(ROUND / 2) {
            if let Some((path, id)) = self.draw(&mut files) {
                words.push(self.remote(&path));
                self.model.trash(id);
            }
        }
        self.operations += words.len() as u64 - 1;
        if words.len() > 1 {
            self.run(words);
        }
    }

    /// Those that hold little, while there are many.
    fn remove_folders(&mut self) {
        let many = (self.habits.files / 16).max(4);
        let mut words = vec!["rm".to_owned(), "-r".to_owned()];
        let before = words.len();
        for _ in many..self.folders().len() as u64 {
            let folders = self.folders();
            let drawn: Vec<_> = (0..4).filter_map(|_| self.pick(&folders).cloned()).collect();
            if let Some((path, id)) = drawn.into_iter().min_by_key(|(_, id)| self.model.size(*id)) {
                self.model.trash(id);
                words.push(self.remote(&path));
            }
        }
        self.operations += (words.len() - before) as u64;
        if words.len() > before {
            self.run(words);
        }
    }

    /// A path of the model as the device writes it.
    pub(crate) fn remote(&self, path: &str) -> String {
        match (self.habits.top.as_str(), path) {
            ("", "") => "/".to_owned(),
            (top, path) => format!("{top}{path}"),
        }
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub(crate) fn run(&mut self, words: Vec<String>) -> Value {
        self.note(&words);
        let start = Instant::now();
        let mut done = Done::new(&self.device.command(&words).output().unwrap());
        let kind = match words[0].as_str() {
            "trash" => format!("trash {}", words[1]),
            kind => kind.to_owned(),
        };
        let taken = self.taken.entry(kind).or_default();
        *taken = (taken.0 + 1, taken.1 + start.elapsed());
        assert!(
            done.code == 0,
            "{:?} on day {}: {done:?}",
            self.last.back(),
            self.model.day
        );
        done.json["result"].take()
    }

    fn note(&mut self, words: &[String]) {
        self.commands += 1;
        if self.last.len() == TOLD {
            self.last.pop_front();
        }
        let mut line: String = words.join(" ").chars().take(300).collect();
        if words.len() > 8 {
            line.push_str(&format!(" … ({} words)", words.len()));
        }
        self.last.push_back(line);
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!(
                "{}: day {}, the last commands:",
                self.device.home.display(),
                self.model.day
            );
            self.last.iter().for_each(|line| println!("  crannog {line}"));
            if let Some(to) = std::env::var_os("CRANNOG_SOAK_KEEP") {
                keep(self.device.home.parent().unwrap(), Path::new(&to));
            }
        }
    }
}

/// What a long run came to is worth a look, and another one takes as long.
fn keep(folder: &Path, to: &Path) {
    let done = fs::create_dir_all(to).and_then(|()| Command::new("cp").arg("-a").args([folder, to]).status());
    println!("kept in {}: {done:?}", to.display());
}

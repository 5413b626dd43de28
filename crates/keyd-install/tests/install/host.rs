//! A host to install on, and a person who does.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crannog_keyd::store::{StateDir, Store};
use crannog_keyd_install::{Action, Install, InstallError, Operator, Places, Report, Step};
use crannog_keyd_keys::{Opener, StoreId, UnlockFile};
use data_encoding::HEXLOWER;
use nix::unistd::geteuid;
use tempfile::TempDir;
use zeroize::Zeroizing;

pub(crate) const PROGRAM: &str = "/usr/local/bin/crannog-keyd";

/// A root directory with a user.
pub(crate) struct Host {
    root: TempDir,
}

/// What is at a path: rights with names, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) rights: String,
    pub(crate) content: Vec<u8>,
}

impl Host {
    /// Where no systemd runs. `None` for who is not root.
    pub(crate) fn new() -> Option<Self> {
        if !geteuid().is_root() {
            eprintln!("left out: only root can install");
            return None;
        }
        let host = Self {
            root: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(host.path("etc")).unwrap();
        let users = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n";
        fs::write(host.path("etc/passwd"), users).unwrap();
        fs::write(host.path("etc/group"), "root:x:0:\nalice:x:1000:\n").unwrap();
        Some(host)
    }

    /// Where systemd runs.
    pub(crate) fn with_systemd() -> Option<Self> {
        let host = Self::new()?;
        fs::create_dir_all(host.path("run/systemd/system")).unwrap();
        Some(host)
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub(crate) fn places(&self) -> Places {
        Places::below(self.root.path())
    }

    pub(crate) fn plan(&self) -> Install {
        Install {
            places: self.places(),
            program: PROGRAM.into(),
            clients: Vec::new(),
            tls: None,
            recovery_file: None,
            passphrase: None,
            dry_run: false,
        }
    }

    /// Installs without a hitch.
    pub(crate) fn install(&self) -> (Report, Person) {
        let mut person = Person::default();
        let report = self.plan().install(&mut person).unwrap();
        (report, person)
    }

    /// All that is below the root.
    pub(crate) fn tree(&self) -> BTreeMap<PathBuf, Entry> {
        let names = Names::of(self);
        let mut tree = BTreeMap::new();
        let mut folders = vec![self.root.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                let content = if metadata.is_file() {
                    fs::read(&path).unwrap()
                } else if metadata.is_symlink() {
                    fs::read_link(&path)
                        .unwrap()
                        .into_os_string()
                        .into_encoded_bytes()
                } else {
                    folders.push(path.clone());
                    Vec::new()
                };
                let rights = names.rights(metadata.mode(), metadata.uid(), metadata.gid());
                let place = path.strip_prefix(self.root.path()).unwrap().to_owned();
                tree.insert(place, Entry { rights, content });
            }
        }
        tree
    }

    /// Paths and rights, without what differs from run to run.
    pub(crate) fn shape(&self) -> BTreeMap<PathBuf, String> {
        let tree = self.tree().into_iter().map(|(path, entry)| (path, entry.rights));
        // The tools keep copies of what they changed last.
        let tree = tree.filter(|(path, _)| !path.to_string_lossy().ends_with('-'));
        tree.collect()
    }

    pub(crate) fn rights(&self, path: &str) -> String {
        let metadata = fs::symlink_metadata(self.path(path)).unwrap();
        Names::of(self).rights(metadata.mode(), metadata.uid(), metadata.gid())
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn unlock_file(&self) -> UnlockFile {
        UnlockFile::parse(&fs::read(self.path("var/lib/crannog-keyd/unlock")).unwrap()).unwrap()
    }

    /// The bytes of the key file.
    pub(crate) fn key_file(&self) -> [u8; 32] {
        let line = self.text("etc/crannog-keyd/master.key");
        let bytes = HEXLOWER
            .decode(line.strip_suffix('\n').unwrap().as_bytes())
            .unwrap();
        bytes.try_into().unwrap()
    }

    /// Opens the store, as a start does.
    pub(crate) fn open(&self, opener: &Opener<'_>) -> Option<Store> {
        let dir = StateDir::lock(&self.path("var/lib/crannog-keyd")).unwrap();
        let key = dir.unlock_file().unwrap().open(opener).ok()?;
        let (store, findings) = Store::open(dir, key, None).unwrap();
        assert_eq!(findings, crannog_keyd::store::Findings::default());
        Some(store)
    }
}

/// The names behind numbers.
struct Names {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
}

impl Names {
    fn of(host: &Host) -> Self {
        let read = |file: &str| {
            let text = host.text(file);
            let lines = text.lines().map(|line| {
                let fields: Vec<&str> = line.split(':').collect();
                (fields[2].parse().unwrap(), fields[0].to_owned())
            });
            lines.collect()
        };
        Self {
            users: read("etc/passwd"),
            groups: read("etc/group"),
        }
    }

    fn rights(&self, mode: u32, user: u32, group: u32) -> String {
        let name = |names: &BTreeMap<u32, String>, id: u32| {
            names.get(&id).cloned().unwrap_or_else(|| id.to_string())
        };
        let (user, group) = (name(&self.users, user), name(&self.groups, group));
        format!("{:04o} {user}:{group}", mode & 0o7777)
    }
}

/// A person who keeps the recovery key and types it back.
#[derive(Default)]
pub(crate) struct Person {
    /// What she was shown last.
    pub(crate) shown: Option<String>,
    /// How often she mistypes it first.
    pub(crate) slips: u32,
    /// She has nothing to type.
    pub(crate) refuses: bool,
    /// How often she was asked for it.
    pub(crate) asked: u32,
    /// What she says is the id of the store.
    pub(crate) store: Option<String>,
    /// The power goes when this step was told.
    pub(crate) power: Option<usize>,
    pub(crate) steps: Vec<Step>,
}

impl Operator for Person {
    fn step(&mut self, step: &Step) {
        self.steps.push(step.clone());
        assert_ne!(self.power, Some(self.steps.len()), "the power goes");
    }

    fn show_recovery_key(&mut self, text: &str) -> io::Result<()> {
        self.shown = Some(text.to_owned());
        Ok(())
    }

    fn recovery_key(&mut self, wrong: u32) -> io::Result<Option<Zeroizing<String>>> {
        self.asked += 1;
        if self.refuses {
            return Ok(None);
        }
        let key = self.shown.clone().unwrap();
        let typed = if wrong < self.slips { another_key() } else { key };
        Ok(Some(Zeroizing::new(typed)))
    }

    fn store_id(&mut self, _: &StoreId) -> io::Result<Option<String>> {
        Ok(self.store.clone())
    }
}

/// A recovery key without a slip of the hand, but of another store.
pub(crate) fn another_key() -> String {
    crannog_keyd_keys::RecoveryKey::generate(&mut rand::rng())
        .to_text()
        .to_string()
}

/// The steps that changed something, or would.
pub(crate) fn changes(report: &Report) -> Vec<&Step> {
    let steps = report.done.iter();
    steps.filter(|step| step.action != Action::Kept).collect()
}

pub(crate) fn refused(result: Result<Report, InstallError>) -> InstallError {
    match result {
        Err(error) => error,
        Ok(report) => panic!("it was done: {report:?}"),
    }
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

//! What must be gone when we are: servers, agents, mounts, scratch folders. Also after Ctrl-C and after a failure.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Outcome;

/// One thing to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Debt {
    Process(i32),
    Mount(PathBuf),
    Scratch(PathBuf),
    Inside(PathBuf),
    First(i32),
    Group(PathBuf),
}

static DEBTS: Mutex<Vec<Debt>> = Mutex::new(Vec::new());

fn owe(debt: Debt) {
    if let Ok(mut debts) = DEBTS.lock() {
        debts.push(debt);
    }
}

fn settle(debt: &Debt) {
    match debt {
        Debt::Process(pid) => stop(*pid),
        Debt::Mount(at) => {
            let _ = Command::new("umount").arg(at).stderr(Stdio::null()).status();
        }
        Debt::Inside(root) => inside(root).into_iter().for_each(stop),
        Debt::First(pid) => {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        Debt::Group(folder) => remove_groups(folder),
        Debt::Scratch(folder) => {
            for pid in agents_below(folder) {
                stop(pid);
            }
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Undoes everything still owed, the youngest first.
pub fn now() {
    while let Some(debt) = DEBTS.lock().ok().and_then(|mut debts| debts.pop()) {
        settle(&debt);
    }
}

/// Ctrl-C and SIGTERM undo everything too.
pub fn on_interrupt() {
    let set = ctrlc::set_handler(|| {
        eprintln!("\ninterrupted: stopping what was started");
        now();
        std::process::exit(130);
    });
    if let Err(error) = set {
        eprintln!("no handler for Ctrl-C: {error}");
    }
}

/// A program that runs beside us, stopped when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    debt: Debt,
}

impl Running {
    /// Starts it.
    pub fn start(command: &mut Command) -> Outcome<Self> {
        let shown = crate::run::shown(command);
        let child = command.spawn().map_err(|error| format!("{shown}: {error}"))?;
        let debt = Debt::Process(child.id().cast_signed());
        owe(debt.clone());
        Ok(Self { child, debt })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The child itself, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        forget(&self.debt);
        stop(self.child.id().cast_signed());
        let _ = self.child.wait();
    }
}

/// A folder that is removed when dropped, after the agents whose profiles lie in it were stopped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    kept: bool,
}

impl Scratch {
    /// Makes an empty folder of this process inside `parent`.
    pub fn new(parent: &Path, name: &str) -> Outcome<Self> {
        let path = parent.join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        owe(Debt::Scratch(path.clone()));
        Ok(Self { path, kept: false })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From now on it stays, also after Ctrl-C.
    pub fn keep(&mut self) {
        forget(&Debt::Scratch(self.path.clone()));
        self.kept = true;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let debt = Debt::Scratch(self.path.clone());
        forget(&debt);
        settle(&debt);
    }
}

/// A mount that is undone when dropped.
#[derive(Debug)]
pub struct Mounted(PathBuf);

impl Mounted {
    /// `at` has just been mounted.
    pub fn new(at: &Path) -> Self {
        owe(Debt::Mount(at.to_path_buf()));
        Self(at.to_path_buf())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let debt = Debt::Mount(self.0.clone());
        forget(&debt);
        settle(&debt);
    }
}

/// Everything that runs with this root folder, stopped when dropped.
#[derive(Debug)]
pub struct Inside(PathBuf);

impl Inside {
    /// `root` is about to be entered by chroot.
    pub fn new(root: &Path) -> Self {
        owe(Debt::Inside(root.to_path_buf()));
        Self(root.to_path_buf())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let debt = Debt::Inside(self.0.clone());
        forget(&debt);
        settle(&debt);
    }
}

/// The first process of a process namespace, killed when dropped, and with it all others there. It heeds no other signal.
#[derive(Debug)]
pub struct First(i32);

impl First {
    /// `pid` has just been started.
    pub fn new(pid: i32) -> Self {
        owe(Debt::First(pid));
        Self(pid)
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.0
    }
}

impl Drop for First {
    fn drop(&mut self) {
        let debt = Debt::First(self.0);
        forget(&debt);
        settle(&debt);
    }
}

/// A control group of this process, removed when dropped, with those that were made in it. Nothing may run in them any more.
#[derive(Debug)]
pub struct ControlGroup(PathBuf);

impl ControlGroup {
    /// Makes it inside `parent`.
    pub fn new(parent: &Path) -> Outcome<Self> {
        let path = parent.join(format!("crannog-xtask-{}", std::process::id()));
        std::fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        owe(Debt::Group(path.clone()));
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        let debt = Debt::Group(self.0.clone());
        forget(&debt);
        settle(&debt);
    }
}

/// A control group is an empty folder to those who remove it: its files are the kernel's.
fn remove_groups(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let inner = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    inner.for_each(|entry| remove_groups(&entry.path()));
    let _ = std::fs::remove_dir(folder);
}

fn inside(root: &Path) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers
        .filter(|pid| std::fs::read_link(format!("/proc/{pid}/root")).is_ok_and(|own| own == root))
        .collect()
}

fn forget(debt: &Debt) {
    if let Ok(mut debts) = DEBTS.lock() {
        debts.retain(|owed| owed != debt);
    }
}

/// Asks a process to end, and ends it after ten seconds.
pub fn stop(pid: i32) {
    let process = Pid::from_raw(pid);
    if kill(process, Signal::SIGTERM).is_err() {
        return;
    }
    let start = Instant::now();
    while alive(pid) {
        if start.elapsed() > Duration::from_secs(10) {
            eprintln!("process {pid} does not end: killing it");
            let _ = kill(process, Signal::SIGKILL);
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn alive(pid: i32) -> bool {
    // The state follows the name in parentheses; a zombie of ours only waits to be reaped.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(") ").map(|(_, rest)| !rest.starts_with('Z')))
        .unwrap_or(false)
}

/// The agents of the profiles `folder` and those directly in it, by what stands in their lock files.
pub fn agents_below(folder: &Path) -> Vec<i32> {
    let inside = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let homes = std::iter::once(folder.to_path_buf()).chain(inside.map(|entry| entry.path()));
    homes.filter_map(|home| agent(&home)).collect()
}

/// The file outlives its agent, whose number may be another process's by now.
fn agent(home: &Path) -> Option<i32> {
    let lock = std::fs::read(home.join("agent.lock")).ok()?;
    let place: serde_json::Value = serde_json::from_slice(&lock).ok()?;
    let pid = i32::try_from(place["pid"].as_i64()?).ok()?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    (name.trim() == "crannog" && alive(pid)).then_some(pid)
}

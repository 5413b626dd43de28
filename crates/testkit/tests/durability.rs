//! Power cuts: what was acknowledged is there after everything that was not synced is gone.
//!
//! The server runs with `bin/powercut.c` preloaded, which keeps a copy of its data directory that holds only what it synced, and
//! kills it at a random event. The next server begins with that copy, and with a random part of what was not synced.

mod bin;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use bin::{Device, Dice, Scratch, Server, crannogd};
use serde_json::Value;

/// The library, compiled for this test.
fn library(scratch: &Scratch) -> PathBuf {
    let (source, to) = (
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bin/powercut.c"),
        scratch.join("powercut.so"),
    );
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-shared", "-fPIC", "-w", "-o"])
        .arg(&to)
        .arg(source)
        .arg("-ldl");
    let output = cc.output().expect("cc, the C compiler that Rust links with");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    to
}

/// A data directory and its durable shadow.
struct Disk {
    data: PathBuf,
    mirror: PathBuf,
}

impl Disk {
    /// `from` is what survived the last cut.
    fn new(scratch: &Scratch, round: u64, from: Option<&Path>) -> Self {
        let (data, mirror) = (
            scratch.join(format!("data-{round}")),
            scratch.join(format!("mirror-{round}")),
        );
        fs::create_dir_all(mirror.join("tree")).unwrap();
        fs::create_dir_all(mirror.join("content")).unwrap();
        fs::create_dir_all(&data).unwrap();
        if let Some(from) = from {
            copy(from, &data);
            copy(from, &mirror.join("tree"));
        }
        Self { data, mirror }
    }

    fn serve(&self, library: &Path, address: &str, at: u64, forget: &str) -> Result<Server, String> {
        let mut command = Command::new(crannogd());
        command
            .env("LD_PRELOAD", library)
            .env("POWERCUT_ROOT", &self.data)
            .env("POWERCUT_MIRROR", &self.mirror);
        command
            .env("POWERCUT_AT", at.to_string())
            .env("POWERCUT_FORGET", forget);
        Server::try_launch(&mut command, &self.data, address)
    }

    /// What is left, with a random part of what was not synced.
    fn cut(&self, dice: &mut Dice) -> PathBuf {
        let tree = self.mirror.join("tree");
        let mut late = 0;
        unsynced(&self.data, &tree, dice, &mut late);
        tree
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target, kind) = (
            entry.path(),
            to.join(entry.file_name()),
            entry.file_type().unwrap(),
        );
        if kind.is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&path, &target);
        } else if kind.is_file() && !path.to_string_lossy().ends_with("-shm") {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A disk may have written what nobody asked it to: some of the names, some of the blocks.
fn unsynced(data: &Path, tree: &Path, dice: &mut Dice, late: &mut u64) {
    for entry in fs::read_dir(data).unwrap() {
        let entry = entry.unwrap();
        let (path, target, kind) = (
            entry.path(),
            tree.join(entry.file_name()),
            entry.file_type().unwrap(),
        );
        if kind.is_dir() {
            if target.is_dir() {
                unsynced(&path, &target, dice, late);
            }
            continue;
        }
        if !kind.is_file() || path.to_string_lossy().ends_with("-shm") {
            continue;
        }
        if !target.exists() {
            if dice.below(2) == 0 {
                continue;
            }
            fs::write(&target, b"").unwrap();
        }
        let (real, durable) = (fs::read(&path).unwrap(), fs::read(&target).unwrap());
        let file = fs::File::options().write(true).open(&target).unwrap();
        let chance = dice.below(5);
        for at in (0..real.len()).step_by(4096) {
            let end = real.len().min(at + 4096);
            if durable.get(at..end) != Some(&real[at..end]) && dice.below(4) < chance {
                file.write_all_at(&real[at..end], at as u64).unwrap();
                *late += 1;
            }
        }
    }
}

/// Ends the writer, also when we fail.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A writer that fails ends the server, for which the test waits.
struct Cut<'a>(&'a AtomicI32);

impl Drop for Cut<'_> {
    fn drop(&mut self) {
        let pid = self.0.load(Ordering::SeqCst);
        if std::thread::panicking() && pid != 0 {
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// Acknowledged files and their content.
type Acknowledged = Mutex<BTreeMap<String, Vec<u8>>>;

/// Puts one batch of files until the server has said yes to it, or we are told to stop.
fn put(
    device: &Device,
    top: &Path,
    round: u64,
    dice: &mut Dice,
    acknowledged: &Acknowledged,
    stop: &AtomicBool,
) {
    let folder = top.join(format!("{round}"));
    fs::create_dir_all(&folder).unwrap();
    let mut batch = BTreeMap::new();
    for number in 0..dice.between(1, 5) {
        let len = match dice.below(6) {
            0 => dice.between(1_100_000, 9_000_000),
            1 => dice.between(60_000, 1_000_000),
            _ => dice.between(0, 9_000),
        };
        let content = dice.bytes(usize::try_from(len).unwrap());
        fs::write(folder.join(number.to_string()), &content).unwrap();
        batch.insert(format!("{round}/{number}"), content);
    }
    while !stop.load(Ordering::Relaxed) {
        let done = device.run(["put", "-r", folder.to_str().unwrap(), "/"]);
        match done.code {
            0 => {
                acknowledged.lock().unwrap().append(&mut batch);
                return;
            }
            // The server is gone, for now.
            3 if done.failed().iter().all(|code| *code == "try_again") => {}
            5 => {}
            _ => {
                let log = fs::read_to_string(device.home.join("agent.log")).unwrap_or_default();
                panic!("{done:?}\n{log}");
            }
        }
    }
}

/// Every acknowledged file, and of the others none with another content than was put.
fn all_there(device: &Device, into: &Path, source: &Path, acknowledged: &BTreeMap<String, Vec<u8>>) {
    device.ok(["get", "-r", "/", into.to_str().unwrap()]);
    for (name, content) in acknowledged {
        let found =
            fs::read(into.join(name)).unwrap_or_else(|error| panic!("acknowledged, but {name}: {error}"));
        assert!(found == *content, "{name} has another content");
    }
    for folder in fs::read_dir(into).unwrap() {
        let folder = folder.unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            let original = source.join(folder.file_name()).join(file.file_name());
            assert!(
                bin::tree::same_bytes(&original, &file.path()),
                "{:?} is half written",
                file.path()
            );
        }
    }
}

#[test]
fn acknowledged_writes_survive_power_cuts() {
    let cuts = bin::number("CRANNOG_POWER_CUTS", 12);
    let scratch = Scratch::new();
    let library = library(&scratch);
    let mut dice = Dice::new();
    let source = scratch.join("source");
    let device = Device::new(scratch.path(), "writer");

    // The first cut comes right after the first things that a server promises: its identity, an invite, an account.
    let mut disk = Disk::new(&scratch, 0, None);
    let server = disk.serve(&library, "127.0.0.1:0", 0, "").unwrap();
    let address = server.address.clone();
    let invite: Value = server.invite("4GiB");
    let words = device.join(&invite, "alice");
    server.kill();
    let mut left = disk.cut(&mut Dice::seeded(0));

    let (acknowledged, stop) = (Acknowledged::default(), AtomicBool::new(false));
    let running = AtomicI32::new(0);
    let mut writing = dice.split();
    let mut while_starting = 0;
    let server = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let _cut = Cut(&running);
            for round in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                put(&device, &source, round, &mut writing, &acknowledged, &stop);
            }
        });
        let _end = Stop(&stop);
        for round in 1..=cuts {
            disk = Disk::new(&scratch, round, Some(&left));
            let at = dice.between(1, 700);
            match disk.serve(&library, &address, at, "") {
                Ok(mut server) => {
                    running.store(server.pid(), Ordering::SeqCst);
                    if writer.is_finished() {
                        server.kill();
                    } else {
                        server.wait();
                    }
                    running.store(0, Ordering::SeqCst);
                    assert!(!writer.is_finished(), "the writer has failed");
                }
                Err(said) => {
                    assert!(said.contains("SIGKILL"), "{said}");
                    while_starting += 1;
                }
            }
            assert!(!writer.is_finished(), "the writer has failed");
            left = disk.cut(&mut dice);
            // What the next server finds, without help; looked at in a copy.
            let look = scratch.join("look");
            let _ = fs::remove_dir_all(&look);
            fs::create_dir(&look).unwrap();
            copy(&left, &look);
            let looking = Server::start(&look);
            looking.fsck();
            looking.stop();
            let _ = fs::remove_dir_all(&disk.data);
            println!(
                "cut {round} at event {at}: {} files acknowledged",
                acknowledged.lock().unwrap().len()
            );
        }
        stop.store(true, Ordering::Relaxed);
        let server = Server::start_at(&left, &address);
        writer.join().unwrap();
        server
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    println!(
        "{cuts} cuts ({while_starting} while starting), {} files acknowledged",
        acknowledged.len()
    );
    assert!(
        acknowledged.len() >= 3,
        "too few writes came through to show anything"
    );
    server.fsck();
    device.verify_store();
    let fresh = Device::new(scratch.path(), "fresh");
    fresh.recover(&invite, "alice", &words);
    all_there(&fresh, &scratch.join("back"), &source, &acknowledged);
    fresh.verify_store();
    server.fsck();
    server.stop();
}

/// One acknowledged put, and the power goes. True if everything is still there.
fn survives(library: &Path, forget: &str) -> bool {
    let scratch = Scratch::new();
    let device = Device::new(scratch.path(), "writer");
    let first = Disk::new(&scratch, 0, None);
    let server = first.serve(library, "127.0.0.1:0", 0, "").unwrap();
    let address = server.address.clone();
    device.join(&server.invite("1GiB"), "alice");
    server.kill();
    let disk = Disk::new(&scratch, 1, Some(&first.mirror.join("tree")));
    let server = disk.serve(library, &address, 0, forget).unwrap();
    let file = scratch.join("file");
    fs::write(&file, Dice::seeded(1).bytes(70_000)).unwrap();
    device.ok(["put", file.to_str().unwrap(), "/file"]);
    server.kill();
    drop(device);

    let left = disk.mirror.join("tree");
    let server = Server::start_at(&left, &address);
    let inspected = server.admin(&["inspect", "alice"]);
    let entries: u64 = inspected["journals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|journal| journal["last_seq"].as_u64().unwrap())
        .sum();
    let clean = bin::admin(&left, &["fsck", "--full"]).code == 0;
    println!("forgetting {forget:?}: fsck clean {clean}, {entries} entries");
    // Home and drive have their first entry each, and one for each thing since.
    clean && entries >= 4
}

#[test]
fn without_any_one_of_the_syncs_data_would_be_lost() {
    let scratch = Scratch::new();
    let library = library(&scratch);
    assert!(survives(&library, "file:/nothing of this name"));
    for forgotten in ["file:/crannogd.db-wal", "file:/blobs/", "folder:/blobs/"] {
        assert!(!survives(&library, forgotten), "{forgotten} need not be synced?");
    }
}

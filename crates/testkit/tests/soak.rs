//! `kill -9` of the server and of agents, again and again, while two devices write: what was acknowledged is there, and whole.
//!
//! `CRANNOG_SOAK_KILLS` says how often (20), `CRANNOG_SOAK_SEED` repeats a run's dice.

mod bin;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use bin::tree::same_bytes;
use bin::{Device, Dice, Scratch, Server, Watched};

/// What the writers share with the killer.
struct Field {
    stop: AtomicBool,
    /// Remote name to the local file, of what a command that exited with 0 has written.
    acknowledged: Mutex<BTreeMap<String, PathBuf>>,
}

/// Ends the writers, also when we fail.
struct Stop<'a>(&'a Field);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// Puts batch after batch; tells of every line of progress and of every command that ended.
fn write(
    device: &Device,
    name: &str,
    source: &Path,
    mut dice: Dice,
    field: &Field,
    ticks: &Sender<()>,
) -> u64 {
    let mut interrupted = 0;
    for round in 0.. {
        let folder = source.join(format!("{name}-{round}"));
        fs::create_dir_all(&folder).unwrap();
        let mut batch = BTreeMap::new();
        for number in 0..dice.between(1, 20) {
            let len = match dice.below(20) {
                0 => dice.between(5 << 20, 20 << 20),
                1 | 2 => dice.between(100_000, 3_000_000),
                _ => dice.between(0, 12_000),
            };
            let path = folder.join(number.to_string());
            fs::write(&path, dice.bytes(usize::try_from(len).unwrap())).unwrap();
            batch.insert(format!("{name}-{round}/{number}"), path);
        }
        loop {
            if field.stop.load(Ordering::Relaxed) {
                return interrupted;
            }
            let mut put = Watched::start(&mut device.command(["put", "-r", folder.to_str().unwrap(), "/"]));
            while put.line().is_some() {
                let _ = ticks.send(());
            }
            let done = put.finish();
            let _ = ticks.send(());
            match (done.code, done.error()) {
                (0, _) => break,
                // Server or agent are gone, for now.
                (5, "try_again") => interrupted += 1,
                (3, _) if done.failed().iter().all(|code| *code == "try_again") => interrupted += 1,
                _ => panic!("{done:?}"),
            }
        }
        field.acknowledged.lock().unwrap().append(&mut batch);
    }
    interrupted
}

/// Every acknowledged file is there, and nothing has another content than its source.
fn check(back: &Path, source: &Path, acknowledged: &BTreeMap<String, PathBuf>) -> usize {
    for (name, original) in acknowledged {
        assert!(back.join(name).exists(), "{name} was acknowledged and is gone");
        assert!(
            same_bytes(original, &back.join(name)),
            "{name} has another content"
        );
    }
    let mut files = 0;
    for folder in fs::read_dir(back).unwrap() {
        let folder = folder.unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            let original = source.join(folder.file_name()).join(file.file_name());
            assert!(original.exists(), "{:?} was never put", file.path());
            assert!(
                same_bytes(&original, &file.path()),
                "{:?} is half written",
                file.path()
            );
            files += 1;
        }
    }
    files
}

/// Waits for so many signs of progress.
fn wait(ticks: &Receiver<()>, count: u64) {
    for _ in 0..count {
        assert!(ticks.recv().is_ok(), "both writers have failed");
    }
}

#[test]
fn acknowledged_writes_survive_kills() {
    let kills = bin::number("CRANNOG_SOAK_KILLS", 20);
    let (scratch, mut dice) = (Scratch::new(), Dice::new());
    let data = scratch.join("server");
    let source = scratch.join("source");
    let mut server = Server::start(&data);
    let invite = server.invite("50GiB");
    let devices = [
        Device::new(scratch.path(), "one"),
        Device::new(scratch.path(), "two"),
    ];
    let words = devices[0].join(&invite, "alice");
    devices[1].recover(&invite, "alice", &words);

    let field = Field {
        stop: AtomicBool::new(false),
        acknowledged: Mutex::default(),
    };
    let (send, ticks) = channel();
    let (mut of_server, mut of_agents) = (0, 0);
    let interrupted: u64 = std::thread::scope(|scope| {
        let writers: Vec<_> = devices
            .iter()
            .zip(["one", "two"])
            .map(|(device, name)| {
                let (dice, send, field, source) = (dice.split(), send.clone(), &field, &source);
                scope.spawn(move || write(device, name, source, dice, field, &send))
            })
            .collect();
        drop(send);
        let _end = Stop(&field);
        while of_server + of_agents < kills {
            wait(&ticks, dice.between(1, 12));
            assert!(
                writers.iter().all(|writer| !writer.is_finished()),
                "a writer has failed"
            );
            if dice.below(2) == 0 {
                server.kill_and_restart();
                of_server += 1;
            } else if devices[usize::try_from(dice.below(2)).unwrap()].kill_agent() {
                of_agents += 1;
            }
        }
        field.stop.store(true, Ordering::Relaxed);
        drop(ticks);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    let acknowledged = field.acknowledged.into_inner().unwrap();
    println!(
        "{of_server} kills of the server, {of_agents} of agents, {interrupted} commands ended early, {} files acknowledged",
        acknowledged.len()
    );
    assert!(
        acknowledged.len() as u64 > kills,
        "too little was written to show anything"
    );
    server.fsck();
    devices.iter().for_each(Device::verify_store);
    let fresh = Device::new(scratch.path(), "fresh");
    fresh.recover(&invite, "alice", &words);
    let back = scratch.join("back");
    fresh.ok(["get", "-r", "/", back.to_str().unwrap()]);
    let files = check(&back, &source, &acknowledged);
    println!("{files} files, all whole");
    fresh.verify_store();
    server.stop();
}

#[test]
fn a_get_leaves_no_half_file_and_goes_on() {
    let (scratch, mut dice) = (Scratch::new(), Dice::new());
    let data = scratch.join("server");
    let mut server = Server::start(&data);
    let device = Device::new(scratch.path(), "one");
    device.join(&server.invite("4GiB"), "alice");
    let source = scratch.join("large");
    fs::write(&source, dice.bytes(120 << 20)).unwrap();
    device.ok(["put", source.to_str().unwrap(), "/large"]);
    let to = scratch.join("to");
    fs::create_dir(&to).unwrap();
    let mut kills = 0;
    for round in 0..6_u64 {
        let mut get = Watched::start(&mut device.command(["get", "/large", to.to_str().unwrap()]));
        let running = get.until_bytes(dice.between(1, 90) << 20);
        if running && round % 2 == 0 {
            device.kill_agent();
        } else if running {
            server.kill_and_restart();
        }
        let done = get.finish();
        kills += u64::from(done.code != 0);
        if to.join("large").exists() {
            assert!(
                same_bytes(&source, &to.join("large")),
                "half of it under its name"
            );
            fs::remove_file(to.join("large")).unwrap();
        } else {
            assert_ne!(done.code, 0, "{done:?}");
        }
    }
    println!("{kills} of 6 gets were cut");
    device.ok(["get", "/large", to.to_str().unwrap()]);
    assert!(same_bytes(&source, &to.join("large")));
    let left: Vec<_> = fs::read_dir(&to)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["large"], "what was begun is tidied");
    server.stop();
}

//! The agent's life with the real programs: passwords, locks, interruptions, sudden ends, disks that refuse; and after each the same
//! command goes on.

mod bin;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bin::disk::{Small, may_mount};
use bin::tree::same_bytes;
use bin::{Device, Dice, Done, Scratch, Server, Watched};
use nix::sys::signal::Signal;
use serde_json::Value;

const MIB: u64 = 1 << 20;
/// Transfers of so much are cut in two.
const LARGE: u64 = 128 * MIB;
/// So many blobs may be on their way when a put is cut: the server may have them, but the device does not know it.
const ON_THE_WAY: u64 = 6;

/// A server, and one device with an account on it.
struct World {
    server: Server,
    device: Device,
    invite: Value,
    words: PathBuf,
    scratch: Scratch,
}

impl World {
    fn new() -> Self {
        Self::with_settings("")
    }

    /// With an `agent.toml`.
    fn with_settings(settings: &str) -> Self {
        let scratch = Scratch::new();
        let server = Server::start(&scratch.join("server"));
        let device = Device::new(scratch.path(), "laptop");
        fs::write(device.home.join("agent.toml"), settings).unwrap();
        let invite = server.invite("4GiB");
        let words = device.join(&invite, "alice");
        Self {
            server,
            device,
            invite,
            words,
            scratch,
        }
    }

    /// A local file of random bytes.
    fn file(&self, name: &str, len: u64) -> PathBuf {
        let path = self.scratch.join(name);
        let bytes = Dice::seeded(len).bytes(usize::try_from(len).unwrap());
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A put of a large file that stands still in the middle, with the server.
    fn half_put(&self, words: &[&str]) -> Watched {
        // Enough is finished by then to tell it from what may be on its way.
        self.half(words, 64 * MIB)
    }

    fn half_get(&self, words: &[&str]) -> Watched {
        self.half(words, 16 * MIB)
    }

    fn half(&self, words: &[&str], bytes: u64) -> Watched {
        let mut command = Watched::start(&mut self.device.command(words));
        assert!(command.until_bytes(bytes), "it was too quick");
        self.server.freeze();
        command
    }

    /// Ctrl-C, with the server on its way again only when the agent has heard of it.
    fn interrupt(&self, mut command: Watched) -> Done {
        command.signal(Signal::SIGINT);
        while command.line().is_some_and(|line| !line.starts_with("stopping")) {}
        self.server.thaw();
        command.finish()
    }

    /// A put that was cut goes on by the same words, and sends nothing twice.
    fn goes_on(&self, words: &[&str], file: &Path) {
        let kept = self.server.staged();
        assert!(
            kept > ON_THE_WAY,
            "only {kept} blobs were finished, and no entry names them"
        );
        self.device.ok(words);
        self.came_through(file);
    }

    /// It is on the server, once, and comes back the same.
    fn came_through(&self, file: &Path) {
        let twice = self.server.staged();
        assert!(twice <= ON_THE_WAY, "{twice} blobs were sent twice");
        // Nor does any entry hold what no file names: the rest is padding.
        let used = self.server.used("alice");
        assert!(used < LARGE + LARGE / 5, "{used} bytes for {LARGE}");
        let back = self.scratch.join("back");
        self.device.ok(["get", "/large", text(&back)]);
        assert!(same_bytes(file, &back), "it comes back with other bytes");
        self.device.verify_store();
        self.server.fsck();
    }

    fn locked(&self) -> bool {
        self.device.ok(["status"])["locked"] == true
    }

    /// With another password.
    fn with_password(&self, password: &str, words: &[&str]) -> Done {
        let file = self.scratch.join("other.password");
        fs::write(&file, password).unwrap();
        let mut command = self.device.command(words);
        run(command.env("CRANNOG_PASSWORD_FILE", file))
    }

    /// With none.
    fn without_password(&self, words: &[&str]) -> Done {
        run(&mut self.device.locked_command(words))
    }
}

fn run(command: &mut Command) -> Done {
    Done::new(&command.output().unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Waits until it is so.
#[track_caller]
fn until(mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never came");
        std::thread::yield_now();
    }
}

#[test]
fn a_wrong_password_opens_nothing() {
    let world = World::new();
    world.device.ok(["lock"]);
    for words in [&["ls"][..], &["unlock"], &["cat", "/x"]] {
        world
            .with_password("not the long password", words)
            .must_fail(7, "wrong_credentials");
    }
    assert!(world.locked());
    world.without_password(&["ls"]).must_fail(6, "locked");
    world.device.ok(["ls"]);
    assert!(!world.locked());
}

#[test]
fn an_empty_password_file_is_named() {
    let world = World::new();
    world.device.ok(["lock"]);
    let done = world.with_password("\n", &["ls"]);
    done.must_fail(2, "usage");
    assert!(done.text("object").ends_with("other.password"), "{done:?}");
    assert!(world.locked());
}

#[test]
fn a_short_password_registers_nothing() {
    let scratch = Scratch::new();
    let server = Server::start(&scratch.join("server"));
    let invite = server.invite("1GiB");
    let device = Device::new(scratch.path(), "laptop");
    let (password, words) = (scratch.join("laptop.password"), scratch.join("laptop.words"));
    let long = fs::read_to_string(&password).unwrap();
    fs::write(&password, "seven77").unwrap();
    let file = scratch.join("invite");
    fs::write(&file, invite.to_string()).unwrap();
    let join = ["join", "--name", "alice", "--invite-file", text(&file)];
    let done = device.run(join.into_iter().chain(["--words-file", text(&words)]));
    done.must_fail(2, "usage");
    assert!(!words.exists());
    // Invite and name are still free.
    fs::write(&password, long).unwrap();
    device.join(&invite, "alice");
}

#[test]
fn without_an_account_every_command_says_so() {
    let scratch = Scratch::new();
    let device = Device::new(scratch.path(), "laptop");
    let file = scratch.join("file");
    fs::write(&file, "x").unwrap();
    let commands: &[&[&str]] = &[
        &["put", text(&file), "/"],
        &["put", "-", "/x"],
        &["get", "/x", text(scratch.path())],
        &["cat", "/x"],
        &["ls"],
        &["rm", "/x"],
        &["status"],
        &["unlock"],
        &["sync"],
        &["doctor"],
        &["whoami"],
        &["devices"],
        &["verify-store"],
        &["trash", "list"],
        &["drive", "list"],
    ];
    for words in commands {
        device.run(*words).must_fail(10, "no_account");
    }
}

#[test]
fn settings_that_nobody_understands_are_named() {
    let scratch = Scratch::new();
    let device = Device::new(scratch.path(), "laptop");
    fs::write(device.home.join("agent.toml"), "lock_after = \"soon\"").unwrap();
    let done = device.run(["status"]);
    done.must_fail(2, "usage");
    assert!(done.text("object").ends_with("agent.toml"), "{done:?}");
}

#[test]
fn an_idle_agent_locks_and_a_transfer_goes_on() {
    let world = World::with_settings("lock_after = \"1s\"");
    let file = world.file("large", LARGE);
    let put = world.half_put(&["put", text(&file), "/"]);
    // To look at the state is no use of it.
    until(|| world.locked());
    world.without_password(&["ls"]).must_fail(6, "locked");
    world
        .with_password("wrong", &["ls"])
        .must_fail(7, "wrong_credentials");
    world.server.thaw();
    let done = put.finish();
    assert_eq!(done.code, 0, "{done:?}");
    world.came_through(&file);
}

#[test]
fn lock_now_stops_a_put_that_goes_on_later() {
    let world = World::new();
    let file = world.file("large", LARGE);
    let words = ["put", text(&file), "/"];
    let put = world.half_put(&words);
    world.device.ok(["lock", "--now"]);
    put.finish().must_fail(6, "locked");
    assert!(world.locked());
    world.server.thaw();
    world.server.fsck();
    world.goes_on(&words, &file);
}

#[test]
fn agent_stop_stops_a_put_that_goes_on_later() {
    let world = World::new();
    let file = world.file("large", LARGE);
    let words = ["put", text(&file), "/"];
    let put = world.half_put(&words);
    world.device.ok(["agent", "stop"]);
    put.finish().must_fail(6, "locked");
    world.server.thaw();
    world.goes_on(&words, &file);
}

#[test]
fn an_interrupted_put_goes_on() {
    let world = World::new();
    let file = world.file("large", LARGE);
    let words = ["put", text(&file), "/"];
    let done = world.interrupt(world.half_put(&words));
    done.must_fail(130, "interrupted");
    assert!(done.text("hint").contains("the same command goes on"), "{done:?}");
    assert!(done.failed().is_empty(), "{done:?}");
    world.goes_on(&words, &file);
}

/// The small file is finished, and its entry is written although the put is interrupted; what there is of the large one waits.
#[test]
fn an_interrupted_put_keeps_whole_files_and_goes_on_with_the_others() {
    let world = World::new();
    let folder = world.scratch.join("folder");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("large");
    fs::rename(world.file("large", LARGE), &file).unwrap();
    fs::write(folder.join("a"), "small").unwrap();
    let words = ["put", "-r", &format!("{}/", text(&folder)), "/"];
    world
        .interrupt(world.half_put(&words))
        .must_fail(130, "interrupted");
    world.device.ok(["stat", "/a"]);
    world.device.run(["stat", "/large"]).must_fail(4, "not_found");
    world.goes_on(&words, &file);
}

#[test]
fn an_interrupted_get_goes_on() {
    let world = World::new();
    let file = world.file("large", LARGE);
    world.device.ok(["put", text(&file), "/"]);
    let to = world.scratch.join("to");
    fs::create_dir(&to).unwrap();
    let words = ["get", "/large", text(&to)];
    world
        .interrupt(world.half_get(&words))
        .must_fail(130, "interrupted");
    assert!(!to.join("large").exists(), "half a file under its name");
    world.device.ok(words);
    assert!(same_bytes(&file, &to.join("large")));
    assert_eq!(names(&to), ["large"]);
}

/// Who waits for another put to the same place can leave; the other one ends well.
#[test]
fn an_interrupt_ends_a_wait_for_another_put() {
    let world = World::new();
    let file = world.file("large", LARGE);
    let words = ["put", text(&file), "/"];
    let first = world.half_put(&words);
    let second = Watched::start(&mut world.device.command(words));
    while world.device.ok(["status"])["transfers"] != 2 {}
    second.signal(Signal::SIGINT);
    second.finish().must_fail(130, "interrupted");
    world.server.thaw();
    let done = first.finish();
    assert_eq!(done.code, 0, "{done:?}");
    world.came_through(&file);
}

/// The folder that the first attempt made is the one that the second fills, and not one in it.
#[test]
fn an_interrupted_get_of_a_folder_goes_on_in_it() {
    let world = World::new();
    let folder = world.scratch.join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a"), "small").unwrap();
    fs::rename(world.file("large", LARGE), folder.join("large")).unwrap();
    world.device.ok(["put", "-r", text(&folder), "/"]);
    let to = world.scratch.join("to");
    let words = ["get", "-r", "/folder", text(&to)];
    world
        .interrupt(world.half_get(&words))
        .must_fail(130, "interrupted");
    world.device.ok(words);
    assert_eq!(names(&to), ["a", "large"]);
    assert!(same_bytes(&folder.join("large"), &to.join("large")));
    // Whole, it is a folder like any other.
    world.device.ok(words);
    assert_eq!(names(&to), ["a", "folder", "large"]);
}

#[test]
fn an_interrupt_ends_a_wait_for_standard_input() {
    let world = World::new();
    let mut command = world.device.command(["put", "-", "/x"]);
    let mut put = Watched::start(command.stdin(Stdio::piped()));
    let mut input = put.child.stdin.take().unwrap();
    input.write_all(&vec![7; 6 << 20]).unwrap();
    assert!(put.until_bytes(4 * MIB));
    put.signal(Signal::SIGINT);
    put.finish().must_fail(130, "interrupted");
    drop(input);
    world.device.run(["stat", "/x"]).must_fail(4, "not_found");
}

#[test]
fn a_killed_agent_costs_nothing_that_was_sent() {
    let world = World::new();
    let file = world.file("large", LARGE);
    let words = ["put", text(&file), "/"];
    let put = world.half_put(&words);
    assert!(world.device.kill_agent());
    put.finish().must_fail(5, "try_again");
    world.server.thaw();
    world.goes_on(&words, &file);
}

#[test]
fn a_put_outlives_a_restart_of_the_server() {
    let mut world = World::new();
    let file = world.file("large", LARGE);
    let put = world.half_put(&["put", text(&file), "/"]);
    world.server.kill_and_restart();
    let done = put.finish();
    assert_eq!(done.code, 0, "{done:?}");
    world.came_through(&file);
}

#[test]
fn a_get_outlives_a_restart_of_the_server() {
    let mut world = World::new();
    let file = world.file("large", LARGE);
    world.device.ok(["put", text(&file), "/"]);
    let to = world.scratch.join("to");
    let get = world.half_get(&["get", "/large", text(&to)]);
    world.server.kill_and_restart();
    let done = get.finish();
    assert_eq!(done.code, 0, "{done:?}");
    assert!(same_bytes(&file, &to));
}

#[test]
fn commands_at_once_unlock_one_agent() {
    let world = World::new();
    world.device.ok(["agent", "stop"]);
    let starts = || {
        let log = fs::read_to_string(world.device.home.join("agent.log")).unwrap();
        log.matches("how=Detached").count()
    };
    let before = starts();
    let start = |words: &[&str]| Watched::start(&mut world.device.command(words));
    let commands = [start(&["ls"]), start(&["mkdir", "/a"]), start(&["whoami"])];
    for command in commands {
        let done = command.finish();
        assert_eq!(done.code, 0, "{done:?}");
    }
    assert_eq!(starts(), before + 1);
}

#[test]
fn a_read_only_profile_is_named() {
    if !may_mount("the profile is read-only") {
        return;
    }
    let world = World::new();
    world.device.ok(["agent", "stop"]);
    let disk = Small::bound(&world.device.home);
    disk.remount("ro,bind");
    let home = text(&world.device.home);
    for words in [
        &["ls"][..],
        &["status"],
        &["agent", "start"],
        &["agent", "start", "--foreground"],
    ] {
        let done = world.device.run(words);
        done.must_fail(1, "local_io");
        assert!(done.text("object").starts_with(home), "{done:?}");
        assert_eq!(done.stderr, "");
    }
    disk.remount("rw,bind");
    world.device.ok(["ls"]);
}

#[test]
fn a_full_profile_disk_loses_nothing() {
    if !may_mount("the profile's disk is full") {
        return;
    }
    let world = World::new();
    let disk = Small::memory(world.scratch.join("disk"), "8m");
    let device = Device::at(world.scratch.path(), &disk.0.join("phone"));
    device.recover(&world.invite, "alice", &world.words);
    let file = world.file("file", 3 * MIB);
    device.ok(["put", text(&file), "/before"]);
    let stuff = disk.fill();
    device
        .run(["put", text(&file), "/meanwhile"])
        .must_fail(1, "local_io");
    // What is known can be looked at, also by an agent that starts now.
    device.ok(["stat", "/before"]);
    device.ok(["agent", "stop"]);
    device.ok(["stat", "/before"]);
    fs::remove_file(stuff).unwrap();
    device.ok(["put", text(&file), "/meanwhile"]);
    for name in ["/before", "/meanwhile"] {
        let back = world.scratch.join("back");
        device.ok(["get", "-f", name, text(&back)]);
        assert!(same_bytes(&file, &back), "{name}");
    }
    device.verify_store();
    world.server.fsck();
}

#[test]
fn a_get_into_a_full_disk_goes_on() {
    if !may_mount("a get's target is full") {
        return;
    }
    let world = World::new();
    let file = world.file("large", LARGE);
    world.device.ok(["put", text(&file), "/"]);
    let disk = Small::memory(world.scratch.join("disk"), "100m");
    let command = ["get", "/large", text(&disk.0)];
    let done = world.device.run(command);
    assert_eq!((done.code, done.failed()), (3, vec!["local_io"]), "{done:?}");
    // There is no room for it: it is not begun.
    let refused = done.json["failed"][0]["object"].as_str().unwrap();
    assert_eq!(Path::new(refused), disk.0.join("large"));
    assert_eq!(names(&disk.0), [""; 0]);
    disk.remount("size=200m");
    world.device.ok(command);
    assert!(same_bytes(&file, &disk.0.join("large")));
    assert_eq!(names(&disk.0), ["large"]);
}

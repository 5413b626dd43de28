//! Transfers with the real programs: seen from beside, standing still, going on, ended; and no faster than they may.

mod bin;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bin::tree::same_bytes;
use bin::{Device, Dice, Done, Scratch, Server, Watched};
use nix::sys::signal::Signal;
use serde_json::Value;

const MIB: u64 = 1 << 20;

struct World {
    server: Server,
    device: Device,
    scratch: Scratch,
}

impl World {
    /// With an `agent.toml`.
    fn new(settings: &str) -> Self {
        let scratch = Scratch::new();
        let server = Server::start(&scratch.join("server"));
        let device = Device::new(scratch.path(), "laptop");
        fs::write(device.home.join("agent.toml"), settings).unwrap();
        device.join(&server.invite("4GiB"), "alice");
        Self {
            server,
            device,
            scratch,
        }
    }

    fn file(&self, name: &str, len: u64) -> PathBuf {
        let path = self.scratch.join(name);
        fs::write(&path, Dice::seeded(len).bytes(usize::try_from(len).unwrap())).unwrap();
        path
    }

    fn start(&self, words: &[&str]) -> Watched {
        Watched::start(&mut self.device.command(words))
    }

    /// The transfers there are.
    fn list(&self) -> Vec<Value> {
        let list = self.device.ok(["transfers", "list"]);
        list.as_array().unwrap().clone()
    }

    /// The only one.
    #[track_caller]
    fn one(&self) -> Value {
        let list = self.list();
        assert_eq!(list.len(), 1, "{list:?}");
        list[0].clone()
    }

    /// A transfer that was cut in the middle.
    fn cut(&self, words: &[&str], bytes: u64) {
        let mut command = self.start(words);
        assert!(command.until_bytes(bytes), "it was too quick");
        self.interrupt(command);
    }

    fn interrupt(&self, command: Watched) {
        command.signal(Signal::SIGINT);
        command.finish().must_fail(130, "interrupted");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Waits for an event of which this is so.
#[track_caller]
fn until(command: &mut Watched, mut is: impl FnMut(&Value) -> bool) {
    loop {
        let line = command.line().expect("it ended before");
        let event: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
        if is(&event) {
            return;
        }
    }
}

fn well(done: &Done) {
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn a_put_stands_still_and_goes_on() {
    let world = World::new("bwlimit = \"16M:off\"\n");
    let file = world.file("large", 64 * MIB);
    let mut put = world.start(&["put", text(&file), "/", "--bwlimit", "8M"]);
    // What is counted has been sealed; six blobs may wait to be sent.
    assert!(put.until_bytes(44 * MIB));
    let seen = world.one();
    assert_eq!(
        (&seen["kind"], &seen["state"]),
        (&"put".into(), &"running".into()),
        "{seen}"
    );
    assert_eq!(
        (&seen["direction"], &seen["to"]),
        (&"up".into(), &"/".into()),
        "{seen}"
    );
    assert_eq!(seen["from"], serde_json::json!([text(&file)]));
    assert_eq!(seen["bytes_total"], 64 * MIB);
    // How slow it is depends on the machine; how fast it may be does not.
    let rate = seen["rate"].as_u64().unwrap();
    assert!(rate < 9 * MIB, "{rate}");
    let id = seen["id"].to_string();
    let paused = world.device.ok(["transfers", "pause", &id]);
    assert_eq!(paused[0]["state"], "paused");
    until(&mut put, |event| event["phase"] == "paused");
    until(&mut put, |event| {
        event["text"]
            .as_str()
            .is_some_and(|text| text.starts_with("paused"))
    });
    // Another put goes its whole way through the limit that both share: one that did not stand still would have kept step with it.
    let before = world.server.staged();
    let other = world.file("other", 64 * MIB + 1);
    world.device.ok(["put", text(&other), "/"]);
    let after = world.server.staged();
    // What was on the line went through.
    assert!((before..=before + 6).contains(&after), "{before}, {after}");
    let still = world.one();
    assert_eq!(still["state"], "paused");
    assert_eq!(still["id"].to_string(), id, "{still}");
    world
        .device
        .run(["transfers", "pause", "77"])
        .must_fail(4, "not_found");
    world.device.ok(["transfers", "pause", "--all"]);
    world.device.ok(["transfers", "resume", "--all"]);
    well(&put.finish());
    assert!(world.list().is_empty());
    assert!(world.server.staged() <= 6, "something was sent twice");
    let back = world.scratch.join("back");
    world.device.ok(["get", "/large", text(&back)]);
    assert!(same_bytes(&file, &back));
}

#[test]
fn who_is_interrupted_while_it_stands_still_ends() {
    let world = World::new("");
    let file = world.file("large", 32 * MIB);
    let mut put = world.start(&["put", text(&file), "/", "--bwlimit", "8M"]);
    assert!(put.until_bytes(8 * MIB));
    world.device.ok(["transfers", "pause", "--all"]);
    until(&mut put, |event| event["phase"] == "paused");
    world.interrupt(put);
    let cut = world.one();
    assert_eq!(cut["state"], "unfinished");
    assert!(cut["bytes"].as_u64().unwrap() >= 8 * MIB, "{cut}");
}

#[test]
fn a_cut_put_goes_on_by_its_number() {
    let world = World::new("");
    let file = world.file("large", 64 * MIB);
    world.cut(&["put", text(&file), "/", "--bwlimit", "16M"], 40 * MIB);
    let cut = world.one();
    assert_eq!(
        (&cut["kind"], &cut["state"]),
        (&"put".into(), &"unfinished".into()),
        "{cut}"
    );
    assert!(cut["bytes"].as_u64().unwrap() >= 24 * MIB, "{cut}");
    // It outlives its agent.
    world.device.kill_agent();
    assert_eq!(world.one(), cut);
    let done = world.device.ok(["transfers", "resume", &cut["id"].to_string()]);
    assert_eq!(done["files"], 1);
    assert!(world.list().is_empty());
    assert!(world.server.staged() <= 6, "something was sent twice");
    world.device.verify_store();
}

#[test]
fn of_a_cancelled_put_nothing_goes_on() {
    let world = World::new("");
    let file = world.file("large", 64 * MIB);
    let words = ["put", text(&file), "/", "--bwlimit", "16M"];
    let mut put = world.start(&words);
    assert!(put.until_bytes(40 * MIB));
    let id = world.one()["id"].to_string();
    world.device.ok(["transfers", "cancel", &id]);
    let done = put.finish();
    done.must_fail(12, "cancelled");
    assert_eq!(done.text("object"), format!("transfer {id}"));
    assert!(world.list().is_empty());
    world.device.run(["stat", "/large"]).must_fail(4, "not_found");
    let kept = world.server.staged();
    assert!(kept >= 4, "{kept}");
    world.device.ok(["put", text(&file), "/"]);
    assert!(
        world.server.staged() >= kept,
        "it went on with what was sent before"
    );
    // One that was cut is forgotten the same way.
    let other = world.file("other", 64 * MIB + 1);
    world.cut(&["put", text(&other), "/", "--bwlimit", "16M"], 40 * MIB);
    let kept = world.server.staged();
    world.device.ok(["transfers", "cancel", "--all"]);
    assert!(world.list().is_empty());
    world.device.ok(["put", text(&other), "/"]);
    assert!(
        world.server.staged() >= kept,
        "it went on with what was sent before"
    );
    world.device.verify_store();
}

#[test]
fn of_a_cancelled_get_nothing_stays() {
    let world = World::new("");
    let file = world.file("large", 64 * MIB);
    world.device.ok(["put", text(&file), "/"]);
    world.device.ok(["put", text(&file), "/other"]);
    let to = world.scratch.join("to");
    fs::create_dir(&to).unwrap();
    let files = || fs::read_dir(&to).unwrap().count();
    let words = ["get", "/large", text(&to), "--bwlimit", "16M"];
    let mut get = world.start(&words);
    assert!(get.until_bytes(16 * MIB));
    assert_eq!((world.one()["direction"].as_str(), files()), (Some("down"), 1));
    world.device.ok(["transfers", "cancel", "--all"]);
    get.finish().must_fail(12, "cancelled");
    assert_eq!(files(), 0);
    // Of two that were cut into one folder, only the one that is meant is forgotten.
    world.cut(&words, 16 * MIB);
    world.cut(&["get", "/other", text(&to), "--bwlimit", "16M"], 16 * MIB);
    assert_eq!((files(), world.list().len()), (2, 2));
    let id = |from: &str| {
        let list = world.list();
        let of = list.iter().find(|info| info["from"][0] == from).unwrap();
        of["id"].to_string()
    };
    world.device.ok(["transfers", "cancel", &id("/large")]);
    assert_eq!((files(), world.list().len()), (1, 1));
    world.device.ok(["transfers", "resume", &id("/other")]);
    assert!(same_bytes(&file, &to.join("other")));
    assert_eq!(files(), 1);
}

#[test]
fn a_failure_at_the_door_is_no_transfer_that_was_cut() {
    let world = World::new("");
    world
        .device
        .run(["put", "/no/such/file", "/"])
        .must_fail(4, "not_found");
    world
        .device
        .run(["get", "/nothing", text(world.scratch.path())])
        .must_fail(4, "not_found");
    assert!(world.list().is_empty());
    world.device.run(["transfers", "resume"]).must_fail(2, "usage");
    world
        .device
        .run(["put", "/x", "/", "--bwlimit", "fast"])
        .must_fail(2, "usage");
    world
        .device
        .run(["put", "/x", "/", "--transfers", "0"])
        .must_fail(2, "usage");
    let none = world.device.ok(["transfers", "cancel", "--all"]);
    assert_eq!(none, serde_json::json!([]));
}

/// Bytes a second that went by between two reports of progress: what was sent before the first and what follows the last is left out.
fn measured(mut command: Watched) -> f64 {
    let (mut first, mut last) = (None::<(Instant, u64)>, None::<(Instant, u64)>);
    while let Some(line) = command.line() {
        let event: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
        if let Some(bytes) = event["bytes"].as_u64().filter(|bytes| *bytes > 0) {
            let seen = (Instant::now(), bytes);
            first.get_or_insert(seen);
            last = Some(seen);
        }
    }
    well(&command.finish());
    let ((start, before), (end, after)) = (first.unwrap(), last.unwrap());
    (after - before) as f64 / (end - start).as_secs_f64()
}

#[test]
fn a_limit_holds_both_ways() {
    let world = World::new("");
    let file = world.file("large", 48 * MIB);
    let started = Instant::now();
    world
        .device
        .ok(["put", text(&file), "/", "--bwlimit", "8M:off", "--transfers", "2"]);
    let took = started.elapsed().as_secs_f64();
    // Its padding and sealing are sent too: a few in a thousand.
    assert!((5.9..7.5).contains(&took), "{took}");
    let back = world.scratch.join("back");
    let words = [
        "get",
        "/large",
        text(&back),
        "--bwlimit",
        "off:8M",
        "--transfers",
        "1",
    ];
    let rate = measured(world.start(&words)) / (8 * MIB) as f64;
    assert!((0.9..1.03).contains(&rate), "{rate}");
    assert!(same_bytes(&file, &back));
}

#[test]
fn the_agents_limit_is_shared_by_all_commands() {
    let world = World::new("bwlimit = \"off:8M\"\ntransfers = 2\n");
    let file = world.file("large", 24 * MIB);
    world.device.ok(["put", text(&file), "/"]);
    let to = ["one", "two"].map(|name| world.scratch.join(name));
    to.iter().for_each(|to| fs::create_dir(to).unwrap());
    let started = Instant::now();
    let gets: Vec<Watched> = to
        .iter()
        .map(|to| world.start(&["get", "/large", text(to), "--bwlimit", "1G"]))
        .collect();
    gets.into_iter().for_each(|get| well(&get.finish()));
    let took = started.elapsed().as_secs_f64();
    assert!((5.9..7.5).contains(&took), "{took}");
    assert!(to.iter().all(|to| same_bytes(&file, &to.join("large"))));
}

//! A server that was restored from a backup, with the real programs: what its people's devices hold comes back, what nobody holds is
//! named, and nothing is given to a server that only claims it.

mod bin;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use bin::backup::{back_up, lose_and_restore, lost};
use bin::{Device, Scratch, Server, admin};
use serde_json::Value;

/// Files that each of the two puts after the backup.
const FILES: usize = 50;

/// Alice, who shares `/plans` with bob, and carol, who does nothing after the backup. Fields end in this order: the agents first.
struct World {
    alice: Device,
    bob: Device,
    carol: Device,
    server: Option<Server>,
    scratch: Scratch,
}

impl World {
    fn new() -> Self {
        let scratch = Scratch::new();
        let server = Server::start(&scratch.join("server"));
        let person = |name: &str| {
            let device = Device::new(scratch.path(), name);
            device.join(&server.invite("1GiB"), name);
            device
        };
        let (alice, bob, carol) = (person("alice"), person("bob"), person("carol"));
        let world = Self {
            alice,
            bob,
            carol,
            server: Some(server),
            scratch,
        };
        world.alice.ok(["mkdir", "/plans"]);
        world.put(&world.alice, "/plans/early.txt");
        world.put(&world.alice, "/own-early.txt");
        world.alice.ok(["share", "/plans", "bob", "--role", "writer"]);
        world.bob.ok(["sync"]);
        world.bob.ok(["accept", "plans"]);
        world.bob.ok(["sync"]);
        world.put(&world.bob, "/plans/early-too.txt");
        world.alice.ok(["sync"]);
        world.carol.ok(["sync"]);
        world
    }

    /// A small file whose bytes are its path.
    fn put(&self, who: &Device, path: &str) {
        who.ok(["put", &self.local(path), path]);
    }

    fn local(&self, path: &str) -> String {
        let local = self.scratch.join("local");
        fs::write(&local, path).unwrap();
        local.to_str().unwrap().to_owned()
    }

    fn text(&self, name: &str) -> String {
        self.scratch.join(name).to_str().unwrap().to_owned()
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn backup(&self) {
        back_up(self.server(), self.scratch.path());
    }

    fn restore(&mut self) {
        let old = self.server.take().unwrap();
        self.server = Some(lose_and_restore(old, self.scratch.path(), Server::start_at));
    }
}

/// Every path and size that a device knows, in a drive or the default one.
fn listed(device: &Device, top: &str) -> BTreeSet<(String, u64)> {
    let nodes = device.ok(["ls", "--recursive", top]);
    let node = |node: &Value| {
        (
            node["path"].as_str().unwrap().to_owned(),
            node["size"].as_u64().unwrap(),
        )
    };
    nodes.as_array().unwrap().iter().map(node).collect()
}

/// CHK-012: an old state stops the drive, whoever shows it.
#[track_caller]
fn stopped(device: &Device) {
    let done = device.run(["sync"]);
    done.must_fail(11, "verification_failed");
    assert_eq!(done.text("check"), "CHK-012", "{done:?}");
}

#[track_caller]
fn back(world: &World, device: &Device, path: &str) {
    let to = PathBuf::from(world.text("back"));
    device.ok(["get", "--overwrite", path, to.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&to).unwrap(), path);
}

#[test]
fn two_people_heal_a_restored_server() {
    let mut world = World::new();
    world.backup();
    let (mut shared, mut own) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..FILES {
        let (hers, his) = (format!("/plans/a-{number}"), format!("/plans/b-{number}"));
        world.put(&world.alice, &hers);
        world.put(&world.bob, &his);
        shared.extend([hers, his].map(|path| path.replacen("/plans", "", 1)));
    }
    world.put(&world.alice, "/own-late.txt");
    own.insert("/own-late.txt".to_owned());
    world.bob.ok(["mkdir", "/plans/folder"]);
    world
        .bob
        .ok(["mv", "/plans/early.txt", "/plans/folder/early.txt"]);
    world.alice.ok(["drive", "create", "later"]);
    world.put(&world.alice, "later:/new.txt");
    own.insert("/new.txt".to_owned());
    world.alice.ok(["sync"]);
    world.bob.ok(["sync"]);
    let whole = listed(&world.alice, "/");
    let plans = listed(&world.bob, "/plans");
    assert_eq!(listed(&world.alice, "/plans"), plans);

    world.restore();
    stopped(&world.alice);
    stopped(&world.bob);
    world
        .carol
        .run(["put", &world.local("x"), "/x"])
        .must_fail(5, "healing");

    let tried = world.bob.ok(["heal", "--dry-run"]);
    assert_eq!(tried["dry_run"], true);
    stopped(&world.bob);
    let healed = world.bob.ok(["heal", "--yes"]);
    assert_eq!(lost(&healed), shared, "{healed}");
    let healed = world.alice.ok(["heal", "--yes"]);
    let all: BTreeSet<String> = shared.union(&own).cloned().collect();
    assert_eq!(lost(&healed), all, "{healed}");
    // Repeated, it has nothing to give and says the same.
    let again = world.alice.ok(["heal", "--yes"]);
    assert_eq!(again["journals"].as_array().unwrap().len(), 0, "{again}");
    assert_eq!(lost(&again), all);
    world
        .alice
        .run(["put", &world.local("x"), "/x"])
        .must_fail(5, "healing");

    let ended = admin(&world.server().data, &["healing", "end", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    world.alice.ok(["sync"]);
    world.bob.ok(["sync"]);
    assert_eq!(listed(&world.alice, "/"), whole);
    assert_eq!(listed(&world.bob, "/plans"), plans);
    assert_eq!(listed(&world.alice, "/plans"), plans);
    world.server().fsck();

    // Alice is an admin: her device said to everybody what is lost, once. Nobody is accused of it.
    let resets = |who: &Device| {
        let log = who.ok(["log", "/plans"]);
        let lines = log
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|entry| entry["changes"].as_array().unwrap());
        lines
            .filter(|line| line.as_str().unwrap().contains("after a restore of the server"))
            .count()
    };
    assert_eq!((resets(&world.alice), resets(&world.bob)), (1, 1));
    let got = world.bob.run(["get", "/plans/a-7", &world.text("back")]);
    assert_eq!(got.must_fail(3, "partly_done").failed(), ["lost"]);
    let found = world.bob.run(["verify-store"]);
    found.must_fail(4, "lost");
    let found = found.json["result"].as_array().unwrap().iter();
    let named: BTreeSet<String> = found
        .filter(|finding| finding["state"] != "ok")
        .map(|finding| {
            assert_eq!(finding["state"], "lost", "{finding}");
            let object = finding["object"].as_str().unwrap();
            object.split(' ').next().unwrap().to_owned()
        })
        .collect();
    assert_eq!(named, shared);

    world.put(&world.alice, "/plans/after.txt");
    world.put(&world.bob, "/plans/after-too.txt");
    world.put(&world.carol, "/x");
    world.alice.ok(["sync"]);
    world.bob.ok(["sync"]);
    back(&world, &world.bob, "/plans/after.txt");
    back(&world, &world.alice, "/plans/after-too.txt");
    back(&world, &world.alice, "/own-early.txt");
    back(&world, &world.bob, "/plans/early-too.txt");
    let last = listed(&world.alice, "/plans");
    assert_eq!(last, listed(&world.bob, "/plans"));
    assert_eq!(last.len(), plans.len() + 2);
    world.server().fsck();
}

/// Alice moved a file into the share; its bytes lie in her own drive still. Bob, who gives the entry back first, knows nothing of that drive:
/// when hers is there again, her device makes the share hold them again.
#[test]
fn what_another_drive_holds_is_not_lost() {
    let mut world = World::new();
    world.backup();
    world.alice.ok(["mv", "/own-early.txt", "/plans/moved.txt"]);
    world.put(&world.alice, "/plans/late.txt");
    world.bob.ok(["sync"]);
    world.restore();
    stopped(&world.bob);
    world.bob.ok(["heal", "--yes"]);
    let healed = world.alice.ok(["heal", "--yes"]);
    assert_eq!(
        lost(&healed),
        BTreeSet::from(["/late.txt".to_owned()]),
        "{healed}"
    );
    let ended = admin(&world.server().data, &["healing", "end", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    world.alice.ok(["sync"]);
    world.bob.ok(["sync"]);
    let to = world.text("moved");
    world.bob.ok(["get", "/plans/moved.txt", &to]);
    assert_eq!(fs::read_to_string(&to).unwrap(), "/own-early.txt");
    let late = world.bob.run(["get", "/plans/late.txt", &world.text("late")]);
    assert_eq!(late.must_fail(3, "partly_done").failed(), ["lost"]);
    world.server().fsck();
}

/// A server that went back without a word of its operator gets nothing, and nothing of it is believed.
#[test]
fn an_old_state_without_a_word_stays_an_alarm() {
    let mut world = World::new();
    world.backup();
    world.put(&world.alice, "/plans/late.txt");
    world.bob.ok(["sync"]);
    world.restore();
    let ended = admin(&world.server().data, &["healing", "end", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    stopped(&world.alice);
    world.alice.run(["heal", "--yes"]).must_fail(9, "conflict");
    stopped(&world.alice);
    // The operator may say so later; nothing is lost by then.
    let begun = admin(&world.server().data, &["healing", "begin"]);
    assert_eq!(begun.code, 0, "{begun:?}");
    world.alice.ok(["heal", "--yes"]);
    world.alice.ok(["sync"]);
    assert!(
        listed(&world.alice, "/plans")
            .iter()
            .any(|(path, _)| path == "late.txt")
    );
}

/// What the operator lets go on too early is another past: no word of anybody makes a client give to it, or believe it. That holds up no
/// other drive.
#[test]
fn another_past_is_no_backup() {
    let mut world = World::new();
    world.alice.ok(["drive", "create", "later"]);
    world.backup();
    world.bob.kill_agent();
    world.put(&world.alice, "/plans/late.txt");
    world.put(&world.alice, "later:/late.txt");
    world.restore();
    let ended = admin(&world.server().data, &["healing", "end", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    world.put(&world.bob, "/plans/instead.txt");
    let begun = admin(&world.server().data, &["healing", "begin"]);
    assert_eq!(begun.code, 0, "{begun:?}");
    let planned = world.alice.ok(["heal", "--dry-run"]);
    let of = |name: &str| -> Value {
        let journals = planned["journals"].as_array().unwrap();
        let named = journals.iter().find(|journal| journal["name"] == name);
        named.unwrap_or_else(|| panic!("{planned}")).clone()
    };
    assert!(of("drive plans")["note"].is_string(), "{planned}");
    assert_eq!(of("drive later")["entries"], 1, "{planned}");
    let healed = world.alice.run(["heal", "--yes"]);
    healed.must_fail(11, "verification_failed");
    assert_eq!(healed.text("check"), "CHK-011", "{healed:?}");
    let later = listed(&world.alice, "later:/");
    assert!(
        later.iter().any(|(path, _)| path.ends_with("late.txt")),
        "{later:?}"
    );
    let held = world.alice.ok(["heal", "--dry-run"]);
    assert!(!held.to_string().contains("drive later"), "{held}");
    world
        .alice
        .run(["ls", "/plans"])
        .must_fail(11, "verification_failed");
    // Nothing of hers went there.
    world.bob.ok(["sync"]);
    let there = listed(&world.bob, "/plans");
    let named = |name: &str| there.iter().any(|(path, _)| path == name);
    assert_eq!((named("late.txt"), named("instead.txt")), (false, true));
}

/// A server that claims to heal refuses what is new, and gets nothing that it has not had.
#[test]
fn a_false_claim_changes_nothing() {
    let world = World::new();
    let before = listed(&world.alice, "/");
    let begun = admin(&world.server().data, &["healing", "begin"]);
    assert_eq!(begun.code, 0, "{begun:?}");
    world
        .alice
        .run(["put", &world.local("x"), "/x"])
        .must_fail(5, "healing");
    world.alice.run(["mkdir", "/folder"]).must_fail(5, "healing");
    let healed = world.alice.ok(["heal", "--yes"]);
    assert_eq!(healed["journals"].as_array().unwrap().len(), 0, "{healed}");
    assert_eq!(lost(&healed), BTreeSet::new());
    world.alice.ok(["sync"]);
    assert_eq!(listed(&world.alice, "/"), before);
    let unsure = admin(&world.server().data, &["healing", "end"]);
    assert_eq!(unsure.code, 1, "{unsure:?}");
    let ended = admin(&world.server().data, &["healing", "end", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    world.put(&world.alice, "/x");
    assert_eq!(
        world
            .alice
            .ok(["log", "/plans"])
            .to_string()
            .matches("restore")
            .count(),
        0
    );
}

//! The end of an account, with the real programs: by its words alone, for ever, and seen by those who stay.

mod bin;

use std::fs;
use std::path::{Path, PathBuf};

use bin::{Device, Scratch, Server};

struct World {
    server: Server,
    alice: Device,
    bob: Device,
    words: PathBuf,
    scratch: Scratch,
}

impl World {
    /// Alice shares photos with Bob.
    fn new() -> Self {
        let scratch = Scratch::new();
        let server = Server::start(&scratch.join("server"));
        let [alice, bob] = ["alice", "bob"].map(|name| Device::new(scratch.path(), name));
        let words = alice.join(&server.invite("1GiB"), "alice");
        bob.join(&server.invite("1GiB"), "bob");
        let file = scratch.join("beach.jpg");
        fs::write(&file, vec![7; 300_000]).unwrap();
        alice.ok(["drive", "create", "photos"]);
        alice.ok(["put", text(&file), "photos:/"]);
        alice.ok(["share", "photos:/", "bob", "--role", "writer"]);
        bob.ok(["sync"]);
        bob.ok(["accept", "photos"]);
        bob.ok(["put", text(&file), "/own.jpg"]);
        Self {
            server,
            alice,
            bob,
            words,
            scratch,
        }
    }

    fn close<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut words = vec!["account", "delete", "--words-file", text(&self.words)];
        words.extend(more);
        words
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn it_takes_the_words_and_the_name() {
    let world = World::new();
    let alice = &world.alice;
    let plan = alice.ok(["account", "delete", "--dry-run"]);
    let plan = plan["plan"].to_string();
    assert!(plan.contains("delete drive photos, also for bob"), "{plan}");
    alice.run(world.close(&[])).must_fail(2, "usage");
    alice
        .run(world.close(&["--name", "alicia"]))
        .must_fail(2, "usage");
    alice
        .run(["account", "delete", "--name", "alice"])
        .must_fail(2, "usage");
    // Another's words are no help, however good they are.
    let bobs = world.bob.password.with_extension("words");
    alice
        .run([
            "account",
            "delete",
            "--name",
            "alice",
            "--words-file",
            text(&bobs),
        ])
        .must_fail(7, "wrong_credentials");
    assert_eq!(alice.ok(["whoami"])["name"], "alice");
    alice.ok(["cat", "photos:/beach.jpg"]);
}

#[test]
fn it_is_gone_for_ever_and_those_who_stay_see_why() {
    let world = World::new();
    let (alice, bob) = (&world.alice, &world.bob);
    alice.ok(world.close(&["--name", "alice"]));
    // Nothing of it is on this device.
    alice.run(["whoami"]).must_fail(10, "no_account");
    let left: Vec<String> = fs::read_dir(&alice.home)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let secret = |name: &&String| name.starts_with("state.db") || name.starts_with("key");
    assert!(!left.iter().any(|name| secret(&name)), "{left:?}");
    // Nor on the server, but for the link.
    world.server.fsck();
    let stats = world.server.admin(&["stats"]);
    assert_eq!(
        (&stats["accounts"], &stats["departed"]),
        (&1.into(), &1.into()),
        "{stats}"
    );
    // Nobody gets the name, and the words lead nowhere.
    let invite = world.server.invite("1GiB");
    let file = world.scratch.join("again.invite");
    fs::write(&file, invite.to_string()).unwrap();
    let other = Device::new(world.scratch.path(), "other");
    let join = [
        "join",
        "--name",
        "alice",
        "--invite-file",
        text(&file),
        "--words-file",
    ];
    let words = world.scratch.join("again.words");
    other
        .run(join.iter().copied().chain([text(&words)]))
        .must_fail(9, "conflict");
    let server = invite["server"].as_str().unwrap();
    other
        .run([
            "recover",
            server,
            "--name",
            "alice",
            "--yes",
            "--words-file",
            text(&world.words),
        ])
        .must_fail(7, "wrong_credentials");
    // Bob is told the truth, goes on with his own, and can take the rest out of sight.
    bob.ok(["sync"]);
    let status = bob.ok(["status"]);
    assert!(status["alarms"].as_array().is_none_or(Vec::is_empty), "{status}");
    assert_eq!(bob.ok(["contacts"])[0]["closed"], true);
    bob.ok(["put", text(&world.scratch.join("beach.jpg")), "/more.jpg"]);
    bob.ok(["cat", "/own.jpg"]);
    bob.run(["share", "/own.jpg", "alice"]).must_fail(4, "not_found");
    bob.run(["put", text(&world.scratch.join("beach.jpg")), "photos:/new.jpg"])
        .must_fail(4, "not_found");
    bob.ok(["leave", "photos:/", "--yes"]);
    assert_eq!(bob.ok(["drive", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn what_lies_here_can_stay() {
    let world = World::new();
    let alice = &world.alice;
    alice.ok(world.close(&["--name", "alice", "--keep-local"]));
    assert_eq!(alice.ok(["ls", "photos:/"])[0]["path"], "beach.jpg");
    alice
        .run(["cat", "photos:/beach.jpg"])
        .must_fail(7, "wrong_credentials");
    alice
        .run(world.close(&["--name", "alice"]))
        .must_fail(7, "wrong_credentials");
}

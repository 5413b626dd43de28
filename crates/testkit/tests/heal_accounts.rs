//! A server that was restored from a backup, with the real programs: devices and accounts that came after the backup come back, too.

mod bin;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use bin::backup::{back_up, lose_and_restore, lost};
use bin::{Device, Scratch, Server, admin, crannogd};
use serde_json::Value;

/// Files that each of two people puts after the backup.
const FILES: usize = 50;

/// A server, its backup, and people on it. Fields end in this order.
struct World {
    server: Option<Server>,
    scratch: Scratch,
}

impl World {
    fn new() -> Self {
        let scratch = Scratch::new();
        let server = serve(&scratch.join("server"), "127.0.0.1:0");
        Self {
            server: Some(server),
            scratch,
        }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn invite(&self) -> Value {
        self.server().invite("1GiB")
    }

    fn device(&self, name: &str) -> Device {
        Device::new(self.scratch.path(), name)
    }

    /// A new account on a device of the same name; the words too.
    fn join(&self, name: &str) -> (Device, PathBuf) {
        let device = self.device(name);
        let words = device.join(&self.invite(), name);
        (device, words)
    }

    /// A new device of an account, by its words.
    fn recover(&self, device: &str, name: &str, words: &Path) -> Device {
        let device = self.device(device);
        device.recover(&self.invite(), name, words);
        device
    }

    fn text(&self, name: &str) -> String {
        self.scratch.join(name).to_str().unwrap().to_owned()
    }

    /// A small file whose bytes are its path.
    fn put(&self, who: &Device, path: &str) {
        let local = who.home.with_extension("local");
        fs::write(&local, path).unwrap();
        who.ok(["put", local.to_str().unwrap(), path]);
    }

    fn backup(&self) {
        back_up(self.server(), self.scratch.path());
    }

    fn restore(&mut self) {
        let old = self.server.take().unwrap();
        self.server = Some(lose_and_restore(old, self.scratch.path(), serve));
    }

    fn operate(&self, words: &[&str]) {
        let done = admin(&self.server().data, words);
        assert_eq!(done.code, 0, "{words:?}: {done:?}");
    }

    /// Every file's text that a device gets, by path; `None` for those that are lost.
    fn contents(&self, who: &Device, top: &str) -> BTreeMap<String, Option<String>> {
        let to = tempfile::tempdir_in(self.scratch.path()).unwrap();
        let got = who.run(["get", "--recursive", top, to.path().to_str().unwrap()]);
        if got.code != 0 {
            got.must_fail(3, "partly_done");
            assert!(got.failed().iter().all(|code| *code == "lost"), "{got:?}");
        }
        let mut texts = BTreeMap::new();
        read_below(to.path(), &mut texts);
        let nodes = who.ok(["ls", "--recursive", top]);
        let files = nodes.as_array().unwrap().iter();
        let files = files.filter(|node| node["kind"] == "file");
        let paths = files.map(|node| node["path"].as_str().unwrap().to_owned());
        paths.map(|path| (path.clone(), texts.remove(&path))).collect()
    }
}

/// The texts of all files, which have names of their own.
fn read_below(folder: &Path, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_below(&path, texts);
        } else {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            texts.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

/// All devices of a test share one address, and some are not let in.
fn serve(data: &Path, address: &str) -> Server {
    let mut command = Command::new(crannogd());
    command.env("CRANNOGD_LIMITS_LOGINS_PER_MINUTE", "100000");
    Server::launch(command, data, address)
}

/// The names of the sigchains that were given back.
fn chains(healed: &Value) -> Vec<(&str, u64)> {
    let chains = healed["chains"].as_array().map(Vec::as_slice).unwrap_or_default();
    let given = |chain: &Value| chain["links"].as_u64().unwrap();
    chains
        .iter()
        .map(|chain| (chain["name"].as_str().unwrap(), given(chain)))
        .collect()
}

#[track_caller]
fn stopped(device: &Device, check: &str) {
    let done = device.run(["sync"]);
    done.must_fail(11, "verification_failed");
    assert_eq!(done.text("check"), check, "{done:?}");
}

fn accept_plans(who: &Device) {
    who.ok(["sync"]);
    who.ok(["accept", "plans"]);
    who.ok(["sync"]);
}

#[test]
fn everything_that_somebody_holds_comes_back() {
    let mut world = World::new();
    let (alice, words) = world.join("alice");
    let (bob, _) = world.join("bob");
    let (carol, _) = world.join("carol");
    let (erin, _) = world.join("erin");
    alice.ok(["mkdir", "/plans"]);
    world.put(&alice, "/plans/early.txt");
    for name in ["bob", "carol", "erin"] {
        alice.ok(["share", "/plans", name, "--role", "writer"]);
    }
    for who in [&bob, &carol, &erin] {
        accept_plans(who);
    }
    // Erin's device is off from here on.
    erin.kill_agent();

    // The backup is made while two people put; it begins when each has put one.
    let over = AtomicBool::new(false);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for (who, name) in [(&alice, 'a'), (&bob, 'b')] {
            let (tell, world, over) = (tell.clone(), &world, &over);
            scope.spawn(move || {
                let mut number = 0;
                while !over.load(Ordering::SeqCst) || number == 0 {
                    world.put(who, &format!("/plans/load-{name}-{number}"));
                    number += 1;
                    tell.send(name).unwrap();
                }
            });
        }
        let mut begun = BTreeSet::new();
        while begun.len() < 2 {
            begun.insert(told.recv().unwrap());
        }
        world.backup();
        over.store(true, Ordering::SeqCst);
    });

    // After it: a hundred puts at once, a device, an account, somebody goes.
    let mut late = BTreeSet::new();
    thread::scope(|scope| {
        for (who, name) in [(&alice, 'a'), (&bob, 'b')] {
            let world = &world;
            scope.spawn(move || {
                for number in 0..FILES {
                    world.put(who, &format!("/plans/{name}-{number}"));
                }
            });
            late.extend((0..FILES).map(|number| format!("/{name}-{number}")));
        }
    });
    let phone = world.recover("phone", "alice", &words);
    world.put(&phone, "/plans/phone.txt");
    let (dave, dave_words) = world.join("dave");
    world.put(&dave, "/own.txt");
    phone.ok(["share", "/plans", "dave", "--role", "writer"]);
    accept_plans(&dave);
    world.put(&dave, "/plans/dave.txt");
    phone.ok(["unshare", "/plans", "carol", "--yes"]);
    world.put(&phone, "/plans/without-carol.txt");
    late.extend(["/phone.txt", "/dave.txt", "/without-carol.txt"].map(str::to_owned));
    for who in [&alice, &bob, &dave, &phone] {
        who.ok(["sync"]);
    }
    let before = world.contents(&bob, "/plans");
    assert!(before.len() >= late.len() && before.values().all(Option::is_some));
    for (path, text) in &before {
        assert_eq!(text.as_deref(), Some(format!("/plans/{path}").as_str()));
    }
    assert_eq!(world.contents(&phone, "/plans"), before);

    world.restore();
    // Phone and dave cannot even log in, and everybody else is shown old sigchains.
    for who in [&phone, &dave] {
        who.run(["sync"]).must_fail(7, "wrong_credentials");
    }
    stopped(&alice, "CHK-007");
    let planned = phone.ok(["heal", "--dry-run"]);
    assert_eq!(chains(&planned), [("alice", 2)], "{planned}");
    phone.run(["sync"]).must_fail(7, "wrong_credentials");

    // Bob gives back first: the chains of others, too, so that whoever reads what he gave can know their devices.
    let planned = bob.ok(["heal", "--dry-run"]);
    assert_eq!(chains(&planned).len(), 2, "{planned}");
    let healed = bob.ok(["heal", "--yes"]);
    let given: BTreeMap<_, _> = chains(&healed).into_iter().collect();
    assert_eq!(given, BTreeMap::from([("alice", 1), ("dave", 1)]), "{healed}");
    assert!(lost(&healed).is_superset(&late), "{healed}");
    erin.ok(["sync"]);
    let read = erin.ok(["ls", "--recursive", "/plans"]);
    assert!(read.to_string().contains("without-carol.txt"), "{read}");

    // Dave's account needs the operator's word.
    let refused = dave.run(["heal", "--yes"]);
    refused.must_fail(4, "not_found");
    let invite = world.scratch.join("again.json");
    fs::write(&invite, world.invite().to_string()).unwrap();
    let healed = dave.ok(["heal", "--yes", "--invite-file", invite.to_str().unwrap()]);
    assert_eq!(chains(&healed)[0], ("dave", 1), "{healed}");
    assert!(lost(&healed).contains("/own.txt"), "{healed}");

    let healed = phone.ok(["heal", "--yes"]);
    assert_eq!(chains(&healed), [("alice", 2)], "{healed}");
    let all_lost = lost(&healed);
    assert!(all_lost.is_superset(&late), "{healed}");
    let healed = alice.ok(["heal", "--yes"]);
    assert_eq!(chains(&healed), [], "{healed}");
    for who in [&alice, &bob, &phone, &dave] {
        let again = who.ok(["heal", "--yes"]);
        assert_eq!(
            (chains(&again), &again["journals"]),
            (vec![], &serde_json::json!([]))
        );
    }
    world.operate(&["healing", "end", "--yes"]);

    // The tree is there whole; of the contents those that the backup had, and the others are named exactly.
    let fresh = world.recover("tablet", "alice", &words);
    let everybody = [&alice, &phone, &fresh, &bob, &dave, &erin];
    for who in everybody {
        who.ok(["sync"]);
        who.ok(["sync"]);
    }
    let expected: BTreeMap<String, Option<String>> = before
        .into_iter()
        .map(|(path, text)| {
            let gone = all_lost.contains(&format!("/{path}"));
            (path, text.filter(|_| !gone))
        })
        .collect();
    for who in everybody {
        assert_eq!(world.contents(who, "/plans"), expected, "{:?}", who.home);
    }
    assert!(expected["early.txt"].is_some() && expected["load-a-0"].is_some());
    let members = alice.ok(["members", "/plans"]).to_string();
    assert!(
        members.contains("dave") && !members.contains("carol"),
        "{members}"
    );

    // Everybody goes on, on each device, and dave's words open his account.
    let dave_again = world.recover("dave-again", "dave", &dave_words);
    for (number, who) in everybody.into_iter().chain([&dave_again]).enumerate() {
        world.put(who, &format!("/plans/after-{number}.txt"));
    }
    for who in everybody.into_iter().chain([&dave_again]) {
        who.ok(["sync"]);
        let contents = world.contents(who, "/plans");
        for number in 0..=everybody.len() {
            assert!(contents[&format!("after-{number}.txt")].is_some());
        }
    }
    world.server().fsck();
}

/// What the words locked out after the backup is let in by the restored server, until a device of the account has been there.
#[test]
fn a_device_that_went_is_locked_out_again() {
    let mut world = World::new();
    let (alice, words) = world.join("alice");
    world.put(&alice, "/early.txt");
    world.backup();
    let phone = world.device("phone");
    let server = world.invite()["server"].as_str().unwrap().to_owned();
    let file = words.to_str().unwrap();
    phone.ok([
        "recover",
        &server,
        "--name",
        "alice",
        "--device",
        "phone",
        "--words-file",
        file,
        "--revoke-others",
        "--yes",
    ]);
    world.put(&phone, "/late.txt");
    world.restore();
    // The words make no new device meanwhile: its link would stand where the lost one stood.
    let tablet = world.device("tablet");
    let early = tablet.run([
        "recover",
        &server,
        "--name",
        "alice",
        "--device",
        "tablet",
        "--words-file",
        file,
        "--yes",
    ]);
    early.must_fail(5, "healing");
    phone.ok(["heal", "--yes"]);
    alice.run(["sync"]).must_fail(7, "wrong_credentials");
    assert_eq!(phone.ok(["devices"]).as_array().unwrap().len(), 1);
    world.operate(&["healing", "end", "--yes"]);
    // Her device says what is lost.
    phone.ok(["sync"]);
    world.put(&phone, "/after.txt");
    let tablet = world.recover("slate", "alice", &words);
    assert_eq!(world.contents(&tablet, "/"), world.contents(&phone, "/"));
    world.server().fsck();
}

/// An old sigchain without a word of the operator is an alarm (CHK-007), for its own devices and for others, and nothing is given to who
/// shows it.
#[test]
fn chk_007_an_old_chain_without_a_word_stays_an_alarm() {
    let mut world = World::new();
    let (alice, words) = world.join("alice");
    let (bob, _) = world.join("bob");
    alice.ok(["mkdir", "/plans"]);
    alice.ok(["share", "/plans", "bob", "--role", "writer"]);
    accept_plans(&bob);
    world.backup();
    let phone = world.recover("phone", "alice", &words);
    world.put(&phone, "/plans/late.txt");
    alice.ok(["sync"]);
    bob.ok(["sync"]);
    world.restore();
    world.operate(&["healing", "end", "--yes"]);
    stopped(&alice, "CHK-007");
    for who in [&alice, &phone] {
        who.run(["heal", "--yes"]).must_fail(9, "conflict");
    }
    phone.run(["sync"]).must_fail(7, "wrong_credentials");
    stopped(&alice, "CHK-007");
    // The honest twin: the operator says so.
    world.operate(&["healing", "begin"]);
    phone.ok(["heal", "--yes"]);
    bob.ok(["heal", "--yes"]);
    world.operate(&["healing", "end", "--yes"]);
    for who in [&phone, &alice, &bob] {
        who.ok(["sync"]);
        assert!(who.ok(["ls", "/plans"]).to_string().contains("late.txt"));
    }
}

/// CHK-007: what the words did on the old state is another past. No word makes a device believe it, or give to it.
#[test]
fn chk_007_another_past_of_an_account_is_no_backup() {
    let mut world = World::new();
    let (alice, words) = world.join("alice");
    world.backup();
    let phone = world.recover("phone", "alice", &words);
    alice.ok(["sync"]);
    world.restore();
    world.operate(&["healing", "end", "--yes"]);
    let other = world.recover("other", "alice", &words);
    world.operate(&["healing", "begin"]);
    // The laptop is let in, and sees it; the phone stands in the other past, and the server refuses what it brings.
    for who in [&alice, &phone] {
        let refused = who.run(["heal", "--yes"]);
        refused.must_fail(11, "verification_failed");
        assert_eq!(refused.text("check"), "CHK-007", "{refused:?}");
    }
    let healed = other.ok(["heal", "--yes"]);
    assert_eq!(chains(&healed), [], "{healed}");
}

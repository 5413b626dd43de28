//! Everything out, with the real programs: what comes is what was put, it goes on, it writes over nothing of others.

mod bin;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bin::tree::same_bytes;
use bin::{Device, Dice, Scratch, Server, Watched};
use crannog_agent_api::{Code, Event, Failure, Request};
use crannog_testkit::{self as testkit, Route};
use nix::sys::signal::Signal;
use serde_json::Value;

const MIB: u64 = 1 << 20;

struct World {
    server: Server,
    alice: Device,
    scratch: Scratch,
}

impl World {
    fn new() -> Self {
        let scratch = Scratch::new();
        let server = Server::start(&scratch.join("server"));
        let alice = Device::new(scratch.path(), "alice");
        alice.join(&server.invite("4GiB"), "alice");
        Self {
            server,
            alice,
            scratch,
        }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.scratch.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Bob shares a folder with a file in it with Alice, who has not accepted yet. He, and the file.
    fn shared_by_bob(&self) -> (Device, PathBuf) {
        let bob = Device::new(self.scratch.path(), "bob");
        bob.join(&self.server.invite("1GiB"), "bob");
        bob.ok(["mkdir", "/plans"]);
        let plan = self.file("plan.txt", b"by bob");
        bob.ok(["put", text(&plan), "/plans"]);
        bob.ok(["share", "/plans", "alice"]);
        self.alice.ok(["sync"]);
        (bob, plan)
    }

    fn to(&self) -> PathBuf {
        self.scratch.join("export")
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o777
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn all_that_can_be_read_comes_out() {
    let world = World::new();
    let (alice, to) = (&world.alice, world.to());
    let (_bob, plan) = world.shared_by_bob();
    alice.ok(["accept", "plans", "--at", "/bobs"]);
    // Alice has a file of two versions, a link, a folder, something in the trash, a second drive.
    let letter = world.file("letter.txt", b"the first words");
    fs::set_permissions(&letter, fs::Permissions::from_mode(0o640)).unwrap();
    alice.ok(["mkdir", "/a"]);
    alice.ok(["put", text(&letter), "/a"]);
    fs::write(&letter, b"the second words, which are longer").unwrap();
    alice.ok(["put", text(&letter), "/a"]);
    let link = world.scratch.join("link");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    alice.ok(["put", text(&link), "/a"]);
    alice.ok(["put", text(&plan), "/gone.txt"]);
    alice.ok(["rm", "/gone.txt"]);
    alice.ok(["drive", "create", "Photos"]);
    alice.ok(["put", text(&plan), "Photos:/one.jpg"]);

    let plan_of = alice.ok(["export", text(&to), "--history", "--trash", "--dry-run"]);
    assert!(
        !to.exists() && plan_of["files"].as_u64().unwrap() >= 6,
        "{plan_of}"
    );
    alice.ok(["export", text(&to), "--history", "--trash"]);

    let drives = json(&to.join("drives.json"));
    let drives = drives.as_array().unwrap();
    assert_eq!(drives.len(), 3, "{drives:?}");
    let own = drives.iter().find(|drive| drive["default"] == true).unwrap();
    let share = drives.iter().find(|drive| drive["creator"] == "bob").unwrap();
    assert_eq!(
        share["mounted_at"]["components"],
        serde_json::json!(["bobs"]),
        "{share}"
    );
    assert_eq!(share["members"].as_array().unwrap().len(), 2);
    assert!(!share["log"].as_array().unwrap().is_empty());
    let folder = |drive: &Value| to.join("drives").join(drive["folder"].as_str().unwrap());
    assert_eq!(fs::read(folder(share).join("plan.txt")).unwrap(), b"by bob");
    assert_eq!(fs::read(to.join("drives/Photos/one.jpg")).unwrap(), b"by bob");
    let came = folder(own).join("a/letter.txt");
    assert!(same_bytes(&letter, &came));
    assert_eq!(
        came.metadata().unwrap().mtime(),
        letter.metadata().unwrap().mtime()
    );
    assert_eq!(mode(&came), 0o640);
    assert_eq!(
        fs::read_link(folder(own).join("a/link")).unwrap(),
        Path::new("/etc/passwd")
    );
    let history = to
        .join("history")
        .join(own["folder"].as_str().unwrap())
        .join("a/letter.txt");
    let old: Vec<_> = fs::read_dir(&history)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(old.len(), 1, "{old:?}");
    assert_eq!(fs::read(&old[0]).unwrap(), b"the first words");
    let trash = to.join("trash").join(own["folder"].as_str().unwrap());
    let trash = fs::read_dir(trash).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read(trash.join("gone.txt")).unwrap(), b"by bob");
    let account = json(&to.join("account.json"));
    assert_eq!(account["account"]["name"], "alice");
    assert_eq!(account["contacts"][0]["name"], "bob");
    assert_eq!(account["devices"].as_array().unwrap().len(), 1);
    assert_eq!(
        (
            mode(&to),
            mode(&to.join("account.json")),
            mode(&to.join("drives.json"))
        ),
        (0o700, 0o600, 0o600)
    );

    // Once more: nothing is fetched again.
    let again = alice.ok(["export", text(&to), "--history", "--trash"]);
    assert_eq!(
        (&again["files"], &again["bytes"]),
        (&0.into(), &0.into()),
        "{again}"
    );
    assert!(again["unchanged"].as_u64().unwrap() >= 6, "{again}");
    // A drive that went on: what differs is named, and replaced only if that was said.
    fs::write(&letter, b"the third").unwrap();
    alice.ok(["put", text(&letter), "/a"]);
    let done = alice.run(["export", text(&to)]);
    done.must_fail(3, "partly_done");
    assert_eq!(done.failed(), ["conflict"]);
    alice.ok(["export", text(&to), "--overwrite"]);
    assert!(same_bytes(&letter, &came));
}

#[test]
fn what_is_not_an_export_of_this_account_is_left_alone() {
    let world = World::new();
    let (alice, to) = (&world.alice, world.to());
    fs::create_dir(&to).unwrap();
    fs::write(to.join("mine"), "x").unwrap();
    alice.run(["export", text(&to)]).must_fail(9, "conflict");
    assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
    fs::remove_file(to.join("mine")).unwrap();
    alice.ok(["export", text(&to)]);
    let bob = Device::new(world.scratch.path(), "bob");
    bob.join(&world.server.invite("1GiB"), "bob");
    bob.run(["export", text(&to)]).must_fail(9, "conflict");
    // A link that somebody put in the way is not followed.
    let elsewhere = world.scratch.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let file = world.file("file", b"secret");
    alice.ok(["mkdir", "/a"]);
    alice.ok(["put", text(&file), "/a"]);
    let drives = json(&to.join("drives.json"));
    let folder = to.join("drives").join(drives[0]["folder"].as_str().unwrap());
    std::os::unix::fs::symlink(&elsewhere, folder.join("a")).unwrap();
    let done = alice.run(["export", text(&to)]);
    done.must_fail(3, "partly_done");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn a_cut_export_goes_on() {
    let world = World::new();
    let (alice, to) = (&world.alice, world.to());
    let large = world.file(
        "large",
        &Dice::seeded(1).bytes(usize::try_from(64 * MIB).unwrap()),
    );
    alice.ok(["put", text(&large), "/"]);
    let words = ["export", text(&to), "--bwlimit", "16M"];
    let mut export = Watched::start(&mut alice.command(words));
    assert!(export.until_bytes(24 * MIB));
    export.signal(Signal::SIGINT);
    export.finish().must_fail(130, "interrupted");
    let list = alice.ok(["transfers", "list"]);
    assert_eq!(
        (&list[0]["kind"], &list[0]["state"]),
        (&"export".into(), &"unfinished".into()),
        "{list}"
    );
    alice.ok(["transfers", "resume", "--all"]);
    let drives = json(&to.join("drives.json"));
    let folder = to.join("drives").join(drives[0]["folder"].as_str().unwrap());
    assert!(same_bytes(&large, &folder.join("large")));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

/// One file that a member planted, or a name that only the local disk cannot have, keeps nobody from the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_thing_keeps_nobody_from_the_rest() {
    let site = testkit::Site::start();
    let liar = testkit::Liar::before(&site).await;
    let (_, invite) = site.invite();
    let (alice, _) = testkit::Device::join(&liar.url(), &invite, "alice")
        .await
        .unwrap();
    let long = format!("/{}", "n".repeat(300));
    for path in ["/old", "/trashed", &long] {
        alice.put(path, &[1; 100_000]).await.unwrap();
    }
    alice.put("/old", &[2; 100_000]).await.unwrap();
    let remove = Request::Remove {
        paths: vec!["/trashed".parse().unwrap(), long.parse().unwrap()],
        recursive: false,
        dry_run: false,
    };
    alice.perform(remove).await.unwrap();
    liar.heard();
    alice.put("/planted", &[3; 100_000]).await.unwrap();
    let put = liar
        .heard()
        .into_iter()
        .find_map(|exchange| match exchange.ask.route() {
            Route::Put(_, blob) => Some(blob),
            _ => None,
        });
    let planted = put.expect("its bytes are in a blob");
    let scratch = Scratch::new();
    let export = |name: &str| Request::Export {
        to: scratch.join(name),
        history: true,
        trash: true,
        overwrite: false,
        dry_run: false,
        limits: Default::default(),
    };
    let drives = alice.drives().await;
    let out = |name: &str, part: &str| {
        let folder = scratch.join(name).join(part).join(&drives[0].name);
        let mut files = Vec::new();
        let mut open = vec![folder];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                match entry.path().is_dir() {
                    true => open.push(entry.path()),
                    false => files.push(fs::read(entry.path()).unwrap()[0]),
                }
            }
        }
        files.sort_unstable();
        files
    };
    let failures = |said: Vec<Event>| -> Vec<Failure> {
        let failed = said.into_iter().filter_map(|event| match event {
            Event::Failed(failure) => Some(failure),
            _ => None,
        });
        failed.collect()
    };

    liar.swallow(move |ask| match ask.route() {
        Route::Get(_, blob) if blob == planted => Some(testkit::Told::refusal(404, "not_found")),
        _ => None,
    });
    let (done, _, said) = alice.request(export("bad")).await;
    done.unwrap();
    let codes: Vec<Code> = failures(said).iter().map(|failure| failure.code).collect();
    // The file, the name in the trash, and the drive once more when all else is done.
    let lie = Code::VerificationFailed;
    assert_eq!(codes, [lie, Code::LocalIo, lie]);
    assert_eq!(
        (out("bad", "drives"), out("bad", "trash"), out("bad", "history")),
        (vec![2], vec![1], vec![1])
    );

    liar.repent();
    let (done, _, said) = alice.request(export("good")).await;
    done.unwrap();
    let [failure] = &failures(said)[..] else {
        panic!("the long name alone")
    };
    assert!(failure.object.as_ref().unwrap().contains("nnn"), "{failure:?}");
    assert_eq!(
        (
            out("good", "drives"),
            out("good", "trash"),
            out("good", "history")
        ),
        (vec![2, 3], vec![1], vec![1])
    );
    alice.close().await;
}

#[test]
fn what_cannot_be_read_is_named() {
    let world = World::new();
    let (alice, to) = (&world.alice, world.to());
    let (bob, plan) = world.shared_by_bob();
    alice.ok(["accept", "plans"]);
    alice.ok(["put", text(&plan), "/own.txt"]);
    bob.ok(["unshare", "/plans", "alice", "--yes"]);
    alice.ok(["sync"]);
    let done = alice.run(["export", text(&to)]);
    let drives = json(&to.join("drives.json"));
    let own = drives
        .as_array()
        .unwrap()
        .iter()
        .find(|drive| drive["default"] == true)
        .unwrap();
    let folder = to.join("drives").join(own["folder"].as_str().unwrap());
    assert_eq!(fs::read(folder.join("own.txt")).unwrap(), b"by bob");
    done.must_fail(3, "partly_done");
    assert!(!done.failed().is_empty(), "{done:?}");
}

//! Backups with the real binary: under load, incremental, damaged, forged, killed; and what is restored.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crannog_proto::{BlobId, Kind, ServerUrl};
use tempfile::TempDir;

use crate::blobs::walk;
use crate::client::Client;
use crate::fixtures::{Journal, Person, noise};
use crate::operate::{Daemon, crannogd, json};

/// A data directory, a repository and a key.
struct Place {
    folder: TempDir,
    public: String,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = run(&[
            "backup",
            "keygen",
            folder.path().join("key").to_str().unwrap(),
            "--json",
        ]);
        let public = json(&made)["key"].as_str().unwrap().to_owned();
        Self { folder, public }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn create(&self) -> Output {
        let repository = self.text("backup");
        crannogd(
            &self.path("data"),
            &["backup", "create", &repository, "--key", &self.public, "--json"],
        )
    }

    fn verify(&self, more: &[&str]) -> Output {
        let (repository, key) = (self.text("backup"), self.text("key"));
        let args = [
            &["backup", "verify", &repository, "--identity", &key, "--json"],
            more,
        ]
        .concat();
        run(&args)
    }

    fn restore(&self, to: &str, more: &[&str]) -> Output {
        let (repository, key) = (self.text("backup"), self.text("key"));
        let args = [&["backup", "restore", &repository, "--identity", &key], more].concat();
        crannogd(&self.path(to), &args)
    }

    /// The problems of each snapshot; verify must tell by its exit code whether there are any.
    fn problems(&self, more: &[&str]) -> Vec<Vec<String>> {
        let output = self.verify(more);
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let problems: Vec<Vec<String>> = found["snapshots"]
            .as_array()
            .unwrap()
            .iter()
            .map(|snapshot| serde_json::from_value(snapshot["problems"].clone()).unwrap())
            .collect();
        assert_eq!(
            output.status.success(),
            problems.iter().all(Vec::is_empty),
            "{output:?}"
        );
        problems
    }

    fn part(&self, id: &str, part: &str) -> PathBuf {
        self.path("backup/snapshots").join(format!("{id}.{part}"))
    }
}

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crannogd"))
        .args(args)
        .output()
        .unwrap()
}

fn id(output: &Output) -> String {
    json(output)["id"].as_str().unwrap().to_owned()
}

fn told(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn person(data: &Path, name: &str) -> (Person, Client) {
    let made = json(&crannogd(data, &["invite", "create", "--json"]));
    let url: ServerUrl = made["server"].as_str().unwrap().parse().unwrap();
    let (person, mut client) = (Person::new(name), Client::connect(&url, data).await);
    client
        .register(&person, made["invite"].as_str().unwrap())
        .await
        .read::<crannog_proto::api::Registered>();
    client.login(&person).await;
    (person, client)
}

async fn write(client: &mut Client, journal: &mut Journal, size: usize) -> BlobId {
    let id = client.put_ok(journal, noise(size)).await;
    let entry = journal.entry(Kind::Change, &[id], &[]);
    client.done(journal, &entry).await;
    id
}

/// A stopped server's directory with so many blobs.
async fn filled(place: &Place, count: usize) -> (Person, Journal, Vec<BlobId>) {
    let data = place.path("data");
    let daemon = Daemon::start(&data);
    let (alice, mut client) = person(&data, "alice").await;
    let (mut journal, mut blobs) = (client.create().await, Vec::new());
    for _ in 0..count {
        blobs.push(write(&mut client, &mut journal, 10_000).await);
    }
    daemon.stop();
    (alice, journal, blobs)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_restores_all_that_was_acknowledged() {
    let place = Place::new();
    let data = place.path("data");
    let daemon = Daemon::start(&data);
    let (alice, mut client) = person(&data, "alice").await;
    let (mut journal, mut before) = (client.create().await, Vec::new());
    for _ in 0..40 {
        before.push(write(&mut client, &mut journal, 20_000).await);
    }
    let seen = journal.seen;
    let stop = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn({
        let (stop, data) = (Arc::clone(&stop), data.clone());
        async move {
            let (_, mut bob) = person(&data, "bob").await;
            let mut other = bob.create().await;
            let mut count = 0;
            while !stop.load(Ordering::SeqCst) {
                let id = write(&mut client, &mut journal, 5_000).await;
                let drop = journal.entry(Kind::Change, &[], &[id]);
                client.done(&mut journal, &drop).await;
                write(&mut bob, &mut other, 700_000).await;
                // Put once more: the file that it replaces is freed at once.
                let bytes = noise(3_000);
                for _ in 0..3 {
                    bob.put_ok(&other, bytes.clone()).await;
                }
                count += 1;
            }
            (count, journal)
        }
    });
    let mut ids = Vec::new();
    let place = Arc::new(place);
    for _ in 0..3 {
        let one = Arc::clone(&place);
        let made = tokio::task::spawn_blocking(move || one.create()).await.unwrap();
        ids.push(id(&made));
    }
    stop.store(true, Ordering::SeqCst);
    let (count, journal) = load.await.unwrap();
    assert!(count > 0, "there was no load");
    assert!(
        place.problems(&["--full"]) == vec![Vec::<String>::new(); 3],
        "{:?}",
        place.verify(&["--full"])
    );
    let fingerprint = json(&crannogd(&data, &["health", "--json"]))["server"]
        .as_str()
        .unwrap()
        .to_owned();
    let fingerprint = fingerprint.split('#').next_back().unwrap().to_owned();
    daemon.stop();

    for (at, id) in ids.iter().enumerate() {
        let to = format!("restored-{at}");
        let done = place.restore(&to, &["--snapshot", id, "--fingerprint", &fingerprint]);
        assert!(done.status.success(), "{done:?}");
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(text.contains(&fingerprint) && text.contains("CHK-012"), "{text}");
        assert!(crannogd(&place.path(&to), &["fsck", "--full"]).status.success());
    }
    let restored = place.path("restored-0");
    let key = std::fs::metadata(restored.join("ca.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let daemon = Daemon::start(&restored);
    let health = json(&crannogd(&restored, &["health", "--json"]));
    let url: ServerUrl = health["server"].as_str().unwrap().parse().unwrap();
    assert_eq!(url.fingerprint.to_string(), fingerprint, "it is the same server");
    assert_eq!(json(&crannogd(&restored, &["stats", "--json"]))["sessions"], 0);
    let mut client = Client::connect(&url, &restored).await;
    client.login(&alice).await;
    let query = format!("?after={}&limit=1", seen.seq - 1);
    let page = client.pages(&journal, &query).await;
    assert_eq!((page.entries[0].seq, page.entries[0].head), (seen.seq, seen.head));
    for blob in before {
        let answer = client.blob(journal.id, blob, &journal.epoch.token).await;
        assert_eq!(BlobId::of(&answer.body), blob);
    }
    daemon.stop();
}

#[tokio::test]
async fn only_new_blobs_are_copied() {
    let place = Place::new();
    let data = place.path("data");
    let first = {
        filled(&place, 5).await;
        json(&place.create())
    };
    assert_eq!((&first["blobs"], &first["copied"]), (&5.into(), &5.into()));
    let again = json(&place.create());
    assert_eq!(
        (&again["blobs"], &again["copied"], &again["copied_bytes"]),
        (&5.into(), &0.into(), &0.into())
    );
    let daemon = Daemon::start(&data);
    let (_, mut bob) = person(&data, "bob").await;
    let mut journal = bob.create().await;
    write(&mut bob, &mut journal, 1_000).await;
    // Without --key: the repository knows it.
    let third = json(&crannogd(
        &data,
        &["backup", "create", &place.text("backup"), "--json"],
    ));
    assert_eq!((&third["blobs"], &third["copied"]), (&6.into(), &1.into()));
    daemon.stop();
    assert!(place.problems(&["--full"]).iter().all(Vec::is_empty));
    let list = json(&run(&["backup", "list", &place.text("backup"), "--json"]));
    assert_eq!(list["snapshots"].as_array().unwrap().len(), 3);
    assert_eq!(
        std::fs::metadata(place.part(third["id"].as_str().unwrap(), "sealed"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    assert!(!data.join("backup.db").exists(), "no copy of the database stays");
}

#[tokio::test]
async fn damage_is_found_and_named() {
    let place = Place::new();
    filled(&place, 3).await;
    let (one, two) = (id(&place.create()), id(&place.create()));
    assert_eq!(place.problems(&[]), [Vec::<String>::new(), vec![]]);
    let sealed = place.part(&one, "sealed");
    let whole = std::fs::read(&sealed).unwrap();
    let finds = |what: &str| {
        let found = place.problems(&[]);
        assert!(
            found[0].len() == 1 && found[0][0].contains(what) && found[1].is_empty(),
            "{found:?}"
        );
        let refused = place.restore("never", &["--snapshot", &one]);
        assert!(told(&refused).contains(what), "{refused:?}");
        // What was begun is marked, and nothing takes it.
        if place.path("never").exists() {
            let refused = crannogd(&place.path("never"), &["serve"]);
            assert!(told(&refused).contains("not restored to the end"), "{refused:?}");
            assert!(
                told(&crannogd(&place.path("never"), &["fsck"])).contains("not"),
                "nor does fsck"
            );
            std::fs::remove_dir_all(place.path("never")).unwrap();
        }
    };
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    std::fs::write(&sealed, &flipped).unwrap();
    finds("does not open");
    std::fs::write(&sealed, &whole[..whole.len() - 1]).unwrap();
    finds("another length");
    // The other snapshot's sealed file; its name is bound into it.
    std::fs::copy(place.part(&two, "sealed"), &sealed).unwrap();
    finds("does not open");
    std::fs::write(&sealed, &whole).unwrap();
    // All three files of another snapshot, under this one's name.
    let json = place.part(&one, "json");
    let own = std::fs::read(&json).unwrap();
    std::fs::copy(place.part(&two, "json"), &json).unwrap();
    finds("not signed by this server");
    std::fs::write(
        &json,
        String::from_utf8(own.clone())
            .unwrap()
            .replace("\"blobs\": 3", "\"blobs\": 2"),
    )
    .unwrap();
    finds("not signed by this server");
    std::fs::write(&json, own).unwrap();
    let list = place.part(&one, "list");
    let lines = std::fs::read_to_string(&list).unwrap();
    std::fs::write(
        &list,
        lines
            .lines()
            .take(2)
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    )
    .unwrap();
    finds("another length");
    std::fs::write(
        &list,
        lines.replacen(|digit: char| digit.is_ascii_hexdigit(), "0", 3),
    )
    .unwrap();
    finds("not the list that was signed");
    let refused = run(&["backup", "prune", &place.text("backup"), "--keep", "2"]);
    assert!(
        told(&refused).contains("not the list"),
        "a doubtful list removes nothing"
    );
    std::fs::write(&list, lines).unwrap();
    assert_eq!(place.problems(&["--full"]), [Vec::<String>::new(), vec![]]);

    let blob = walk(&place.path("backup/blobs")).pop().unwrap();
    let bytes = std::fs::read(&blob).unwrap();
    let mut flipped = bytes.clone();
    flipped[7] ^= 1;
    std::fs::write(&blob, flipped).unwrap();
    assert_eq!(
        place.problems(&[]),
        [Vec::<String>::new(), vec![]],
        "lengths only"
    );
    assert!(
        place
            .problems(&["--full"])
            .iter()
            .all(|found| found[0].contains("does not hash"))
    );
    assert!(told(&place.restore("never", &[])).contains("1 blobs of the snapshot"));
    std::fs::remove_dir_all(place.path("never")).unwrap();
    std::fs::remove_file(&blob).unwrap();
    assert!(
        place
            .problems(&[])
            .iter()
            .all(|found| found[0].contains("is missing"))
    );
    let partial = place.restore("partial", &["--partial"]);
    assert_eq!(partial.status.code(), Some(1), "it is not whole, and says so");
    assert!(
        String::from_utf8_lossy(&partial.stdout).contains("broken: the file"),
        "{partial:?}"
    );
    Daemon::start(&place.path("partial")).stop();
    // The server still has it: the next backup mends the repository.
    assert_eq!(self::json(&place.create())["copied"], 1);
    assert!(place.problems(&["--full"]).iter().all(Vec::is_empty));
}

#[tokio::test]
async fn strangers_are_refused() {
    let (place, other) = (Place::new(), Place::new());
    filled(&place, 1).await;
    filled(&other, 1).await;
    let (mine, theirs) = (place.create(), other.create());
    let own = json(&mine)["server"].as_str().unwrap().to_owned();
    let wrong = [
        "backup",
        "verify",
        &place.text("backup"),
        "--identity",
        &other.text("key"),
    ]
    .map(str::to_owned);
    let wrong = run(&wrong.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(told(&wrong).contains("this identity does not open"), "{wrong:?}");
    // Another server, another key.
    let foreign = crannogd(&place.path("data"), &["backup", "create", &other.text("backup")]);
    assert!(
        told(&foreign).contains("holds backups of the server"),
        "{foreign:?}"
    );
    let changed = crannogd(
        &place.path("data"),
        &["backup", "create", &place.text("backup"), "--key", &other.public],
    );
    assert!(told(&changed).contains("another key"), "{changed:?}");
    // Someone puts his own key into the repository and waits for the next backup.
    let descriptor = place.path("backup/repository.json");
    let text = std::fs::read_to_string(&descriptor).unwrap();
    std::fs::write(&descriptor, text.replace(&place.public, &other.public)).unwrap();
    let waited = crannogd(&place.path("data"), &["backup", "create", &place.text("backup")]);
    assert!(told(&waited).contains("not signed by this server"), "{waited:?}");
    std::fs::write(&descriptor, text).unwrap();
    // Someone seals a database of his own to the operator, in the name of his own server: only the fingerprint tells.
    let forged = place.path("forged");
    std::fs::create_dir(&forged).unwrap();
    let made = crannogd(
        &other.path("data"),
        &[
            "backup",
            "create",
            forged.to_str().unwrap(),
            "--key",
            &place.public,
            "--json",
        ],
    );
    assert!(made.status.success());
    let args = [
        "backup",
        "restore",
        forged.to_str().unwrap(),
        "--identity",
        &place.text("key"),
    ]
    .map(str::to_owned);
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    let shown = crannogd(&place.path("shown"), &args);
    assert!(
        String::from_utf8_lossy(&shown.stdout).contains(json(&theirs)["server"].as_str().unwrap()),
        "{shown:?}"
    );
    args.extend(["--fingerprint", &own]);
    assert!(told(&crannogd(&place.path("never"), &args)).contains("do not restore it"));
    assert!(!place.path("never").exists());
    // A link in the repository, behind which the server's own blobs lie, is not followed.
    let shard = std::fs::read_dir(place.path("backup/blobs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let aside = place.path("aside");
    std::fs::rename(&shard, &aside).unwrap();
    std::os::unix::fs::symlink(place.path("data/blobs").join(shard.file_name().unwrap()), &shard).unwrap();
    let pruned = run(&["backup", "prune", &place.text("backup"), "--keep", "1"]);
    assert!(told(&pruned).contains("is not a folder"), "{pruned:?}");
    std::fs::remove_file(&shard).unwrap();
    std::fs::rename(&aside, &shard).unwrap();
    // Never over what is there.
    assert!(told(&place.restore("data", &[])).contains("is not empty"));
    assert!(told(&run(&["backup", "list", &place.text("data")])).contains("is not a backup repository"));
    let keyless = crannogd(&place.path("data"), &["backup", "create", &place.text("new")]);
    assert!(told(&keyless).contains("crannogd backup keygen"), "{keyless:?}");
}

/// Whoever can write into the repository names files as he likes, and puts links in their places.
#[tokio::test]
async fn names_and_links_of_others_decide_nothing() {
    let place = Place::new();
    filled(&place, 2).await;
    let (repository, data) = (place.text("backup"), place.path("data"));
    let first = id(&place.create());
    let stranger = place.part("999998-20260101T000000Z", "json");
    std::fs::write(&stranger, "").unwrap();
    std::fs::write(place.path("backup/snapshots/zzz.json"), "{}").unwrap();
    let second = id(&place.create());
    std::fs::remove_file(&stranger).unwrap();
    let third = id(&place.create());
    assert!(first < second && second < third, "{first} {second} {third}");
    assert!(third.starts_with("000003-"), "{third}");
    let done = place.restore("newest", &[]);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success() && text.contains(&third), "{done:?}");

    // Nothing older goes while what is to be kept is broken.
    let sealed = place.part(&third, "sealed");
    let whole = std::fs::read(&sealed).unwrap();
    let prune = || run(&["backup", "prune", &repository, "--keep", "1"]);
    for broken in [&whole[..whole.len() / 2], &whole[..0]] {
        std::fs::write(&sealed, broken).unwrap();
        assert!(told(&prune()).contains("not the file that was signed"));
    }
    std::fs::write(&sealed, &whole).unwrap();
    let blob = walk(&place.path("backup/blobs")).pop().unwrap();
    std::fs::rename(&blob, place.path("aside")).unwrap();
    assert!(told(&prune()).contains("needs it whole"));
    std::fs::rename(place.path("aside"), &blob).unwrap();
    assert_eq!(place.problems(&["--full"]).len(), 3);

    // A lock that is a link makes nothing in the server's directory, and a pipe keeps nobody waiting.
    let lock = place.path("backup/lock");
    std::fs::remove_file(&lock).unwrap();
    std::os::unix::fs::symlink(data.join("restoring"), &lock).unwrap();
    assert!(!place.create().status.success());
    assert!(!data.join("restoring").exists());
    for name in ["lock", "repository.json"] {
        let path = place.path("backup").join(name);
        let aside = place.path("aside");
        std::fs::rename(&path, &aside).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(!place.create().status.success(), "{name}");
        assert!(!run(&["backup", "list", &repository]).status.success(), "{name}");
        std::fs::remove_file(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
    }
    std::fs::remove_file(&lock).unwrap();
    assert!(prune().status.success());
    assert_eq!(place.problems(&["--full"]), [Vec::<String>::new()]);
}

#[tokio::test]
async fn a_killed_backup_leaves_the_others_whole() {
    let place = Place::new();
    filled(&place, 2).await;
    let first = id(&place.create());
    let data = place.path("data");
    let daemon = Daemon::start(&data);
    let (_, mut bob) = person(&data, "bob").await;
    let mut journal = bob.create().await;
    for _ in 0..150 {
        write(&mut bob, &mut journal, 100_000).await;
    }
    let mut killed = 0;
    for wanted in [10, 40, 90] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_crannogd"))
            .args(["backup", "create", &place.text("backup"), "--data"])
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while walk(&place.path("backup/blobs")).len() < wanted && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        assert!(place.problems(&["--full"])[0].is_empty());
    }
    assert!(killed > 0, "each ended before it was killed");
    let last = place.create();
    assert!(last.status.success(), "{last:?}");
    let list = json(&run(&["backup", "list", &place.text("backup"), "--json"]));
    assert_eq!(list["snapshots"].as_array().unwrap().len(), 2 + 3 - killed);
    assert!(place.problems(&["--full"]).iter().all(Vec::is_empty));
    assert!(
        std::fs::read_dir(place.path("backup/tmp"))
            .unwrap()
            .next()
            .is_none()
    );
    daemon.stop();
    assert!(!data.join("backup.db").exists());
    let plan = json(&run(&[
        "backup",
        "prune",
        &place.text("backup"),
        "--keep",
        "1",
        "--dry-run",
        "--json",
    ]));
    assert_eq!(plan["snapshots"][0], first.as_str());
    assert!(crannogd(&data, &["fsck", "--full"]).status.success());
}

#[tokio::test]
async fn pruning_removes_what_no_snapshot_needs() {
    let place = Place::new();
    let (alice, mut journal, blobs) = filled(&place, 4).await;
    let first = id(&place.create());
    let data = place.path("data");
    let daemon = Daemon::start_with(&data, "grace_days = 0\n");
    let health = json(&crannogd(&data, &["health", "--json"]));
    let mut client = Client::connect(&health["server"].as_str().unwrap().parse().unwrap(), &data).await;
    client.login(&alice).await;
    let mut dropped = blobs[..3].to_vec();
    dropped.sort_unstable();
    let drop = journal.entry(Kind::Change, &[], &dropped);
    client.done(&mut journal, &drop).await;
    daemon.stop();
    // The sweep at the start removes them on the server.
    Daemon::start_with(&data, "grace_days = 0\n").stop();
    let second = json(&place.create());
    assert_eq!((&second["blobs"], &second["copied"]), (&1.into(), &0.into()));
    let repository = place.text("backup");
    assert_eq!(
        json(&run(&["backup", "prune", &repository, "--keep", "2", "--json"]))["blobs"],
        0
    );
    assert_eq!(walk(&place.path("backup/blobs")).len(), 4);
    let done = json(&run(&["backup", "prune", &repository, "--keep", "1", "--json"]));
    assert_eq!(
        (&done["snapshots"][0], &done["blobs"]),
        (&first.as_str().into(), &3.into())
    );
    assert_eq!(walk(&place.path("backup/blobs")).len(), 1);
    assert_eq!(place.problems(&["--full"]), [Vec::<String>::new()]);
    assert!(told(&place.restore("never", &["--snapshot", &first])).contains("no snapshot"));
}

#[tokio::test]
async fn files_stay_while_held_and_go_afterwards() {
    let place = Place::new();
    filled(&place, 3).await;
    let data = place.path("data");
    let daemon = Daemon::start(&data);
    let ask = |question: &str| {
        use std::io::{BufRead, BufReader, Write};
        let mut socket = std::os::unix::net::UnixStream::connect(data.join("admin.sock")).unwrap();
        writeln!(socket, "{question}").unwrap();
        let mut answer = String::new();
        BufReader::new(socket).read_line(&mut answer).unwrap();
        answer
    };
    assert!(ask(r#"{"Hold":{"name":"a","seconds":3600,"renew":true}}"#).contains("has ended"));
    assert!(ask(r#"{"Hold":{"name":"a","seconds":3600,"renew":false}}"#).contains("Done"));
    assert!(ask(r#"{"Hold":{"name":"b","seconds":1,"renew":false}}"#).contains("Done"));
    assert!(
        crannogd(&data, &["account", "delete", "alice", "--yes"])
            .status
            .success()
    );
    assert_eq!(json(&crannogd(&data, &["stats", "--json"]))["files"], 0);
    assert_eq!(walk(&data.join("blobs")).len(), 3, "held");
    assert!(ask(r#"{"Release":{"name":"a"}}"#).contains("Done"));
    // The other hold ends by itself.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !walk(&data.join("blobs")).is_empty() {
        assert!(std::time::Instant::now() < end, "the files were never removed");
        // sleep: until a second is over
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    daemon.stop();
}

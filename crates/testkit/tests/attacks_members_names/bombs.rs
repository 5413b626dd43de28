//! Little that becomes much: names that collide, paths that grow, devices with long names, and everything purged (CHK-024).

use std::time::{Duration, Instant};

use crannog_core::drive::{DriveOp, NewNode, NodeId};
use crannog_proto::limits;

use crate::bin::number;
use crate::mallory::{ATTRS, Said, TOP, World, create, empty, file, folder, link, node, relocate, version};
use crate::memory::{Agent, MIB};
use crate::text::{document, harmless};

/// What one answer, with what it takes to send it, may cost the agent.
const ANSWER: u64 = 512 * MIB;

fn patience() -> Duration {
    Duration::from_secs(number("CRANNOG_PATIENCE", 120))
}

/// Everything of one name: what the thousandth costs is not a thousand times what the first did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_024_files_of_one_name() {
    let mut world = World::new().await;
    let rounds = 3;
    let same = || -> Vec<DriveOp> {
        (0..limits::OPS_MAX)
            .map(|_| file(TOP, "x.txt", &empty()))
            .collect()
    };
    let mut took = Vec::new();
    for _ in 0..rounds {
        world.mallory.post(same()).await;
        let start = Instant::now();
        world.alice.ok(["sync"]);
        took.push(start.elapsed());
    }
    eprintln!("{} files of one name each: {took:?}", limits::OPS_MAX);
    assert!(took.iter().sum::<Duration>() < patience(), "{took:?}");
    let listed = world.alice.ok(["ls", "/photos"]);
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), rounds * limits::OPS_MAX + 1);
    for name in listed.iter().filter_map(|node| node["path"].as_str()) {
        assert!(name.len() <= 255, "{name}: no disk takes it");
    }
    // Files of one name in as many folders. They change in the trash, so that a purge by one who has not seen that spares them all: in one
    // operation they meet in /Recovered.
    let (top, op) = folder(TOP, "all");
    let (mut ops, mut changes) = (vec![op], Vec::new());
    let content = empty();
    for nth in 0..limits::OPS_MAX / 4 {
        let (within, op) = folder(top, &nth.to_string());
        let (same, first) = (node(), version());
        let new = NewNode::File {
            version: first,
            content: content.clone(),
        };
        let second = DriveOp::Write {
            node: same,
            base: first,
            version: version(),
            attrs: ATTRS,
            content: content.clone(),
        };
        ops.extend([op, create(same, within, "same", new), second]);
        changes.push(DriveOp::PurgeVersion {
            node: same,
            version: first,
        });
    }
    ops.push(DriveOp::Trash { node: top });
    world.mallory.post(ops).await;
    let seen = world.mallory.look().await;
    world.mallory.post(changes).await;
    let purge = vec![DriveOp::Purge { node: top }];
    world.mallory.say_on(seen, purge, &Said::default()).await;
    let start = Instant::now();
    world.alice.ok(["sync"]);
    eprintln!("spared: {:?}", start.elapsed());
    assert!(start.elapsed() < patience());
    let recovered = world.alice.ok(["ls", "/photos/Recovered"]);
    assert_eq!(recovered.as_array().unwrap().len(), limits::OPS_MAX / 4);
    world.unharmed();
}

/// Names made ready for a file that comes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_024_a_file_that_finds_every_name_taken() {
    let mut world = World::new().await;
    let said = Said::default();
    let mark = |nth: usize| match nth {
        1 => "x (conflict, insider, 2027-01-15).txt".to_owned(),
        nth => format!("x (conflict, insider, 2027-01-15 {nth}).txt"),
    };
    let mut ops = vec![file(TOP, "x.txt", &empty())];
    ops.extend((1..2 * limits::OPS_MAX).map(|nth| file(TOP, &mark(nth), &empty())));
    world.mallory.post(ops).await;
    // One node comes and goes, and finds them all taken each time.
    let (id, op) = folder(TOP, "x.txt");
    let (other, make) = folder(TOP, "other");
    world.mallory.say(vec![op, make], &said).await;
    let back_and_forth = |nth: usize| match nth % 2 {
        0 => relocate(id, other, "x.txt"),
        _ => relocate(id, TOP, "x.txt"),
    };
    world
        .mallory
        .say((0..limits::OPS_MAX).map(back_and_forth).collect(), &said)
        .await;
    let start = Instant::now();
    world.alice.ok(["sync"]);
    eprintln!("moved {} times: {:?}", limits::OPS_MAX, start.elapsed());
    assert!(start.elapsed() < patience(), "{:?}", start.elapsed());
    world.unharmed();
}

/// A chain of folders with the longest names, and many files at its end: each path has a megabyte, and no answer has them all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_024_many_long_paths() {
    let mut world = World::new().await;
    let mut ops = Vec::new();
    let mut parent = TOP;
    for _ in 0..1_000 {
        let (id, op) = folder(parent, &"l".repeat(1_024));
        ops.push(op);
        parent = id;
    }
    // A few thousand would be as many gigabytes; these show the same.
    let files = number("CRANNOG_LONG_PATHS", 1_000);
    ops.extend((0..files).map(|nth| file(parent, &format!("{nth}"), &empty())));
    // Each of these is in the trash by itself.
    for nth in 0..files {
        let gone = node();
        let mut op = file(parent, &format!("gone {nth}"), &empty());
        if let DriveOp::Create { node, .. } = &mut op {
            *node = gone;
        }
        ops.extend([op, DriveOp::Trash { node: gone }]);
    }
    world.mallory.post(ops).await;
    world.alice.ok(["sync"]);
    let target = world.folder("target");
    let target = target.to_str().unwrap();
    for words in [
        &["ls", "-R", "/photos"][..],
        &["tree", "/photos"],
        &["find", "/photos", "1"],
        &["trash", "list"],
        &["du", "/photos"],
        &["log", "/photos"],
        &["get", "-r", "--dry-run", "/photos/", target],
        &["get", "-r", "/photos/", target],
        &["cp", "-r", "--dry-run", "/photos", "/copy"],
        &["rm", "-r", "--dry-run", "/photos/", "--yes"],
    ] {
        let agent = Agent::of(&world.alice);
        let output = world.alice.command(words).output().unwrap();
        let answer = document(&format!("{words:?}"), &output);
        eprintln!("{words:?}: {:?} {}", output.status.code(), answer["error"]);
        agent.assert_bounded(&world.alice, &format!("{words:?}"), ANSWER);
    }
    world.unharmed();
}

/// A device with a name of megabytes, in every entry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_024_devices_with_long_names() {
    let mut world = World::new().await;
    let name = "d\u{1b}".repeat(4 * 1024 * 1024);
    let mut watch = crate::text::person(&world.alice, ["watch"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let agent = Agent::of(&world.alice);
    for nth in 0..24 {
        let said = Said {
            device_name: name.clone(),
            ..Said::default()
        };
        let ops = vec![
            file(TOP, &format!("{nth}"), &empty()),
            file(TOP, "same", &empty()),
        ];
        world.mallory.say(ops, &said).await;
    }
    world.alice.ok(["sync"]);
    let log = harmless(&world.alice, &["log", "--limit", "100"]);
    assert!(log.len() < 1024 * 1024, "a log of {} bytes", log.len());
    harmless(&world.alice, &["members", "/photos"]);
    harmless(&world.alice, &["versions", "/photos/1"]);
    // One body of 8 MiB at a time, in the forms that it takes.
    agent.assert_bounded(&world.alice, "long device names", 256 * MIB);
    watch.kill().unwrap();
    watch.wait().unwrap();
    let database = std::fs::metadata(world.alice.home.join("agent.db"));
    if let Ok(database) = database {
        assert!(
            database.len() < 64 * MIB,
            "a database of {} bytes",
            database.len()
        );
    }
    world.unharmed();
}

/// She may delete what is shared: then it is gone for everyone, but nothing else is, and nobody's agent minds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_purged() {
    let mut world = World::new().await;
    let listed = world.alice.ok(["ls", "-R", "/photos"]);
    let node = |found: &serde_json::Value| {
        let id = data_encoding::HEXLOWER.decode(found["id"].as_str().unwrap().as_bytes());
        NodeId(id.unwrap().try_into().unwrap())
    };
    let all: Vec<NodeId> = listed.as_array().unwrap().iter().map(node).collect();
    let mut ops: Vec<DriveOp> = all.iter().map(|node| DriveOp::Trash { node: *node }).collect();
    ops.extend([TOP, NodeId::RECOVERED].map(|node| DriveOp::Trash { node }));
    world.mallory.post(ops).await;
    let mut ops: Vec<DriveOp> = all.iter().map(|node| DriveOp::Purge { node: *node }).collect();
    ops.extend([TOP, NodeId::RECOVERED].map(|node| DriveOp::Purge { node }));
    // Once more, and what is no more.
    ops.extend(ops.clone());
    ops.push(link(all[0], "on nothing", b"/etc/passwd").1);
    world.mallory.post(ops).await;
    world.unharmed();
    for words in [
        &["ls", "-R", "/"][..],
        &["trash", "list"],
        &["log"],
        &["du"],
        &["doctor"],
        &["members", "/photos"],
    ] {
        let text = harmless(&world.alice, words);
        let gone = !text.contains("honest.txt\n");
        assert!(gone || words == ["log"], "{words:?}: {text}");
    }
    // The share itself still is one.
    let back = world.scratch.join("back");
    world
        .alice
        .ok(["put", back.to_str().unwrap(), "/photos/again.txt"]);
    world.mallory.engine.sync().await.unwrap();
    assert_eq!(
        world.mallory.engine.cat("/photos/again.txt").await.unwrap(),
        b"honest"
    );
}

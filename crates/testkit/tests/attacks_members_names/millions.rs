//! A folder with more than anybody wants to see: reading it in, and every look at it, takes bounded memory (CHK-024).

use std::fs::File;
use std::time::Instant;

use crannog_core::drive::DriveOp;
use crannog_proto::limits;

use crate::bin::number;
use crate::full;
use crate::mallory::{Said, TOP, World, empty, file};
use crate::memory::{Agent, MIB};
use crate::text::{assert_harmless, person};

/// What reading in and looking may cost the agent, however many there are.
const MOST: u64 = 768 * MIB;

/// 200,000 nodes in 25 entries (CRANNOG_NODES says how many; CRANNOG_FULL=1: 10,000,000 in 1,221).
///
/// Seen with 200,000 (debug build, two shared cores): see the figures that it prints. Reading in costs the same for each page of
/// entries, so its memory does not grow with their number; the time does, linearly: fifty times as long for 10,000,000. Lists are
/// answered up to a bound (`crannog_client`, `ops/room.rs`), beyond which they are refused and the agent has kept no more than that bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_024_a_folder_of_millions() {
    let nodes = number("CRANNOG_NODES", if full() { 10_000_000 } else { 200_000 });
    let mut world = World::new().await;
    let log = world.scratch.join("watch");
    let mut watch = person(&world.alice, ["watch"])
        .stdout(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let agent = Agent::of(&world.alice);
    let start = Instant::now();
    for first in (0..nodes).step_by(limits::OPS_MAX) {
        let last = nodes.min(first + limits::OPS_MAX as u64);
        let ops: Vec<DriveOp> = (first..last)
            .map(|nth| file(TOP, &format!("one of very many files, number {nth}"), &empty()))
            .collect();
        world.mallory.say(ops, &Said::default()).await;
    }
    let posted = start.elapsed();
    world.alice.ok(["sync"]);
    let words = format!("{nodes} nodes");
    eprintln!("{words}: posted in {posted:?}, read by {:?}", start.elapsed());
    agent.assert_bounded(&world.alice, &format!("{words}, read in"), MOST);

    let target = world.folder("target");
    let target = target.to_str().unwrap();
    let mut shown = 0;
    for words in [
        &["ls", "/photos"][..],
        &["ls", "-l", "/photos"],
        &["ls", "-R", "/"],
        &["tree", "/"],
        &["find", "99999"],
        &["get", "-r", "--dry-run", "/photos/", target],
        &["rm", "-r", "--dry-run", "/photos/honest.txt"],
        &["log"],
        &["log", "/photos", "--limit", "1000"],
        &["members", "/photos"],
        &["du"],
        &["drive", "list"],
        &["trash", "list"],
        &["status"],
        &["stat", "/photos/one of very many files, number 77"],
    ] {
        let (agent, start) = (Agent::of(&world.alice), Instant::now());
        let output = person(&world.alice, words).output().unwrap();
        let took = start.elapsed();
        assert_harmless("standard output", &output.stdout);
        let lists = matches!(words[0], "ls" | "tree" | "find" | "get");
        // What is too much for one answer is refused in words, never by an agent that dies.
        let refused = lists && output.status.code() == Some(1);
        assert!(
            output.status.success() || refused,
            "{words:?}: {:?} {}",
            output.status.code(),
            String::from_utf8_lossy(&output.stderr)
        );
        if words == ["ls", "/photos"] && !refused {
            shown = output.stdout.iter().filter(|byte| **byte == b'\n').count();
        }
        eprintln!("{took:?}, {} KiB", output.stdout.len() / 1024);
        agent.assert_bounded(&world.alice, &format!("{words:?}"), MOST);
    }
    assert!(shown == 0 || shown as u64 == nodes + 1, "{shown}");
    watch.kill().unwrap();
    watch.wait().unwrap();
    let told = std::fs::read(&log).unwrap();
    assert_harmless("watch", &told);
    assert!(told.len() < 1024 * 1024, "a watch of {} bytes", told.len());
    // A new agent does not read it all into memory either.
    world.alice.kill_agent();
    world.alice.ok(["ls", "/"]);
    let agent = Agent::of(&world.alice);
    world.unharmed();
    agent.assert_bounded(&world.alice, "a new agent", MOST);
}

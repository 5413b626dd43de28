//! Simulated hours of two devices of one person, and of somebody who shares a folder with her, with faults: what grows without end?
//!
//! `cargo xtask soak --hours N` sets the numbers; without it one small hour. `docs/dev/long-runs.md` tells more.

mod bin;
mod long;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;

use bin::disk::{Small, may_mount};
use bin::{Dice, Scratch, Server, number};
use long::actor::{Actor, Habits};
use long::check::{same_contents, same_tree};
use long::clock::Clock;
use long::faults::{Fault, Field, put_through, wait};
use long::figures::{Disk, below, mib};
use long::line::Line;
use long::rest::{Rest, late_thirds, median};
use long::stage;

const HOUR: i64 = 3600;
/// Longer than a server keeps a blob that was put and never named.
const LEASE: i64 = 8 * 24 * HOUR;
/// Trash and old versions go after so many hours; the half keeps clear of where a clock was off.
const KEPT: i64 = 4;
const OLDER: &str = "210m";
/// Dropped blobs go with the next jobs.
const GRACE: i64 = 0;
/// The server may take more than is named by so much at the end, beside what it did before.
const DISK: u64 = 16 << 20;

/// What a profile at rest consists of.
const PROFILE: [&str; 7] = [
    "agent.lock",
    "agent.log",
    "key",
    "start.lock",
    "state.db",
    "state.db-shm",
    "state.db-wal",
];

/// One of each, and some more by the dice; the server dies only in the first half, so that one of them grows old.
fn faults(hour: i64, hours: i64, may_fill: bool, dice: &mut Dice) -> Vec<Fault> {
    let mut all = vec![Fault::AgentKilled, Fault::LineCut, Fault::ClockStep];
    if may_fill {
        all.push(Fault::DiskFull);
    }
    if hour * 2 <= hours {
        all.push(Fault::ServerKilled);
    }
    (0..3)
        .map(|_| all[usize::try_from(dice.below(all.len() as u64)).unwrap()])
        .collect()
}

/// Everybody puts files while things go wrong; how many commands ended early.
fn storm(mut field: Field<'_>, actors: &mut [Actor; 3], faults: &[Fault], size: u64, dice: &mut Dice) -> u64 {
    let orders: Vec<_> = actors.iter_mut().map(|actor| actor.prepare(size)).collect();
    let (send, ticks) = channel();
    std::thread::scope(|scope| {
        let writers: Vec<_> = actors
            .iter()
            .zip(&orders)
            .map(|(actor, words)| {
                let send = send.clone();
                scope.spawn(move || put_through(&actor.device, words, &send))
            })
            .collect();
        drop(send);
        for fault in faults {
            if !wait(&ticks, dice.between(1, 6)) {
                break;
            }
            field.strike(*fault, &actors[1].device, dice);
        }
        // A disk that is full for a while: until somebody has noticed.
        wait(&ticks, 6);
        field.end();
        while ticks.recv().is_ok() {}
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    })
}

/// Everybody has everything, and rests.
fn settle(actors: &[Actor; 3], server: &Server) {
    for actor in actors {
        actor.device.ok(["sync"]);
    }
    stage::jobs(server);
    assert_eq!(stage::fsck(server), 0, "leftovers after the jobs");
    for actor in actors {
        let left = actor.device.ok(["transfers", "list"]);
        assert_eq!(left, serde_json::json!([]), "transfers that nobody goes on with");
        let names = fs::read_dir(&actor.device.home).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let strange: Vec<_> = names.filter(|name| !PROFILE.contains(&name.as_str())).collect();
        assert_eq!(strange, [""; 0], "left in {:?}", actor.device.home);
    }
}

fn check(actors: &[Actor; 3]) {
    let [laptop, phone, tablet] = actors;
    for actor in [laptop, phone] {
        same_tree(&actor.model, &laptop.device, &actor.habits.top);
        same_tree(&actor.model, &phone.device, &actor.habits.top);
    }
    same_tree(&tablet.model, &tablet.device, &tablet.habits.top);
    same_tree(&tablet.model, &laptop.device, &tablet.habits.top);
}

fn people(
    scratch: &Path,
    clock: &Clock,
    server: &Server,
    line: &Line,
    files: u64,
    dice: &mut Dice,
) -> [Actor; 3] {
    let invite = || {
        let mut invite = server.invite("50GiB");
        let url = invite["server"]
            .as_str()
            .unwrap()
            .replace(&server.address, &line.address);
        invite["server"] = url.into();
        invite
    };
    let for_alice = invite();
    let [laptop, phone, tablet] =
        ["laptop", "phone", "tablet"].map(|name| stage::device(clock, scratch, name));
    let words = laptop.join(&for_alice, "alice");
    phone.recover(&for_alice, "alice", &words);
    tablet.join(&invite(), "bob");
    laptop.ok(["mkdir", "/laptop", "/phone", "/shared"]);
    laptop.ok(["share", "/shared", "bob", "--role", "writer"]);
    tablet.ok(["sync"]);
    tablet.ok(["accept", "shared"]);
    phone.ok(["sync"]);
    [
        (laptop, "/laptop", None),
        (phone, "/phone", None),
        (tablet, "/shared", Some("shared")),
    ]
    .map(|(device, top, drive)| {
        let habits = Habits {
            top: top.to_owned(),
            files,
            drive: drive.map(str::to_owned),
        };
        Actor::new(device, habits, dice.split())
    })
}

#[test]
fn hours() {
    let hours = i64::try_from(number("CRANNOG_DAY_HOURS", 1)).unwrap();
    let operations = number("CRANNOG_DAY_OPERATIONS", 60);
    let files = number("CRANNOG_DAY_FILES", 100);
    let (scratch, mut dice) = (Scratch::new(), Dice::new());
    let [mut server_clock, mut clock] =
        ["server.clock", "clock"].map(|name| Clock::new(scratch.path(), name));
    let disk = may_mount("the server's disk is full for a while")
        .then(|| Small::memory(scratch.join("disk"), "512m"));
    let data = disk
        .as_ref()
        .map_or(scratch.join("server"), |disk| disk.0.join("data"));
    let mut server = stage::serve(&server_clock, &data, "127.0.0.1:0", GRACE);
    let line = Line::to(server.address.clone());
    let mut actors = people(scratch.path(), &clock, &server, &line, files, &mut dice);
    let (mut rest, mut excess, mut struck, mut early) = (Rest::default(), Vec::new(), BTreeMap::new(), 0);
    for hour in 1..=hours {
        for actor in &mut actors {
            actor.model.day = hour;
        }
        let faults = faults(hour, hours, disk.is_some(), &mut dice);
        faults
            .iter()
            .for_each(|fault| *struck.entry(*fault).or_insert(0) += 1);
        let field = Field::new(
            &mut server,
            &server_clock,
            GRACE,
            &line,
            disk.as_ref(),
            &mut clock,
        );
        early += storm(field, &mut actors, &faults, operations / 3, &mut dice);
        std::thread::scope(|scope| {
            for actor in &mut actors {
                scope.spawn(|| actor.work(operations));
            }
        });
        for actor in &mut actors {
            actor.keep_only(KEPT, OLDER);
        }
        // Two devices have one trash.
        for actor in &mut actors {
            actor.model.empty_trash(KEPT);
        }
        clock.step(HOUR);
        server_clock.step(HOUR);
        settle(&actors, &server);
        check(&actors);

        let named: u64 = actors
            .iter_mut()
            .map(|actor| actor.model.bytes(GRACE))
            .map(|bytes| bytes.live + bytes.versions + bytes.trash)
            .sum();
        let disk = Disk::of(&server);
        excess.push(disk.total().saturating_sub(named));
        let mut line = format!(
            "hour {hour}: {} MiB named, {} on disk",
            mib(named),
            mib(disk.total())
        );
        let mut processes = vec![("server", server.pid())];
        for (actor, who) in actors.iter().zip(["laptop", "phone", "tablet"]) {
            processes.extend(actor.device.agents().first().map(|pid| (who, *pid)));
        }
        for (who, pid) in processes {
            let at_rest = rest.note(who, pid);
            line += &format!(
                "; {who} {} MiB, {} open",
                mib(at_rest.memory),
                at_rest.descriptors
            );
        }
        let homes: u64 = actors.iter().map(|actor| below(&actor.device.home).1).sum();
        let staged = server.staged();
        println!("{line}; profiles {} MiB, {staged} staged; {faults:?}", mib(homes));
    }
    println!("{struck:?}, {early} commands ended early");
    let mut grown = rest.grown();
    if excess.len() >= 6 {
        let [first, last] = late_thirds(&excess).map(|part| median(part.to_vec()));
        println!(
            "beside what is named the server takes {} to {} MiB",
            mib(first),
            mib(last)
        );
        if last > first + first / 2 + DISK {
            grown.push("the server's disk".to_owned());
        }
        assert!(
            rest.judged() >= 3,
            "too few processes lived long enough to say anything"
        );
    }
    server_clock.step(LEASE);
    clock.step(LEASE);
    settle(&actors, &server);
    assert_eq!(server.staged(), 0, "blobs that nobody will name");
    assert_eq!(grown, [""; 0], "what grew");
    for actor in &actors {
        same_contents(
            &actor.model,
            &actor.device,
            &actor.habits.top,
            &scratch.join("back"),
        );
        actor.device.verify_store();
    }
    server.stop();
}

//! Simulated years on one small drive: put, overwrite, move, trash, restore, purge, forget, day after day. The server's bytes stay
//! within 1.3 times what is live plus what is kept on purpose, and everything checks out.
//!
//! `cargo xtask years` sets the numbers; without it a few small days. `docs/dev/long-runs.md` tells more.

mod bin;
mod long;

use std::path::Path;
use std::time::Instant;

use bin::{Dice, Scratch, number};
use long::actor::{Actor, Habits};
use long::check::{same_contents, same_trash, same_tree};
use long::clock::Clock;
use long::figures::{Disk, mib};
use long::model::Bytes;
use long::stage;
use serde_json::{Value, json};

const DAY: i64 = 24 * 3600;

/// What is measured at the end of a day.
struct Row {
    day: i64,
    operations: u64,
    bytes: Bytes,
    disk: Disk,
}

impl Row {
    fn retention(&self) -> u64 {
        self.bytes.versions + self.bytes.trash + self.bytes.grace
    }

    /// What the server may take: 1.3 times what is live, and what is kept on purpose.
    fn bound(&self) -> u64 {
        self.bytes.live * 13 / 10 + self.retention()
    }

    /// The same where what is kept has its overhead too.
    fn wide_bound(&self) -> u64 {
        (self.bytes.live + self.retention()) * 13 / 10
    }

    fn verdict(&self) -> &'static str {
        match self.disk.total() {
            total if total <= self.bound() => "holds",
            total if total <= self.wide_bound() => "wide",
            _ => "EXCEEDED",
        }
    }

    fn head() {
        println!(
            "{:>5} {:>9} {:>8} {:>8} {:>8} {:>8} | {:>8} {:>8} {:>6} {:>8} {:>8} {:>7} | {:>8} {:>8}",
            "day",
            "ops",
            "live",
            "versions",
            "trash",
            "grace",
            "blobs",
            "database",
            "log",
            "counted",
            "entries",
            "files",
            "bound",
            "wide"
        );
    }

    fn print(&self) {
        let (bytes, disk) = (self.bytes, self.disk);
        println!(
            "{:>5} {:>9} {:>8} {:>8} {:>8} {:>8} | {:>8} {:>8} {:>6} {:>8} {:>8} {:>7} | {:>8} {:>8} {}",
            self.day,
            self.operations,
            mib(bytes.live),
            mib(bytes.versions),
            mib(bytes.trash),
            mib(bytes.grace),
            mib(disk.blobs),
            mib(disk.database),
            mib(disk.log),
            mib(disk.counted),
            disk.entries,
            disk.files,
            mib(self.bound()),
            mib(self.wide_bound()),
            self.verdict()
        );
    }

    fn json(&self) -> Value {
        let (bytes, disk) = (self.bytes, self.disk);
        json!({
            "day": self.day, "operations": self.operations, "live": bytes.live, "versions": bytes.versions, "trash": bytes.trash,
            "grace": bytes.grace, "blobs": disk.blobs, "database": disk.database, "log": disk.log, "counted": disk.counted,
            "entries": disk.entries, "files": disk.files, "bound": self.bound(), "wide_bound": self.wide_bound(),
            "verdict": self.verdict(),
        })
    }
}

/// The drive is what it must be, on the device that made it and on one made from the words.
fn check(actor: &Actor, scratch: &Scratch, clock: &Clock, invite: &Value, words: &Path) -> String {
    let files = same_tree(&actor.model, &actor.device, "");
    same_trash(actor, &actor.device);
    actor.device.verify_store();
    let name = format!("fresh-{}", actor.model.day);
    let fresh = stage::device(clock, scratch.path(), &name);
    fresh.recover(invite, "alice", words);
    same_tree(&actor.model, &fresh, "");
    same_trash(actor, &fresh);
    let bytes = same_contents(&actor.model, &fresh, "", &scratch.join("back"));
    fresh.kill_agent();
    std::fs::remove_dir_all(&fresh.home).unwrap();
    format!("{files} files, {} MiB compared on a new device", mib(bytes))
}

#[test]
fn years() {
    let (days, operations) = (
        number("CRANNOG_YEARS_DAYS", 3),
        number("CRANNOG_YEARS_OPERATIONS", 60),
    );
    let files = number("CRANNOG_YEARS_FILES", 40);
    let kept = i64::try_from(number("CRANNOG_YEARS_RETENTION", 1)).unwrap();
    let every = i64::try_from(number("CRANNOG_YEARS_CHECK", 30)).unwrap();
    let days = i64::try_from(days).unwrap();
    let (scratch, mut dice) = (Scratch::new(), Dice::new());
    let mut clock = Clock::new(scratch.path(), "clock");
    let server = stage::serve(&clock, &scratch.join("server"), "127.0.0.1:0", kept);
    let invite = server.invite("500GiB");
    let device = stage::device(&clock, scratch.path(), "laptop");
    let words = device.join(&invite, "alice");
    let habits = Habits {
        top: String::new(),
        files,
        drive: None,
    };
    let mut actor = Actor::new(device, habits, dice.split());
    let (start, mut rows) = (Instant::now(), Vec::new());
    for day in 1..=days {
        actor.model.day = day;
        actor.work(operations);
        actor.keep_only(kept, &format!("{kept}d"));
        clock.step(DAY);
        stage::jobs(&server);
        println!(
            "day {day} of {days}: {} operations, {} commands, {:.1} s a day",
            actor.operations,
            actor.commands,
            start.elapsed().as_secs_f64() / day as f64
        );
        if day % every == 0 || day == days {
            assert_eq!(stage::fsck(&server), 0, "leftovers after the jobs");
            println!("  {}", check(&actor, &scratch, &clock, &invite, &words));
        }
        if day % every.min(10) == 0 || day == days {
            let row = Row {
                day,
                operations: actor.operations,
                // The jobs ran a day later than the work.
                bytes: actor.model.bytes(kept + 1),
                disk: Disk::of(&server),
            };
            Row::head();
            row.print();
            rows.push(row);
        }
    }
    println!("bytes in MiB, blobs and database as they lie on the disk:");
    Row::head();
    rows.iter().for_each(Row::print);
    for (kind, (count, taken)) in &actor.taken {
        println!("{count:>9} {kind:<14} {:>8.1} s", taken.as_secs_f64());
    }
    if let Ok(file) = std::env::var("CRANNOG_YEARS_JSON") {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        let all = json!({ "days": days, "operations": operations, "retention": kept, "seconds": start.elapsed().as_secs_f64(), "rows": rows });
        std::fs::write(file, format!("{all:#}\n")).unwrap();
    }
    let exceeded = rows
        .iter()
        .filter(|row| row.disk.total() > row.wide_bound())
        .count();
    assert_eq!(
        exceeded,
        0,
        "on so many of {} days the server took more than 1.3 times what is live and what is kept",
        rows.len()
    );
    server.stop();
}

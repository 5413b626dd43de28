//! A stolen disk does not say who is a member of what (attack 50). The same script runs twice; only who shares with whom differs: once Bob
//! is in the first drive and Carol in the second, once the other way round. What the two servers leave behind is compared as text.
#![recursion_limit = "256"]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crannog_agent_api::request::Role;
use crannog_proto::{Header, Kind, decode};
use crannog_testkit::{Device, Liar, Row, Site, Tables};

fn content(len: usize, seed: usize) -> Vec<u8> {
    (0..len)
        .map(|at| ((at ^ seed).wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

/// What is left of a run.
struct Left {
    tables: Vec<String>,
    order: Vec<String>,
    files: Vec<String>,
    log: Vec<String>,
}

/// Which drive Bob is in; Carol is in the other. Everything else is the same.
async fn run(bobs: &str, carols: &str, seed: usize) -> Left {
    // An hour that ends in the middle would be the difference.
    loop {
        let begun = hour();
        let left = once(bobs, carols, seed, begun).await;
        if hour() == begun {
            return left;
        }
    }
}

async fn once(bobs: &str, carols: &str, seed: usize, begun: i64) -> Left {
    let mut site = Site::start();
    // Without a bell nobody does anything that he is not told to do.
    let liar = Liar::before(&site).await;
    let url = liar.url();
    let join = async |name: &str| {
        let device = Device::join(&url, &site.invite().1, name).await.unwrap().0;
        // Answered: its first catch-up is over.
        device.paths().await;
        device
    };
    let (alice, bob, carol) = (join("alice").await, join("bobby").await, join("carol").await);
    for drive in ["one", "two"] {
        alice.create_drive(drive).await.unwrap();
        alice
            .put(&format!("{drive}:/a"), &content(30_000, seed))
            .await
            .unwrap();
        alice
            .put(&format!("{drive}:/b"), &content(5_000_000, seed + 1))
            .await
            .unwrap();
    }
    for drive in ["one", "two"] {
        let with = if drive == bobs { "bobby" } else { "carol" };
        alice
            .share(&format!("{drive}:/"), with, Role::Writer)
            .await
            .unwrap();
    }
    for (device, drive) in [(&bob, bobs), (&carol, carols)] {
        device.sync().await.unwrap();
        device.accept(drive, None).await.unwrap();
        device
            .put(&format!("{drive}:/mine"), &content(70_000, seed + 2))
            .await
            .unwrap();
        device
            .put(&format!("{drive}:/a"), &content(30_000, seed + 3))
            .await
            .unwrap();
    }
    alice.sync().await.unwrap();
    for drive in ["one", "two"] {
        alice
            .put(&format!("{drive}:/c"), &content(20_000, seed + 4))
            .await
            .unwrap();
    }
    bob.sync().await.unwrap();
    carol.sync().await.unwrap();
    alice.unshare(&format!("{bobs}:/"), &["bobby"]).await.unwrap();
    bob.sync().await.unwrap();
    carol.leave(&format!("{carols}:/")).await.unwrap();
    alice.sync().await.unwrap();
    for drive in ["one", "two"] {
        assert_eq!(alice.members(&format!("{drive}:/")).await.unwrap().len(), 1);
        alice
            .put(&format!("{drive}:/d"), &content(20_000, seed + 5))
            .await
            .unwrap();
    }
    for device in [alice, bob, carol] {
        assert_eq!(device.status().await.alarms, []);
        device.close().await;
    }
    site.stop();
    let tables = Tables::of(&site.data);
    Left {
        tables: told(&tables, begun),
        order: order(&tables),
        files: files(&site.data),
        log: log(&site.logged()),
    }
}

fn hour() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs() / 3_600).unwrap()
}

/// Accounts by name; journals by whose home they are, or as the creator's first, second and so on. Nothing here knows members.
struct Names {
    accounts: BTreeMap<i64, String>,
    journals: BTreeMap<i64, String>,
}

impl Names {
    fn of(tables: &Tables) -> Self {
        let accounts = tables.table("accounts");
        let names: BTreeMap<i64, String> = accounts
            .iter()
            .map(|row| (row.int("id"), row.0["name"].as_str().unwrap().to_owned()))
            .collect();
        let homes: BTreeMap<Vec<u8>, String> = accounts
            .iter()
            .map(|row| (row.bytes("home"), names[&row.int("id")].clone()))
            .collect();
        let mut counts = BTreeMap::new();
        let journals = tables.table("journals").iter().map(|row| {
            let name = match homes.get(&row.bytes("journal")) {
                Some(name) => format!("home of {name}"),
                None => {
                    let creator = &names[&row.int("creator")];
                    let count = counts.entry(creator.clone()).or_insert(0);
                    *count += 1;
                    format!("drive {count} of {creator}")
                }
            };
            (row.int("id"), name)
        });
        let journals = journals.collect();
        Self {
            accounts: names,
            journals,
        }
    }
}

/// Every row as a line, but for what is random: ids, keys, hashes, signatures, sealed bytes of which the length is told.
fn told(tables: &Tables, begun: i64) -> Vec<String> {
    let names = Names::of(tables);
    let sizes: BTreeMap<i64, i64> = tables
        .table("files")
        .iter()
        .map(|row| (row.int("id"), row.int("size")))
        .collect();
    let mut lines = Vec::new();
    for (table, rows) in &tables.tables {
        lines.push(format!("{table}: {} rows", rows.len()));
        for row in rows {
            let mut line = format!("{table}:");
            for (column, value) in &row.0 {
                let _ = match (table.as_str(), column.as_str()) {
                    ("accounts" | "files" | "journals", "id") => Ok(()),
                    ("files", "owner") | ("journals", "creator") => {
                        write!(line, " {}", names.accounts[&row.int(column)])
                    }
                    (_, "account") if value.is_i64() => write!(line, " {}", names.accounts[&row.int(column)]),
                    (_, "journal") if value.is_i64() => write!(line, " {}", names.journals[&row.int(column)]),
                    ("journals", "journal") => write!(line, " {}", names.journals[&row.int("id")]),
                    (_, "file") => write!(line, " file of {}", sizes[&row.int(column)]),
                    (_, "created" | "expires" | "dropped" | "hour") if value.is_i64() => {
                        write!(line, " {column}=+{}", row.int(column) - begun)
                    }
                    ("entries", "header") => write!(line, " {}", header(row)),
                    _ => match value.as_str().filter(|text| text.starts_with("0x")) {
                        Some(hex) => write!(line, " {column}={} bytes", hex.len() / 2 - 1),
                        None => write!(line, " {column}={value}"),
                    },
                };
            }
            lines.push(line);
        }
    }
    lines.sort();
    lines
}

/// What a header says that is not random.
fn header(row: &Row) -> String {
    let header: Header = decode(&row.bytes("header")).unwrap();
    let kind = match header.kind {
        Kind::Genesis(_) => "genesis",
        Kind::Change => "change",
        Kind::Append => "append",
        Kind::Rekey { .. } => "rekey",
        Kind::Checkpoint { .. } => "checkpoint",
        Kind::Reset { .. } => "reset",
        Kind::Prune { .. } => "prune",
        Kind::Close => "close",
    };
    format!(
        "{kind} epoch={} seen={} adds={} drops={} body={} inline={}",
        header.epoch,
        header.seen.seq,
        header.adds.len(),
        header.drops.len(),
        header.body.len,
        header.body.place == crannog_proto::Place::Inline
    )
}

/// The journals of nine entries and more whose rows lie in the order in which they were written: numbered by coming, all would.
fn order(tables: &Tables) -> Vec<String> {
    let names = Names::of(tables);
    let mut places: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for row in tables.table("entries") {
        places.entry(row.int("journal")).or_default().push(row.int("seq"));
    }
    places.retain(|_, places| places.len() >= 9);
    assert!(!places.is_empty(), "journals that have grown");
    let told = places.into_iter().filter(|(_, places)| places.is_sorted());
    told.map(|(journal, _)| names.journals[&journal].clone())
        .collect()
}

/// The files of the directory, with their sizes; of those named at random only these.
fn files(data: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(data).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name == "blobs" {
            for folder in fs::read_dir(entry.path()).unwrap() {
                for blob in fs::read_dir(folder.unwrap().path()).unwrap() {
                    lines.push(format!("a blob of {}", blob.unwrap().metadata().unwrap().len()));
                }
            }
        } else if name.starts_with("crannogd.db") {
            // How full its pages are depends on the order of random keys; its rows are compared.
            lines.push(name);
        } else {
            lines.push(format!("{name}: {}", entry.metadata().unwrap().len()));
        }
    }
    lines.sort();
    lines
}

/// Log lines without times, addresses and whatever is random.
fn log(text: &str) -> Vec<String> {
    let plain = |line: &str| {
        let mut out = String::new();
        for word in line.split_whitespace().skip(1) {
            let coded = word.len() >= 16
                && word.chars().filter(char::is_ascii_hexdigit).count() * 10 >= word.len() * 8;
            let digits = word.chars().any(|c| c.is_ascii_digit());
            out.push_str(if coded || digits { "#" } else { word });
            out.push(' ');
        }
        out
    };
    let mut lines: Vec<String> = text.lines().map(plain).collect();
    lines.sort();
    lines
}

/// Lines that only one of them has, or that stand in another order.
fn differences(one: &[String], other: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
    one.iter().for_each(|line| *counts.entry(line).or_default() += 1);
    other
        .iter()
        .for_each(|line| *counts.entry(line).or_default() -= 1);
    let mut found: Vec<String> = counts
        .iter()
        .filter(|(_, count)| **count != 0)
        .map(|(line, count)| format!("{count:+} {line}"))
        .collect();
    if found.is_empty() {
        let pairs = one.iter().zip(other).enumerate().filter(|(_, (a, b))| a != b);
        found.extend(pairs.map(|(at, (a, b))| format!("line {at}: {a} | {b}")));
    }
    found
}

async fn both() -> (Left, Left) {
    (run("one", "two", 1).await, run("two", "one", 1).await)
}

/// Rows, files and logs.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_shares_with_whom_is_not_on_the_disk() {
    let (one, other) = both().await;
    assert!(one.tables.len() > 60, "{:#?}", one.tables);
    assert!(one.tables.contains(&"inbox: 0 rows".to_owned()));
    for line in &one.tables {
        println!("{line}");
    }
    assert_eq!(differences(&one.tables, &other.tables), [] as [String; 0], "rows");
    assert_eq!(differences(&one.files, &other.files), [] as [String; 0], "files");
    assert_eq!(differences(&one.log, &other.log), [] as [String; 0], "log");
    // The comparison can fail: another size, another row.
    let mut changed = one.tables.clone();
    changed.pop();
    assert_ne!(differences(&one.tables, &changed), [] as [String; 0]);
}

/// Times are kept to the hour; the numbers of rows must not tell the order of events across journals instead: Bob's home grows just before
/// the drive that he has accepted does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nor_in_the_order_of_the_rows() {
    let (one, other) = both().await;
    assert_eq!((one.order, other.order), (Vec::new(), Vec::new()));
}

//! Names, devices and times that act on a terminal: whatever alice asks, she reads text (CHK-023).

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::time::Duration;

use crannog_core::drive::{DriveOp, NodeId};
use crannog_proto::limits;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::bin::{Device, number};
use crate::mallory::{Said, TOP, World, empty, file, folder, link, relocate};
use crate::text::{assert_harmless, harmless, person};

/// What the fold takes for names, and what a terminal, a shell or another system takes for something else.
pub(crate) fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        "\u{1b}]0;owned\u{7}",
        "\u{1b}]8;;mailto:mallory\u{7}click\u{1b}]8;;\u{7}",
        "\u{1b}[2J\u{1b}[H",
        "\u{1b}c",
        "\u{1b}P$q\u{1b}\\",
        "\u{9b}2J",
        "\u{90}1$q\u{9c}",
        "\u{9d}0;owned\u{9c}",
        "line\nbreak",
        "fine.txt\rover",
        "tab\tname",
        "bell\u{7}",
        "\u{8}\u{8}\u{8}\u{8}back",
        "del\u{7f}",
        "\u{e}shift",
        "photo\u{202e}gpj.exe",
        "\u{2066}iso\u{2069}lated",
        "\u{200f}\u{61c}marks",
        "zero\u{200b}width",
        "\u{2060}joined",
        "\u{feff}mark",
        "para\u{2029}graph\u{2028}",
        "\u{fff9}note\u{fffb}",
        "\u{206a}old",
        "CON",
        "con",
        "aux.txt",
        "NUL",
        "COM1",
        "C:\\x",
        "a\\..\\b",
        "trailing.",
        "trailing ",
        " leading",
        ".. ",
        "...",
        "..\u{200b}",
        "Case",
        "case",
        "CASE",
        "caf\u{e9}",
        "cafe\u{301}",
        "-rf",
        "--help",
        "~",
        "*",
        "?[a]{b}",
        "!x",
        "#x",
        "$(touch owned)",
        "`id`",
        "'\"",
        "%s%n%x",
        "photos:",
        "\\u{1b}",
        ".crannogignore",
        ".crannog-x.part",
        "Recovered",
        "\u{10ffff}\u{fdd0}",
    ]
    .map(str::to_owned)
    .into();
    names.extend(["n".repeat(255), "n".repeat(256), "\u{fc}".repeat(512)]);
    names
}

/// What the fold takes for no names.
fn senseless() -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        ".",
        "..",
        "/",
        "a/b",
        "../up",
        "../../../../etc/passwd",
        "/etc/passwd",
        "nul\0l",
        "\0",
    ]
    .map(str::to_owned)
    .into();
    names.extend(["x".repeat(1_025), "x".repeat(64 * 1024)]);
    names
}

fn attacks(top: NodeId, content: &crannog_core::content::Content) -> Vec<DriveOp> {
    let mut ops = Vec::new();
    let mut odd = 0;
    for name in hostile().iter().chain(&senseless()) {
        odd += 1;
        ops.push(match odd % 3 {
            0 => folder(top, name).1,
            1 => link(top, name, name.replace('\0', "").as_bytes()).1,
            _ => file(top, name, content),
        });
    }
    ops
}

/// Alice looks at everything in every way, while and after mallory writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_023_nothing_acts_on_a_terminal() {
    let mut world = World::new().await;
    let mut watch = Watch::begin(&world.alice, &["watch"]).await;
    let mut watch_json = Watch::begin(&world.alice, &["--json", "watch"]).await;

    let content = world.mallory.content(b"loot").await;
    let devices = [
        "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\r\n".to_owned(),
        String::new(),
        "/\0/".to_owned(),
        "d".repeat(1 << 20),
    ];
    for (time, device_name) in [i64::MIN, i64::MAX, 0, -1].into_iter().zip(devices) {
        let said = Said { time, device_name };
        // Every name again: conflict names too, with the device's name in them.
        world.mallory.say(attacks(TOP, &content), &said).await;
    }
    let (deep, op) = folder(TOP, "\u{1b}[31mdeep\u{202e}");
    let mut ops = vec![op];
    ops.extend(attacks(deep, &content));
    let (moved, op) = folder(TOP, "plain");
    ops.extend([op, relocate(moved, TOP, "\u{1b}[1mmoved\n")]);
    let (gone, op) = folder(TOP, "\u{1b}]0;trash\u{7}");
    ops.extend([
        op,
        file(gone, "\u{9b}below", &empty()),
        DriveOp::Trash { node: gone },
    ]);
    world.mallory.post(ops).await;
    world.alice.ok(["sync"]);
    world.mallory.post(vec![file(TOP, "the end", &empty())]).await;
    let (text, json) = (watch.until("the end").await, watch_json.until("the end").await);
    for printed in [&text, &json] {
        assert_harmless("crannog watch", printed.as_bytes());
    }
    for line in json.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }

    let target = world.scratch.join("target");
    let target = target.to_str().unwrap();
    let alice = &world.alice;
    for words in [
        &["ls", "/photos"][..],
        &["ls", "-l", "/photos"],
        &["ls", "-R", "/"],
        &["ls", "-l", "-R", "--bytes", "/photos"],
        &["tree", "/"],
        &["tree", "/photos"],
        &["find", "*"],
        &["find", "/photos", "e"],
        &["du", "/"],
        &["du", "/photos"],
        &["trash", "list"],
        &["log", "--limit", "1000"],
        &["log", "/photos"],
        &["members", "/photos"],
        &["invites"],
        &["contacts"],
        &["devices"],
        &["drive", "list"],
        &["status"],
        &["doctor"],
        &["whoami"],
        &["verify-store", "--drive", "photos"],
        &["get", "-r", "--dry-run", "/photos", target],
        &["cp", "-r", "--dry-run", "/photos", "/copy"],
        &["rm", "-r", "--dry-run", "/photos/\u{1b}[31mdeep\u{202e}"],
        &["trash", "empty", "--dry-run"],
        &["stat", "/photos/not there \u{1b}[2J"],
        &["get", "-r", "/photos", target],
        &["get", "-r", "--progress", "json", "/photos", target],
    ] {
        harmless(alice, words);
    }
    let listed = alice.ok(["ls", "/photos"]);
    let listed = listed.as_array().unwrap();
    let all = hostile();
    for name in &all {
        assert!(
            listed.iter().any(|node| node["path"] == **name),
            "{name:?} is a name"
        );
        let path = format!("/photos/{name}");
        harmless(alice, &["stat", &path]);
        harmless(alice, &["ls", "-l", &path]);
        harmless(alice, &["versions", &path]);
    }
    // Renamed by alice's own client, as she would.
    harmless(alice, &["mv", "/photos/\u{9b}2J", "/photos/\u{9b}3J"]);
    harmless(alice, &["rm", "-r", "/photos/\u{1b}[31mdeep\u{202e}"]);
    harmless(alice, &["trash", "list"]);
    harmless(alice, &["log"]);
    let log = std::fs::read(alice.home.join("agent.log")).unwrap();
    assert_harmless("agent.log", &log);
    world.unharmed();
}

/// A `crannog watch` that runs, and all lines that it prints.
struct Watch {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    printed: String,
}

impl Watch {
    /// From when it says that it watches.
    async fn begin(alice: &Device, words: &[&str]) -> Self {
        let mut child = person(alice, words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (say, lines) = mpsc::unbounded_channel();
        let outputs: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for output in outputs {
            let say = say.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = say.send(line);
                }
            });
        }
        let mut watch = Self {
            child,
            lines,
            printed: String::new(),
        };
        watch.until("watching").await;
        watch
    }

    /// All that was printed up to a line with this text.
    async fn until(&mut self, text: &str) -> String {
        let patience = Duration::from_secs(number("CRANNOG_PATIENCE", 120));
        loop {
            let line = timeout(patience, self.lines.recv()).await;
            let line = line.expect("the watch shows nothing").expect("the watch goes on");
            self.printed.push_str(&line);
            self.printed.push('\n');
            if line.contains(text) {
                return self.printed.clone();
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CHK-024: who says too much in one entry stops the share alone; what is hers goes on, and once alice has looked, the share does too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_024_an_entry_of_too_many_operations() {
    let mut world = World::new().await;
    let most = |n: usize| -> Vec<DriveOp> {
        (0..n)
            .map(|nth| file(TOP, &format!("{n}-{nth}"), &empty()))
            .collect()
    };
    // The honest twin: as many as may be.
    world.mallory.say(most(limits::OPS_MAX), &Said::default()).await;
    world.unharmed();
    world
        .mallory
        .say(most(limits::OPS_MAX + 1), &Said::default())
        .await;
    world.mallory.post(vec![file(TOP, "afterwards", &empty())]).await;
    let done = world.alice.run(["sync"]);
    done.must_fail(11, "verification_failed");
    assert_eq!(done.text("check"), "CHK-024", "{done:?}");
    world.still_works();
    let status = harmless(&world.alice, &["status"]);
    assert!(status.contains("ALARM"), "{status}");
    harmless(&world.alice, &["doctor"]);
    world.alice.run(["doctor", "--dismiss", "photos"]);
    world.unharmed();
    let listed = world.alice.ok(["ls", "/photos"]);
    let names: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|node| node["path"].as_str())
        .collect();
    assert!(names.contains(&"afterwards") && names.contains(&"honest.txt"));
    assert_eq!(names.len(), limits::OPS_MAX + 2, "nothing of that entry counts");
}

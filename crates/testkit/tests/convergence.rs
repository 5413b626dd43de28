//! Two devices write into one drive at once, one of them over a long line: afterwards both show the same, conflicts are siblings, and
//! nothing is lost.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crannog_agent_api::{Answer, Request};
use crannog_testkit::{Device, Site, long_line};

const IMPORT: usize = 2_000;
const SMALL: usize = 40;

async fn listing(device: &Device) -> Vec<String> {
    device.sync().await.unwrap();
    let nodes = device.list("/").await.unwrap();
    let mut lines: Vec<String> = nodes
        .iter()
        .map(|node| serde_json::to_string(node).unwrap())
        .collect();
    lines.sort();
    lines
}

/// Every content that the drive still has of a file: its versions.
async fn contents(device: &Device, path: &str) -> Vec<Vec<u8>> {
    let remote = path.parse().unwrap();
    let Ok(Answer::Versions(versions)) = device.perform(Request::Versions { path: remote }).await else {
        panic!("versions of {path}")
    };
    let mut contents = Vec::new();
    for version in versions {
        let request = Request::Cat {
            path: path.parse().unwrap(),
            version: Some(version.version),
        };
        let (answer, bytes, _) = device.request(request).await;
        answer.unwrap();
        contents.push(bytes);
    }
    contents
}

fn imported(at: usize) -> String {
    format!("imported {at} {}", "x".repeat(at % 500))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_at_once() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (near, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
    near.mkdir("/import").await.unwrap();
    let line = long_line(&site, Duration::from_millis(150)).await;
    let far = Device::recover(&line, "alice", &sheet.words, "far away")
        .await
        .unwrap();
    near.sync().await.unwrap();

    let source = near.scratch.path().join("source");
    fs::create_dir(&source).unwrap();
    for at in 0..IMPORT {
        fs::write(source.join(format!("{at:04}.txt")), imported(at)).unwrap();
    }
    let importing = async {
        let begin = Instant::now();
        let changed = near.put_tree(&source, "/import").await.unwrap();
        println!("import: {} files in {:?}", changed.files, begin.elapsed());
        assert_eq!((changed.files, changed.failed), (IMPORT as u64, 0));
    };
    let putting = async {
        let begin = Instant::now();
        let mut longest = Duration::ZERO;
        for at in 0..SMALL {
            let one = Instant::now();
            // Every second one has the path of an imported file.
            let path = if at % 2 == 0 {
                format!("/import/{:04}.txt", at * 49)
            } else {
                format!("/import/mine-{at}")
            };
            far.put(&path, format!("small {at}").as_bytes()).await.unwrap();
            longest = longest.max(one.elapsed());
        }
        println!(
            "small: {SMALL} puts in {:?}, the longest {longest:?}",
            begin.elapsed()
        );
    };
    tokio::join!(importing, putting);

    near.sync().await.unwrap();
    let (ours, theirs) = (listing(&near).await, listing(&far).await);
    assert_eq!(ours, theirs, "both devices show the same");

    // Everything that anybody put is there: as a file, a sibling or a version.
    let folder = near.get("/import", "back").await.unwrap();
    let mut found: HashSet<Vec<u8>> = HashSet::new();
    let paths = near.paths().await;
    for name in files(&folder) {
        found.insert(fs::read(folder.join(&name)).unwrap());
    }
    let doubled: Vec<&String> = paths.iter().filter(|path| path.contains("conflict")).collect();
    println!(
        "{} files, {} of them conflict siblings",
        paths.len() - 1,
        doubled.len()
    );
    for at in (0..SMALL).filter(|at| at % 2 == 0) {
        found.extend(contents(&near, &format!("/import/{:04}.txt", at * 49)).await);
    }
    for at in 0..IMPORT {
        assert!(found.contains(imported(at).as_bytes()), "import {at} is lost");
    }
    for at in 0..SMALL {
        assert!(
            found.contains(format!("small {at}").as_bytes()),
            "small {at} is lost"
        );
    }
    near.close().await;
    far.close().await;
    site.assert_sound();
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

//! Two devices write into one drive at once: both progress, nothing is lost, conflicts become siblings, both end in the same state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crannog_testkit::{Device, Site};

use super::slow_line;

/// Every file's bytes by its path.
async fn contents(device: &Device) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for node in device.list("/").await.unwrap() {
        if node.kind == crannog_agent_api::answer::NodeKind::File {
            let bytes = device.cat(&format!("/{}", node.path)).await.unwrap();
            assert_eq!(bytes.len() as u64, node.size, "{}", node.path);
            all.insert(node.path, bytes);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bulk_import_and_a_slow_line_converge() {
    const IMPORTED: usize = 1_500;
    const SHARED: usize = 6;
    let site = Site::start();
    let (url, invite) = site.invite();
    let (desk, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
    let slow_url = slow_line::behind(&url, Duration::from_millis(75)).await;
    let hut = Device::recover(&slow_url, "alice", &sheet.words, "hut").await.unwrap();
    for nth in 0..SHARED {
        desk.put(&format!("/shared-{nth}"), format!("first {nth}").as_bytes()).await.unwrap();
    }
    hut.sync().await.unwrap();

    let tree = desk.scratch.path().join("tree");
    for nth in 0..IMPORTED {
        desk.local(&format!("tree/{}/file-{nth}", nth % 20), format!("import {nth}").repeat(1 + nth % 90).as_bytes());
    }
    for nth in 0..SHARED {
        desk.local(&format!("tree/shared-{nth}"), format!("desk {nth}").as_bytes());
    }
    // The import goes round and round into new folders until the slow device has said its piece: neither may wait for the other.
    let (over, rounds) = (Arc::new(AtomicBool::new(false)), AtomicU32::new(0));
    let said = Arc::clone(&over);
    let importing = async {
        desk.put_tree(&tree, "/").await.unwrap();
        while !said.load(Ordering::SeqCst) {
            let round = rounds.fetch_add(1, Ordering::SeqCst);
            let extra = desk.local(&format!("extra-{round}/more"), format!("round {round}").as_bytes());
            desk.put_tree(extra.parent().unwrap(), &format!("/round-{round}")).await.unwrap();
        }
    };
    let slow = async {
        for nth in 0..SHARED {
            hut.put(&format!("/shared-{nth}"), format!("hut {nth}").as_bytes()).await.unwrap();
            hut.put(&format!("/hut-{nth}"), format!("only hut {nth}").as_bytes()).await.unwrap();
        }
        over.store(true, Ordering::SeqCst);
    };
    tokio::join!(importing, slow);

    desk.sync().await.unwrap();
    hut.sync().await.unwrap();
    assert_eq!(desk.picture().await.split('\n').next(), hut.picture().await.split('\n').next());
    let all = contents(&desk).await;
    let bytes: BTreeSet<&[u8]> = all.values().map(Vec::as_slice).collect();
    let wanted = (0..IMPORTED).map(|nth| format!("import {nth}").repeat(1 + nth % 90));
    let wanted = wanted.chain((0..SHARED).map(|nth| format!("only hut {nth}")));
    let wanted = wanted.chain((0..rounds.load(Ordering::SeqCst)).map(|nth| format!("round {nth}")));
    for text in wanted {
        assert!(bytes.contains(text.as_bytes()), "lost: {text:.40}");
    }
    // Each wrote its own version of the shared files: the one that stands last is there, the other is a version of it or a sibling.
    let mut siblings = 0;
    for nth in 0..SHARED {
        let name = format!("shared-{nth}");
        let both = [format!("desk {nth}"), format!("hut {nth}")];
        let near: Vec<&String> = all.keys().filter(|path| path.starts_with(&name)).collect();
        siblings += near.len() - 1;
        assert!(both.iter().any(|text| all[&name] == text.as_bytes()), "{name}");
        for path in near.iter().filter(|path| **path != &name) {
            assert!(path.contains("(conflict, "), "{path}");
        }
        if near.len() == 1 {
            let request = crannog_agent_api::Request::Versions {
                path: format!("/{name}").parse().unwrap(),
            };
            let Ok(crannog_agent_api::Answer::Versions(versions)) = desk.perform(request).await else {
                panic!("versions")
            };
            assert_eq!(versions.len(), 3, "{name}: first, desk and hut");
        }
    }
    eprintln!("convergence: {} files, {siblings} siblings of {SHARED} contested", all.len());
    site.assert_sound();
    desk.close().await;
    hut.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_commands_and_two_devices_at_once() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (desk, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
    // While the other device's keys are still arriving.
    let hut = Device::recover(&url, "alice", &sheet.words, "hut").await.unwrap();
    let (desk, hut) = (Arc::new(desk), Arc::new(hut));
    let mut tasks = Vec::new();
    for writer in 0..12 {
        let device = Arc::clone(if writer % 3 == 0 { &hut } else { &desk });
        tasks.push(tokio::spawn(async move {
            for nth in 0..5 {
                let bytes = format!("{writer} {nth}").repeat(500);
                device.put(&format!("/file-{writer}-{nth}"), bytes.as_bytes()).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for device in [&desk, &hut] {
        device.sync().await.unwrap();
        assert_eq!(device.paths().await.len(), 60);
        assert_eq!(device.status().await.alarms, []);
    }
    assert_eq!(contents(&desk).await, contents(&hut).await);
    site.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_writers_of_one_version_both_stay() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (desk, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
    let slow_url = slow_line::behind(&url, Duration::from_millis(75)).await;
    let hut = Device::recover(&slow_url, "alice", &sheet.words, "hut").await.unwrap();
    desk.put("/note.txt", b"first").await.unwrap();
    hut.sync().await.unwrap();
    // The slow one begins on the version that the fast one replaces meanwhile.
    let (a, b) = tokio::join!(hut.put("/note.txt", b"from the hut"), desk.put("/note.txt", b"from the desk"));
    a.unwrap();
    b.unwrap();
    desk.sync().await.unwrap();
    hut.sync().await.unwrap();
    let all = contents(&desk).await;
    assert_eq!(all, contents(&hut).await);
    let bytes: BTreeSet<&[u8]> = all.values().map(Vec::as_slice).collect();
    assert_eq!(bytes, BTreeSet::from([b"from the hut".as_slice(), b"from the desk"]), "{:?}", all.keys());
    assert!(all.keys().any(|path| path.starts_with("note (conflict, ") && path.ends_with(".txt")), "{:?}", all.keys());
}

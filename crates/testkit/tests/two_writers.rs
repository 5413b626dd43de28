//! Writers that never rest: commands side by side in one engine, two devices, and a device that is slower than the other writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crannog_agent_api::answer::NodeKind;
use crannog_proto::JournalId;
use crannog_testkit::{Device, Liar, Route, Site, long_line};
use tokio::sync::mpsc;

/// Every file's bytes by its path.
async fn contents(device: &Device) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for node in device.list("/").await.unwrap() {
        if node.kind == NodeKind::File {
            let bytes = device.cat(&format!("/{}", node.path)).await.unwrap();
            assert_eq!(bytes.len() as u64, node.size, "{}", node.path);
            all.insert(node.path, bytes);
        }
    }
    all
}

/// A device whose line carries less than the other writes still gets its turn: to read on means as far as the server was when it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slow_device_is_never_starved() {
    const SAID: usize = 4;
    let site = Site::start();
    let (url, invite) = site.invite();
    let (desk, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
    let slow = long_line(&site, Duration::from_millis(150)).await;
    let hut = Device::recover(&slow, "alice", &sheet.words, "hut")
        .await
        .unwrap();
    let over = AtomicBool::new(false);
    let restless = async {
        let mut rounds = 0;
        while !over.load(Ordering::SeqCst) {
            desk.put(&format!("/desk-{rounds}"), format!("round {rounds}").as_bytes())
                .await
                .unwrap();
            rounds += 1;
        }
        rounds
    };
    let slow = async {
        for nth in 0..SAID {
            hut.put(&format!("/hut-{nth}"), format!("only hut {nth}").as_bytes())
                .await
                .unwrap();
        }
        over.store(true, Ordering::SeqCst);
    };
    let (rounds, ()) = tokio::join!(restless, slow);
    desk.sync().await.unwrap();
    hut.sync().await.unwrap();
    assert_eq!(desk.paths().await, hut.paths().await);
    let all = contents(&desk).await;
    for nth in 0..SAID {
        assert_eq!(
            all.get(&format!("hut-{nth}")).unwrap(),
            format!("only hut {nth}").as_bytes()
        );
    }
    for nth in 0..rounds {
        assert_eq!(
            all.get(&format!("desk-{nth}")).unwrap(),
            format!("round {nth}").as_bytes()
        );
    }
    assert!(rounds > SAID, "the fast device was held up: {rounds} rounds");
    eprintln!("while the slow device wrote {SAID} files, the other wrote {rounds}");
    desk.close().await;
    hut.close().await;
    site.assert_sound();
}

/// Both devices change keys, names and files at once, while the newer one's keys are still arriving: nobody is called a liar.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_commands_and_two_devices_at_once() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (desk, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
    let hut = Device::recover(&url, "alice", &sheet.words, "hut").await.unwrap();
    let (desk, hut) = (Arc::new(desk), Arc::new(hut));
    let mut tasks = Vec::new();
    for writer in 0..12 {
        let device = Arc::clone(if writer % 3 == 0 { &hut } else { &desk });
        tasks.push(tokio::spawn(async move {
            for nth in 0..5 {
                let bytes = format!("{writer} {nth}").repeat(500);
                device
                    .put(&format!("/file-{writer}-{nth}"), bytes.as_bytes())
                    .await
                    .unwrap();
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

/// Two versions of one version: one stands, the other is its sibling with a name that says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_writers_of_one_version_both_stay() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (desk, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
    let liar = Liar::before(&site).await;
    let hut = Device::recover(&liar.url(), "alice", &sheet.words, "hut")
        .await
        .unwrap();
    desk.put("/note.txt", b"first").await.unwrap();
    let drive: JournalId = desk.drives().await[0].id.parse().unwrap();
    // The entry of the one is held up until the other has replaced the version on which it stands.
    let (on_its_way, mut is_on_its_way) = mpsc::unbounded_channel();
    let (let_go, wait) = std::sync::mpsc::channel();
    let mut wait = Some(wait);
    liar.swallow(move |ask| {
        if ask.route() == Route::Append(drive)
            && let Some(wait) = wait.take()
        {
            on_its_way.send(()).unwrap();
            wait.recv().unwrap();
        }
        None
    });
    let other = async {
        is_on_its_way.recv().await.unwrap();
        let put = desk.put("/note.txt", b"from the desk").await;
        let_go.send(()).unwrap();
        put
    };
    let (a, b) = tokio::join!(hut.put("/note.txt", b"from the hut"), other);
    liar.repent();
    a.unwrap();
    b.unwrap();
    desk.sync().await.unwrap();
    hut.sync().await.unwrap();
    let all = contents(&desk).await;
    assert_eq!(all, contents(&hut).await);
    let bytes: BTreeSet<&[u8]> = all.values().map(Vec::as_slice).collect();
    assert_eq!(
        bytes,
        BTreeSet::from([b"from the hut".as_slice(), b"from the desk"])
    );
    let sibling = |path: &String| path.starts_with("note (conflict, ") && path.ends_with(".txt");
    assert!(all.keys().any(sibling), "{:?}", all.keys());
}

/// The same folder put twice at once by one device: the second finds what the first made.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_puts_of_one_folder_make_one() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (device, _) = Device::join(&url, &invite, "alice").await.unwrap();
    let folder = device.scratch.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    for at in 0..300 {
        std::fs::write(folder.join(at.to_string()), at.to_string()).unwrap();
    }
    let put = || device.put_tree(&folder, "/folder");
    let (a, b, c) = tokio::join!(put(), put(), put());
    let sent: u64 = [a, b, c].into_iter().map(|put| put.unwrap().files).sum();
    assert_eq!(sent, 300, "each file once");
    assert_eq!(device.paths().await.len(), 301);
}

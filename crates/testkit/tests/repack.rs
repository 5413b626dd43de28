//! Packs of which less than half is needed any more: what stays moves into others, readable for everyone, and the rest frees its place.

use std::fs;

use crannog_agent_api::Request;
use crannog_testkit::{Device, Site};

const FILES: u8 = 40;
const STAY: u8 = 8;

/// Bytes that no other file has.
fn bytes(nth: u8) -> Vec<u8> {
    vec![nth; 20_000]
}

/// What so many files take, but for what the entries that say so take.
fn most_of(files: u8) -> u64 {
    u64::from(files) * 18_000
}

async fn used(device: &Device) -> u64 {
    device.sync().await.unwrap();
    device.status().await.used
}

/// Packing anew goes on behind the command that gave the reason.
async fn until_used(device: &Device, most: u64) {
    while used(device).await > most {
        tokio::task::yield_now().await;
    }
}

async fn remove(device: &Device, paths: Vec<String>) {
    let remove = Request::Remove {
        paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
        recursive: true,
        dry_run: false,
    };
    device.perform(remove).await.unwrap();
    let empty = Request::TrashEmpty {
        drive: None,
        items: Vec::new(),
        before: None,
        dry_run: false,
    };
    device.perform(empty).await.unwrap();
}

async fn all_there(device: &Device) {
    device.sync().await.unwrap();
    for nth in 0..STAY {
        let there = device.cat(&format!("/photos/{nth}")).await.unwrap();
        assert_eq!(there, bytes(nth), "{nth}");
    }
    assert_eq!(device.cat("/long").await.unwrap(), vec![7; 4_194_304 + 1_000]);
    let findings = device.verify_store().await.unwrap();
    assert!(
        findings.iter().all(|finding| finding.state == "ok"),
        "{findings:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_of_a_pack_moves_and_the_rest_goes() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (alice, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
    let desk = Device::recover(&url, "alice", &sheet.words, "desk")
        .await
        .unwrap();
    let photos = tempfile::tempdir().unwrap();
    for nth in 0..FILES {
        fs::write(photos.path().join(nth.to_string()), bytes(nth)).unwrap();
    }
    alice.put_tree(photos.path(), "/photos").await.unwrap();
    // Its last piece lies in a pack, beside a chunk of its own.
    alice.put("/long", &vec![7; 4_194_304 + 1_000]).await.unwrap();
    let long = used(&alice).await;
    remove(
        &alice,
        (STAY..FILES).map(|nth| format!("/photos/{nth}")).collect(),
    )
    .await;
    until_used(&alice, long - most_of(FILES - STAY)).await;
    all_there(&alice).await;
    all_there(&desk).await;
    all_there(
        &Device::recover(&url, "alice", &sheet.words, "phone")
            .await
            .unwrap(),
    )
    .await;

    // What moved is known still: nothing is sent again.
    let before = used(&alice).await;
    for nth in STAY..FILES {
        fs::remove_file(photos.path().join(nth.to_string())).unwrap();
    }
    let again = alice.put_tree(photos.path(), "/photos").await.unwrap();
    assert_eq!((again.files, used(&alice).await), (0, before), "{again:?}");

    // The same once more, by the other device, for what the first one moved.
    remove(&desk, (1..STAY).map(|nth| format!("/photos/{nth}")).collect()).await;
    until_used(&desk, before - most_of(STAY - 1)).await;
    alice.sync().await.unwrap();
    assert_eq!(alice.cat("/photos/0").await.unwrap(), bytes(0));
    for device in [alice, desk] {
        device.close().await;
    }
    site.assert_sound();
}

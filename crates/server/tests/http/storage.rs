//! Moving the blobs to another disk.

use crannog_proto::{BlobId, Kind, ServerUrl};

use crate::blobs::walk;
use crate::client::Client;
use crate::fixtures::{Person, noise};
use crate::operate::{Daemon, crannogd, json};

#[tokio::test]
async fn blobs_move_to_another_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (data, disk) = (folder.path().join("data"), folder.path().join("disk"));
    let daemon = Daemon::start(&data);
    let made = json(&crannogd(&data, &["invite", "create", "--json"]));
    let url: ServerUrl = made["server"].as_str().unwrap().parse().unwrap();
    let (alice, mut client) = (Person::new("alice"), Client::connect(&url, &data).await);
    client
        .register(&alice, made["invite"].as_str().unwrap())
        .await
        .read::<crannog_proto::api::Registered>();
    client.login(&alice).await;
    let (mut journal, mut blobs) = (client.create().await, Vec::new());
    for _ in 0..5 {
        let id = client.put_ok(&journal, noise(20_000)).await;
        let add = journal.entry(Kind::Change, &[id], &[]);
        client.done(&mut journal, &add).await;
        blobs.push(id);
    }
    let to = disk.to_str().unwrap().to_owned();
    let args = ["storage", "migrate", "--to", &to, "--json"];
    let running = crannogd(&data, &args);
    assert!(
        String::from_utf8_lossy(&running.stderr).contains("stop the server first"),
        "{running:?}"
    );
    daemon.stop();
    let inside = data.join("blobs/new").to_str().unwrap().to_owned();
    assert!(
        !crannogd(&data, &["storage", "migrate", "--to", &inside])
            .status
            .success()
    );
    std::fs::remove_dir_all(inside).unwrap();
    std::fs::create_dir(&disk).unwrap();
    std::fs::write(disk.join("photo"), b"").unwrap();
    let taken = crannogd(&data, &args);
    assert!(
        String::from_utf8_lossy(&taken.stderr).contains("is neither empty"),
        "{taken:?}"
    );
    std::fs::remove_file(disk.join("photo")).unwrap();
    // A damaged blob stops it, and nothing has changed but that the rest is there already.
    let damaged = walk(&data.join("blobs")).pop().unwrap();
    let bytes = std::fs::read(&damaged).unwrap();
    std::fs::write(&damaged, noise(20_000)).unwrap();
    let refused = crannogd(&data, &args);
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("1 blobs are damaged"),
        "{refused:?}"
    );
    assert!(!data.join("blobs").is_symlink());
    std::fs::write(&damaged, bytes).unwrap();
    let moved = json(&crannogd(&data, &args));
    assert_eq!(
        (&moved["blobs"], &moved["copied"]),
        (&5.into(), &1.into()),
        "it goes on"
    );
    assert_eq!(std::fs::read_link(data.join("blobs")).unwrap(), disk);
    assert!(crannogd(&data, &["fsck", "--full"]).status.success());
    std::fs::remove_dir_all(data.join("blobs.old")).unwrap();
    let daemon = Daemon::start(&data);
    let health = json(&crannogd(&data, &["health", "--json"]));
    let mut client = Client::connect(&health["server"].as_str().unwrap().parse().unwrap(), &data).await;
    client.login(&alice).await;
    for blob in blobs {
        let answer = client.blob(journal.id, blob, &journal.epoch.token).await;
        assert_eq!(BlobId::of(&answer.body), blob);
    }
    client.put_ok(&journal, noise(1_000)).await;
    daemon.stop();
    // The disk is not mounted: an empty folder in its place is not taken for it.
    std::fs::rename(&disk, folder.path().join("elsewhere")).unwrap();
    std::fs::create_dir(&disk).unwrap();
    let refused = crannogd(&data, &["serve"]);
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("mount the disk"),
        "{refused:?}"
    );
    assert!(std::fs::read_dir(&disk).unwrap().next().is_none());
}

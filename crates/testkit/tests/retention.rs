//! What is kept, and for how long: old versions and the trash, by age and number. What goes, goes from the server too.

use crannog_agent_api::answer::{Changed, TrashInfo};
use crannog_agent_api::{Answer, Code, Failure, Request};
use crannog_testkit::{Device, Site};

async fn alice() -> (Site, Device) {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (alice, _) = Device::join(&url, &invite, "alice").await.unwrap();
    (site, alice)
}

async fn changed(device: &Device, request: Request) -> Result<Changed, Failure> {
    match device.perform(request).await? {
        Answer::Changed(changed) => Ok(changed),
        other => panic!("{other:?}"),
    }
}

fn forget(path: &str, recursive: bool, before: Option<i64>, keep: u32, dry_run: bool) -> Request {
    Request::Forget {
        path: path.parse().unwrap(),
        recursive,
        before,
        keep,
        dry_run,
    }
}

/// Ids, newest first, and when each was made.
async fn versions(device: &Device, path: &str) -> Vec<(String, i64)> {
    let path = path.parse().unwrap();
    match device.perform(Request::Versions { path }).await {
        Ok(Answer::Versions(versions)) => versions.into_iter().map(|one| (one.version, one.time)).collect(),
        other => panic!("{other:?}"),
    }
}

async fn trash(device: &Device) -> Vec<TrashInfo> {
    match device.perform(Request::TrashList { drive: None }).await {
        Ok(Answer::Trash(items)) => items,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_versions_go_and_the_current_one_stays() {
    let (site, alice) = alice().await;
    alice.mkdir("/letters/deep").await.unwrap();
    for (path, count) in [
        ("/letters/a.txt", 5),
        ("/letters/deep/b.txt", 3),
        ("/other.txt", 2),
    ] {
        for nth in 0..count {
            alice.put(path, &vec![nth; 600_000]).await.unwrap();
        }
    }
    let before = alice.status().await.used;
    let all = versions(&alice, "/letters/a.txt").await;
    assert_eq!(all.len(), 5);

    // A plan changes nothing, and a folder needs to be meant.
    let plan = changed(&alice, forget("/letters", true, None, 1, true))
        .await
        .unwrap();
    assert_eq!((plan.files, plan.bytes), (2, 4 * 600_000), "{plan:?}");
    assert_eq!(plan.plan.len(), 2);
    assert_eq!(versions(&alice, "/letters/a.txt").await, all);
    let refused = changed(&alice, forget("/letters", false, None, 0, false)).await;
    assert_eq!(refused.unwrap_err().code, Code::Usage);

    // By number, then by age: the middle one of what is left is not older than itself.
    changed(&alice, forget("/letters", true, None, 1, false))
        .await
        .unwrap();
    let left = versions(&alice, "/letters/a.txt").await;
    assert_eq!(left, all[..2], "the current one, and the newest of the old ones");
    assert_eq!(versions(&alice, "/letters/deep/b.txt").await.len(), 2);
    assert_eq!(versions(&alice, "/other.txt").await.len(), 2, "outside");
    let none = changed(&alice, forget("/letters/a.txt", false, Some(left[1].1), 0, false)).await;
    assert_eq!(none.unwrap().files, 0);
    changed(
        &alice,
        forget("/letters/a.txt", false, Some(left[1].1 + 1), 0, false),
    )
    .await
    .unwrap();
    assert_eq!(versions(&alice, "/letters/a.txt").await, all[..1]);
    assert_eq!(alice.cat("/letters/a.txt").await.unwrap(), vec![4; 600_000]);
    // Five versions of 600,000 bytes are charged to nobody any more.
    let after = alice.status().await.used;
    assert!(
        after + 4 * 600_000 < before,
        "{before} bytes were used, {after} are"
    );
    let found = alice.verify_store().await.unwrap();
    assert!(found.iter().all(|finding| finding.state == "ok"), "{found:?}");
    alice.close().await;
    site.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trash_goes_by_age() {
    let (site, alice) = alice().await;
    for name in ["/first", "/second"] {
        alice.put(name, b"in the trash soon").await.unwrap();
        let remove = Request::Remove {
            paths: vec![name.parse().unwrap()],
            recursive: false,
            dry_run: false,
        };
        alice.perform(remove).await.unwrap();
    }
    let there = trash(&alice).await;
    let [second, first] = &there[..] else {
        panic!("{there:?}")
    };
    assert_eq!((second.path.as_str(), first.path.as_str()), ("/second", "/first"));
    let (old, new) = (first.removed.unwrap(), second.removed.unwrap());
    assert!(old <= new);
    let empty = |before, dry_run| Request::TrashEmpty {
        drive: None,
        items: Vec::new(),
        before: Some(before),
        dry_run,
    };
    assert_eq!(changed(&alice, empty(old, false)).await.unwrap().files, 0);
    let plan = changed(&alice, empty(new + 1, true)).await.unwrap();
    assert_eq!(plan.plan, ["purge /second", "purge /first"]);
    assert_eq!(trash(&alice).await.len(), 2);
    changed(&alice, empty(old + 1, false)).await.unwrap();
    assert!(
        trash(&alice).await.len() < 2,
        "what is as old as the first has gone"
    );
    changed(&alice, empty(new + 1, false)).await.unwrap();
    assert_eq!(trash(&alice).await, []);
    alice.close().await;
    site.assert_sound();
}

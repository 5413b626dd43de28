//! Two pasts: the server keeps one device on a branch of its own, with heads and receipts that are right (attacks 28, 33, 34).

use std::sync::{Arc, Mutex};

use crannog_agent_api::Code;
use crannog_proto::api::Page;
use crannog_proto::{Hash, JournalId, decode};
use crannog_testkit::{Branch, Device, Liar, Route, ServerKeys, Site, Told, World};

/// One device, which has only the liar to talk to.
async fn alone() -> (Site, Liar, Device) {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let (device, _) = Device::join(&liar.url(), &site.invite().1, "alice")
        .await
        .unwrap();
    (site, liar, device)
}

/// The last place of the drive that the victim knows.
async fn known(world: &World, drive: JournalId) -> (u64, Hash) {
    world.liar.heard();
    world.victim().await.device.close().await;
    let heard = world.liar.heard();
    let mut after = None;
    for exchange in heard.iter().filter(|e| e.ask.route() == Route::Entries(drive)) {
        let page: Page = exchange.told.decode();
        if let Some(first) = page.entries.first() {
            let header: crannog_proto::Header = decode(&first.entry.header).unwrap();
            after = Some((header.seen.seq, header.seen.head));
            assert_eq!(first.seq, header.seen.seq + 1, "the author had read everything");
            break;
        }
    }
    after.expect("the victim had something to read")
}

/// CHK-013: heads meet in home. A branch is found as soon as another device has said what it saw; a branch that is shorter than that is
/// found as withheld (CHK-012).
#[tokio::test]
async fn branches_are_found_in_home() {
    for (files, check) in [(12, "CHK-013"), (0, "CHK-012")] {
        let world = World::new(
            async |author| drop(author.put("/early", b"1").await.unwrap()),
            async |author| drop(author.put("/late", b"2").await.unwrap()),
        )
        .await;
        let drive: JournalId = world.author.drives().await[0].id.parse().unwrap();
        let from = known(&world, drive).await;
        Branch::begin(&world.liar, &world.site.data, drive, from);
        let victim = world.unlocked().await;
        for at in 0..files {
            victim.put(&format!("/mine-{at}"), b"on a branch").await.unwrap();
        }
        // So far nobody can know. A third device says in home what it was shown.
        let third = Device::recover(&world.site.url(), "alice", &world.sheet.words, "third")
            .await
            .unwrap();
        let synced = victim.sync().await;
        let alarm = synced
            .err()
            .or(victim.status().await.alarms.into_iter().next())
            .expect(check);
        assert_eq!(
            (alarm.code, alarm.check.as_deref()),
            (Code::VerificationFailed, Some(check)),
            "{alarm:?}"
        );
        assert!(alarm.object.is_some());
        let refused = victim
            .put("/more", b"more")
            .await
            .expect_err("a frozen journal takes nothing");
        assert_eq!(refused.check.as_deref(), Some(check));
        world.liar.repent();
        // The honest twin: the same device as it was before the branch.
        let honest = world.victim().await;
        assert_eq!(honest.failure, None);
        assert_eq!(honest.device.paths().await, third.paths().await);
    }
}

/// Attack 28: what was stored but never acknowledged (the answer is lost, or an error of the server comes instead) is repeated without
/// harm: once, whole, and nothing is short.
#[tokio::test]
async fn attack_28_a_lost_answer_is_asked_for_again() {
    let (site, liar, device) = alone().await;
    let bytes: Vec<u8> = (0..5_000_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 9) as u8)
        .collect();
    let mut lost = [false; 2];
    liar.tell(move |ask, told| {
        let which = match ask.route() {
            Route::Put(..) => 0,
            Route::Append(_) => 1,
            _ => return,
        };
        if !std::mem::replace(&mut lost[which], true) {
            assert!(told.status < 300);
            *told = Told::refusal(
                if which == 0 { 500 } else { 503 },
                if which == 0 { "internal" } else { "unavailable" },
            );
        }
    });
    device.put("/file", &bytes).await.unwrap();
    liar.repent();
    assert_eq!(device.cat("/file").await.unwrap(), bytes);
    let nodes = device.list("/").await.unwrap();
    assert_eq!(
        nodes
            .iter()
            .map(|node| (node.path.as_str(), node.versions))
            .collect::<Vec<_>>(),
        [("file", 1)]
    );
    device.close().await;
    site.assert_sound();
}

/// CHK-025 (attack 35): a server that withholds everything new looks honest; `status` says since when nothing was proved. A server that
/// answers proves itself anew.
#[tokio::test]
async fn freshness_is_told() {
    let (_site, liar, device) = alone().await;
    device.sync().await.unwrap();
    let before = device.status().await.last_heard.expect("it was heard");
    // Forged receipts prove nothing: the time stays.
    liar.tell(|ask, told| {
        if matches!(ask.route(), Route::Entries(_)) {
            told.body.clear();
        }
        if ask.route() == Route::Account {
            told.body.clear();
        }
    });
    device.sync().await.unwrap_err();
    assert_eq!(device.status().await.last_heard, Some(before));
    assert!(!device.status().await.online, "no bell, not online");
    liar.repent();
    device.sync().await.unwrap();
    assert!(device.status().await.last_heard >= Some(before));
}

/// Attack 28, longer than anyone waits: the entry is stored, every answer is lost, the put ends with "try again". Done again it finds
/// what is there, and makes nothing twice.
#[tokio::test]
async fn what_was_stored_unheard_is_not_put_twice() {
    let (site, liar, device) = alone().await;
    let album = device.scratch.path().join("album");
    std::fs::create_dir(&album).unwrap();
    for name in ["one", "two", "three"] {
        std::fs::write(album.join(name), name).unwrap();
    }
    liar.tell(|ask, told| {
        if matches!(ask.route(), Route::Append(_)) {
            *told = Told::refusal(503, "unavailable");
        }
    });
    let failure = device.put_tree(&album, "/album").await.unwrap_err();
    assert_eq!(failure.code, Code::TryAgain, "{failure:?}");
    liar.repent();
    let again = device.put_tree(&album, "/album").await.unwrap();
    assert_eq!((again.files, again.unchanged), (0, 3));
    assert_eq!(
        device.paths().await,
        ["album", "album/one", "album/three", "album/two"]
    );
    device.close().await;
    site.assert_sound();
}

/// An entry that is refused takes with it what follows and may stand on it: nothing of a tree lands in /Recovered.
#[tokio::test]
async fn nothing_follows_an_entry_that_did_not_arrive() {
    let (site, liar, device) = alone().await;
    let drive: JournalId = device.drives().await[0].id.parse().unwrap();
    let many = device.scratch.path().join("many");
    std::fs::create_dir(&many).unwrap();
    // More than fit into one entry.
    for at in 0..9_000 {
        std::fs::write(many.join(at.to_string()), b"").unwrap();
    }
    let refused = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&refused);
    liar.swallow(move |ask| {
        let mut refused = counted.lock().unwrap();
        (ask.route() == Route::Append(drive)).then(|| {
            *refused += 1;
            Told::refusal(507, "storage_full")
        })
    });
    let failure = device.put_tree(&many, "/many").await.unwrap_err();
    assert_eq!(failure.code, Code::Quota, "{failure:?}");
    assert_eq!(*refused.lock().unwrap(), 1);
    liar.repent();
    assert_eq!(device.put_tree(&many, "/many").await.unwrap().files, 9_000);
    assert_eq!(device.list("/").await.unwrap().len(), 9_001);
    device.close().await;
    site.assert_sound();
}

/// An alarm (here CHK-012, attack 33) stands although the server repents, until somebody has looked; and it comes back if it did not.
#[tokio::test]
async fn an_alarm_stands_until_somebody_looked() {
    let (site, liar, device) = alone().await;
    device.put("/file", b"kept").await.unwrap();
    let drive: JournalId = device.drives().await[0].id.parse().unwrap();
    let roll_back = |liar: &Liar| {
        let keys = ServerKeys::of(&site.data);
        liar.swallow(move |ask| {
            let last = keys.receipt(drive, 0, Hash([7; 32]));
            let entries = Vec::new();
            (ask.route() == Route::Entries(drive)).then(|| Told::ok(&Page { entries, last }))
        });
    };
    let alarmed = async || device.sync().await.expect_err("a rolled back drive").check;
    roll_back(&liar);
    assert_eq!(alarmed().await.as_deref(), Some("CHK-012"));
    liar.repent();
    assert_eq!(alarmed().await.as_deref(), Some("CHK-012"));
    device.put("/more", b"more").await.unwrap_err();
    device.dismiss("nothing").await.unwrap_err();
    roll_back(&liar);
    device.dismiss("main").await.unwrap();
    assert_eq!(alarmed().await.as_deref(), Some("CHK-012"));
    liar.repent();
    device.dismiss("main").await.unwrap();
    device.sync().await.unwrap();
    device.put("/more", b"more").await.unwrap();
    assert_eq!(device.cat("/file").await.unwrap(), b"kept");
    device.close().await;
    site.assert_sound();
}

//! Two people on different branches of a drive that they share, found as soon as anything of one reaches the other (attack 34). The
//! same over many random schedules: `crates/core/src/journal/tests/partitions.rs`.

use crannog_agent_api::request::Role;
use crannog_agent_api::{Code, Failure};
use crannog_testkit::{Branch, Device, Pair};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The alarm of a device, if it has one.
async fn alarm(device: &Device) -> Option<Failure> {
    // Whether a command fails for an alarm of one drive is not the question here.
    let _ = device.sync().await;
    let mut alarms = device.status().await.alarms;
    assert!(alarms.len() <= 1, "{alarms:?}");
    alarms.pop()
}

async fn assert_alarm(device: &Device, check: &str) {
    let alarm = alarm(device)
        .await
        .unwrap_or_else(|| panic!("{check} went unseen"));
    assert_eq!(
        (alarm.code, alarm.check.as_deref(), alarm.object.as_deref()),
        (Code::VerificationFailed, Some(check), Some("drive photos"))
    );
    let refused = device.put("photos:/more", b"no").await.unwrap_err();
    assert_eq!(
        refused.check.as_deref(),
        Some(check),
        "a frozen drive takes nothing"
    );
    // Nothing else is stopped by it.
    device.put("/still at work", b"yes").await.unwrap();
}

async fn write(device: &Device, name: &str, files: usize) {
    for at in 0..files {
        device
            .put(&format!("photos:/{name}-{at}"), name.as_bytes())
            .await
            .unwrap();
    }
}

async fn names(device: &Device) -> Vec<String> {
    let mut names: Vec<String> = device
        .list("photos:/")
        .await
        .unwrap()
        .into_iter()
        .map(|node| node.path)
        .collect();
    names.sort();
    names
}

async fn end(pair: Pair) {
    pair.alice.close().await;
    pair.bob.close().await;
    pair.site.assert_sound();
}

/// CHK-014: bob's entry, put at the end of alice's branch with the head and receipt that belong there; and hers at the end of his.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_of_the_other_branch() {
    let seed: u64 =
        std::env::var("CRANNOG_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CRANNOG_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let pair = Pair::new().await;
    let (hers, his) = pair.part().await;
    let (files_a, files_b) = (rng.random_range(2..4), rng.random_range(2..4));
    write(&pair.alice, "alice", files_a).await;
    write(&pair.bob, "bob", files_b).await;
    // A partition that has not ended: each has one genuine past.
    for (device, name, files) in [(&pair.alice, "alice", files_a), (&pair.bob, "bob", files_b)] {
        assert_eq!(alarm(device).await, None);
        let shown = names(device).await;
        assert_eq!(shown.len(), 2 + files, "{shown:?}");
        assert!(
            shown
                .iter()
                .filter(|path| path.contains('-'))
                .all(|path| path.starts_with(name))
        );
    }
    let last = |branch: &Branch| branch.entries().pop().unwrap().entry;
    let (from_alice, from_bob) = (last(&hers), last(&his));
    hers.push(from_bob);
    his.push(from_alice);
    assert_alarm(&pair.alice, "CHK-014").await;
    assert_alarm(&pair.bob, "CHK-014").await;
    end(pair).await;
}

/// What somebody wrote before she had read anything on her branch fits on the other one too, and says nothing of the parting. What she
/// writes next says it (CHK-014).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_entry_of_a_branch_fits_on_both() {
    let pair = Pair::new().await;
    let (hers, his) = pair.part().await;
    write(&pair.alice, "alice", 1).await;
    write(&pair.bob, "bob", 1).await;
    hers.push(his.entries().pop().unwrap().entry);
    assert_eq!(alarm(&pair.alice).await, None);
    assert_eq!(names(&pair.alice).await, ["alice-0", "bob-0", "first", "second"]);
    write(&pair.bob, "more", 1).await;
    hers.push(his.entries().pop().unwrap().entry);
    assert_alarm(&pair.alice, "CHK-014").await;
    end(pair).await;
}

/// CHK-011, CHK-012: one is suddenly shown the other's branch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_branch_itself() {
    for (files_a, files_b, check) in [(1, 1, "CHK-011"), (1, 2, "CHK-011"), (2, 1, "CHK-012")] {
        let pair = Pair::new().await;
        let from = pair.tip().await;
        let his = Branch::begin(&pair.to_bob, &pair.site.data, pair.photos, from);
        write(&pair.alice, "alice", files_a).await;
        let hers = Branch::begin(&pair.to_alice, &pair.site.data, pair.photos, from);
        write(&pair.bob, "bob", files_b).await;
        for stored in his.entries() {
            hers.push(stored.entry);
        }
        assert_alarm(&pair.alice, check).await;
        assert_eq!(alarm(&pair.bob).await, None, "his past is whole");
        end(pair).await;
    }
}

/// CHK-013: a note brings the sender's newest receipt. Where her place is beyond what the recipient is shown, it is CHK-012.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_from_the_other_branch() {
    for (files_a, files_b, check) in [(2, 1, "CHK-013"), (1, 1, "CHK-013"), (1, 2, "CHK-012")] {
        let pair = Pair::new().await;
        pair.part().await;
        write(&pair.alice, "alice", files_a).await;
        write(&pair.bob, "bob", files_b).await;
        assert_eq!(alarm(&pair.alice).await, None);
        assert_eq!(alarm(&pair.bob).await, None);
        // A leave from bob; what it asks for waits until somebody has looked.
        pair.bob.leave("photos:/").await.unwrap();
        assert_alarm(&pair.alice, check).await;
        end(pair).await;
    }
    for (files_a, files_b, check) in [(1, 2, "CHK-013"), (2, 1, "CHK-012")] {
        let pair = Pair::new().await;
        pair.part().await;
        write(&pair.alice, "alice", files_a).await;
        write(&pair.bob, "bob", files_b).await;
        // An invite from alice, to another drive.
        pair.alice.create_drive("more").await.unwrap();
        pair.alice.share("more:/", "bob", Role::Reader).await.unwrap();
        assert_alarm(&pair.bob, check).await;
        assert_eq!(
            pair.bob.invites().await.len(),
            1,
            "the note itself is taken all the same"
        );
        end(pair).await;
    }
}

/// A note about a frozen drive holds up no other note, and is obeyed once somebody has looked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_drive_does_not_block_the_inbox() {
    let pair = Pair::new().await;
    let tip = pair.tip().await;
    let _his = Branch::begin(&pair.to_bob, &pair.site.data, pair.photos, tip);
    write(&pair.alice, "alice", 2).await;
    write(&pair.bob, "bob", 1).await;
    pair.bob.leave("photos:/").await.unwrap();
    let (carol, _) = Device::join(&pair.site.url(), &pair.site.invite().1, "carol")
        .await
        .unwrap();
    carol.create_drive("hers").await.unwrap();
    carol.share("hers:/", "alice", Role::Reader).await.unwrap();
    assert_alarm(&pair.alice, "CHK-013").await;
    assert_eq!(pair.alice.invites().await.len(), 1, "carol's invite came through");
    assert!(alarm(&pair.alice).await.is_some());
    let evidence = std::fs::read_dir(pair.alice.profile.join("evidence")).unwrap();
    assert_eq!(evidence.count(), 1, "the same lie is kept once");
    pair.alice.dismiss("photos").await.unwrap();
    assert_eq!(alarm(&pair.alice).await, None);
    assert_eq!(
        pair.alice.members("photos:/").await.unwrap().len(),
        1,
        "bob has left"
    );
    carol.close().await;
    end(pair).await;
}

/// The honest twin of all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_never_apart_notices_nothing() {
    let pair = Pair::new().await;
    write(&pair.alice, "alice", 2).await;
    write(&pair.bob, "bob", 2).await;
    pair.alice.create_drive("more").await.unwrap();
    pair.alice.share("more:/", "bob", Role::Reader).await.unwrap();
    for device in [&pair.alice, &pair.bob, &pair.alice] {
        assert_eq!(alarm(device).await, None);
    }
    assert_eq!(names(&pair.alice).await, names(&pair.bob).await);
    assert_eq!(names(&pair.alice).await.len(), 6);
    assert_eq!(pair.bob.invites().await.len(), 1);
    pair.bob.leave("photos:/").await.unwrap();
    assert_eq!(alarm(&pair.alice).await, None);
    assert_eq!(pair.alice.members("photos:/").await.unwrap().len(), 1);
    for device in [&pair.alice, &pair.bob] {
        assert!(!device.profile.join("evidence").exists());
    }
    end(pair).await;
}

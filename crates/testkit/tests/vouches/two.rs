//! Two accounts write into one drive; new devices of both start from checkpoints, their own and each other's.

use crannog_agent_api::request::Role;
use crannog_agent_api::{Answer, Request};
use crannog_proto::JournalId;
use crannog_testkit::{Device, Insider, Resting, Site, Tables};

/// After so many entries every device has its turn.
const ENTRIES: usize = 2_048;

/// A person, and what she sees in her home.
struct Person {
    hand: Insider,
    name: &'static str,
}

impl Person {
    async fn new(site: &Site, name: &'static str) -> (Self, Device) {
        let (url, invite) = site.invite();
        let hand = Insider::join(&url, &invite, name).await;
        let person = Self { hand, name };
        let device = person.device(site, "desk").await;
        device.create_drive("main").await.unwrap();
        (person, device)
    }

    /// A new one, from the words.
    async fn device(&self, site: &Site, name: &str) -> Device {
        Device::recover(&site.url(), self.name, &self.hand.sheet.words, name)
            .await
            .unwrap()
    }

    /// Up to where her home vouches for a drive; none if it does not.
    async fn vouched(&mut self, drive: &JournalId) -> Option<u64> {
        self.hand.sync().await;
        self.hand.home_state.vouch(drive).map(|vouch| vouch.through)
    }

    /// Goes on making folders until home vouches for what was there at a place.
    async fn vouches(&mut self, device: &Device, drive: &JournalId, place: u64) {
        let mut made = 0;
        while self.vouched(drive).await.is_none_or(|through| through < place) {
            let name = self.name;
            device
                .mkdir(&format!("photos:/{name} waits {place} {made}"))
                .await
                .unwrap();
            made += 1;
        }
    }
}

async fn fill(device: &Device, name: &str) {
    device.mkdir(&format!("photos:/{name}")).await.unwrap();
    for nth in 0..ENTRIES {
        device.mkdir(&format!("photos:/{name}/{nth}")).await.unwrap();
    }
}

async fn log(device: &Device) -> usize {
    let request = Request::Log {
        path: Some("photos:/".parse().unwrap()),
        limit: 100_000,
    };
    match device.perform(request).await {
        Ok(Answer::Log(log)) => log.len(),
        other => panic!("{other:?}"),
    }
}

/// `fresh` shows what `old` folded from its beginning, and did not read that itself.
async fn started(old: &Device, fresh: &Device, files: &[(&str, &[u8])]) {
    old.sync().await.unwrap();
    fresh.sync().await.unwrap();
    let (known, shown) = (
        old.list("photos:/").await.unwrap(),
        fresh.list("photos:/").await.unwrap(),
    );
    let same = serde_json::to_string(&known).unwrap() == serde_json::to_string(&shown).unwrap();
    assert!(same, "{} and {} nodes", known.len(), shown.len());
    for (path, bytes) in files {
        assert_eq!(fresh.cat(path).await.unwrap(), *bytes, "{path}");
    }
    let (all, some) = (log(old).await, log(fresh).await);
    assert!(
        all > ENTRIES && some < all - ENTRIES / 4,
        "{some} of {all} entries"
    );
    let findings = fresh.verify_store().await.unwrap();
    assert!(
        findings.iter().all(|finding| finding.state == "ok"),
        "{findings:?}"
    );
}

/// How many entries the server has of a drive.
fn entries(site: &Site, drive: &JournalId) -> u64 {
    Tables::of(&site.data).entries(&drive.0).len() as u64
}

async fn wake(device: Resting) -> Device {
    let device = device.wake().await;
    device.sync().await.unwrap();
    device
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_devices_of_both_start_from_each_others_checkpoints() {
    let site = Site::start();
    let (mut alice, alices) = Person::new(&site, "alice").await;
    let (mut bob, bobs) = Person::new(&site, "bob").await;
    alices.create_drive("photos").await.unwrap();
    alices.put("photos:/alice.txt", b"alice").await.unwrap();
    alices.put("photos:/gone.txt", b"gone").await.unwrap();
    alices.share("photos:/", "bob", Role::Writer).await.unwrap();
    bobs.sync().await.unwrap();
    bobs.accept("photos", None).await.unwrap();
    bobs.put("photos:/bob.txt", b"bob").await.unwrap();
    alice.hand.sync().await;
    let photos = {
        let mut drives = alice.hand.home_state.drives();
        let found = drives.find(|drive| drive.name == Some("photos"));
        found.unwrap().journal
    };

    // Alice's checkpoint. Bob wrote none, and vouches all the same.
    let bobs = bobs.rest().await;
    alices.sync().await.unwrap();
    fill(&alices, "early").await;
    alice.vouches(&alices, &photos, 1).await;
    let bobs = wake(bobs).await;
    bob.vouches(&bobs, &photos, 1).await;
    let files: &[(&str, &[u8])] = &[("photos:/alice.txt", b"alice"), ("photos:/bob.txt", b"bob")];
    started(&bobs, &bob.device(&site, "phone").await, files).await;

    // Bob's, on top of hers, by a device that was not there when the drive began.
    alices.sync().await.unwrap();
    let alices = alices.rest().await;
    let alone = entries(&site, &photos);
    bobs.put("photos:/alice.txt", b"alice and bob").await.unwrap();
    let remove = Request::Remove {
        paths: vec![
            "photos:/gone.txt".parse().unwrap(),
            "photos:/early/7".parse().unwrap(),
        ],
        recursive: true,
        dry_run: false,
    };
    bobs.perform(remove).await.unwrap();
    fill(&bobs, "late").await;
    bob.vouches(&bobs, &photos, alone).await;
    let alices = wake(alices).await;
    alice.vouches(&alices, &photos, alone).await;
    let files: &[(&str, &[u8])] = &[
        ("photos:/alice.txt", b"alice and bob"),
        ("photos:/bob.txt", b"bob"),
    ];
    for (person, old) in [(&alice, &alices), (&bob, &bobs)] {
        started(old, &person.device(&site, "tablet").await, files).await;
    }
    site.assert_sound();
}

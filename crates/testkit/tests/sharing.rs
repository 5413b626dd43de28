//! Two people with two devices each: they share, work in the share from all four, change roles, leave, part, and share again.

use std::collections::BTreeMap;
use std::time::Instant;

use crannog_agent_api::answer::{NewsKind, NodeKind};
use crannog_agent_api::request::Role;
use crannog_agent_api::{Answer, Code, Request};

use crannog_testkit::{Device, Liar, Route, Site, Told};

/// Four devices on one server.
struct Four {
    alice: Device,
    phone: Device,
    bob: Device,
    tablet: Device,
    site: Site,
}

async fn four() -> Four {
    let site = Site::start();
    let (url, first) = site.invite();
    let (_, second) = site.invite();
    let (alice, sheet) = Device::join(&url, &first, "alice").await.unwrap();
    let phone = Device::recover(&url, "alice", &sheet.words, "alice phone")
        .await
        .unwrap();
    let (bob, sheet) = Device::join(&url, &second, "bob").await.unwrap();
    let tablet = Device::recover(&url, "bob", &sheet.words, "bob tablet")
        .await
        .unwrap();
    Four {
        alice,
        phone,
        bob,
        tablet,
        site,
    }
}

impl Four {
    fn all(&self) -> [&Device; 4] {
        [&self.alice, &self.phone, &self.bob, &self.tablet]
    }

    async fn sync(&self) {
        for device in self.all() {
            device.sync().await.unwrap();
        }
    }

    async fn end(self) {
        for device in self.all() {
            assert_eq!(device.status().await.alarms, []);
        }
        for device in [self.alice, self.phone, self.bob, self.tablet] {
            device.close().await;
        }
        self.site.assert_sound();
    }
}

/// Every file's bytes below a folder, by path.
async fn contents(device: &Device, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for node in device.list(folder).await.unwrap() {
        if node.kind == NodeKind::File {
            let bytes = device.cat(&format!("{folder}/{}", node.path)).await.unwrap();
            all.insert(node.path, bytes);
        }
    }
    all
}

async fn shared_photos(four: &Four) {
    four.alice.put("/notes.txt", b"hers alone").await.unwrap();
    four.alice.mkdir("/photos/summer").await.unwrap();
    four.alice.put("/photos/beach.jpg", b"a beach").await.unwrap();
    four.alice
        .put("/photos/summer/boat.jpg", &vec![7; 5_000_000])
        .await
        .unwrap();
    let shared = four.alice.share("/photos", "bob", Role::Writer).await.unwrap();
    assert_eq!(shared.words.split(' ').count(), 10);
    assert!(!shared.verified);
    four.bob.sync().await.unwrap();
    let invites = four.bob.invites().await;
    assert_eq!(invites.len(), 1, "{invites:?}");
    assert_eq!(
        (invites[0].from.name.as_str(), invites[0].name.as_str()),
        ("alice", "photos")
    );
    assert!(!invites[0].from.verified);
    four.bob.accept("photos", None).await.unwrap();
    four.sync().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_people_with_two_devices_each() {
    let four = four().await;
    shared_photos(&four).await;
    for device in four.all() {
        let shown = contents(device, "/photos").await;
        assert_eq!(shown.keys().collect::<Vec<_>>(), ["beach.jpg", "summer/boat.jpg"]);
        assert_eq!(shown["beach.jpg"], b"a beach");
        assert_eq!(shown["summer/boat.jpg"], vec![7; 5_000_000]);
    }
    assert_eq!(
        four.bob
            .paths()
            .await
            .iter()
            .filter(|path| path.contains("notes"))
            .count(),
        0
    );
    assert_eq!(four.alice.cat("/notes.txt").await.unwrap(), b"hers alone");

    // All four at once; each hears of every change of the others.
    let mut watches = Vec::new();
    for device in four.all() {
        watches.push(device.watch().await);
    }
    let begun = Instant::now();
    let put = async |device: &Device, name: &str| {
        for nth in 0..5 {
            let path = format!("/photos/{name}-{nth}.txt");
            device
                .put(&path, format!("{name} {nth}").as_bytes())
                .await
                .unwrap();
        }
    };
    tokio::join!(
        put(&four.alice, "alice"),
        put(&four.phone, "phone"),
        put(&four.bob, "bob"),
        put(&four.tablet, "tablet"),
    );
    for watch in &mut watches {
        let mut missing: Vec<String> = ["alice", "phone", "bob", "tablet"]
            .iter()
            .map(|name| format!("/{name}-4.txt"))
            .collect();
        while !missing.is_empty() {
            let news = watch.next().await;
            assert_eq!(news.kind, NewsKind::Change, "{news:?}");
            assert!(news.author.is_some());
            missing.retain(|line| !news.changes.iter().any(|change| change.ends_with(line.as_str())));
        }
    }
    eprintln!(
        "20 files by 4 devices were seen by all after {:?}",
        begun.elapsed()
    );
    for watch in watches {
        watch.end().await.unwrap();
    }
    four.sync().await;
    let all = contents(&four.alice, "/photos").await;
    assert_eq!(all.len(), 22);
    for device in four.all() {
        assert_eq!(contents(device, "/photos").await, all);
    }
    let members = four.phone.members("/photos").await.unwrap();
    let shown: Vec<_> = members
        .iter()
        .map(|member| (member.name.as_str(), member.role))
        .collect();
    assert_eq!(shown, [("alice", Role::Admin), ("bob", Role::Writer)]);
    let bob = &members[1];
    assert!(
        !bob.verified && bob.since.is_some() && bob.bytes == 5 * 5 + 5 * 8,
        "{bob:?}"
    );
    assert_eq!(bob.by.as_ref().unwrap().device, "alice laptop");
    let log = four.tablet.log(Some("/photos")).await;
    assert!(
        log.iter().any(|entry| entry.author.name == "bob"
            && entry.author.device == "bob laptop"
            && entry.changes == ["put /bob-0.txt"]),
        "{log:?}"
    );
    four.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn roles_leaving_and_coming_back() {
    let four = four().await;
    shared_photos(&four).await;
    // A reader's client does not even try.
    four.alice.set_role("/photos", "bob", Role::Reader).await.unwrap();
    four.sync().await;
    let refused = four.tablet.put("/photos/no.txt", b"no").await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict, "{refused:?}");
    let refused = four.bob.unshare("/photos", &["alice"]).await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
    four.phone.set_role("/photos", "bob", Role::Admin).await.unwrap();
    four.sync().await;
    four.tablet.put("/photos/yes.txt", b"yes").await.unwrap();
    four.tablet
        .set_role("/photos", "bob", Role::Writer)
        .await
        .unwrap();
    four.sync().await;

    // Bob leaves; an admin's device takes him out as soon as it hears of it.
    let mut watch = four.alice.watch().await;
    four.bob.leave("/photos").await.unwrap();
    watch.until(NewsKind::Members, "bob is no longer a member").await;
    four.sync().await;
    assert_eq!(
        four.bob
            .paths()
            .await
            .iter()
            .filter(|path| path.contains("photos"))
            .count(),
        0
    );
    assert_eq!(four.tablet.drives().await.len(), 1);
    assert_eq!(four.alice.members("/photos").await.unwrap().len(), 1);
    four.alice.put("/photos/without-bob.txt", b"alone").await.unwrap();

    // Shared again, with another role, elsewhere; the history is there.
    four.alice.share("/photos", "bob", Role::Reader).await.unwrap();
    four.tablet.sync().await.unwrap();
    four.tablet.mkdir("/from others").await.unwrap();
    four.tablet
        .accept("photos", Some("/from others/alice"))
        .await
        .unwrap();
    four.sync().await;
    let all = contents(&four.phone, "/photos").await;
    assert_eq!(contents(&four.bob, "/from others/alice").await, all);
    assert_eq!(all["without-bob.txt"], b"alone");

    // Removed by an admin: what he has seen stays readable in his list, nothing new comes.
    let mut watch = four.bob.watch().await;
    four.phone.unshare("/photos", &["bob"]).await.unwrap();
    watch.until(NewsKind::Removed, "no longer a member").await;
    four.alice.put("/photos/after.txt", b"after").await.unwrap();
    four.sync().await;
    assert!(four.bob.cat("/from others/alice/after.txt").await.is_err());
    assert!(four.bob.cat("/from others/alice/without-bob.txt").await.is_err());
    // And again.
    four.alice.share("/photos", "bob", Role::Writer).await.unwrap();
    four.bob.sync().await.unwrap();
    four.bob.accept("photos", Some("/again")).await.unwrap();
    four.bob.put("/again/back.txt", b"back").await.unwrap();
    four.sync().await;
    assert_eq!(
        contents(&four.tablet, "/again").await,
        contents(&four.alice, "/photos").await
    );
    four.end().await;
}

/// Who was offline for ten epochs walks forward alone, with a token that died ten times.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_epochs_offline() {
    let four = four().await;
    shared_photos(&four).await;
    let Four {
        alice,
        phone,
        bob,
        tablet,
        site,
    } = four;
    let (profile, scratch) = (tablet.profile.clone(), tablet.scratch);
    tablet.engine.close(true).await;
    bob.close().await;
    for round in 0..10 {
        let role = if round % 2 == 0 {
            Role::Reader
        } else {
            Role::Writer
        };
        alice.set_role("/photos", "bob", role).await.unwrap();
        alice
            .put(
                &format!("/photos/epoch-{round}.txt"),
                format!("{round}").as_bytes(),
            )
            .await
            .unwrap();
    }
    let secret = crannog_agent_api::Secret::new(crannog_testkit::PASSWORD.to_owned());
    let engine = crannog_client::Engine::unlock(&profile, &secret).await.unwrap();
    let tablet = Device {
        engine,
        profile,
        scratch,
    };
    tablet.sync().await.unwrap();
    phone.sync().await.unwrap();
    assert_eq!(
        contents(&tablet, "/photos").await,
        contents(&phone, "/photos").await
    );
    tablet.put("/photos/back.txt", b"I am back").await.unwrap();
    for device in [alice, phone, tablet] {
        assert_eq!(device.status().await.alarms, []);
        device.close().await;
    }
    site.assert_sound();
}

/// A single file, and a folder inside a share with somebody more.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_and_a_share_inside_a_share() {
    let four = four().await;
    let (url, invite) = four.site.invite();
    let (carol, _) = Device::join(&url, &invite, "carol").await.unwrap();
    four.alice.put("/plan.txt", b"first").await.unwrap();
    four.alice.share("/plan.txt", "bob", Role::Writer).await.unwrap();
    four.bob.sync().await.unwrap();
    assert!(four.bob.invites().await[0].file);
    four.bob.accept("plan.txt", None).await.unwrap();
    assert_eq!(four.bob.cat("/plan.txt").await.unwrap(), b"first");
    four.bob.put("/plan.txt", b"second").await.unwrap();
    four.sync().await;
    for device in four.all() {
        assert_eq!(device.cat("/plan.txt").await.unwrap(), b"second");
    }

    shared_photos(&four).await;
    four.alice
        .share("/photos/summer", "carol", Role::Reader)
        .await
        .unwrap();
    carol.sync().await.unwrap();
    carol.accept("summer", None).await.unwrap();
    assert_eq!(carol.cat("/summer/boat.jpg").await.unwrap(), vec![7; 5_000_000]);
    // Bob finds it where it was, without being asked: it comes from an admin of the outer share.
    four.sync().await;
    four.sync().await;
    assert!(four.bob.invites().await.is_empty());
    for device in four.all() {
        assert_eq!(
            device.cat("/photos/summer/boat.jpg").await.unwrap(),
            vec![7; 5_000_000]
        );
    }
    four.tablet.put("/photos/summer/sail.jpg", b"sail").await.unwrap();
    carol.sync().await.unwrap();
    assert_eq!(carol.cat("/summer/sail.jpg").await.unwrap(), b"sail");
    assert!(carol.list("/photos").await.is_err());
    // A writer of the outer share may not take people in.
    let refused = four
        .bob
        .share("/photos/summer", "carol", Role::Writer)
        .await
        .unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
    carol.close().await;
    four.end().await;
}

/// Wherever a share is cut off, the same command finishes it: every file once, in the share alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_share_that_was_cut_off_goes_on() {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let (_, first) = site.invite();
    let (url, second) = site.invite();
    let (alice, _) = Device::join(&liar.url(), &first, "alice").await.unwrap();
    let (bob, _) = Device::join(&url, &second, "bob").await.unwrap();
    let mut finished = None;
    for cut in 0..32 {
        let folder = format!("/trip-{cut}");
        alice.mkdir(&format!("{folder}/deep")).await.unwrap();
        alice.put(&format!("{folder}/a.jpg"), b"a").await.unwrap();
        alice
            .put(&format!("{folder}/deep/b.jpg"), &vec![9; 2_000_000])
            .await
            .unwrap();
        let mut left = cut;
        liar.swallow(move |ask| {
            let writes = matches!(ask.route(), Route::Append(_) | Route::Create | Route::DropInto(_));
            if writes && left == 0 {
                return Some(Told::refusal(400, "bad_request"));
            }
            left -= usize::from(writes);
            None
        });
        let cut_off = alice.share(&folder, "bob", Role::Writer).await;
        liar.repent();
        if cut_off.is_ok() {
            finished = Some(cut);
            break;
        }
        alice.share(&folder, "bob", Role::Writer).await.unwrap();
        let shown = contents(&alice, &folder).await;
        assert_eq!(
            shown.keys().collect::<Vec<_>>(),
            ["a.jpg", "deep/b.jpg"],
            "cut {cut}"
        );
        bob.sync().await.unwrap();
        bob.accept(&format!("trip-{cut}"), None).await.unwrap();
        assert_eq!(contents(&bob, &folder).await, shown, "cut {cut}");
    }
    eprintln!(
        "a share is {} requests that change something",
        finished.expect("a share that is never cut off")
    );
    assert_eq!(alice.status().await.alarms, []);
    alice.close().await;
    bob.close().await;
    site.assert_sound();
}

/// The same inside another share: nobody of the outer one loses sight of the folder, wherever it is cut off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_inside_a_share_that_was_cut_off_goes_on() {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let (alice, _) = Device::join(&liar.url(), &site.invite().1, "alice")
        .await
        .unwrap();
    let (bob, _) = Device::join(&site.url(), &site.invite().1, "bob").await.unwrap();
    let (carol, _) = Device::join(&site.url(), &site.invite().1, "carol")
        .await
        .unwrap();
    alice.mkdir("/outer").await.unwrap();
    alice.share("/outer", "bob", Role::Writer).await.unwrap();
    bob.sync().await.unwrap();
    bob.accept("outer", None).await.unwrap();
    let mut finished = None;
    for cut in 0..32 {
        let folder = format!("/outer/trip-{cut}");
        alice.mkdir(&folder).await.unwrap();
        alice.put(&format!("{folder}/a.jpg"), b"a").await.unwrap();
        let mut left = cut;
        liar.swallow(move |ask| {
            let writes = matches!(ask.route(), Route::Append(_) | Route::Create | Route::DropInto(_));
            if writes && left == 0 {
                return Some(Told::refusal(400, "bad_request"));
            }
            left -= usize::from(writes);
            None
        });
        let cut_off = alice.share(&folder, "carol", Role::Reader).await;
        liar.repent();
        if cut_off.is_ok() {
            finished = Some(cut);
        } else {
            alice.share(&folder, "carol", Role::Reader).await.unwrap();
        }
        let shown = contents(&alice, &folder).await;
        assert_eq!(shown.keys().collect::<Vec<_>>(), ["a.jpg"], "cut {cut}");
        bob.sync().await.unwrap();
        bob.sync().await.unwrap();
        assert_eq!(contents(&bob, &folder).await, shown, "cut {cut}");
        let members = bob.members(&folder).await.unwrap();
        assert_eq!(members.len(), 3, "cut {cut}: {members:?}");
        carol.sync().await.unwrap();
        carol.accept(&format!("trip-{cut}"), None).await.unwrap();
        assert_eq!(
            contents(&carol, &format!("/trip-{cut}")).await,
            shown,
            "cut {cut}"
        );
        if finished.is_some() {
            break;
        }
    }
    assert!(finished.is_some(), "a share that is never cut off");
    for device in [alice, bob, carol] {
        assert_eq!(device.status().await.alarms, []);
        device.close().await;
    }
    site.assert_sound();
}

/// What somebody puts into a folder that others see as a share goes to nobody whom she did not mean, and stays where she put it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_someone_who_is_not_in_the_inner_share_stay() {
    let site = Site::start();
    let join = async |name: &str| {
        let (url, invite) = site.invite();
        Device::join(&url, &invite, name).await.unwrap().0
    };
    let (alice, bob) = (join("alice").await, join("bob").await);
    let (carol, dave) = (join("carol").await, join("dave").await);
    alice.mkdir("/club/den").await.unwrap();
    alice.share("/club", "bob", Role::Writer).await.unwrap();
    alice.share("/club/den", "carol", Role::Writer).await.unwrap();
    // Who comes into the outer share later is not in the inner one, and sees a folder.
    alice.share("/club", "dave", Role::Writer).await.unwrap();
    dave.sync().await.unwrap();
    dave.accept("club", None).await.unwrap();
    dave.put("/club/den/his", b"for the club").await.unwrap();
    carol.sync().await.unwrap();
    carol.accept("den", None).await.unwrap();
    for _ in 0..2 {
        alice.sync().await.unwrap();
        carol.sync().await.unwrap();
        dave.sync().await.unwrap();
    }
    assert!(
        contents(&carol, "/den").await.is_empty(),
        "carol is not in the club"
    );
    assert_eq!(dave.cat("/club/den/his").await.unwrap(), b"for the club");
    for device in [alice, bob, carol, dave] {
        assert_eq!(device.status().await.alarms, []);
        device.close().await;
    }
    site.assert_sound();
}

/// Sharing again changes no role by itself; and who changes members names the share, not a place in it, and no place that is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_about_members_mean_the_share_that_is_named() {
    let four = four().await;
    shared_photos(&four).await;
    let again = Request::Share {
        path: "/photos".parse().unwrap(),
        with: "bob".to_owned(),
        role: None,
        dry_run: false,
    };
    match four.alice.perform(again).await.unwrap() {
        Answer::Shared(shared) => assert_eq!(shared.role, Role::Writer),
        other => panic!("{other:?}"),
    }
    let members = four.alice.members("/photos").await.unwrap();
    let bob = members.iter().find(|member| member.name == "bob").unwrap();
    assert_eq!(bob.role, Role::Writer);
    for (path, code) in [
        ("/phtos", Code::NotFound),
        ("/photos/summer", Code::Usage),
        ("/", Code::NotFound),
    ] {
        let refused = four.alice.unshare(path, &[]).await.unwrap_err();
        assert_eq!(refused.code, code, "unshare {path}: {refused:?}");
    }
    for (path, code) in [("/phtos", Code::NotFound), ("/photos/summer", Code::Usage)] {
        let refused = four.alice.set_role(path, "bob", Role::Admin).await.unwrap_err();
        assert_eq!(refused.code, code, "role {path}: {refused:?}");
        let refused = four.bob.leave(path).await.unwrap_err();
        assert_eq!(refused.code, code, "leave {path}: {refused:?}");
    }
    assert!(four.alice.members("/phtos").await.is_err());
    assert_eq!(four.alice.members("/photos").await.unwrap(), members);
    four.end().await;
}

/// A quota that somebody filled keeps nobody from removing her, nor from deleting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_quota_keeps_nobody_in() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (alice, _) = Device::join(&url, &invite, "alice").await.unwrap();
    alice.create_drive("club").await.unwrap();
    let mut people = Vec::new();
    // So many that the body of a rekey travels in blobs.
    for nth in 0..9 {
        let (url, invite) = site.invite();
        let name = format!("member-{nth}");
        people.push(Device::join(&url, &invite, &name).await.unwrap().0);
        alice.share("club:/", &name, Role::Writer).await.unwrap();
    }
    for (device, name) in [(&people[0], "a"), (&people[1], "b")] {
        device.sync().await.unwrap();
        device.accept("club", None).await.unwrap();
        device
            .put(&format!("club:/{name}"), &vec![3; 3_000_000])
            .await
            .unwrap();
    }
    alice.sync().await.unwrap();
    assert!(site.admin(&["quota", "set", "alice", "1MB"]).status.success());
    let full = people[0].put("club:/more", &vec![4; 300_000]).await.unwrap_err();
    assert_eq!(full.code, Code::Quota, "{full:?}");
    alice.unshare("club:/", &["member-0"]).await.unwrap();
    assert_eq!(alice.members("club:/").await.unwrap().len(), 9);
    let refused = people[0].put("club:/still", b"here").await.unwrap_err();
    assert!(refused.code != Code::Quota, "{refused:?}");
    let removed = Request::Remove {
        paths: vec!["club:/a".parse().unwrap()],
        recursive: false,
        dry_run: false,
    };
    alice.perform(removed).await.unwrap();
    for device in people.into_iter().chain([alice]) {
        device.close().await;
    }
    site.assert_sound();
}

//! Checkpoints: a device writes one when enough came, another starts from it, and what they hold is what was folded.

use crannog_agent_api::answer::{LogInfo, TrashInfo};
use crannog_agent_api::{Answer, Code, Request};
use crannog_proto::{Header, Kind, decode};
use crannog_testkit::{Ask, Device, Liar, Resting, Route, Row, Sheet, Site, Tables, Told};

/// After so many entries every device has its turn.
const ENTRIES: usize = 2_048;

struct Years {
    site: Site,
    liar: Liar,
    alice: Device,
    sheet: Sheet,
}

impl Years {
    /// An account whose drive has a checkpoint, and a device that was away meanwhile.
    async fn passed() -> (Self, Resting) {
        let site = Site::start();
        let liar = Liar::before(&site).await;
        let (url, invite) = site.invite();
        let (alice, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
        let years = Self {
            site,
            liar,
            alice,
            sheet,
        };
        years.alice.put("/kept.txt", b"first").await.unwrap();
        years.alice.put("/kept.txt", b"second").await.unwrap();
        years.alice.put("/trashed.txt", b"trashed").await.unwrap();
        years.alice.put("/gone.txt", b"gone").await.unwrap();
        years.remove(&["/trashed.txt", "/gone.txt"]).await;
        let away = years.behind_the_liar("away").await;
        away.sync().await.unwrap();
        equal(&years.alice, &away).await;
        let away = away.rest().await;
        years.fill("early").await;
        years.pruned(1).await;
        (years, away)
    }

    async fn remove(&self, paths: &[&str]) {
        let request = Request::Remove {
            paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
            recursive: true,
            dry_run: false,
        };
        self.alice.perform(request).await.unwrap();
    }

    /// Many entries.
    async fn fill(&self, name: &str) {
        self.alice.mkdir(&format!("/{name}")).await.unwrap();
        for nth in 0..ENTRIES {
            self.alice.mkdir(&format!("/{name}/{nth}")).await.unwrap();
        }
    }

    /// Waits until what a checkpoint superseded was dropped, and this for at least the so manieth time.
    async fn pruned(&self, wanted: usize) {
        let is_prune = |kind: &&Kind| matches!(kind, Kind::Prune { .. });
        while self.kinds().iter().filter(is_prune).count() < wanted {
            tokio::task::yield_now().await;
        }
    }

    /// Of all entries.
    fn kinds(&self) -> Vec<Kind> {
        let tables = Tables::of(&self.site.data);
        let entries = tables.table("entries").iter();
        let kind = |row: &Row| decode::<Header>(&row.bytes("header")).unwrap().kind;
        entries.map(kind).collect()
    }

    /// How many entries have no body any more.
    fn gone(&self) -> usize {
        let tables = Tables::of(&self.site.data);
        tables
            .table("entries")
            .iter()
            .filter(|row| row.int("gone") == 1)
            .count()
    }

    async fn another(&self, name: &str) -> Device {
        let device = self.recovered(&self.site.url(), name).await;
        device.sync().await.unwrap();
        device
    }

    async fn behind_the_liar(&self, name: &str) -> Device {
        self.recovered(&self.liar.url(), name).await
    }

    async fn recovered(&self, url: &str, name: &str) -> Device {
        Device::recover(url, "alice", &self.sheet.words, name)
            .await
            .unwrap()
    }
}

async fn log(device: &Device) -> Vec<LogInfo> {
    let request = Request::Log {
        path: Some("/".parse().unwrap()),
        limit: 100_000,
    };
    match device.perform(request).await {
        Ok(Answer::Log(log)) => log,
        other => panic!("{other:?}"),
    }
}

async fn trash(device: &Device) -> Vec<TrashInfo> {
    match device.perform(Request::TrashList { drive: None }).await {
        Ok(Answer::Trash(items)) => items,
        other => panic!("{other:?}"),
    }
}

/// `one` has read everything from the beginning.
async fn equal(one: &Device, other: &Device) {
    let trees = (one.list("/").await.unwrap(), other.list("/").await.unwrap());
    let same = serde_json::to_string(&trees.0).unwrap() == serde_json::to_string(&trees.1).unwrap();
    assert!(same, "{} and {} nodes", trees.0.len(), trees.1.len());
    let versions = async |device: &Device| {
        let path = "/kept.txt".parse().unwrap();
        format!("{:?}", device.perform(Request::Versions { path }).await.unwrap())
    };
    assert_eq!(versions(one).await, versions(other).await);
    let (known, shown) = (trash(one).await, trash(other).await);
    assert_eq!(known.len(), shown.len());
    for (known, shown) in known.iter().zip(&shown) {
        assert_eq!((&known.id, &known.path), (&shown.id, &shown.path));
        // Of a body that is gone it is known no better than "before".
        assert!(
            known.removed.is_some() && known.removed <= shown.removed,
            "{shown:?}"
        );
    }
    assert_eq!(
        one.cat("/kept.txt").await.unwrap(),
        other.cat("/kept.txt").await.unwrap()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_device_starts_from_a_checkpoint() {
    let (years, away) = Years::passed().await;
    let alice = &years.alice;
    assert!(years.gone() > ENTRIES / 4, "{}", years.gone());
    alice.put("/kept.txt", b"third").await.unwrap();
    let desk = years.another("desk").await;
    equal(alice, &desk).await;
    let (old, new) = (log(alice).await, log(&desk).await);
    assert!(
        old.len() > ENTRIES && new.len() < ENTRIES,
        "{} and {}",
        old.len(),
        new.len()
    );

    // Who was away meanwhile misses the same bodies.
    let away = away.wake().await;
    away.sync().await.unwrap();
    equal(alice, &away).await;

    // All go on from there, the new one's checkpoint included.
    desk.mkdir("/desk").await.unwrap();
    alice.sync().await.unwrap();
    years.fill("late").await;
    years.remove(&["/early/7", "/late/9"]).await;
    years.pruned(2).await;
    desk.sync().await.unwrap();
    away.sync().await.unwrap();
    equal(alice, &desk).await;
    equal(alice, &away).await;
    equal(alice, &years.another("phone").await).await;
    let findings = alice.verify_store().await.unwrap();
    assert!(
        findings.iter().all(|finding| finding.state == "ok"),
        "{findings:?}"
    );
    years.site.assert_sound();
}

/// Who is invited reads all history: the one drive that may lose some is not shared as a whole, and a folder of it becomes a drive that loses none,
/// however much is copied into it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pruned_drive_is_not_shared_as_a_whole() {
    let (years, _away) = Years::passed().await;
    let (url, invite) = years.site.invite();
    let (bob, _) = Device::join(&url, &invite, "bob").await.unwrap();
    let alice = &years.alice;
    let share = |path: &str| Request::Share {
        path: path.parse().unwrap(),
        with: "bob".to_owned(),
        role: None,
        dry_run: false,
    };
    let failure = alice.perform(share("/")).await.unwrap_err();
    assert_eq!(failure.code, Code::Usage, "{failure:?}");
    alice.perform(share("/early")).await.unwrap();
    bob.sync().await.unwrap();
    let (invite, at) = ("early".to_owned(), None);
    let accept = Request::Accept {
        invite,
        at,
        dry_run: false,
    };
    bob.perform(accept).await.unwrap();
    bob.sync().await.unwrap();
    assert_eq!(bob.list("/early").await.unwrap().len(), ENTRIES);
}

type Lie = fn(&Ask, &mut Told);

/// What a server may do to a checkpoint from which a device is to start, and what the device says.
const LIES: &[(&str, Lie)] = &[
    ("CHK-001", |ask, told| {
        if matches!(ask.route(), Route::Get(..)) {
            told.body[7] ^= 1;
        }
    }),
    ("CHK-026", |ask, told| {
        if matches!(ask.route(), Route::Get(..)) {
            *told = Told::refusal(404, "not_found");
        }
    }),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_026_a_checkpoint_that_is_withheld_or_twisted() {
    let (years, away) = Years::passed().await;
    for (check, lie) in LIES {
        years.liar.tell(lie);
        // Some are noticed while the account comes back.
        let url = years.liar.url();
        let failure = match Device::recover(&url, "alice", &years.sheet.words, "fresh").await {
            Err(failure) => failure,
            Ok(fresh) => {
                let failure = fresh.sync().await.expect_err(check);
                let shown = fresh.list("/").await.map_or(0, |nodes| nodes.len());
                assert_eq!(shown, 0, "{check}: a part of a checkpoint is shown");
                failure
            }
        };
        assert_eq!(failure.check.as_deref(), Some(*check), "{failure:?}");
    }
    // A device that has read something keeps what it has, and every head.
    let away = away.wake().await;
    let failure = away.sync().await.unwrap_err();
    assert_eq!(failure.check.as_deref(), Some("CHK-026"), "{failure:?}");
    years.liar.repent();
    assert!(
        away.sync().await.is_err(),
        "an alarm stands until somebody looked"
    );
    away.dismiss("main").await.unwrap();
    away.sync().await.unwrap();
    equal(&years.alice, &away).await;
}

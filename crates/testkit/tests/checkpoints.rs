//! Checkpoints: a device writes one when enough came, another starts from it, and what they hold is what was folded.

use crannog_agent_api::answer::LogInfo;
use crannog_agent_api::{Answer, Request};
use crannog_testkit::{Device, Sheet, Site, Tables};

/// After so many entries every device has its turn.
const ENTRIES: usize = 2_048;

struct Years {
    site: Site,
    alice: Device,
    sheet: Sheet,
}

impl Years {
    /// An account whose drive has a checkpoint.
    async fn passed() -> Self {
        let site = Site::start();
        let (url, invite) = site.invite();
        let (alice, sheet) = Device::join(&url, &invite, "alice").await.unwrap();
        let years = Self { site, alice, sheet };
        years.alice.put("/kept.txt", b"first").await.unwrap();
        years.alice.put("/kept.txt", b"second").await.unwrap();
        years.alice.put("/trashed.txt", b"trashed").await.unwrap();
        years.alice.put("/gone.txt", b"gone").await.unwrap();
        years.remove(&["/trashed.txt", "/gone.txt"]).await;
        years.fill("early").await;
        years.checkpoints(1).await;
        years
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

    /// Waits until the drive has so many checkpoints.
    async fn checkpoints(&self, wanted: usize) {
        loop {
            let there = self.places().len();
            assert!(there <= wanted, "{there} checkpoints");
            if there == wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Where entries of kind Checkpoint stand.
    fn places(&self) -> Vec<u64> {
        let tables = Tables::of(&self.site.data);
        let entries = tables.table("entries").iter();
        entries
            .filter(|row| {
                let header: crannog_proto::Header = crannog_proto::decode(&row.bytes("header")).unwrap();
                matches!(header.kind, crannog_proto::Kind::Checkpoint { .. })
            })
            .map(|row| row.uint("seq"))
            .collect()
    }

    async fn another(&self, name: &str) -> Device {
        let device = Device::recover(&self.site.url(), "alice", &self.sheet.words, name)
            .await
            .unwrap();
        device.sync().await.unwrap();
        device
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

async fn equal(one: &Device, other: &Device) {
    let trees = (one.list("/").await.unwrap(), other.list("/").await.unwrap());
    let same = serde_json::to_string(&trees.0).unwrap() == serde_json::to_string(&trees.1).unwrap();
    assert!(same, "{} and {} nodes", trees.0.len(), trees.1.len());
    for request in [
        Request::TrashList { drive: None },
        Request::Versions {
            path: "/kept.txt".parse().unwrap(),
        },
    ] {
        let answers = (one.perform(request.clone()).await, other.perform(request).await);
        assert_eq!(format!("{:?}", answers.0), format!("{:?}", answers.1));
    }
    assert_eq!(
        one.cat("/kept.txt").await.unwrap(),
        other.cat("/kept.txt").await.unwrap()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_device_starts_from_a_checkpoint() {
    let years = Years::passed().await;
    let alice = &years.alice;
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

    // Both go on from there, the new one's checkpoint included.
    desk.mkdir("/desk").await.unwrap();
    alice.sync().await.unwrap();
    years.fill("late").await;
    years.remove(&["/early/7", "/late/9"]).await;
    years.checkpoints(2).await;
    desk.sync().await.unwrap();
    equal(alice, &desk).await;
    equal(alice, &years.another("phone").await).await;
    let findings = alice.verify_store().await.unwrap();
    assert!(
        findings.iter().all(|finding| finding.state == "ok"),
        "{findings:?}"
    );
    years.site.assert_sound();
}

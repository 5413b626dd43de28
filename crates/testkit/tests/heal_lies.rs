//! A server that only says that it was restored: nobody's alarm goes by its word, and what is owed to others is said in the end.

use std::collections::HashMap;

use crannog_agent_api::answer::Healed;
use crannog_agent_api::{Answer, Failure, Request};
use crannog_proto::api::{Append, Healing, Page};
use crannog_proto::{BlobId, Header, JournalId, Kind, Receipt, decode};
use crannog_testkit::{Ask, Device, Exchange, Liar, Route, Site, Told};

const DAY: i64 = 1_790_000_000;

fn asks_whether_it_heals(ask: &Ask) -> bool {
    ask.method == "GET" && ask.path == "/v1/healing"
}

fn heals() -> Told {
    Told::ok(&Some(Healing { taken: DAY }))
}

async fn heal(device: &Device) -> Result<Healed, Failure> {
    match device
        .perform(Request::Heal {
            invite: None,
            dry_run: false,
        })
        .await?
    {
        Answer::Healed(healed) => Ok(healed),
        other => panic!("heal: {other:?}"),
    }
}

async fn default_drive(device: &Device) -> JournalId {
    let drives = device.drives().await;
    let drive = drives.iter().find(|drive| drive.default).unwrap();
    drive.id.parse().unwrap()
}

/// Where each journal ended when it was last asked for.
fn ends(heard: &[Exchange]) -> HashMap<JournalId, Receipt> {
    let pages = heard.iter().filter(|exchange| exchange.told.status == 200);
    let end = |exchange: &Exchange| match exchange.ask.route() {
        Route::Entries(journal) => Some((journal, exchange.told.decode::<Page>().last)),
        _ => None,
    };
    pages.filter_map(end).collect()
}

async fn alarms(device: &Device) -> Vec<Option<String>> {
    let alarms = device.status().await.alarms.into_iter();
    alarms.map(|alarm| alarm.check).collect()
}

/// CHK-012: what another device of the account recorded in home is more than the server shows. It says that it was restored, and shows no
/// more; the alarm is true, and stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_012_a_false_claim_takes_no_true_alarm_away() {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let (_, invite) = site.invite();
    let (alice, sheet) = Device::join(&liar.url(), &invite, "alice").await.unwrap();
    alice.put("/early", b"early").await.unwrap();
    let drive = default_drive(&alice).await;
    liar.heard();
    alice.sync().await.unwrap();
    let end = ends(&liar.heard())[&drive];
    let alice = alice.rest().await;

    let url = site.url();
    let other = Device::recover(&url, "alice", &sheet.words, "other")
        .await
        .unwrap();
    other.put("/late", b"late").await.unwrap();
    // A device records what it sees when it comes.
    let third = Device::recover(&url, "alice", &sheet.words, "third")
        .await
        .unwrap();
    third.sync().await.unwrap();
    third.close().await;
    other.close().await;

    liar.swallow(move |ask| {
        let page = Page {
            entries: Vec::new(),
            last: end,
        };
        match ask.route() {
            Route::Entries(journal) if journal == drive => Some(Told::ok(&page)),
            _ if asks_whether_it_heals(ask) => Some(heals()),
            _ => None,
        }
    });
    let alice = alice.wake().await;
    alice.drives().await;
    let known = [Some("CHK-012".to_owned())];
    assert_eq!(alarms(&alice).await, known);
    let healed = heal(&alice).await.unwrap();
    let [named] = &healed.journals[..] else {
        panic!("{healed:?}")
    };
    assert!(named.entries == 0 && named.missing > 0, "{named:?}");
    assert_eq!(alarms(&alice).await, known);

    // The honest twin: whoever says the same and shows all of it.
    liar.repent();
    assert!(site.admin(&["healing", "begin"]).status.success());
    let healed = heal(&alice).await.unwrap();
    assert_eq!((healed.journals, alarms(&alice).await), (vec![], vec![]));
    assert_eq!(alice.paths().await, ["early", "late"]);
    assert!(site.admin(&["healing", "end", "--yes"]).status.success());
    alice.sync().await.unwrap();
    alice.close().await;
    site.assert_sound();
}

/// How many Resets were tried.
fn resets(heard: &[Exchange], drive: JournalId) -> usize {
    let appends = heard
        .iter()
        .filter(|exchange| exchange.ask.route() == Route::Append(drive));
    let entries = appends.flat_map(|exchange| decode::<Append>(&exchange.ask.body).unwrap().entries);
    let headers = entries.map(|entry| decode::<Header>(&entry.header).unwrap());
    headers
        .filter(|header| matches!(header.kind, Kind::Reset { .. }))
        .count()
}

/// An admin's device owes her drives a word on what is lost until it has been said in all of them, whatever comes between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_said_is_said_later() {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let (_, invite) = site.invite();
    let (alice, _) = Device::join(&liar.url(), &invite, "alice").await.unwrap();
    alice.put("/file", &[7; 100_000]).await.unwrap();
    alice.create_drive("gone").await.unwrap();
    alice.put("gone:/file", &[8; 100_000]).await.unwrap();
    let drive = default_drive(&alice).await;
    liar.swallow(|ask| asks_whether_it_heals(ask).then(heals));
    assert_eq!(heal(&alice).await.unwrap().journals, []);

    let lost = |ask: &Ask| -> Option<Told> {
        let all = || decode::<Vec<BlobId>>(&ask.body).unwrap();
        ask.path.ends_with("/lacking").then(|| Told::ok(&all()))
    };
    liar.swallow(move |ask| match ask.route() {
        Route::Append(journal) if journal == drive => Some(Told::refusal(507, "quota")),
        _ => lost(ask),
    });
    liar.heard();
    alice.sync().await.unwrap();
    assert_eq!(resets(&liar.heard(), drive), 1, "tried");
    liar.swallow(lost);
    for (tried, why) in [(1, "and once more"), (0, "it has been said")] {
        alice.sync().await.unwrap();
        assert_eq!(resets(&liar.heard(), drive), tried, "{why}");
    }
    alice.close().await;
    site.assert_sound();
}

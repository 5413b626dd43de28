//! A server that only says that it was restored: nobody's alarm goes by its word, what it was given it has to show, and what is owed to
//! others is said in the end.

use std::collections::HashMap;

use crannog_agent_api::answer::Healed;
use crannog_agent_api::request::Role;
use crannog_agent_api::{Answer, Failure, Request};
use crannog_client::transport::GrantKey;
use crannog_core::identity::revoke_device;
use crannog_proto::api::{Append, AppendResult, Healing, Page};
use crannog_proto::sign::{Signature, message};
use crannog_proto::{BlobId, ErrorCode, Header, JournalId, Kind, Receipt, decode, limits};
use crannog_seal::sign::EpochAdminKey;
use crannog_testkit::{Ask, Device, Exchange, Insider, Liar, Reading, Route, Site, Told};

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

/// What was answered to the last of such questions.
fn told_to(heard: &[Exchange], which: impl Fn(&Ask) -> bool) -> Told {
    let mut answers = heard.iter().filter(|exchange| which(&exchange.ask));
    answers.next_back().unwrap().told.clone()
}

fn asks_for_the_account(ask: &Ask) -> bool {
    ask.route() == Route::Account
}

/// It says that it was restored, takes every sigchain, and goes on showing `old` to such questions.
fn takes_and_forgets(liar: &Liar, old: Told, which: impl Fn(&Ask) -> bool + Send + 'static) {
    liar.swallow(move |ask| match ask {
        ask if asks_whether_it_heals(ask) => Some(heals()),
        ask if which(ask) => Some(old.clone()),
        ask if ask.path.starts_with("/v1/healing/") => Some(Told::ok(&())),
        _ => None,
    });
}

/// CHK-007: a server that says that it was restored gets one's own sigchain back, and has to show it then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_007_a_chain_that_was_given_back_is_shown() {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let (_, invite) = site.invite();
    let (alice, sheet) = Device::join(&liar.url(), &invite, "alice").await.unwrap();
    liar.heard();
    alice.sync().await.unwrap();
    let early = told_to(&liar.heard(), asks_for_the_account);
    let phone = Device::recover(&site.url(), "alice", &sheet.words, "phone")
        .await
        .unwrap();
    alice.sync().await.unwrap();

    takes_and_forgets(&liar, early.clone(), asks_for_the_account);
    let failure = heal(&alice).await.unwrap_err();
    assert_eq!(failure.check.as_deref(), Some("CHK-007"), "{failure:?}");

    // The honest twins: one that lost nothing, and one that shows what it got.
    liar.repent();
    assert!(site.admin(&["healing", "begin"]).status.success());
    let healed = heal(&alice).await.unwrap();
    assert_eq!((healed.chains, healed.journals), (vec![], vec![]));
    let mut early = Some(early);
    liar.swallow(move |ask| asks_for_the_account(ask).then(|| early.take()).flatten());
    let healed = heal(&alice).await.unwrap();
    let [chain] = &healed.chains[..] else {
        panic!("{healed:?}")
    };
    assert_eq!((chain.name.as_str(), chain.links), ("alice", 1));
    alice.close().await;
    phone.close().await;
    site.assert_sound();
}

/// CHK-007: the same with the sigchain of somebody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_007_a_chain_of_others_that_was_given_back_is_shown() {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let (_, invite) = site.invite();
    let (alice, sheet) = Device::join(&site.url(), &invite, "alice").await.unwrap();
    let (_, invite) = site.invite();
    let (bob, _) = Device::join(&liar.url(), &invite, "bob").await.unwrap();
    alice.mkdir("/plans").await.unwrap();
    alice.share("/plans", "bob", Role::Writer).await.unwrap();
    bob.sync().await.unwrap();
    bob.accept("plans", None).await.unwrap();
    let asks_for_alice = |ask: &Ask| matches!(ask.route(), Route::DirectoryOf(_));
    liar.heard();
    bob.sync().await.unwrap();
    let early = told_to(&liar.heard(), asks_for_alice);
    let phone = Device::recover(&site.url(), "alice", &sheet.words, "phone")
        .await
        .unwrap();
    bob.sync().await.unwrap();

    takes_and_forgets(&liar, early.clone(), asks_for_alice);
    let failure = heal(&bob).await.unwrap_err();
    assert_eq!(failure.check.as_deref(), Some("CHK-007"), "{failure:?}");

    liar.repent();
    assert!(site.admin(&["healing", "begin"]).status.success());
    assert_eq!(heal(&bob).await.unwrap().chains, []);
    let mut early = Some(early);
    liar.swallow(move |ask| asks_for_alice(ask).then(|| early.take()).flatten());
    let healed = heal(&bob).await.unwrap();
    let [chain] = &healed.chains[..] else {
        panic!("{healed:?}")
    };
    assert_eq!((chain.name.as_str(), chain.links), ("alice", 1));
    for device in [alice, bob, phone] {
        device.close().await;
    }
    site.assert_sound();
}

/// What the entries of a drive bring.
fn brought(reading: &Reading) -> Vec<BlobId> {
    let headers = reading.stored.iter().map(|stored| &stored.entry.header);
    let mut ids: Vec<BlobId> = headers
        .flat_map(|header| decode::<Header>(header).unwrap().adds)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Mallory names blobs of drives that she may not read, as if she gave an entry back: Alice's device takes over nothing for her, and says
/// that it is lost. The honest twin is `what_another_drive_holds_is_not_lost`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_over_for_whom_may_not_read_it() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let mut hand = Insider::join(&url, &invite, "alice").await;
    let alice = Device::recover(&url, "alice", &hand.sheet.words, "laptop")
        .await
        .unwrap();
    let mut mallory = Insider::join(&url, &site.invite().1, "mallory").await;
    alice.create_drive("main").await.unwrap();
    alice.put("/own", &[7; 100_000]).await.unwrap();
    hand.sync().await;
    let own = brought(hand.the_drive());
    alice.create_drive("left").await.unwrap();
    alice.put("left:/file", &[8; 100_000]).await.unwrap();
    alice.share("left:/", "mallory", Role::Reader).await.unwrap();
    let left = brought(&mallory.accept().await);
    alice.unshare("left:/", &["mallory"]).await.unwrap();
    alice.create_drive("shared").await.unwrap();
    alice.share("shared:/", "mallory", Role::Writer).await.unwrap();
    let mut shared = mallory.accept().await;
    assert!(!own.is_empty() && !left.is_empty());

    assert!(site.admin(&["healing", "begin"]).status.success());
    for ids in [&own, &left] {
        let named = mallory.seal_ops(&shared, Vec::new(), ids.clone());
        let taken = mallory
            .transport
            .append_back(&shared.id(), &[named.entry], &[])
            .await
            .unwrap();
        assert!(matches!(taken[..], [AppendResult::Done(_)]), "{taken:?}");
        mallory.read_on(&mut shared).await;
    }
    alice.sync().await.unwrap();
    heal(&alice).await.unwrap();
    assert!(site.admin(&["healing", "end", "--yes"]).status.success());
    alice.sync().await.unwrap();
    mallory.read_on(&mut shared).await;
    let last: Header = decode(&shared.stored.last().unwrap().entry.header).unwrap();
    assert!(matches!(last.kind, Kind::Reset { .. }), "{last:?}");
    let token = mallory.token(&shared);
    for id in own.iter().chain(&left) {
        let got = mallory
            .transport
            .get_blob(&shared.id(), &token, id, limits::CHUNK)
            .await;
        assert_eq!(got.unwrap_err().code(), Some(ErrorCode::NotFound));
    }
    alice.close().await;
    site.assert_sound();
}

/// CHK-004: a device that went after the backup comes first, with a link of its own and boxes that hold nothing. What the backup had still
/// opens by the words, which override what the device added. The honest twin seals what it should.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_004_spoilt_boxes_lock_nobody_out() {
    for (revokes, spoils) in [(false, true), (true, true), (true, false)] {
        let site = Site::start();
        let (url, invite) = site.invite();
        let mut thief = Insider::join(&url, &invite, "alice").await;
        let words = thief.sheet.words.clone();
        let laptop = Device::recover(&url, "alice", &words, "laptop").await.unwrap();
        laptop.create_drive("main").await.unwrap();
        laptop.put("/early", b"early").await.unwrap();
        thief.sync().await;
        assert!(site.admin(&["healing", "begin"]).status.success());

        let (chain, secrets) = (thief.known.state(), &thief.secrets);
        let other = chain.devices.iter().find(|device| device.id != thief.device);
        let new = match revokes {
            true => revoke_device(chain, secrets, other.unwrap().id, &mut rand::rng()).unwrap(),
            false => thief.device_link().0,
        };
        let secrets = new.account.as_ref().unwrap_or(secrets);
        let mut sealed = secrets.seal_again(&new.chain, &mut rand::rng()).unwrap();
        let newest = sealed.last_mut().unwrap();
        let boxes = newest.devices.iter_mut().map(|envelope| &mut envelope.wrapped);
        for sealed in boxes.chain([&mut newest.recovery]).filter(|_| spoils) {
            sealed.fill(0);
        }
        let links = [thief.known.links(), &[new.link]].concat();
        thief
            .transport
            .give_back_account(&links, &sealed, None)
            .await
            .unwrap();
        assert!(site.admin(&["healing", "end", "--yes"]).status.success());

        let phone = Device::recover(&url, "alice", &words, "phone").await.unwrap();
        assert_eq!(phone.cat("/early").await.unwrap(), b"early");
        phone.put("/late", b"late").await.unwrap();
        match revokes && !spoils {
            true => drop(laptop.sync().await.unwrap_err()),
            false => {
                laptop.sync().await.unwrap();
                assert_eq!(laptop.cat("/late").await.unwrap(), b"late");
            }
        }
        laptop.close().await;
        phone.close().await;
        site.assert_sound();
    }
}

struct Maker(EpochAdminKey);

impl GrantKey for Maker {
    fn epoch(&self) -> u64 {
        0
    }

    fn sign_grant(&self, label: &'static str, statement: &[u8]) -> Signature {
        Signature(self.0.sign(&message(label, statement)))
    }
}

/// Every member has the first entry of a drive. Whoever gives it back pays for the drive, and ends with it: only its maker can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_drive_comes_back_as_its_makers() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let alice = Insider::join(&url, &invite, "alice").await;
    let mallory = Insider::join(&url, &site.invite().1, "mallory").await;
    assert!(site.admin(&["healing", "begin"]).status.success());
    let ((_, lost, secrets), (_, _, others)) = (alice.genesis(), mallory.genesis());
    let key = Maker(others.admin_key().unwrap());
    let refused = mallory.transport.create_back(&lost, &key).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::Forbidden));
    let key = Maker(secrets.admin_key().unwrap());
    alice.transport.create_back(&lost, &key).await.unwrap();
    site.assert_sound();
}

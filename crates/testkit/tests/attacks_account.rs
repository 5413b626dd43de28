//! The account as the server tells it: sigchain, sealed secrets, home (attacks 1, 2, 3, 5, 6, 14; rows 33 and 34 with the sheet).

use crannog_agent_api::{Code, Failure};
use crannog_core::identity::envelope_for;
use crannog_proto::api::{AccountView, Page, Register, Stored};
use crannog_proto::sigchain::GenerationSecrets;
use crannog_proto::{Entry, Hash, JournalId, chain};
use crannog_seal::schedule::AccountSecret;
use crannog_testkit::{Ask, Device, Liar, Route, ServerKeys, Sheet, Site, Told};

struct Ground {
    site: Site,
    liar: Liar,
    sheet: Sheet,
    old: AccountView,
    view: AccountView,
    other: AccountView,
    /// Bob's home, as the operator can read it.
    bobs_home: Page,
}

/// Alice with two devices (her chain has two links and two generations), and Bob.
async fn ground() -> Ground {
    let site = Site::start();
    let liar = Liar::before(&site).await;
    let (_, invite) = site.invite();
    let (first, sheet) = Device::join(&liar.url(), &invite, "alice").await.unwrap();
    let old = view(&liar);
    Device::recover(&liar.url(), "alice", &sheet.words, "second")
        .await
        .unwrap()
        .close()
        .await;
    first.sync().await.unwrap();
    let view_now = view(&liar);
    first.close().await;
    let (_, invite) = site.invite();
    let (bob, _) = Device::join(&liar.url(), &invite, "bobby").await.unwrap();
    let heard = liar.heard();
    let other: AccountView = heard
        .iter()
        .rev()
        .find(|e| account(&e.ask))
        .unwrap()
        .told
        .decode();
    let register = heard.iter().find(|e| e.ask.route() == Route::Register).unwrap();
    let genesis = crannog_proto::decode::<Register>(&register.ask.body)
        .unwrap()
        .home;
    bob.close().await;
    assert!(view_now.links.len() > old.links.len());
    let keys = ServerKeys::of(&site.data);
    Ground {
        site,
        liar,
        sheet,
        old,
        view: view_now,
        other,
        bobs_home: alone(genesis, &keys),
    }
}

/// A journal of nothing but its genesis.
fn alone(entry: Entry, keys: &ServerKeys) -> Page {
    let head = chain::next_head(&Hash::ZERO, 0, &entry.header);
    let last = keys.receipt(JournalId::of_genesis(&entry.header), 0, head);
    let genesis = Stored {
        seq: 0,
        head,
        entry,
        body_gone: false,
    };
    Page {
        entries: vec![genesis],
        last,
    }
}

/// The newest account that the liar told.
fn view(liar: &Liar) -> AccountView {
    let heard = liar.heard();
    let told = heard
        .iter()
        .rev()
        .find(|e| e.ask.route() == Route::Account && e.told.status == 200);
    told.unwrap().told.decode()
}

fn account(ask: &Ask) -> bool {
    ask.route() == Route::Account
}

/// A recovery behind the liar; the failure that it ends with, and what was sent after the lie was told.
async fn lied_to(
    ground: &Ground,
    words: &str,
    lie: impl Fn(&mut AccountView) + Send + 'static,
) -> (Failure, usize) {
    ground.liar.heard();
    ground.liar.tell(move |ask, told: &mut Told| {
        if account(ask) {
            told.edit(&lie);
        }
    });
    let profile = tempfile::tempdir().unwrap();
    let home = profile.path().join("profile");
    let result = Device::try_recover(&home, &ground.liar.url(), "alice", words, "third").await;
    ground.liar.repent();
    let failure = result.expect_err("a lie");
    assert!(!home.join("key").exists(), "a profile was left");
    let heard = ground.liar.heard();
    let at = heard.iter().position(|e| account(&e.ask)).unwrap();
    (failure, heard.len() - at - 1)
}

type Twist = fn(&mut AccountView, &AccountView, &AccountView);

/// Who has only her words is lied to about her account.
const CHAINS: &[(&str, &str, Twist)] = &[
    ("a link flipped", "CHK-006", |v, _, _| {
        let link = v.links.last_mut().unwrap();
        let at = link.link.len() - 1;
        link.link[at] ^= 1;
    }),
    ("the first link flipped", "CHK-006", |v, _, _| {
        v.links[0].link[200] ^= 1
    }),
    ("a link's signature flipped", "CHK-006", |v, _, _| {
        v.links.last_mut().unwrap().signatures[0].0[9] ^= 1;
    }),
    ("a signature left out", "CHK-006", |v, _, _| {
        v.links.last_mut().unwrap().signatures.truncate(0)
    }),
    ("a link repeated", "CHK-006", |v, _, _| {
        let last = v.links.last().unwrap().clone();
        v.links.push(last);
    }),
    ("links exchanged", "CHK-006", |v, _, _| v.links.swap(0, 1)),
    ("no links", "CHK-006", |v, _, _| v.links.clear()),
    (
        "a ghost device from another chain (attack 14)",
        "CHK-006",
        |v, _, other| {
            v.links.push(other.links[0].clone());
        },
    ),
    ("a link of another version", "CHK-010", |v, _, _| {
        v.links[0].link[0] = 2
    }),
    ("a link with a byte more", "CHK-029", |v, _, _| {
        v.links[0].link.push(0)
    }),
    ("a link of a megabyte", "CHK-024", |v, _, _| {
        v.links[0].link = vec![1; 1 << 20]
    }),
    ("another account", "CHK-008", |v, _, other| *v = other.clone()),
    (
        "another account's chain under my name",
        "CHK-008",
        |v, _, other| v.links = other.links.clone(),
    ),
    ("no secrets", "CHK-004", |v, _, _| v.secrets.clear()),
    (
        "the secrets of another account (attack 5)",
        "CHK-004",
        |v, _, other| v.secrets = other.secrets.clone(),
    ),
    ("old secrets under the newest number", "CHK-004", |v, old, _| {
        let number = v.secrets.last().unwrap().number;
        *v.secrets.last_mut().unwrap() = GenerationSecrets {
            number,
            ..old.secrets[0].clone()
        };
    }),
    ("two boxes exchanged (attack 2)", "CHK-004", |v, _, _| {
        let first = v.secrets[0].recovery.clone();
        v.secrets[0].recovery = std::mem::replace(&mut v.secrets[1].recovery, first);
    }),
    ("no older generation", "CHK-004", |v, _, _| {
        v.secrets.last_mut().unwrap().previous = None
    }),
];

#[tokio::test]
async fn chains_and_secrets_that_are_not_mine() {
    let ground = ground().await;
    let mut wrong = Vec::new();
    for (name, check, twist) in CHAINS {
        let (twist, old, other) = (*twist, ground.old.clone(), ground.other.clone());
        let (failure, after) = lied_to(&ground, &ground.sheet.words, move |v| twist(v, &old, &other)).await;
        let right = failure.code == Code::VerificationFailed && failure.check.as_deref() == Some(*check);
        let named = failure
            .object
            .as_ref()
            .is_some_and(|object| object.contains("alice") || object.contains("account"));
        if !right || !named || after != 0 {
            wrong.push(format!(
                "{name}: {check} was expected, not {failure:?}; {after} requests after it"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The honest twin.
    let device = Device::recover(&ground.liar.url(), "alice", &ground.sheet.words, "third")
        .await
        .unwrap();
    device.put("/x", b"x").await.unwrap();
    device.close().await;
}

/// Attacks 1, 2 and 3: whatever is done to a wrapped secret, wherever, the answer is one and the same error (CHK-002, CHK-004), and
/// nothing is sent after it.
#[tokio::test]
async fn a_mauled_box_gives_one_error_and_silence() {
    let ground = ground().await;
    let newest = ground.view.secrets.last().unwrap().recovery.len();
    // Every kind of byte: the encapsulated key's two halves, ciphertext, tag.
    let places = [
        0,
        1,
        500,
        1087,
        1088,
        1119,
        1120,
        1121,
        newest - 17,
        newest - 16,
        newest - 1,
    ];
    let mut said = Vec::new();
    for at in places {
        for bit in [1, 0x80] {
            said.push(
                lied_to(&ground, &ground.sheet.words, move |v| {
                    v.secrets.last_mut().unwrap().recovery[at] ^= bit;
                })
                .await,
            );
        }
    }
    for len in [0, 1, 16, 1119, 1120, newest - 1] {
        said.push(
            lied_to(&ground, &ground.sheet.words, move |v| {
                v.secrets.last_mut().unwrap().recovery.truncate(len)
            })
            .await,
        );
    }
    said.push(
        lied_to(&ground, &ground.sheet.words, |v| {
            v.secrets.last_mut().unwrap().recovery.push(0)
        })
        .await,
    );
    let previous = ground
        .view
        .secrets
        .last()
        .unwrap()
        .previous
        .as_ref()
        .unwrap()
        .len();
    for at in [0, 1, 31, 32, previous / 2, previous - 1] {
        said.push(
            lied_to(&ground, &ground.sheet.words, move |v| {
                v.secrets.last_mut().unwrap().previous.as_mut().unwrap()[at] ^= 1;
            })
            .await,
        );
    }
    // A valid box to my own key, of a secret that the server chose (attack 5): the same again.
    let chosen = chosen_by_server(&ground);
    said.push(
        lied_to(&ground, &ground.sheet.words, move |v| {
            v.secrets.last_mut().unwrap().recovery.clone_from(&chosen)
        })
        .await,
    );
    let (first, _) = &said[0];
    assert_eq!(first.check.as_deref(), Some("CHK-004"));
    for (failure, after) in &said {
        assert_eq!((failure, *after), (first, 0));
    }
}

/// A proper HPKE box to the account's recovery key, of another secret.
fn chosen_by_server(ground: &Ground) -> Vec<u8> {
    use crannog_proto::sigchain::{Device as ChainDevice, Link, LinkKind};
    let create: Link = crannog_proto::decode(&ground.view.links[0].link).unwrap();
    let LinkKind::Create {
        root,
        recovery_kem,
        device,
        ..
    } = create.kind
    else {
        panic!("a chain begins with Create")
    };
    let number = ground.view.secrets.last().unwrap().number;
    let mut rng = rand::rng();
    let secret = AccountSecret::generate(&mut rng).bind(&root.0, number);
    let to = ChainDevice {
        kem: recovery_kem,
        ..device
    };
    let account = ground.view.links[0].account_id();
    envelope_for(&account, &secret, &to, &mut rng).unwrap().wrapped
}

/// CHK-027: with the whole sheet nobody can roll the account back below it. With the words alone nobody would notice.
#[tokio::test]
async fn a_sheet_is_a_floor() {
    let ground = ground().await;
    let state = crannog_proto::sigchain::verify_chain(&ground.view.links).unwrap();
    let cite = state.cite();
    let lines = ground.sheet.text.lines().map(|line| {
        if line.starts_with("link:") {
            format!("link: {} {}\n", cite.seq, cite.head)
        } else {
            format!("{line}\n")
        }
    });
    let newer: String = lines.collect();
    let old = ground.old.clone();
    let (failure, after) = lied_to(&ground, &newer, move |v| *v = old.clone()).await;
    assert_eq!(
        (failure.code, failure.check.as_deref()),
        (Code::VerificationFailed, Some("CHK-027")),
        "{failure:?}"
    );
    assert_eq!(after, 0);
    assert!(failure.object.unwrap().contains("alice"));
    Device::recover(&ground.liar.url(), "alice", &newer, "third")
        .await
        .unwrap()
        .close()
        .await;
    drop(ground.site);
}

/// CHK-005 and CHK-021: the home that the server names is not mine.
#[tokio::test]
async fn another_home() {
    let ground = ground().await;
    // Bob's home has another id than mine, and his token opens it to nobody: the server simply serves it.
    let bob = ground.other.home;
    let alice = ground.view.home;
    let mut wrong = Vec::new();
    for (name, check, relabel) in [
        ("claimed as mine", "CHK-005", false),
        ("under my home's id", "CHK-021", true),
    ] {
        let page = ground.bobs_home.clone();
        let keys = ServerKeys::of(&ground.site.data);
        ground.liar.tell(move |ask, told| {
            if account(ask) && !relabel {
                told.edit(|view: &mut AccountView| view.home = bob);
            }
            if let Route::Entries(id) = ask.route()
                && (id == bob || id == alice)
            {
                let mut page = page.clone();
                page.last = keys.receipt(id, page.last.seq, page.last.head);
                *told = Told::ok(&page);
            }
        });
        let profile = tempfile::tempdir().unwrap();
        let home = profile.path().join("profile");
        let result =
            Device::try_recover(&home, &ground.liar.url(), "alice", &ground.sheet.words, "third").await;
        ground.liar.repent();
        let failure = result.expect_err(name);
        if failure.check.as_deref() != Some(check) || home.join("key").exists() {
            wrong.push(format!("{name}: {failure:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

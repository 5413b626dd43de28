//! A device that knows her chain already is shown another one; the server shows another face; the local key file is weakened
//! (attacks 6, 9, 11, 14, 33).

use crannog_agent_api::{Code, Failure, Secret};
use crannog_client::Engine;
use crannog_proto::api::{AccountView, ServerInfo};
use crannog_testkit::{Device, Liar, PASSWORD, Route, ServerKeys, Site, World};

type Twist = fn(&mut AccountView);

/// What a known device says to another chain than the one that she knows.
const CHAINS: &[(&str, &str, Twist)] = &[
    ("the newest link removed (attack 14)", "CHK-007", |view| {
        drop(view.links.pop().unwrap().link)
    }),
    ("all but the first removed", "CHK-007", |view| {
        view.links.truncate(1)
    }),
    ("the last link flipped", "CHK-006", |view| {
        let link = view.links.last_mut().unwrap();
        let at = link.link.len() - 2;
        link.link[at] ^= 1;
    }),
    ("a link repeated", "CHK-006", |view| {
        let last = view.links.last().unwrap().clone();
        view.links.push(last);
    }),
    ("a link of version 0", "CHK-010", |view| {
        let mut last = view.links.last().unwrap().clone();
        last.link[0] = 0;
        view.links.push(last);
    }),
    ("garbage as a link", "CHK-029", |view| {
        let mut last = view.links.last().unwrap().clone();
        last.link = vec![1; 40];
        view.links.push(last);
    }),
];

#[tokio::test]
async fn a_known_chain_is_never_replaced() {
    let world = World::new(
        async |_| {},
        async |author| drop(author.put("/x", b"x").await.unwrap()),
    )
    .await;
    let mut wrong = Vec::new();
    for (name, check, twist) in CHAINS {
        let twist = *twist;
        world.liar.tell(move |ask, told| {
            if ask.route() == Route::Account {
                told.edit(twist);
            }
        });
        let victim = world.victim().await;
        let found = victim
            .failure
            .as_ref()
            .and_then(|failure| failure.check.as_deref());
        let named = victim
            .failure
            .as_ref()
            .and_then(|failure| failure.object.as_deref());
        if found != Some(*check) || !named.is_some_and(|object| object.contains("alice")) {
            wrong.push(format!("{name}: {check} was expected, not {:?}", victim.failure));
        }
        assert_eq!(
            victim.device.paths().await,
            Vec::<String>::new(),
            "{name}: nothing was read on"
        );
        victim.device.close().await;
        world.liar.repent();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let victim = world.victim().await;
    assert_eq!(
        (victim.failure, victim.device.list("/").await.unwrap().len()),
        (None, 1),
        "the honest twin"
    );
}

async fn join(url: &str, invite: &str) -> Result<(), Failure> {
    let (device, _) = Device::join(url, invite, "alice").await?;
    device.close().await;
    Ok(())
}

fn assert_other_face(result: Result<(), Failure>, what: &str) {
    let failure = result.expect_err(what);
    assert_eq!(
        (failure.code, failure.check.as_deref()),
        (Code::VerificationFailed, Some("CHK-020")),
        "{what}: {failure:?}"
    );
    assert!(failure.object.is_some(), "{what}");
}

/// CHK-020 (attack 6): another CA, another leaf, another name, another receipt key.
#[tokio::test]
async fn another_face() {
    let site = Site::start();
    let invite = site.invite().1;
    let real = || ServerKeys::of(&site.data);
    let impostor = ServerKeys::impostor(real().fingerprint);
    let tls = impostor.tls();
    let liar = Liar::with_tls(&site, impostor, tls).await;
    assert_other_face(join(&liar.url(), &invite).await, "another CA");

    let foreign = real().with_foreign_key();
    let tls = foreign.tls();
    let liar = Liar::with_tls(&site, foreign, tls).await;
    assert_other_face(
        join(&liar.url(), &invite).await,
        "a leaf that the CA did not sign",
    );

    let tls = real().tls_named("0123456789abcdef.invalid");
    let liar = Liar::with_tls(&site, real(), tls).await;
    assert_other_face(join(&liar.url(), &invite).await, "a leaf for another server");

    let liar = Liar::before(&site).await;
    let other = ServerKeys::impostor(real().fingerprint).receipt_key();
    liar.tell(move |ask, told| {
        if ask.route() == Route::Server {
            told.edit(|info: &mut ServerInfo| info.receipt_key = other);
        }
    });
    assert_other_face(
        join(&liar.url(), &invite).await,
        "a receipt key that the CA never signed",
    );
    liar.tell(|ask, told| {
        if ask.route() == Route::Server {
            told.edit(|info: &mut ServerInfo| info.receipt_key_signature.0[3] ^= 1);
        }
    });
    assert_other_face(join(&liar.url(), &invite).await, "a flipped signature");
    liar.tell(|ask, told| {
        if ask.route() == Route::Server {
            told.edit(|info: &mut ServerInfo| info.ca_fingerprint.0[0] ^= 1);
        }
    });
    assert_other_face(join(&liar.url(), &invite).await, "another fingerprint inside");
    liar.repent();
    join(&liar.url(), &invite).await.expect("the honest twin");
}

/// CHK-009 (attacks 9 and 11): weaker, stronger or no password hashing is refused before anything is derived; it takes no time.
#[tokio::test]
async fn password_parameters_have_a_floor() {
    let site = Site::start();
    let (url, invite) = site.invite();
    let (device, _) = Device::join(&url, &invite, "alice").await.unwrap();
    let Device {
        engine,
        profile,
        scratch,
    } = device;
    engine.close(true).await;
    let key = std::fs::read(profile.join("key")).unwrap();
    let password = Secret::new(PASSWORD.to_owned());
    let unlock = || Engine::unlock(&profile, &password);
    let mut refused = 0;
    // After eight bytes of magic and the version stand memory, passes and lanes as u32. Each is lowered to 0 and 1, and raised to the sky.
    for at in [9, 13, 17] {
        for value in [0_u32, 1, u32::MAX] {
            let mut weaker = key.clone();
            weaker[at..at + 4].copy_from_slice(&value.to_le_bytes());
            if weaker == key {
                continue;
            }
            std::fs::write(profile.join("key"), &weaker).unwrap();
            let failure = unlock().await.expect_err("a weaker key file");
            assert_eq!(
                failure.check.as_deref(),
                Some("CHK-009"),
                "{at} {value}: {failure:?}"
            );
            assert!(failure.object.unwrap().contains("key"));
            refused += 1;
        }
    }
    assert!(refused >= 8);
    std::fs::write(profile.join("key"), &key).unwrap();
    unlock().await.expect("the honest twin").close(true).await;
    drop(scratch);
}

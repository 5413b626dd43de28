//! What a server that heals takes back of accounts, and from whom; what a hostile member gets of it.

use crannog_proto::api::{
    AccountView, AppendLink, DirectoryEntry, GiveBack, LinkSecrets, Login, LostAccount, Principal, Session,
    login_statement,
};
use crannog_proto::sigchain::{GenerationSecrets, LinkKind, SignedLink};
use crannog_proto::{DeviceId, labels, limits};
use http::StatusCode;

use crate::TestServer;
use crate::client::{Answer, Client};
use crate::fixtures::{Key, Person, device_of, generation, noise, random, secrets, sign_link};
use crate::operate::crannogd;

async fn operate(server: &TestServer, words: &'static [&'static str]) {
    let data = server.folder.path().to_owned();
    let done = tokio::task::spawn_blocking(move || crannogd(&data, words)).await;
    assert!(done.unwrap().status.success());
}

/// A device that came by the words after the backup, and alone remained.
struct Recovered {
    key: Key,
    account: Key,
    id: DeviceId,
    links: Vec<SignedLink>,
}

impl Recovered {
    fn of(person: &Person) -> Self {
        let (key, account, id) = (Key::new(), Key::new(), DeviceId(random()));
        let kind = LinkKind::Recover {
            device: device_of(id, &key),
            generation: generation(1, &account),
            remaining: vec![id],
        };
        let link = sign_link(1, person.create.hash(), kind, &[&person.root, &account, &key]);
        Self {
            key,
            account,
            id,
            links: vec![person.create.clone(), link],
        }
    }

    /// Both generations, boxes in the last one.
    fn secrets(&self) -> Vec<GenerationSecrets> {
        let first = GenerationSecrets {
            number: 0,
            recovery: vec![],
            devices: vec![],
            previous: None,
        };
        let second = GenerationSecrets {
            previous: Some(noise(100)),
            ..secrets(1, self.id)
        };
        vec![first, second]
    }
}

async fn proof(client: &mut Client, name: &str, id: DeviceId, key: &Key) -> Login {
    let challenge = client.challenge(name).await;
    let statement = login_statement(&client.url.fingerprint, &challenge, name);
    Login {
        name: name.to_owned(),
        principal: Principal::Device(id),
        challenge,
        signature: key.sign(labels::LOGIN, &statement),
    }
}

async fn give_back(client: &mut Client, phone: &Recovered, change: impl FnOnce(&mut GiveBack)) -> Answer {
    let mut given = GiveBack {
        login: proof(client, "alice", phone.id, &phone.key).await,
        links: phone.links.clone(),
        secrets: phone.secrets(),
        lost: None,
    };
    change(&mut given);
    client.post("/v1/healing/account", &given).await
}

async fn log_in(client: &mut Client, name: &str, id: DeviceId, key: &Key) -> Answer {
    client.session = None;
    let challenge = client.challenge(name).await;
    client.answer(name, Principal::Device(id), key, challenge).await
}

#[tokio::test]
async fn a_sigchain_comes_back_and_lets_its_device_in() {
    let server = TestServer::start().await;
    let (alice, mut laptop) = server.person("alice").await;
    let (_, mut bob) = server.person("bob").await;
    let (phone, mut client) = (Recovered::of(&alice), server.client().await);
    assert_eq!(
        give_back(&mut client, &phone, |_| ()).await.code(),
        "forbidden",
        "only while it heals"
    );
    assert_eq!(
        bob.post("/v1/healing/chains", &phone.links).await.code(),
        "forbidden"
    );
    operate(&server, &["healing", "begin"]).await;
    assert_eq!(
        log_in(&mut client, "alice", phone.id, &phone.key).await.code(),
        "bad_signature"
    );
    for _ in 0..2 {
        give_back(&mut client, &phone, |_| ()).await.read::<()>();
    }
    let session = log_in(&mut client, "alice", phone.id, &phone.key).await;
    client.session = Some(session.read::<Session>().token);
    let view: AccountView = client.get("/v1/account").await.read();
    assert_eq!(
        (&view.links, view.secrets.len(), view.home),
        (&phone.links, 2, alice.home.id)
    );
    assert_eq!(
        laptop.get("/v1/account").await.code(),
        "unauthorized",
        "the device that went is gone again"
    );
    // It cannot go back to what the chain was: what is given is what is there already.
    let short = GiveBack {
        login: proof(&mut laptop, "alice", alice.device_id, &alice.device).await,
        links: vec![alice.create.clone()],
        secrets: vec![secrets(0, alice.device_id)],
        lost: None,
    };
    laptop.post("/v1/healing/account", &short).await.read::<()>();
    let view: AccountView = client.get("/v1/account").await.read();
    assert_eq!((view.links.len(), view.secrets.len()), (2, 2));
    // Nor can it go on where the words came between: what is there overrides that.
    let (other, id) = (Key::new(), DeviceId(random()));
    let kind = LinkKind::AddDevice {
        device: device_of(id, &other),
    };
    let add = sign_link(1, alice.create.hash(), kind, &[&alice.account, &other]);
    let forked = GiveBack {
        login: proof(&mut laptop, "alice", id, &other).await,
        links: vec![alice.create.clone(), add],
        secrets: vec![GenerationSecrets {
            devices: vec![
                secrets(0, alice.device_id).devices.remove(0),
                secrets(0, id).devices.remove(0),
            ],
            ..secrets(0, id)
        }],
        lost: None,
    };
    laptop.post("/v1/healing/account", &forked).await.read::<()>();
    assert_eq!(
        log_in(&mut laptop, "alice", id, &other).await.code(),
        "bad_signature"
    );
    let view: AccountView = client.get("/v1/account").await.read();
    assert_eq!((&view.links, view.secrets.len()), (&phone.links, 2));
    // What is new waits.
    let (tablet, id) = (Key::new(), DeviceId(random()));
    let kind = LinkKind::AddDevice {
        device: device_of(id, &tablet),
    };
    let new = AppendLink {
        link: sign_link(2, phone.links[1].hash(), kind, &[&phone.account, &tablet]),
        secrets: LinkSecrets::Device(secrets(1, id).devices.remove(0)),
    };
    assert_eq!(client.post("/v1/account/links", &new).await.code(), "healing");
    operate(&server, &["healing", "end", "--yes"]).await;
    client.post("/v1/account/links", &new).await.read::<()>();
    assert_eq!(give_back(&mut client, &phone, |_| ()).await.code(), "forbidden");
    server.stop().await;
}

/// Each twist is refused, and the honest twin of all of them is taken.
#[tokio::test]
async fn what_proves_nothing_is_refused() {
    let server = TestServer::start().await;
    let (alice, _) = server.person("alice").await;
    let (phone, mut client) = (Recovered::of(&alice), server.client().await);
    operate(&server, &["healing", "begin"]).await;
    let twist = |code: &'static str, change: fn(&mut GiveBack)| (code, change);
    let twists = [
        twist("bad_request", |given| given.links.clear()),
        twist("bad_signature", |given| given.links[1].signatures[0].0[0] ^= 1),
        twist("bad_signature", |given| given.login.signature.0[0] ^= 1),
        twist("unauthorized", |given| given.login.challenge[0] ^= 1),
        twist("unauthorized", |given| given.login.name = "bob".to_owned()),
        twist("bad_request", |given| given.login.principal = Principal::Root),
        twist("bad_signature", |given| {
            given.login.principal = Principal::Device(DeviceId(random()));
        }),
        twist("bad_request", |given| drop(given.secrets.remove(0))),
        twist("bad_request", |given| given.secrets[1].devices.clear()),
        twist("bad_request", |given| given.secrets[1].previous = None),
        twist("bad_request", |given| given.secrets[0].recovery = noise(8)),
        twist("bad_request", |given| {
            given.secrets[1].recovery = noise(limits::WRAPPED_SECRET + 1);
        }),
    ];
    for (at, (code, change)) in twists.into_iter().enumerate() {
        let answer = give_back(&mut client, &phone, change).await;
        assert_eq!(answer.code(), code, "twist {at}");
    }
    give_back(&mut client, &phone, |_| ()).await.read::<()>();
    server.stop().await;
}

/// Whoever makes up an account gets one only by the operator's word, and once for each.
#[tokio::test]
async fn an_account_comes_back_by_an_invite() {
    let server = TestServer::start().await;
    server.person("alice").await;
    operate(&server, &["healing", "begin"]).await;
    let (dave, mut client) = (Person::new("dave"), server.client().await);
    let lost = |person: &Person, invite: &str| {
        Some(LostAccount {
            invite: invite.to_owned(),
            home: person.home.genesis.clone(),
        })
    };
    let given = async |client: &mut Client, person: &Person, lost| GiveBack {
        login: proof(client, &person.name, person.device_id, &person.device).await,
        links: vec![person.create.clone()],
        secrets: vec![secrets(0, person.device_id)],
        lost,
    };
    let invite = server.server.invite(1).await.unwrap().to_string();
    for (lost, code) in [
        (None, "not_found"),
        (lost(&dave, "nonsense"), "invite_invalid"),
        (lost(&dave, &"a".repeat(26)), "invite_invalid"),
    ] {
        let request = given(&mut client, &dave, lost).await;
        assert_eq!(client.post("/v1/healing/account", &request).await.code(), code);
    }
    assert_eq!(client.register(&dave, &invite).await.code(), "healing");
    let other = Person::new("alice");
    let request = given(&mut client, &other, lost(&other, &invite)).await;
    assert_eq!(
        client.post("/v1/healing/account", &request).await.code(),
        "name_taken"
    );
    for _ in 0..2 {
        let request = given(&mut client, &dave, lost(&dave, &invite)).await;
        client.post("/v1/healing/account", &request).await.read::<()>();
    }
    let session = log_in(&mut client, "dave", dave.device_id, &dave.device).await;
    client.session = Some(session.read::<Session>().token);
    let view: AccountView = client.get("/v1/account").await.read();
    assert_eq!((view.links.len(), view.home), (1, dave.home.id));
    assert_eq!(client.pages(&dave.home, "").await.entries.len(), 1);
    let eve = Person::new("eve");
    let request = given(&mut client, &eve, lost(&eve, &invite)).await;
    assert_eq!(
        client.post("/v1/healing/account", &request).await.code(),
        "invite_invalid",
        "it is used up"
    );
    operate(&server, &["fsck"]).await;
    server.stop().await;
}

/// Others give back what they follow: the directory shows it, and the account stays what it was until a device of its own comes.
#[tokio::test]
async fn a_chain_of_others_is_shown_and_changes_no_account() {
    let server = TestServer::start().await;
    let (alice, mut laptop) = server.person("alice").await;
    let (_, mut bob) = server.person("bob").await;
    operate(&server, &["healing", "begin"]).await;
    let phone = Recovered::of(&alice);
    let id = alice.create.account_id();
    let shown = async |client: &mut Client, key: &str| -> Vec<SignedLink> {
        let entry: DirectoryEntry = client.get(&format!("/v1/directory/{key}")).await.read();
        entry.links
    };
    let mut forged = phone.links.clone();
    forged[1].signatures[0].0[0] ^= 1;
    assert_eq!(
        bob.post("/v1/healing/chains", &forged).await.code(),
        "bad_signature"
    );
    assert_eq!(
        bob.post("/v1/healing/chains", &Vec::<SignedLink>::new())
            .await
            .code(),
        "bad_request"
    );
    for _ in 0..2 {
        bob.post("/v1/healing/chains", &phone.links).await.read::<()>();
    }
    bob.post("/v1/healing/chains", &vec![alice.create.clone()])
        .await
        .read::<()>();
    for key in ["alice".to_owned(), id.to_string()] {
        assert_eq!(shown(&mut bob, &key).await, phone.links);
    }
    // The words still open what the server has, and nobody is locked out or let in by others.
    let view: AccountView = laptop.get("/v1/account").await.read();
    assert_eq!((view.links.len(), view.secrets.len()), (1, 1));
    let mut client = server.client().await;
    assert_eq!(
        log_in(&mut client, "alice", phone.id, &phone.key).await.code(),
        "bad_signature"
    );
    // Another past of the same account is none.
    let other = Recovered::of(&alice);
    assert_eq!(
        bob.post("/v1/healing/chains", &other.links).await.code(),
        "bad_chain"
    );
    give_back(&mut client, &phone, |_| ()).await.read::<()>();
    assert_eq!(shown(&mut bob, "alice").await, phone.links);

    // An account that the server does not know is shown by its id alone; its name is free.
    let dave = Person::new("dave");
    bob.post("/v1/healing/chains", &vec![dave.create.clone()])
        .await
        .read::<()>();
    let entry: DirectoryEntry = bob
        .get(&format!("/v1/directory/{}", dave.create.account_id()))
        .await
        .read();
    assert_eq!(
        (entry.name.as_str(), entry.links),
        ("dave", vec![dave.create.clone()])
    );
    assert_eq!(bob.get("/v1/directory/dave").await.code(), "not_found");
    server.stop().await;
}

/// A Close is the root's word: whoever has seen it gives it back, and the account is gone again.
#[tokio::test]
async fn a_closed_account_is_closed_again() {
    let server = TestServer::start().await;
    let (alice, mut laptop) = server.person("alice").await;
    let (_, mut bob) = server.person("bob").await;
    operate(&server, &["healing", "begin"]).await;
    let close = sign_link(1, alice.create.hash(), LinkKind::Close, &[&alice.root]);
    let by_device = sign_link(1, alice.create.hash(), LinkKind::Close, &[&alice.account]);
    assert_eq!(
        bob.post("/v1/healing/chains", &vec![alice.create.clone(), by_device])
            .await
            .code(),
        "bad_signature"
    );
    let closed = vec![alice.create.clone(), close];
    for _ in 0..2 {
        bob.post("/v1/healing/chains", &closed).await.read::<()>();
    }
    assert_eq!(laptop.get("/v1/account").await.code(), "unauthorized");
    let entry: DirectoryEntry = bob.get("/v1/directory/alice").await.read();
    assert_eq!(entry.links, closed);
    assert_eq!(bob.get("/v1/account").await.status, StatusCode::OK);
    server.stop().await;
}

//! Notes by hand: what an invite is called acts on no terminal and leads nowhere, whatever a note says (CHK-023, CHK-031).

use crannog_agent_api::request::Role as Asked;
use crannog_core::drive::NodeId;
use crannog_core::identity::{Expected, KnownChain};
use crannog_core::inbox::{Form, Inside, Invite, Note, Purpose};
use crannog_core::journal::{Author, JournalKind, Role};
use crannog_proto::sign::{Signature, message};
use crannog_proto::{JournalId, Seen, encode, labels};
use crannog_seal::asym::{Info, KemPublicKey, WRAP_OVERHEAD, wrap};
use crannog_seal::labels::WRAP_INBOX_DROP;

use crate::mallory::World;
use crate::text::{assert_harmless, harmless, person};

const DAY: i64 = 86_400_000;

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.unwrap().as_millis()).unwrap()
}

/// A note as mallory's device signs it; nothing of it is checked before it is dropped.
struct Sender {
    note: Note,
    key: KemPublicKey,
}

impl Sender {
    async fn new(world: &World, purpose: Purpose) -> Self {
        let insider = &world.mallory.insider;
        let entry = insider.transport.directory("alice").await.unwrap();
        let expected = Expected {
            name: Some("alice"),
            ..Expected::default()
        };
        let known = KnownChain::first(entry.links, &expected).unwrap();
        let (alice, me) = (known.state(), insider.known.state());
        let note = Note {
            version: 1,
            id: [0; 16],
            sender: Author {
                account: insider.account,
                device: insider.device,
            },
            chain: me.cite(),
            sender_root: me.root,
            recipient: alice.account,
            recipient_root: alice.root,
            time: now(),
            expires: now() + DAY,
            heads: Vec::new(),
            purpose,
        };
        let key = KemPublicKey::from_bytes(&alice.generation().unwrap().kem).unwrap();
        Self { note, key }
    }

    async fn drop(&self, world: &World, change: impl FnOnce(&mut Note)) {
        let mut note = self.note.clone();
        note.id = rand::random();
        change(&mut note);
        let bytes = encode(&note);
        let keys = &world.mallory.insider.keys;
        let signature = Signature(keys.signing.sign(&message(labels::NOTE, &bytes)));
        // SignedNote and the padding, as docs/spec/inbox.md has them.
        let bare = WRAP_OVERHEAD + encode(&(&bytes, &signature, Vec::<u8>::new())).len();
        let size = [4_096, 16_384, 65_536].into_iter().find(|size| bare <= *size);
        let padding = vec![0_u8; size.unwrap() - bare];
        let plain = encode(&(&bytes, &signature, padding));
        let info = Info::new(WRAP_INBOX_DROP, &note.recipient.0);
        let sealed = wrap(&self.key, info, b"", &plain, &mut rand::rng());
        let transport = &world.mallory.insider.transport;
        transport.inbox_put(&self.note.recipient, &sealed).await.unwrap();
    }
}

fn named(note: &mut Note, name: &str) {
    if let Purpose::Invite(invite) = &mut note.purpose {
        name.clone_into(&mut invite.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_023_invites_with_hostile_names() {
    let mut world = World::new().await;
    // A drive of mallory's own, with alice in its list.
    let engine = &world.mallory.engine;
    engine.mkdir("/trap").await.unwrap();
    engine.put("/trap/cheese", b"cheese").await.unwrap();
    engine.share("/trap", "alice", Asked::Writer).await.unwrap();
    world.mallory.insider.sync().await;
    let home = &world.mallory.insider.home_state;
    let trap = home
        .drives()
        .find(|drive| drive.name == Some("trap"))
        .unwrap()
        .journal;
    let (_, _, epoch) = home.journals().find(|(id, ..)| *id == trap).unwrap();
    let grant = home.secrets(&trap, epoch).unwrap();
    let token = *grant.secrets(&trap, epoch).read_token().expose_to_server();
    let mut at = Seen {
        seq: 0,
        head: crannog_proto::Hash::ZERO,
    };
    let page = world
        .mallory
        .insider
        .transport
        .entries(&trap, &token, None, 512)
        .await
        .unwrap();
    for stored in page.entries {
        (at.seq, at.head) = (stored.seq, stored.head);
    }
    let invite = Invite {
        journal: trap,
        kind: JournalKind::Drive,
        name: "fine".to_owned(),
        form: Form::Folder,
        epoch,
        role: Role::Writer,
        grant: crannog_core::journal::EpochGrant {
            admin: None,
            ..grant.clone()
        },
        at,
        inside: None,
    };
    let sender = Sender::new(&world, Purpose::Invite(invite.clone())).await;
    let hostile = [
        "..",
        ".",
        "...",
        "-rf",
        "--help",
        "~",
        "photo\u{202e}gpj.exe",
        "\u{2066}x\u{2069}\u{200b}",
        "\u{feff}",
        "\u{2028}two\u{2029}",
        "photos",
        "main",
        "home",
        "Recovered",
        "a\\..\\b",
        "*",
        " ",
        "CON",
    ];
    // Each takes the place of the one before, for they are for one share: nobody fills a list with them.
    let (alice, longest) = (&world.alice, "\u{fc}".repeat(32));
    for name in hostile.into_iter().chain([longest.as_str()]) {
        sender.drop(&world, |note| named(note, name)).await;
        alice.ok(["sync"]);
        let waiting = alice.ok(["invites"]);
        let names: Vec<&str> = waiting
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|one| one["name"].as_str())
            .collect();
        assert_eq!(names, [name], "it is a name");
        for words in [&["invites"][..], &["status"], &["accept", "nothing of this name"]] {
            harmless(alice, words);
        }
    }
    // What no reader takes: names that act, lives that are none, other people's notes.
    for name in [
        "",
        "a/b",
        "/etc",
        "a:b",
        "\u{1b}[2J",
        "\u{9b}2J",
        "line\nbreak",
        "\0",
    ] {
        sender.drop(&world, |note| named(note, name)).await;
    }
    let long = "n".repeat(50_000);
    sender.drop(&world, |note| named(note, &long)).await;
    for (time, expires) in [
        (i64::MIN, i64::MAX),
        (i64::MAX, i64::MIN),
        (i64::MAX, i64::MAX),
        (i64::MIN, i64::MIN),
        (0, DAY),
        (now(), now() + 400 * DAY),
    ] {
        sender
            .drop(&world, |note| (note.time, note.expires) = (time, expires))
            .await;
    }
    sender.drop(&world, |note| note.version = 255).await;
    sender
        .drop(&world, |note| note.sender_root = note.recipient_root)
        .await;
    let nowhere = JournalId([9; 32]);
    for purpose in [
        Purpose::Leave {
            journal: nowhere,
            epoch: u64::MAX,
        },
        Purpose::Refresh { journal: nowhere },
        Purpose::Refresh { journal: trap },
        Purpose::Invite(Invite {
            kind: JournalKind::Home,
            ..invite.clone()
        }),
        Purpose::Invite(Invite {
            kind: JournalKind::Conversation,
            ..invite.clone()
        }),
        Purpose::Invite(Invite {
            inside: Some(Inside {
                journal: world.mallory.journal,
                node: NodeId::ROOT,
            }),
            name: "inside".to_owned(),
            ..invite.clone()
        }),
    ] {
        sender.drop(&world, |note| note.purpose = purpose).await;
    }
    // No drop at all.
    for size in [4_096, 16_384, 65_536] {
        let garbage = vec![0x1b; size];
        let transport = &world.mallory.insider.transport;
        transport
            .inbox_put(&sender.note.recipient, &garbage)
            .await
            .unwrap();
    }

    alice.ok(["sync"]);
    let waiting = alice.ok(["invites"]);
    let waiting = waiting.as_array().unwrap();
    let names: Vec<&str> = waiting.iter().filter_map(|one| one["name"].as_str()).collect();
    // The one inside a share that is not mallory's to share in waits like any other.
    assert_eq!(names, ["inside"]);
    for words in [
        &["invites"][..],
        &["status"],
        &["doctor"],
        &["contacts"],
        &["accept", ".."],
        &["accept", "photo\u{202e}gpj.exe", "--at", "/../../x"],
    ] {
        harmless(alice, words);
    }
    // Accepted one by one: each appears in her drive under a name that is one, or is refused.
    let mut accepted = Vec::new();
    for one in waiting {
        let id = one["id"].as_str().unwrap();
        let output = person(alice, ["accept", id]).output().unwrap();
        assert_harmless("accept", &output.stdout);
        assert_harmless("accept", &output.stderr);
        if output.status.success() {
            accepted.push(one["name"].as_str().unwrap());
        } else {
            eprintln!("{}: {}", one["name"], String::from_utf8_lossy(&output.stderr));
        }
        for words in [
            &["drive", "list"][..],
            &["ls", "-l", "/"],
            &["invites"],
            &["tree", "/"],
        ] {
            harmless(alice, words);
        }
    }
    let target = world.folder("target");
    let beside = || std::fs::read_dir(world.scratch.path()).unwrap().count();
    let around = beside();
    alice.run(["get", "-r", "/", target.to_str().unwrap()]);
    assert_eq!(beside(), around, "something lies beside the target");
    let found = alice.ok(["find", "cheese"]);
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert!(!accepted.is_empty(), "one of them is an invite like any other");
    for one in waiting {
        harmless(alice, &["decline", one["id"].as_str().unwrap()]);
    }
    world.unharmed();
}

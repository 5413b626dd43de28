//! Attacks by one who has the keys: a device of the account that signs what it should not, and a server that has such a device's help
//! (attacks 8, 19, 21, 23, 29, 31, 32, 51). Heads, receipts and outer signatures are always right.

use crannog_agent_api::answer::NodeKind;
use crannog_agent_api::{Code, Failure, Secret};
use crannog_client::Engine;
use crannog_core::content::{Chunks, Content as Bytes};
use crannog_core::drive::{Attrs, DriveOp, Manifest, NewNode, NodeId, VersionId};
use crannog_core::journal::{
    Author, Content, EntryDraft, Payload, RekeyDraft, Role, SealedRekey, seal_entry, seal_rekey,
};
use crannog_proto::api::{Page, Stored};
use crannog_proto::sign::{Signature, message};
use crannog_proto::{DeviceId, Entry, Hash, Header, JournalId, Kind, Signer, chain, decode, encode, labels};
use crannog_seal::schedule::{DeviceKeys, DeviceSeed};
use crannog_testkit::{
    DEVICE_NAME, Device, Insider, Liar, NOW, PASSWORD, Route, Site, Told, copy_folder, random_entry, unplaced,
};
use tempfile::TempDir;

/// A victim who wrote two files, and the insider who has read them.
struct Ground {
    liar: Liar,
    insider: Insider,
    before: TempDir,
    /// All that she saw before anyone lied.
    picture: String,
    site: Site,
}

impl Ground {
    async fn new() -> Self {
        let site = Site::start();
        let (url, invite) = site.invite();
        let mut insider = Insider::join(&url, &invite, "alice").await;
        let liar = Liar::before(&site).await;
        let words = insider.sheet.words.clone();
        let victim = Device::recover(&liar.url(), "alice", &words, "victim")
            .await
            .unwrap();
        victim.create_drive("main").await.unwrap();
        victim.put("/a.txt", b"the first file").await.unwrap();
        victim.put("/b.txt", b"the second file").await.unwrap();
        victim.put("/large", &vec![7; 5_000_000]).await.unwrap();
        insider.sync().await;
        let picture = victim.picture().await;
        let Device {
            engine,
            profile,
            scratch,
        } = victim;
        engine.close(true).await;
        let before = tempfile::tempdir().unwrap();
        copy_folder(&profile, before.path());
        drop(scratch);
        Self {
            liar,
            insider,
            before,
            picture,
            site,
        }
    }

    fn drive(&self) -> JournalId {
        *self.insider.the_drive().state.id()
    }

    /// The victim as she was.
    async fn victim(&self) -> Device {
        let scratch = tempfile::tempdir().unwrap();
        let profile = scratch.path().join("profile");
        copy_folder(self.before.path(), &profile);
        let engine = Engine::unlock(&profile, &Secret::new(PASSWORD.to_owned()))
            .await
            .unwrap();
        Device {
            engine,
            profile,
            scratch,
        }
    }

    /// The server shows this as the drive's next entry, well ordered.
    fn inject(&self, entry: Entry) {
        let (drive, last) = (self.drive(), self.insider.the_drive().last());
        let seq = last.0 + 1;
        let head = chain::next_head(&last.1, seq, &entry.header);
        let stored = Stored {
            seq,
            head,
            ..unplaced(entry)
        };
        let receipt = self.liar.keys.receipt(drive, seq, head);
        self.liar.swallow(move |ask| {
            let after = ask
                .path
                .split("after=")
                .nth(1)?
                .split('&')
                .next()?
                .parse::<u64>()
                .ok()?;
            let entries = if after < seq {
                vec![stored.clone()]
            } else {
                Vec::new()
            };
            let page = Page {
                entries,
                last: receipt,
            };
            (ask.route() == Route::Entries(drive)).then(|| Told::ok(&page))
        });
    }

    /// The victim reads that entry: she refuses it for this reason, names it, and keeps everything as it was.
    async fn assert_refused(&self, what: &str, check: &str, entry: Entry) {
        self.inject(entry);
        let victim = self.victim().await;
        let failure = match victim.sync().await {
            Err(failure) => Some(failure),
            Ok(()) => victim.status().await.alarms.into_iter().next(),
        };
        let failure = failure.unwrap_or_else(|| panic!("{what} went unseen"));
        assert_lie(&failure, what, check, "drive main");
        assert_eq!(counted(&victim.picture().await), counted(&self.picture), "{what}");
        // Nothing of a frozen drive is used until someone has looked at the alarm.
        assert_lie(
            &victim.cat("/a.txt").await.unwrap_err(),
            what,
            check,
            "drive main",
        );
        self.liar.repent();
        victim.close().await;
    }

    /// The honest twin: read and folded.
    async fn assert_taken(&self, entry: Entry, path: &str) {
        self.inject(entry);
        let victim = self.victim().await;
        victim.sync().await.unwrap();
        assert_eq!(victim.status().await.alarms, []);
        assert!(victim.paths().await.contains(&path.to_owned()));
        self.liar.repent();
        victim.close().await;
    }
}

/// Drives with their files and bytes, and devices: what a picture still shows of a frozen drive.
fn counted(picture: &str) -> &str {
    picture.split_once('\n').unwrap().1
}

#[track_caller]
fn assert_lie(failure: &Failure, what: &str, check: &str, object: &str) {
    assert_eq!(failure.code, Code::VerificationFailed, "{what}: {failure:?}");
    assert_eq!(failure.check.as_deref(), Some(check), "{what}: {failure:?}");
    let named = failure.object.as_deref().unwrap_or_default();
    assert!(named.contains(object), "{what}: {failure:?}");
}

fn folder(name: &str) -> DriveOp {
    DriveOp::Create {
        node: NodeId::generate(NOW, &mut rand::rng()),
        parent: NodeId([0; 16]),
        name: name.to_owned(),
        attrs: Attrs::default(),
        new: NewNode::Directory,
    }
}

fn file(name: &str, content: Bytes) -> DriveOp {
    DriveOp::Create {
        node: NodeId::generate(NOW, &mut rand::rng()),
        parent: NodeId([0; 16]),
        name: name.to_owned(),
        attrs: Attrs::default(),
        new: NewNode::File {
            version: VersionId::generate(NOW, &mut rand::rng()),
            content,
        },
    }
}

fn batch(ops: Vec<DriveOp>) -> Content {
    Content::Drive(crannog_core::drive::DriveBatch {
        ops,
        filler: Vec::new(),
    })
}

/// CHK-017: the author's device stands in the sigchain, has the right, and signed just this.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_017_only_members_devices_write() {
    let ground = Ground::new().await;
    let insider = &ground.insider;
    let content = || batch(vec![folder("planted")]);
    let honest = || insider.ground(insider.the_drive());

    let mut ghost = honest();
    ghost.author.device = DeviceId([7; 16]);
    let ghost = insider.seal_on(&ghost, content(), Vec::new());
    ground
        .assert_refused(
            "a device that is in no sigchain (attack 14)",
            "CHK-017",
            ghost.entry,
        )
        .await;

    let mut stranger = honest();
    stranger.author = Author {
        account: crannog_proto::AccountId([7; 32]),
        ..stranger.author
    };
    let stranger = insider.seal_on(&stranger, content(), Vec::new());
    ground
        .assert_refused(
            "an account that is not a member (attack 31)",
            "CHK-017",
            stranger.entry,
        )
        .await;

    let other = DeviceKeys::new(&DeviceSeed::generate(&mut rand::rng()), &insider.device.0);
    let mut forged = honest();
    forged.device_key = &other.signing;
    let forged = insider.seal_on(&forged, content(), Vec::new());
    ground
        .assert_refused(
            "another key in a member's name (attack 23)",
            "CHK-017",
            forged.entry,
        )
        .await;

    let sealed = insider.seal_drive(vec![folder("planted")], Vec::new());
    ground.assert_taken(sealed.entry, "planted").await;
    ground.site.assert_sound();
}

/// Signs a header anew with the epoch's key, as every member can.
fn resigned(ground: &Ground, entry: &Entry, change: impl FnOnce(&mut Header, &mut Vec<u8>)) -> Entry {
    let insider = &ground.insider;
    let (mut header, mut body): (Header, _) = (decode(&entry.header).unwrap(), entry.body.clone());
    change(&mut header, &mut body);
    let bytes = encode(&header);
    let key = insider.ground(insider.the_drive()).secrets.write_key().unwrap();
    Entry {
        signature: Signature(key.sign(&message(labels::ENTRY, &bytes))),
        header: bytes,
        body,
    }
}

/// CHK-002, CHK-014 and CHK-017 for one who holds the epoch's key and rewrites what another member sealed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_cannot_rewrite_what_another_said() {
    let ground = Ground::new().await;
    let genuine = ground
        .insider
        .seal_drive(vec![folder("planted")], Vec::new())
        .entry;

    let flipped = resigned(&ground, &genuine, |header, body| {
        let middle = body.len() / 2;
        body[middle] ^= 1;
        header.body.hash = Hash::plain(body);
    });
    ground
        .assert_refused("a flipped body, signed anew (attack 29)", "CHK-002", flipped)
        .await;

    let renamed = resigned(&ground, &genuine, |header, _| header.entry = random_entry());
    ground
        .assert_refused("another entry id (attack 32)", "CHK-002", renamed)
        .await;

    let adding = resigned(&ground, &genuine, |header, _| {
        header.adds = vec![crannog_proto::BlobId([5; 32])]
    });
    ground
        .assert_refused("more blobs than were signed", "CHK-002", adding)
        .await;

    let elsewhere = resigned(&ground, &genuine, |header, _| header.seen.head = Hash([3; 32]));
    ground.assert_refused("another past", "CHK-014", elsewhere).await;

    let kind = resigned(&ground, &genuine, |header, _| {
        header.kind = Kind::Checkpoint {
            through: header.seen.seq,
        };
    });
    ground
        .assert_refused("a change as a checkpoint", "CHK-002", kind)
        .await;

    ground.assert_taken(genuine, "planted").await;
}

fn rekey(ground: &Ground, signer: Signer, change: impl FnOnce(&mut RekeyDraft<'_>)) -> SealedRekey {
    let insider = &ground.insider;
    let reading = insider.the_drive();
    let mut draft = RekeyDraft {
        entry: random_entry(),
        signer,
        members: reading.state.members().to_vec(),
        secrets: None,
        time: NOW,
        device_name: DEVICE_NAME,
        cites: Vec::new(),
    };
    change(&mut draft);
    // Whoever is in the list, a ghost too, is sealed to as if she were the insider.
    let chains = |_: &crannog_proto::AccountId| Some(insider.known.state());
    seal_rekey(
        &reading.state,
        &insider.ground(reading),
        draft,
        &chains,
        &mut rand::rng(),
    )
    .unwrap()
}

/// CHK-022: a refresh keeps the list byte for byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_022_rekeys_keep_to_the_rules() {
    let ground = Ground::new().await;
    let fewer = rekey(&ground, Signer::Writer, |draft| {
        draft.members[0].role = Role::Reader
    });
    ground
        .assert_refused(
            "a refresh that takes a right away (attack 8)",
            "CHK-022",
            fewer.sealed.entry,
        )
        .await;

    let ghost = rekey(&ground, Signer::Writer, |draft| {
        let mut ghost = draft.members[0].clone();
        ghost.account = crannog_proto::AccountId([9; 32]);
        ghost.role = Role::Reader;
        draft.members.push(ghost);
        draft.members.sort_by_key(|member| member.account);
    });
    ground
        .assert_refused("a ghost in a refresh (attack 8)", "CHK-022", ghost.sealed.entry)
        .await;

    let honest = rekey(&ground, Signer::Writer, |_| {});
    ground.inject(honest.sealed.entry);
    let victim = ground.victim().await;
    victim.sync().await.unwrap();
    assert_eq!(victim.status().await.alarms, [], "an honest refresh");
    victim.close().await;
    ground.liar.repent();
}

/// The content of a file that the victim wrote.
fn content_of(insider: &Insider, wanted: &str) -> Bytes {
    let found = insider.the_drive().drive_ops().find_map(|op| match op {
        DriveOp::Create {
            name,
            new: NewNode::File { content, .. },
            ..
        } if name == wanted => Some(content.clone()),
        _ => None,
    });
    found.unwrap()
}

fn first_chunk(content: &mut Bytes) -> &mut crannog_core::content::Chunk {
    match &mut content.chunks {
        Chunks::Inline(chunks) => chunks.first_mut().unwrap(),
        Chunks::Leaves(_) => panic!("a short list"),
    }
}

/// CHK-003 and CHK-002: records that say something else than the blobs hold (attacks 17, 18, 19, 23).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_003_records_that_lie_about_their_bytes() {
    let mut ground = Ground::new().await;
    let drive = ground.drive();
    let (small, other, large) = (
        content_of(&ground.insider, "a.txt"),
        content_of(&ground.insider, "b.txt"),
        content_of(&ground.insider, "large"),
    );
    type Twist = fn(&mut Bytes, &Bytes);
    let cases: &[(&str, &Bytes, &[&str], Twist)] = &[
        ("honest", &small, &[], |_, _| {}),
        ("honest-large", &large, &[], |_, _| {}),
        ("longer", &small, &["CHK-003"], |content, _| content.size += 1),
        ("shorter", &small, &["CHK-003"], |content, _| content.size -= 1),
        ("chunk-too-many", &large, &["CHK-003"], |content, _| {
            content.size -= 1_000_000
        }),
        ("slot-outside", &small, &["CHK-003"], |content, _| {
            first_chunk(content).slot.as_mut().unwrap().offset = u32::MAX - 10;
        }),
        ("slot-shifted", &small, &["CHK-002", "CHK-003"], |content, _| {
            first_chunk(content).slot.as_mut().unwrap().offset += 1;
        }),
        ("slot-cut", &small, &["CHK-002", "CHK-003"], |content, _| {
            first_chunk(content).slot.as_mut().unwrap().len -= 1;
        }),
        ("key-of-another", &small, &["CHK-002"], |content, other| {
            first_chunk(content).key = first_chunk(&mut other.clone()).key.clone();
        }),
        ("pack-key-of-another", &small, &["CHK-002"], |content, other| {
            let other = first_chunk(&mut other.clone()).slot.as_ref().unwrap().key.clone();
            first_chunk(content).slot.as_mut().unwrap().key = other;
        }),
        ("chunks-swapped", &large, &["CHK-002", "CHK-003"], |content, _| {
            let Chunks::Inline(chunks) = &mut content.chunks else {
                panic!("a short list")
            };
            chunks.reverse();
        }),
        ("chunk-twice", &large, &["CHK-003"], |content, _| {
            let Chunks::Inline(chunks) = &mut content.chunks else {
                panic!("a short list")
            };
            chunks[1] = chunks[0].clone();
        }),
    ];
    let mut ops = Vec::new();
    for (name, content, _, twist) in cases {
        let mut content = (*content).clone();
        twist(&mut content, &other);
        ops.push(file(name, content));
    }
    let sealed = ground.insider.seal_drive(ops, Vec::new());
    ground.insider.append(&drive, &sealed).await;
    ground.insider.sync().await;
    let victim = ground.victim().await;
    victim.sync().await.unwrap();
    for (name, _, checks, _) in cases {
        let listed = victim.paths().await.contains(&(*name).to_owned());
        let read = victim.cat(&format!("/{name}")).await;
        match checks {
            [] => drop(read.unwrap()),
            // The fold ignores what is out of shape; then there is nothing to read.
            _ if !listed => assert_eq!(read.unwrap_err().code, Code::NotFound, "{name}"),
            checks => {
                let failure = read.unwrap_err();
                assert_eq!(failure.code, Code::VerificationFailed, "{name}: {failure:?}");
                assert!(
                    checks.contains(&failure.check.as_deref().unwrap()),
                    "{name}: {failure:?}"
                );
                let target = victim.scratch.path().join(name);
                let got = victim.get(&format!("/{name}"), name).await.unwrap_err();
                assert_eq!(got.code, Code::VerificationFailed, "{name}: {got:?}");
                assert!(!target.exists(), "{name}: unverified bytes were left");
            }
        }
    }
    let broken = victim.verify_store().await.unwrap();
    assert!(
        broken.iter().any(|finding| finding.state == "broken"),
        "{broken:?}"
    );
    assert_eq!(victim.cat("/a.txt").await.unwrap(), b"the first file");
    victim.close().await;
}

/// CHK-023 (attack 51): an insider signs names and trees that the client itself would never write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_023_names_that_no_client_would_write() {
    let mut ground = Ground::new().await;
    let drive = ground.drive();
    let content = content_of(&ground.insider, "a.txt");
    let outside = tempfile::tempdir().unwrap();
    let link = NodeId::generate(NOW, &mut rand::rng());
    let below = NodeId::generate(NOW, &mut rand::rng());
    let create = |node, parent, name: &str, new| DriveOp::Create {
        node,
        parent,
        name: name.to_owned(),
        attrs: Attrs::default(),
        new,
    };
    let symlink = |target: &[u8]| NewNode::Symlink {
        target: target.to_vec(),
    };
    let loot = || NewNode::File {
        version: VersionId::generate(NOW, &mut rand::rng()),
        content: content.clone(),
    };
    let top = NodeId([0; 16]);
    let mut ops: Vec<DriveOp> = [
        "",
        ".",
        "..",
        "../up",
        "a/b",
        "/abs",
        "nul\0l",
        &"x".repeat(1_025),
    ]
    .iter()
    .map(|name| file(name, content.clone()))
    .collect();
    let outside_bytes = outside.path().to_str().unwrap().as_bytes();
    ops.extend([
        create(link, top, "door", symlink(outside_bytes)),
        // Below a link, and under the link's own name: whatever is made of both must not lead out.
        create(NodeId::generate(NOW, &mut rand::rng()), link, "through", loot()),
        create(below, top, "door", NewNode::Directory),
        create(NodeId::generate(NOW, &mut rand::rng()), below, "through", loot()),
        create(
            NodeId::generate(NOW, &mut rand::rng()),
            top,
            "\u{1b}[2Jclear",
            loot(),
        ),
        create(NodeId::generate(NOW, &mut rand::rng()), top, "CASE", loot()),
        create(NodeId::generate(NOW, &mut rand::rng()), top, "case", loot()),
        DriveOp::Move {
            node: below,
            parent: below,
            name: "loop".to_owned(),
        },
        DriveOp::Trash { node: top },
        DriveOp::Purge { node: top },
        folder("honest"),
    ]);
    let sealed = ground.insider.seal_drive(ops, Vec::new());
    ground.insider.append(&drive, &sealed).await;
    ground.insider.sync().await;
    let victim = ground.victim().await;
    victim.sync().await.unwrap();
    let nodes = victim.list("/").await.unwrap();
    assert!(
        nodes
            .iter()
            .any(|node| node.path == "honest" && node.kind == NodeKind::Dir)
    );
    for node in &nodes {
        for part in node.path.split('/') {
            assert!(
                !part.is_empty() && part != "." && part != ".." && !part.contains('\0'),
                "{node:?}"
            );
        }
    }
    // One object may be refused by name; nothing may be written outside the target.
    let _partly = victim.get("/", "everything").await;
    assert_eq!(
        std::fs::read_dir(outside.path()).unwrap().count(),
        0,
        "something was written outside"
    );
    let up: Vec<_> = std::fs::read_dir(victim.scratch.path())
        .unwrap()
        .map(|item| item.unwrap().file_name())
        .collect();
    assert_eq!(up.len(), 2, "profile and target, nothing beside them: {up:?}");
    assert_eq!(victim.cat("/a.txt").await.unwrap(), b"the first file");
    victim.close().await;
}

/// CHK-030: a checkpoint that lies makes no difference to a reader who folds history; comparing and loading segments is attacked in
/// `crannog-core` (`drive/tests/lies.rs`, `drive/tests/manifests.rs`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_030_a_lying_checkpoint_changes_nothing() {
    let mut ground = Ground::new().await;
    let drive = ground.drive();
    let insider = &ground.insider;
    let reading = insider.the_drive();
    let through = reading.last().0;
    let payload = Payload {
        time: NOW,
        device_name: DEVICE_NAME.to_owned(),
        cites: Vec::new(),
        content: Content::Checkpoint(Manifest {
            through,
            forgotten: 0,
            segments: Vec::new(),
        }),
    };
    let draft = EntryDraft {
        entry: random_entry(),
        kind: Kind::Checkpoint { through },
        adds: Vec::new(),
        drops: Vec::new(),
        payload: &payload,
    };
    let sealed = seal_entry(&insider.ground(reading), draft, &mut rand::rng()).unwrap();
    insider.append(&drive, &sealed).await;
    ground.insider.sync().await;
    let victim = ground.victim().await;
    let failure = victim.sync().await.expect_err("a checkpoint of nothing");
    assert_lie(&failure, "a lying checkpoint", "CHK-030", "drive main");
    assert_eq!(counted(&victim.picture().await), counted(&ground.picture));
    // Somebody looked: it is passed over.
    victim.dismiss("main").await.unwrap();
    victim.sync().await.unwrap();
    assert_eq!(victim.picture().await, ground.picture);
    assert_eq!(victim.cat("/b.txt").await.unwrap(), b"the second file");
    victim.close().await;
    // A new device, from the words alone, is told, and then sees everything too.
    let words = ground.insider.sheet.words.clone();
    let fresh = Device::recover(&ground.liar.url(), "alice", &words, "fresh")
        .await
        .unwrap();
    let failure = fresh.cat("/b.txt").await.unwrap_err();
    assert_lie(&failure, "a lying checkpoint", "CHK-030", "drive main");
    fresh.dismiss("main").await.unwrap();
    fresh.sync().await.unwrap();
    assert_eq!(fresh.cat("/b.txt").await.unwrap(), b"the second file");
    fresh.close().await;
}

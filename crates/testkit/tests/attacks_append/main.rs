//! A hacked backup host (attack 52): all keys and tokens of its account and device, driven by hand against an honest server. Last week's
//! backup stays, byte for byte, on the owner's device and on one that begins anew. What such a host tries with a server at its side is in
//! `attacks_sharing/append.rs`.
#![recursion_limit = "256"]

mod devices;
mod host;

use crannog_agent_api::{Code, Request};
use crannog_core::content::{self, Chunks};
use crannog_core::drive::{Attrs, DriveOp, NewNode, NodeId, VersionId};
use crannog_core::journal::{Author, Content, Ground, Role, WriteError, public_halves};
use crannog_proto::api::AppendResult;
use crannog_proto::sigchain::Cite;
use crannog_proto::{BlobId, Body, ErrorCode, Hash, Header, Kind, Place, SeqRange, Signer, decode};
use crannog_seal::schedule::EpochSecrets;
use crannog_testkit::{Loot, Piece, Row, Tables, random_entry};

use host::{Backups, noise, ops, payload};

fn refused(code: ErrorCode) -> AppendResult {
    AppendResult::Refused {
        code: code.as_str().to_owned(),
    }
}

/// Everything that stands in the drive: nodes, and versions of files.
fn there(loot: &Loot) -> (Vec<NodeId>, Vec<(NodeId, VersionId)>) {
    let (mut nodes, mut versions) = (Vec::new(), Vec::new());
    for payload in &loot.payloads {
        let Content::Drive(batch) = &payload.content else {
            continue;
        };
        for op in &batch.ops {
            match op {
                DriveOp::Create { node, new, .. } => {
                    nodes.push(*node);
                    if let NewNode::File { version, .. } = new {
                        versions.push((*node, *version));
                    }
                }
                DriveOp::Write { node, version, .. } => versions.push((*node, *version)),
                _ => {}
            }
        }
    }
    (nodes, versions)
}

/// CHK-017 (attack 52).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_017_a_hacked_backup_host_says_what_it_may_not() {
    let mut backups = Backups::new().await;
    let loot = backups.loot().await;
    let (nodes, versions) = there(&loot);
    assert!(nodes.len() > 300 && versions.len() > nodes.len() - 3);
    let each = |op: fn(NodeId) -> DriveOp| nodes.iter().map(|node| op(*node)).collect::<Vec<_>>();
    let empty = content::Content {
        size: 0,
        chunks: Chunks::Inline(Vec::new()),
    };
    let overwrite = |(node, base): &(NodeId, VersionId)| DriveOp::Write {
        node: *node,
        base: *base,
        version: VersionId(rand::random()),
        attrs: Attrs::default(),
        content: empty.clone(),
    };
    let batches = [
        each(|node| DriveOp::Trash { node }),
        [
            each(|node| DriveOp::Trash { node }),
            each(|node| DriveOp::Purge { node }),
        ]
        .concat(),
        versions.iter().map(overwrite).collect(),
        each(|node| DriveOp::Move {
            node,
            parent: NodeId::ROOT,
            name: "gone".to_owned(),
        }),
        each(|node| DriveOp::SetAttrs {
            node,
            attrs: Attrs::default(),
        }),
        each(|node| DriveOp::Restore { node }),
        versions
            .iter()
            .map(|(node, version)| DriveOp::PurgeVersion {
                node: *node,
                version: *version,
            })
            .collect(),
    ];
    let own = backups.ground(&loot);
    let alice = loot.state.creator().unwrap();
    let as_alice = Ground {
        author: Author {
            account: alice,
            device: backups.author().device,
        },
        ..backups.ground(&loot)
    };
    let phantom = Cite {
        account: alice,
        seq: 4_000,
        head: Hash([7; 32]),
    };
    let mut said: Vec<_> = batches
        .into_iter()
        .map(|batch| (&own, payload(ops(batch))))
        .collect();
    said.push((&own, payload(Content::Close)));
    said.push((&as_alice, payload(ops(each(|node| DriveOp::Trash { node })))));
    let mut waits = payload(ops(Vec::new()));
    waits.cites.push(phantom);
    said.push((&own, waits));
    let bad = said.len();
    // The honest server sees nothing of what an entry says: it takes them all.
    for (ground, payload) in &said {
        let sealed = backups.seal(ground, payload, Vec::new());
        for (id, bytes) in &sealed.body_blobs {
            backups.put(&loot, *id, bytes.clone()).await.unwrap();
        }
        let done = backups.append(&sealed.entry).await;
        assert!(matches!(done, AppendResult::Done(_)), "{done:?}");
    }
    backups.assert_kept("what it may not say").await;
    // The machine is mended, and goes on; so does Alice.
    backups.run("2026-11-21", 2).await;
    backups.alice.put("backups:/hers-too", b"too").await.unwrap();
    backups.assert_kept("and the next run").await;
    backups.end_read_by_another_program(bad).await;
}

/// Attack 52: every kind of entry, blob and grant, under the only keys that it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hacked_backup_host_at_the_gate() {
    let mut backups = Backups::new().await;
    let loot = backups.loot().await;
    let epoch = loot.state.epoch().unwrap();
    let secrets = loot.state.secrets(epoch).unwrap();
    assert_eq!(loot.state.role(), Some(Role::Append));
    assert!(secrets.write_key().is_none() && secrets.admin_key().is_none());
    let ground = backups.ground(&loot);
    let said = payload(ops(Vec::new()));
    let change = backups.seal_kind(&ground, Kind::Change, &said, Vec::new());
    assert_eq!(change.err(), Some(WriteError::NoKey));

    let mine = public_halves(&EpochSecrets::generate(
        &backups.journal.0,
        epoch + 1,
        &mut rand::rng(),
    ))
    .unwrap();
    let refresh = crannog_proto::EpochPublic {
        admin_key: loot.state.public().unwrap().admin_key,
        ..mine
    };
    let last = loot.state.last().unwrap().seq;
    let all = SeqRange { from: 1, to: last };
    let kinds = [
        Kind::Change,
        Kind::Checkpoint { through: last },
        Kind::Rekey {
            signer: Signer::Writer,
            next: refresh,
        },
        Kind::Rekey {
            signer: Signer::Admin,
            next: mine,
        },
        Kind::Reset {
            through: last,
            lost: vec![all],
        },
        Kind::Prune { ranges: vec![all] },
        Kind::Close,
    ];
    let nothing = backups.seal(&ground, &payload(ops(Vec::new())), Vec::new());
    for kind in kinds {
        let forged = backups.bent(&loot, &nothing.entry, |header| header.kind = kind);
        assert_eq!(backups.append(&forged).await, refused(ErrorCode::BadSignature));
    }
    let blobs: Vec<BlobId> = loot.blobs().into_iter().collect();
    let drops = backups.bent(&loot, &nothing.entry, |header| header.drops = blobs.clone());
    assert_eq!(backups.append(&drops).await, refused(ErrorCode::BadRequest));

    // Other bytes under a name that is taken; the same bytes once more, for an hour only.
    let token = *secrets.read_token().expose_to_server();
    for id in &blobs {
        assert_eq!(
            backups.put(&loot, *id, noise(1_000, 9)).await,
            Err(ErrorCode::BlobMismatch)
        );
        let limit = crannog_proto::limits::BLOB_MAX;
        let got = backups
            .hand
            .transport
            .get_blob(&backups.journal, &token, id, limit)
            .await;
        let bytes = bytes::Bytes::copy_from_slice(got.unwrap().bytes());
        let grant = backups.grant(&loot);
        let again = backups
            .hand
            .transport
            .put_body(&backups.journal, &grant, id, bytes)
            .await;
        again.unwrap();
    }
    // As its own body, for a prune to take away one day.
    let file = blobs[0];
    let body = backups.bent(&loot, &nothing.entry, |header| {
        header.entry = random_entry();
        header.body = Body {
            hash: Hash(file.0),
            len: 1_000,
            place: Place::Blobs(vec![file]),
        };
    });
    let body = crannog_proto::Entry {
        body: Vec::new(),
        ..body
    };
    assert_eq!(backups.append(&body).await, refused(ErrorCode::BadRequest));
    // Named once more, so that they are its own too.
    let named = backups.seal(&ground, &payload(ops(Vec::new())), blobs.clone());
    assert!(matches!(
        backups.append(&named.entry).await,
        AppendResult::Done(_)
    ));
    backups.assert_kept("at the gate").await;
    let tables = Tables::of(&backups.site.data);
    let journal = tables.journal(&backups.journal.0);
    let mut held = tables
        .table("blobs")
        .iter()
        .filter(|row| row.int("journal") == journal);
    assert!(held.all(|row| row.is_null("dropped")));
    backups.end().await;
}

/// Attack 52: a restored server passes over content that is lost. An append's body is none of it, whatever its header says: an entry
/// without a body would stop everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_body_is_no_lost_content() {
    let mut backups = Backups::new().await;
    let loot = backups.loot().await;
    assert!(backups.site.admin(&["healing", "begin"]).status.success());
    let nothing = backups.seal(&backups.ground(&loot), &payload(ops(Vec::new())), Vec::new());
    let absent = BlobId(rand::random());
    let given_back = async |adds: Vec<BlobId>, place: Place| {
        let inline = place == Place::Inline;
        let mut entry = backups.bent(&loot, &nothing.entry, |header| {
            header.entry = random_entry();
            header.adds = adds;
            header.body.place = place;
        });
        if !inline {
            entry.body.clear();
        }
        let transport = &backups.hand.transport;
        let results = transport.append_back(&backups.journal, &[entry], &[]).await;
        results.unwrap().remove(0)
    };
    let outside = || Place::Blobs(vec![absent]);
    assert_eq!(
        given_back(vec![absent], outside()).await,
        refused(ErrorCode::BadRequest)
    );
    let body_alone = given_back(Vec::new(), outside()).await;
    assert_eq!(body_alone, AppendResult::Missing(vec![absent]));
    // The honest one.
    let content_alone = given_back(vec![absent], Place::Inline).await;
    assert!(matches!(content_alone, AppendResult::Done(_)));
    assert!(backups.site.admin(&["healing", "end", "--yes"]).status.success());
    backups.assert_kept("a lost body").await;
    backups.end().await;
}

/// Attack 52: whoever may append can say that a file lies in the body of an entry. Purging that file leaves the body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purged_file_takes_no_body_along() {
    let mut backups = Backups::new().await;
    let loot = backups.loot().await;
    let bodies: Vec<BlobId> = loot
        .stored
        .iter()
        .filter_map(
            |stored| match decode::<Header>(&stored.entry.header).unwrap().body.place {
                Place::Blobs(ids) => Some(ids),
                Place::Inline => None,
            },
        )
        .flatten()
        .collect();
    assert!(!bodies.is_empty(), "last week's entry has a long body");
    let small = |piece: &&Piece| piece.size < 1_000_000 && piece.chunk.slot.is_some();
    let small = loot.pieces.iter().find(small).expect("a small file").clone();
    let plant = |body: &BlobId| {
        let mut chunk = small.chunk.clone();
        chunk.blob = *body;
        let content = content::Content {
            size: small.size,
            chunks: Chunks::Inline(vec![chunk]),
        };
        let version = VersionId(rand::random());
        DriveOp::Create {
            node: NodeId(rand::random()),
            parent: NodeId::ROOT,
            name: "trap".to_owned(),
            attrs: Attrs::default(),
            new: NewNode::File { version, content },
        }
    };
    let plants: Vec<DriveOp> = bodies.iter().map(plant).collect();
    let trap = backups.seal(&backups.ground(&loot), &payload(ops(plants)), Vec::new());
    assert!(matches!(backups.append(&trap.entry).await, AppendResult::Done(_)));
    backups.alice.sync().await.unwrap();
    let listed = backups.alice.list("backups:/").await.unwrap();
    let traps: Vec<_> = listed
        .iter()
        .filter(|node| node.path.starts_with("trap"))
        .collect();
    assert!(!traps.is_empty(), "it is there, whatever it is");
    for trap in traps {
        let path = format!("backups:/{}", trap.path).parse().unwrap();
        let remove = Request::Remove {
            paths: vec![path],
            recursive: false,
            dry_run: false,
        };
        backups.alice.perform(remove).await.unwrap();
    }
    let empty = Request::TrashEmpty {
        drive: Some("backups".to_owned()),
        items: Vec::new(),
        before: None,
        dry_run: false,
    };
    backups.alice.perform(empty).await.unwrap();
    let tables = Tables::of(&backups.site.data);
    let held = |row: &&Row| bodies.iter().any(|body| row.id::<32>("blob") == body.0);
    let rows: Vec<&Row> = tables.table("blobs").iter().filter(held).collect();
    assert!(rows.len() >= bodies.len() && rows.iter().all(|row| row.is_null("dropped")));
    backups.assert_kept("its file was purged").await;
    backups.end().await;
}

/// Attack 52: it can fill the quota, and that is all: nothing old goes, and Alice gets rid of it over a full quota too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_ends_at_the_quota() {
    let mut backups = Backups::new().await;
    let loot = backups.loot().await;
    assert!(
        backups
            .site
            .admin(&["quota", "set", "alice", "12MiB"])
            .status
            .success()
    );
    let ground = backups.ground(&loot);
    let mut full = false;
    for seed in 0..64 {
        let bytes = noise(1_000_000, 100 + seed);
        let id = BlobId::of(&bytes);
        if let Err(code) = backups.put(&loot, id, bytes).await {
            assert_eq!(code, ErrorCode::Quota);
            full = true;
            break;
        }
        let held = backups.seal(&ground, &payload(ops(Vec::new())), vec![id]);
        assert!(matches!(backups.append(&held.entry).await, AppendResult::Done(_)));
    }
    assert!(full);
    // Entries that bring no blob fill what is left, and no more.
    let mut last = None;
    for _ in 0..4_000 {
        let nothing = backups.seal(&ground, &payload(ops(Vec::new())), Vec::new());
        match backups.append(&nothing.entry).await {
            AppendResult::Done(_) => {}
            other => {
                last = Some(other);
                break;
            }
        }
    }
    assert_eq!(last, Some(refused(ErrorCode::Quota)));
    backups.assert_kept("a full quota").await;
    backups.alice.unshare("backups:/", &["nas"]).await.unwrap();
    let late = backups.put(&loot, BlobId::of(b"late"), b"late".to_vec()).await;
    assert_eq!(late, Err(ErrorCode::StaleEpoch));
    assert!(
        backups
            .site
            .admin(&["account", "delete", "nas", "--yes"])
            .status
            .success()
    );
    backups.assert_kept("and without it").await;
    backups.end().await;
}

/// The honest client says so before it sends anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_itself_is_told_what_it_may_not() {
    let backups = Backups::new().await;
    let nas = &backups.nas;
    let remote = |path: &str| path.parse().unwrap();
    let remove = Request::Remove {
        paths: vec![remote("backups:/2026-11-14")],
        recursive: true,
        dry_run: false,
    };
    let rename = Request::Move {
        from: vec![remote("backups:/2026-11-14")],
        to: remote("backups:/gone"),
        dry_run: false,
    };
    for request in [remove, rename] {
        let failure = nas.perform(request).await.unwrap_err();
        assert_eq!(failure.code, Code::Conflict, "{failure:?}");
        assert!(failure.message.contains("may only add"), "{failure:?}");
    }
    let over = nas.put("backups:/hers", b"over").await.unwrap_err();
    assert_eq!(over.code, Code::Conflict, "{over:?}");
    // A run that is repeated sends nothing; one that changed says which files stay as they are.
    let folder = nas.scratch.path().join("2026-11-14");
    let again = nas.put_tree(&folder, "backups:/2026-11-14").await.unwrap();
    assert_eq!(again.files, 0);
    std::fs::write(folder.join("large"), b"other").unwrap();
    let changed = nas.put_tree(&folder, "backups:/2026-11-14").await;
    assert!(changed.is_err() || changed.unwrap().failed > 0);
    backups.assert_kept("told").await;
    backups.end().await;
}

//! The local database: at rest, across formats, and as a drive's state beside core's own.

use crannog_core::content::{Chunk, Chunks, Content, Slot, blobs_of};
use crannog_core::drive::{
    Applied, Attrs, DriveOp, DriveState, EntryMeta, MemoryDrive, NewNode, NodeId, Version, VersionId, apply,
};
use crannog_core::journal::{JournalKind, JournalState};
use crannog_proto::{AccountId, BlobId, DeviceId, JournalId};
use crannog_seal::content::{ContentKey, PackKey};
use crannog_seal::floe::sealed_len;
use proptest::prelude::*;

use super::{Db, DbError, DriveStore, Journals, Meta, MetaKey};

fn open(folder: &tempfile::TempDir, key: u8) -> Result<Db, DbError> {
    Db::open(&folder.path().join("state.db"), &[key; 32])
}

#[test]
fn the_file_shows_nothing_and_opens_only_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, 1).unwrap();
    db.with_writer(|tx| Meta(tx).write(MetaKey::Quota, &"a canary in the local database".to_owned()))
        .unwrap();
    drop(db);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(
            !bytes
                .windows(6)
                .any(|window| window == b"canary" || window == b"SQLite")
        );
    }
    assert!(open(&folder, 2).is_err());
    let text: Option<String> = open(&folder, 1)
        .unwrap()
        .read_blocking(|c| Meta(c).read(MetaKey::Quota))
        .unwrap();
    assert_eq!(text.as_deref(), Some("a canary in the local database"));
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, 1).unwrap();
    db.with_writer(|tx| Ok::<_, DbError>(tx.pragma_update(None, "user_version", 99)?))
        .unwrap();
    drop(db);
    let before = std::fs::read(folder.path().join("state.db")).unwrap();
    assert!(matches!(open(&folder, 1), Err(DbError::Newer { found: 99, .. })));
    assert_eq!(std::fs::read(folder.path().join("state.db")).unwrap(), before);
}

#[test]
fn a_failed_step_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, 1).unwrap();
    let failed: Result<(), DbError> = db.with_writer(|tx| {
        Meta(tx).write(MetaKey::Quota, &(1_u64, 2_u64))?;
        Err(DbError::Damaged("on purpose"))
    });
    assert!(failed.is_err());
    let quota: Option<(u64, u64)> = db.read_blocking(|c| Meta(c).read(MetaKey::Quota)).unwrap();
    assert_eq!(quota, None);
}

/// CHK-011: another past is not turned into an old one, which a restored server would be excused of.
#[test]
fn chk_011_gives_way_to_no_later_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, 1).unwrap();
    let journal = JournalId([1; 32]);
    let state = JournalState::new(journal, JournalKind::Drive, AccountId([2; 32])).snapshot();
    let said = |alarms: &[&str]| {
        db.with_writer(|tx| {
            Journals(tx).add(&journal, &state)?;
            for alarm in alarms {
                Journals(tx).set_alarm(&journal, alarm, None)?;
            }
            let alarm = Journals(tx).find(&journal)?.and_then(|row| row.alarm);
            Journals(tx).dismiss_alarm(&journal)?;
            Ok::<_, DbError>(alarm)
        })
        .unwrap()
    };
    assert_eq!(said(&["CHK-011 a", "CHK-012 a"]).as_deref(), Some("CHK-011 a"));
    assert_eq!(said(&["CHK-012 a", "CHK-011 a"]).as_deref(), Some("CHK-011 a"));
    assert_eq!(said(&["CHK-012 a"]).as_deref(), Some("CHK-012 a"));
}

fn id(n: u8) -> [u8; 16] {
    let mut id = [0; 16];
    id[15] = n;
    id
}

/// Few ids and few names, so that operations collide.
fn op() -> impl Strategy<Value = DriveOp> {
    let node = || (0_u8..9).prop_map(|n| NodeId(id(n)));
    let version = || (20_u8..40).prop_map(|n| VersionId(id(n)));
    let name =
        || prop::sample::select(vec!["a", "b", "c.txt", "Recovered", "", "x/y"]).prop_map(str::to_owned);
    let attrs = || {
        (0_i64..5, 0_u16..0o1000).prop_map(|(mtime_s, mode)| Attrs {
            mtime_s,
            mtime_ns: 7,
            mode,
        })
    };
    // One piece of one size under one key, in one of four packs.
    let content = || {
        (0_u8..4, 0_u32..3).prop_map(|(pack, place)| {
            let slot = Slot {
                key: PackKey::from_bytes(&[pack; 32]),
                offset: place * 100,
                len: u32::try_from(sealed_len(10)).unwrap(),
            };
            let chunk = Chunk {
                blob: BlobId([pack; 32]),
                key: ContentKey::from_bytes(&[9; 32]),
                slot: Some(slot),
            };
            Content {
                size: 10,
                chunks: Chunks::Inline(vec![chunk]),
            }
        })
    };
    let new = prop_oneof![
        Just(NewNode::Directory),
        (version(), content()).prop_map(|(version, content)| NewNode::File { version, content }),
        Just(NewNode::Symlink {
            target: b"../x".to_vec()
        }),
    ];
    prop_oneof![
        4 => (node(), node(), name(), attrs(), new)
            .prop_map(|(node, parent, name, attrs, new)| DriveOp::Create { node, parent, name, attrs, new }),
        3 => (node(), version(), version(), attrs(), content())
            .prop_map(|(node, base, version, attrs, content)| DriveOp::Write { node, base, version, attrs, content }),
        2 => (node(), node(), name()).prop_map(|(node, parent, name)| DriveOp::Move { node, parent, name }),
        2 => node().prop_map(|node| DriveOp::Trash { node }),
        1 => node().prop_map(|node| DriveOp::Restore { node }),
        1 => node().prop_map(|node| DriveOp::Purge { node }),
        1 => (node(), version()).prop_map(|(node, version)| DriveOp::PurgeVersion { node, version }),
        1 => (node(), attrs()).prop_map(|(node, attrs)| DriveOp::SetAttrs { node, attrs }),
        2 => (node(), version(), content())
            .prop_map(|(node, version, content)| DriveOp::Repack { node, version, content }),
    ]
}

fn meta(seq: u64) -> EntryMeta<'static> {
    EntryMeta {
        seq,
        index: 0,
        seen_seq: seq.saturating_sub(2),
        time: 1_700_000_000_000,
        account: AccountId([1; 32]),
        device: DeviceId([2; 16]),
        device_name: "laptop",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The fold in SQLite and the fold in memory are the same fold.
    #[test]
    fn two_states_one_fold(ops in prop::collection::vec(op(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder, 1).unwrap();
        let mut memory = MemoryDrive::new();
        db.with_writer(|tx| {
            let state = JournalState::new(JournalId([3; 32]), JournalKind::Drive, AccountId([1; 32]));
            let row = Journals(tx).save(&JournalId([3; 32]), &state.snapshot(), None)?;
            let mut stored = DriveStore::new(tx, row);
            for (seq, op) in (1..).zip(&ops) {
                let here: Applied = apply(&mut stored, &meta(seq), op)?;
                let there = apply(&mut memory, &meta(seq), op).unwrap();
                assert_eq!(here, there);
            }
            let last = ops.len() as u64;
            assert_eq!(stored.changed(0, last)?, memory.changed(0, last).unwrap());
            for head in memory.heads() {
                assert_eq!(stored.head(head.node)?.as_ref(), Some(head));
                assert_eq!(stored.versions(head.node)?, memory.versions(head.node).unwrap());
                assert_eq!(stored.children(head.node)?, memory.children(head.node).unwrap());
            }
            let versions: Vec<Version> =
                memory.heads().flat_map(|head| memory.versions(head.node).unwrap()).collect();
            for pack in (0..4).map(|pack| BlobId([pack; 32])) {
                let named = versions.iter().filter(|version| blobs_of(&version.content).any(|blob| blob == pack));
                assert_eq!(stored.references(&pack)?, named.count() as u64);
            }
            Ok::<_, DbError>(())
        }).unwrap();
    }
}

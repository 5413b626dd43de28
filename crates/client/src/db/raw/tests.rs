use crannog_core::journal::{JournalKind, JournalState};
use crannog_proto::sign::Signature;
use crannog_proto::{AccountId, Entry, JournalId};

use super::super::Db;
use super::*;

const JOURNAL: JournalId = JournalId([1; 32]);

fn entry() -> Entry {
    Entry {
        header: vec![0; 100],
        signature: Signature([0; 64]),
        body: Vec::new(),
    }
}

/// A journal with entries of this age, each with so long a body in blobs.
fn kept(folder: &tempfile::TempDir, body: Option<&[u8]>) -> (Db, i64) {
    let db = Db::open(&folder.path().join("state.db"), &[1; 32]).unwrap();
    let state = JournalState::new(JOURNAL, JournalKind::Drive, AccountId([2; 32])).snapshot();
    let row = db
        .with_writer(|tx| {
            let row = Journals(tx).add(&JOURNAL, &state)?.id;
            for seq in 0..4 {
                let raw = RawEntry {
                    seq,
                    entry: entry(),
                    body: body.map(<[u8]>::to_vec),
                    own: true,
                };
                RawEntries(tx).keep(row, &raw, 1_000)?;
            }
            Ok::<_, DbError>(row)
        })
        .unwrap();
    (db, row)
}

/// A body in blobs goes to the server like any other, and is held until it went.
#[test]
fn bodies_in_blobs_count() {
    for (body, run) in [(None, 4), (Some([0; 1_000].as_slice()), 1)] {
        let folder = tempfile::tempdir().unwrap();
        let (db, row) = kept(&folder, body);
        let given = db
            .read_blocking(|c| RawEntries(c).run(row, 0, 64, 2_000))
            .unwrap();
        assert_eq!(given.len(), run);
    }
}

/// Entries go by age, but not while a server may want them back.
#[test]
fn what_may_be_asked_for_is_no_longer_forgotten_by_age() {
    let folder = tempfile::tempdir().unwrap();
    let (db, _) = kept(&folder, None);
    let outdated = |time| db.read_blocking(|c| RawEntries(c).are_outdated(time)).unwrap();
    assert!(!outdated(1_000) && outdated(1_001));
    let say = |alarm: &str| db.with_writer(|tx| Journals(tx).set_alarm(&JOURNAL, alarm, None));
    say("CHK-012 drive").unwrap();
    assert!(!outdated(1_001));
    say("CHK-011 drive").unwrap();
    assert!(outdated(1_001));
    let owe = |owed| db.with_writer(|tx| Meta(tx).write(MetaKey::Healing, &owed));
    owe(true).unwrap();
    assert!(!outdated(1_001));
    owe(false).unwrap();
    assert!(outdated(1_001));
}

use crannog_core::journal::JournalState;
use crannog_proto::entry::VERSION;
use crannog_proto::sign::Signature;
use crannog_proto::{AccountId, Body, Entry, EntryId, Hash, JournalId, Place, Seen, encode};

use super::*;
use crate::db::{Db, RawEntry};

const BLOB: BlobId = BlobId([7; 32]);

fn entry(adds: Vec<BlobId>, drops: Vec<BlobId>) -> Entry {
    let body = Body {
        hash: Hash::ZERO,
        len: 0,
        place: Place::Inline,
    };
    let header = Header {
        version: VERSION,
        journal: JournalId([1; 32]),
        epoch: 0,
        entry: EntryId::ZERO,
        seen: Seen {
            seq: 0,
            head: Hash::ZERO,
        },
        kind: Kind::Change,
        adds,
        drops,
        body,
    };
    Entry {
        header: encode(&header),
        signature: Signature([0; 64]),
        body: Vec::new(),
    }
}

/// Of a blob that entries bring (`+`) or take away (`-`), this account's (`o`) and others': where, and whether this account brought it.
fn brought(entries: &[&str]) -> Option<(u64, bool)> {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&folder.path().join("state.db"), &[1; 32]).unwrap();
    let id = JournalId([1; 32]);
    let state = JournalState::new(id, JournalKind::Drive, AccountId([2; 32])).snapshot();
    let added = db.with_writer(|tx| {
        let row = Journals(tx).add(&id, &state)?.id;
        for (seq, said) in (0..).zip(entries) {
            let ids = |sign| said.contains(sign).then_some(BLOB).into_iter().collect();
            let raw = RawEntry {
                seq,
                entry: entry(ids('+'), ids('-')),
                body: None,
                own: said.starts_with('o'),
            };
            RawEntries(tx).keep(row, &raw, 0)?;
        }
        added(&RawEntries(tx), row)
    });
    added.unwrap().get(&BLOB).map(|one| (one.seq, one.own))
}

/// Whoever names a blob of a drive that she may not read has not brought it here.
#[test]
fn what_others_name_is_not_given_by_this_account() {
    assert_eq!(brought(&["o+"]), Some((0, true)));
    assert_eq!(brought(&["m+"]), Some((0, false)));
    assert_eq!(brought(&["o+", "m+"]), Some((1, true)), "it was hers to give");
    assert_eq!(brought(&["o+", "o-", "m+"]), Some((2, false)), "it was gone");
    assert_eq!(brought(&["o+", "m-"]), None);
}

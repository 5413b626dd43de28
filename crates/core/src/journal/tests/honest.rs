//! The honest twins: what must be accepted.

use crannog_proto::{BlobId, EntryId, Kind, Receipt, Seen, SeqRange};

use super::world::*;
use crate::check::Check;
use crate::identity::HomeOp;
use crate::journal::*;

#[test]
fn home_begins_with_the_account_and_takes_operations() {
    let alice = person("alice");
    let mut rng = TestRng::new("home");
    let mut log = Log::default();
    log.append(&alice.home_genesis);
    let mut reader = Reader::new(&alice, alice.home, JournalKind::Home, &[&alice]);
    reader.read_all(&log).unwrap();
    let op = HomeOp::DeviceNamed {
        device: author(&alice).device,
        name: "laptop".into(),
    };
    log.append(&reader.seal(Kind::Change, Content::Home(vec![op]), &mut rng));
    let opened = reader.read(&log.stored[1], None).unwrap();
    assert_eq!(opened.author, Some(author(&alice)));
    assert!(matches!(opened.payload.unwrap().content, Content::Home(ops) if ops.len() == 1));
    assert_eq!(reader.state.role(), Some(Role::Admin));
}

#[test]
fn sets_are_sorted_and_large_bodies_travel_as_blobs() {
    let alice = person("alice");
    let mut rng = TestRng::new("large");
    let (mut log, mut reader) = drive(&alice, &[], &mut rng);
    let mut payload = said(batch());
    payload.device_name = "x".repeat(5_000_000);
    let [a, b] = [BlobId([9; 32]), BlobId([3; 32])];
    let entry = EntryId(random(&mut rng));
    let draft = EntryDraft {
        entry,
        kind: Kind::Change,
        adds: vec![a, b, a],
        drops: vec![a],
        payload: &payload,
    };
    let sealed = seal_entry(&reader.ground(), draft, &mut rng).unwrap();
    assert_eq!(sealed.header.adds, [b, a]);
    assert_eq!((sealed.body_blobs.len(), body_ids(&sealed.header)), (2, 2));
    assert!(sealed.entry.body.is_empty());
    let stored = log.append(&sealed).clone();
    assert_eq!(
        pending_blobs(&stored),
        sealed.body_blobs.iter().map(|(id, _)| *id).collect::<Vec<_>>()
    );
    assert_eq!(reader.open(&stored, None).err(), Some(ReadError::NeedsBody));
    let body = log.bodies[1].clone().unwrap();
    let mut bad = body.clone();
    bad[4_999_999] ^= 1;
    let refused = ReadError::Refused {
        check: Check::Body,
        seq: 1,
        by: Fault::Server,
    };
    assert_eq!(reader.open(&stored, Some(&bad)).err(), Some(refused));
    assert_eq!(
        reader.open(&stored, Some(&body[..body.len() - 1])).err(),
        Some(refused)
    );
    reader.read(&stored, Some(&body)).unwrap();
}

#[test]
fn bodies_show_their_size_only_in_steps() {
    let alice = person("alice");
    let mut rng = TestRng::new("padding");
    let (_, reader) = drive(&alice, &[], &mut rng);
    let mut lengths: Vec<u32> = (0..200)
        .map(|n| {
            let mut payload = said(batch());
            payload.device_name = "x".repeat(n * 400);
            let entry = EntryId(random(&mut rng));
            let draft = EntryDraft {
                entry,
                kind: Kind::Change,
                adds: vec![],
                drops: vec![],
                payload: &payload,
            };
            seal_entry(&reader.ground(), draft, &mut rng)
                .unwrap()
                .header
                .body
                .len
        })
        .collect();
    lengths.dedup();
    let floe = |plain: u32| plain + 74 + 32 * plain.div_ceil(65_504);
    let steps = [1, 2, 4, 8, 16, 32, 64, 66, 68, 70, 72, 74, 76, 78, 80];
    let mut expected: Vec<u32> = steps.map(|kib: u32| floe(kib << 10)).to_vec();
    expected.truncate(lengths.len());
    assert!(lengths.len() > 8 && lengths == expected, "{lengths:?}");
}

#[test]
fn a_snapshot_comes_back_and_goes_on() {
    let alice = person("alice");
    let mut rng = TestRng::new("snapshot");
    let (mut log, mut reader) = drive(&alice, &[], &mut rng);
    let bytes = reader.state.snapshot();
    reader.state = JournalState::restore(&bytes).unwrap();
    assert_eq!(*bytes, *reader.state.snapshot());
    log.append(&reader.change(&mut rng));
    reader.read_all(&log).unwrap();
    let mut unknown = bytes.to_vec();
    unknown[0] = 9;
    assert!(JournalState::restore(&unknown).is_err());
    let debug = format!("{:?}", reader.state);
    assert!(
        debug.contains("read: ReadSecret") && debug.contains("admin: Some(AdminSecret)"),
        "{debug}"
    );
}

#[test]
fn a_change_is_committed_once() {
    let alice = person("alice");
    let mut rng = TestRng::new("commit");
    let (mut log, mut reader) = drive(&alice, &[], &mut rng);
    log.append(&reader.change(&mut rng));
    let (_, one) = reader.open(&log.stored[1], None).unwrap();
    let (_, two) = reader.open(&log.stored[1], None).unwrap();
    reader.state.commit(one).unwrap();
    assert_eq!(reader.state.commit(two), Err(WriteError::Order));
}

#[test]
fn chk_026_a_pruned_body_is_accepted_only_below_a_vouched_checkpoint() {
    let alice = person("alice");
    let mut rng = TestRng::new("prune");
    let (mut log, mut reader) = drive(&alice, &[], &mut rng);
    log.append(&reader.change(&mut rng));
    let id = *reader.state.id();
    let mut late = Reader::new(&alice, id, JournalKind::Drive, &[&alice]);
    late.given = reader.given.clone();
    late.read_all(&Log {
        stored: log.stored[..1].to_vec(),
        bodies: vec![None],
    })
    .unwrap();
    let mut gone = log.stored[1].clone();
    gone.body_gone = true;
    gone.entry.body.clear();
    assert_eq!(late.refusal(&gone), Check::Missing);
    late.floor = Some(0);
    assert_eq!(late.refusal(&gone), Check::Missing);
    late.floor = Some(1);
    let opened = late.read(&gone, None).unwrap();
    assert!(opened.payload.is_none());
    reader.read_all(&log).unwrap();
    assert_eq!(late.state.last(), reader.state.last());
    // A genesis carries keys and stays.
    let mut fresh = Reader::new(&alice, id, JournalKind::Drive, &[&alice]);
    fresh.given = reader.given.clone();
    fresh.floor = Some(1);
    let mut genesis = log.stored[0].clone();
    genesis.body_gone = true;
    genesis.entry.body.clear();
    assert_eq!(fresh.refusal(&genesis), Check::Missing);
    // Nobody prunes without a checkpoint.
    let ranges = vec![SeqRange { from: 1, to: 1 }];
    log.append(&reader.seal(Kind::Prune { ranges }, Content::Prune, &mut rng));
    assert_eq!(reader.refusal(&log.stored[2]), Check::Bounds);
}

#[test]
fn a_closed_journal_takes_nothing_more() {
    let alice = person("alice");
    let mut rng = TestRng::new("close");
    let (mut log, mut reader) = drive(&alice, &[], &mut rng);
    let late = reader.change(&mut rng);
    log.append(
        &seal_close(
            &reader.ground(),
            EntryId(random(&mut rng)),
            3,
            "laptop".into(),
            &mut rng,
        )
        .unwrap(),
    );
    reader.read_all(&log).unwrap();
    assert!(reader.state.is_closed());
    assert!(
        reader
            .state
            .ground(author(&alice), &alice.device_keys.signing)
            .is_none()
    );
    let stored = log.append(&late).clone();
    assert_eq!(reader.refusal(&stored), Check::EpochSignature);
}

#[test]
fn thousands_of_entries_read_quickly() {
    let alice = person("alice");
    let mut rng = TestRng::new("many");
    let (mut log, mut reader) = drive(&alice, &[], &mut rng);
    for _ in 0..1_000 {
        log.append(&reader.change(&mut rng));
    }
    reader.read_all(&log).unwrap();
    assert_eq!(reader.state.last().unwrap().seq, 1_000);
}

#[test]
fn chk_019_chk_012_chk_011_receipts() {
    use crannog_proto::sign::{Signature, VerifyingKey, message};
    use crannog_proto::{Hash, JournalId, labels};
    let alice = person("alice");
    let key = VerifyingKey(alice.device_keys.signing.public());
    let journal = JournalId([1; 32]);
    let receipt = |seq, head: u8| {
        let head = Hash([head; 32]);
        let data = message(labels::RECEIPT, &Receipt::statement(&journal, seq, &head));
        Receipt {
            journal,
            seq,
            head,
            signature: Signature(alice.device_keys.signing.sign(&data)),
        }
    };
    let own = Seen {
        seq: 5,
        head: Hash([5; 32]),
    };
    let check = |receipt: &Receipt| check_receipt(receipt, &key, &journal, Some(&own));
    assert_eq!(check(&receipt(5, 5)), Ok(()));
    assert_eq!(check(&receipt(9, 1)), Ok(()));
    assert_eq!(check(&receipt(4, 4)), Err(Check::Rollback));
    assert_eq!(check(&receipt(5, 6)), Err(Check::Head));
    assert_eq!(
        check(&Receipt {
            seq: 6,
            ..receipt(5, 5)
        }),
        Err(Check::Receipt)
    );
    let other = JournalId([2; 32]);
    assert_eq!(
        check_receipt(&receipt(9, 1), &key, &other, None),
        Err(Check::Receipt)
    );
    assert_eq!(
        check_receipt(&receipt(9, 1), &VerifyingKey([7; 32]), &journal, None),
        Err(Check::Receipt)
    );
    assert_eq!(
        check_receipt_of(&receipt(5, 5), &key, &journal, 5, &own.head),
        Ok(())
    );
    assert_eq!(
        check_receipt_of(&receipt(6, 5), &key, &journal, 5, &own.head),
        Err(Check::Receipt)
    );
    assert_eq!(
        check_receipt_of(&receipt(5, 6), &key, &journal, 5, &own.head),
        Err(Check::Head)
    );
}

#[test]
fn chk_013_heads_meet() {
    use crannog_proto::Hash;
    let recorded = Seen {
        seq: 3,
        head: Hash([3; 32]),
    };
    assert_eq!(check_heads(&recorded, Some(&Hash([3; 32]))), Ok(()));
    assert_eq!(check_heads(&recorded, None), Ok(()));
    assert_eq!(
        check_heads(&recorded, Some(&Hash([4; 32]))),
        Err(Check::HeadsMeet)
    );
}

//! What has to work.

use crannog_proto::encode;
use crannog_proto::sign::Signature;
use crannog_proto::{Hash, JournalId, Receipt};
use proptest::prelude::*;

use super::*;
use crate::identity::{new_words, revoke_device};
use crate::journal::tests::world::person;

#[test]
fn a_note_arrives_and_is_read_again_from_home() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("note");
    let sent = note(&alice, &bob, &mut rng);
    let drop = sealed(&sent, &alice, &bob, &mut rng);
    assert_eq!(drop.len(), 4_096);
    let opened = NoteIn::open(&drop, &bob.account, &bob.secrets).unwrap();
    assert_eq!(opened.claimed_sender(), &alice.account);
    let taken = opened.verify(&alice.chain, &bob.chain, NOW).unwrap();
    assert_eq!(encode(taken.note()), encode(&sent));
    assert_eq!(taken.id(), &sent.id);
    let again = NoteIn::recorded(taken.signed_bytes().as_bytes(), &bob.account).unwrap();
    let again = again.verify_recorded(&alice.chain, &bob.chain).unwrap();
    assert_eq!(encode(again.note()), encode(&sent));
    assert_eq!(
        again.signed_bytes().as_bytes(),
        taken.signed_bytes().as_bytes(),
        "home's bytes never change"
    );
}

#[test]
fn debug_says_no_secret() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("debug");
    let sent = note(&alice, &bob, &mut rng);
    let taken = take(&sealed(&sent, &alice, &bob, &mut rng), &bob, &alice.chain, NOW).unwrap();
    let text = format!("{taken:?} {:?}", taken.note());
    assert!(
        text.contains("signed: RecordedNote")
            && text.contains("read: ReadSecret, append: None, write: Some(WriteSecret)")
    );
    let op = crate::identity::HomeOp::Invited {
        drop: sent.id,
        note: taken.signed_bytes().clone(),
    };
    assert!(format!("{op:?}").ends_with("note: RecordedNote }"));
}

#[test]
fn older_keys_and_roots_of_the_recipient_still_count() {
    let (alice, mut bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("older");
    let drop = sealed(&note(&alice, &bob, &mut rng), &alice, &bob, &mut rng);
    let device = author(&bob).device;
    let words = new_words(&bob.chain, &bob.words, &bob.secrets, &[device], &mut rng).unwrap();
    bob.chain = words.new.chain;
    bob.secrets = words.new.account.unwrap();
    assert!(take(&drop, &bob, &alice.chain, NOW).is_ok());
    let now = sealed(&note(&alice, &bob, &mut rng), &alice, &bob, &mut rng);
    assert!(take(&now, &bob, &alice.chain, NOW).is_ok());
}

#[test]
fn a_sender_who_revoked_another_device_since_is_still_heard() {
    let (mut alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("since");
    let first = author(&alice).device;
    let other = crannog_proto::DeviceId(random(&mut rng));
    let keys = crannog_seal::schedule::DeviceKeys::new(
        &crannog_seal::schedule::DeviceSeed::generate(&mut rng),
        &other.0,
    );
    let drop = sealed(&note(&alice, &bob, &mut rng), &alice, &bob, &mut rng);
    let back = crate::identity::recover(
        &alice.chain,
        &alice.words,
        &alice.secrets,
        (other, &keys),
        &[first],
        &mut rng,
    )
    .unwrap();
    alice.chain = back.chain;
    assert!(take(&drop, &bob, &alice.chain, NOW).is_ok());
    let gone = revoke_device(&alice.chain, &back.account.unwrap(), other, &mut rng).unwrap();
    assert!(take(&drop, &bob, &gone.chain, NOW).is_ok());
}

#[test]
fn three_lengths_and_no_other() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("lengths");
    let receipt = Receipt {
        journal: JournalId([5; 32]),
        seq: 1,
        head: Hash([5; 32]),
        signature: Signature([5; 64]),
    };
    let mut sent = note(&alice, &bob, &mut rng);
    for (heads, length) in [(0, 4_096), (16, 4_096), (20, 16_384), (64, 16_384)] {
        sent.heads = vec![receipt; heads];
        let drop = sealed(&sent, &alice, &bob, &mut rng);
        assert_eq!(drop.len(), length, "{heads} heads");
        assert_eq!(
            take(&drop, &bob, &alice.chain, NOW).unwrap().note().heads.len(),
            heads
        );
    }
    sent.heads = vec![receipt; 65];
    let refused = seal_note(&sent, &alice.device_keys.signing, &kem(&bob.chain), &mut rng);
    assert_eq!(refused.err(), Some(NoteUnfit::Heads));
}

#[test]
fn what_a_reader_would_refuse_is_not_sealed() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("unfit");
    let mut refused = |edit: &dyn Fn(&mut Note)| {
        let mut sent = note(&alice, &bob, &mut rng);
        edit(&mut sent);
        seal_note(&sent, &alice.device_keys.signing, &kem(&bob.chain), &mut rng).err()
    };
    assert_eq!(refused(&|_| {}), None);
    assert_eq!(refused(&|note| note.version = 2), Some(NoteUnfit::Version));
    for (before, after) in [(0, 30 * DAY + 1), (1, 0), (i64::MIN, i64::MAX)] {
        let life = |note: &mut Note| (note.time, note.expires) = (before, after);
        assert_eq!(refused(&life), Some(NoteUnfit::Life));
    }
    let long = "n".repeat(65);
    for name in ["", "a/b", "a:b", "a\u{1b}[2J", "n\n", &long] {
        let named = |note: &mut Note| {
            if let Purpose::Invite(invite) = &mut note.purpose {
                invite.name = name.into();
            }
        };
        assert_eq!(refused(&named), Some(NoteUnfit::Name), "{name:?}");
    }
    let home = |note: &mut Note| {
        if let Purpose::Invite(invite) = &mut note.purpose {
            invite.kind = JournalKind::Home;
        }
    };
    assert_eq!(refused(&home), Some(NoteUnfit::Home));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_purpose_round_trips(kind in 0u8..3, epoch: u64, name in "[a-z]{1,64}", heads in 0usize..=64, seed in "[a-z]{8}") {
        let (alice, bob) = (person("alice"), person("bob"));
        let mut rng = TestRng::new(&seed);
        let mut sent = note(&alice, &bob, &mut rng);
        let journal = JournalId([6; 32]);
        match (kind, &mut sent.purpose) {
            (0, Purpose::Invite(invite)) => (invite.name, invite.epoch) = (name, epoch),
            (1, purpose) => *purpose = Purpose::Leave { journal, epoch },
            (_, purpose) => *purpose = Purpose::Refresh { journal },
        }
        let receipt = Receipt { journal, seq: epoch, head: Hash([1; 32]), signature: Signature([2; 64]) };
        sent.heads = vec![receipt; heads];
        let drop = sealed(&sent, &alice, &bob, &mut rng);
        prop_assert!([4_096, 16_384, 65_536].contains(&drop.len()));
        let taken = take(&drop, &bob, &alice.chain, NOW).unwrap();
        prop_assert_eq!(encode(taken.note()), encode(&sent));
    }

    #[test]
    fn no_drop_panics(bytes in proptest::collection::vec(any::<u8>(), 0..256), length in 0usize..3) {
        let bob = person("bob");
        let _ = NoteIn::recorded(&bytes, &bob.account);
        let mut drop = bytes;
        drop.resize([4_096, 16_384, 65_536][length], 7);
        prop_assert_eq!(NoteIn::open(&drop, &bob.account, &bob.secrets).err(), Some(NoteRefused::Sealed));
    }
}

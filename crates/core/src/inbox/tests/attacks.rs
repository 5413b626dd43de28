//! CHK-031: each with its honest twin in `honest`.

use crannog_proto::sigchain::Cite;
use crannog_proto::sign::{Signature, message};
use crannog_proto::{Hash, encode, labels};
use crannog_seal::sign::DeviceSigningKey;

use super::*;
use crate::check::Check;
use crate::identity::{new_words, recover, revoke_device};
use crate::inbox::open::{Padded, SignedNote};
use crate::inbox::seal::{info, seal_signed};
use crate::journal::tests::world::person;

/// Signs and seals whatever is wanted, without the writer's checks.
fn forge(note: &Note, key: &DeviceSigningKey, to: &NewAccount, rng: &mut TestRng) -> Vec<u8> {
    let bytes = encode(note);
    let signature = Signature(key.sign(&message(labels::NOTE, &bytes)));
    let signed = SignedNote {
        note: bytes,
        signature,
    };
    seal_signed(signed, &to.account, &kem(&to.chain), rng).unwrap()
}

#[test]
fn chk_031_a_note_sealed_again_for_someone_else() {
    let (alice, bob, eve) = (person("alice"), person("bob"), person("eve"));
    let mut rng = TestRng::new("replayed");
    let sent = note(&alice, &bob, &mut rng);
    // Bob, who can open it, hands Alice's signed words on to Eve, so that she thinks to be invited.
    let drop = forge(&sent, &alice.device_keys.signing, &eve, &mut rng);
    assert_eq!(
        take(&drop, &eve, &alice.chain, NOW).err(),
        Some(NoteRefused::Recipient)
    );
    // With another recipient, role or journal the signature is not Alice's any more.
    let signed = encode(&sent);
    let signature = Signature(alice.device_keys.signing.sign(&message(labels::NOTE, &signed)));
    let edits: [fn(&mut Note, &NewAccount); 4] = [
        |note, eve| (note.recipient, note.recipient_root) = (eve.account, eve.chain.root),
        |note, _| {
            if let Purpose::Invite(invite) = &mut note.purpose {
                invite.role = Role::Admin;
            }
        },
        |note, _| {
            if let Purpose::Invite(invite) = &mut note.purpose {
                invite.journal = JournalId([6; 32]);
            }
        },
        |note, _| note.id = [1; 16],
    ];
    for (at, edit) in edits.into_iter().enumerate() {
        let mut other = sent.clone();
        edit(&mut other, &eve);
        let to = if at == 0 { &eve } else { &bob };
        let signed = SignedNote {
            note: encode(&other),
            signature,
        };
        let drop = seal_signed(signed, &to.account, &kem(&to.chain), &mut rng).unwrap();
        assert_eq!(
            take(&drop, to, &alice.chain, NOW).err(),
            Some(NoteRefused::Signature)
        );
    }
}

#[test]
fn chk_031_a_box_for_another_account_does_not_open() {
    let (alice, bob, eve) = (person("alice"), person("bob"), person("eve"));
    let mut rng = TestRng::new("box");
    let sent = note(&alice, &bob, &mut rng);
    let drop = sealed(&sent, &alice, &bob, &mut rng);
    assert_eq!(
        take(&drop, &eve, &alice.chain, NOW).err(),
        Some(NoteRefused::Sealed)
    );
    let to_eves_key = seal_note(&sent, &alice.device_keys.signing, &kem(&eve.chain), &mut rng).unwrap();
    assert_eq!(
        NoteIn::open(&to_eves_key, &eve.account, &eve.secrets).err(),
        Some(NoteRefused::Sealed),
        "the context is the recipient"
    );
    for at in [0, 1_119, 1_120, 2_000, 4_095] {
        let mut flipped = drop.clone();
        flipped[at] ^= 1;
        assert_eq!(
            take(&flipped, &bob, &alice.chain, NOW).err(),
            Some(NoteRefused::Sealed)
        );
    }
    for length in [0, 1_136, 4_095, 4_097, 16_383, 65_537] {
        let mut other = drop.clone();
        other.resize(length, 0);
        assert_eq!(
            take(&other, &bob, &alice.chain, NOW).err(),
            Some(NoteRefused::Length)
        );
    }
}

#[test]
fn chk_031_strangers_as_alice() {
    let (alice, bob, eve) = (person("alice"), person("bob"), person("eve"));
    let mut rng = TestRng::new("as alice");
    let e_key = &eve.device_keys.signing;
    let sent = note(&alice, &bob, &mut rng);
    assert_eq!(
        take(&forge(&sent, e_key, &bob, &mut rng), &bob, &alice.chain, NOW).err(),
        Some(NoteRefused::Signature)
    );
    // Eve's own sigchain, given for Alice's.
    let genuine = sealed(&sent, &alice, &bob, &mut rng);
    assert_eq!(
        take(&genuine, &bob, &eve.chain, NOW).err(),
        Some(NoteRefused::Sender)
    );
    let edits: [fn(&mut Note, &NewAccount); 5] = [
        |note, eve| note.sender.device = author(eve).device,
        |note, eve| note.sender = author(eve),
        |note, eve| note.chain = eve.chain.cite(),
        |note, eve| note.sender_root = eve.chain.root,
        |note, _| note.chain.head = Hash([1; 32]),
    ];
    for (at, edit) in edits.into_iter().enumerate() {
        let why = if at == 0 {
            NoteRefused::Device
        } else {
            NoteRefused::Sender
        };
        let mut wrong = sent.clone();
        edit(&mut wrong, &eve);
        let drop = forge(&wrong, e_key, &bob, &mut rng);
        assert_eq!(take(&drop, &bob, &alice.chain, NOW).err(), Some(why));
    }
}

#[test]
fn chk_031_a_revoked_device_invites_nobody() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("revoked");
    let drop = sealed(&note(&alice, &bob, &mut rng), &alice, &bob, &mut rng);
    let taken = take(&drop, &bob, &alice.chain, NOW).unwrap();
    let gone = revoke_device(&alice.chain, &alice.secrets, author(&alice).device, &mut rng).unwrap();
    assert_eq!(
        take(&drop, &bob, &gone.chain, NOW).err(),
        Some(NoteRefused::Device),
        "she cites the time before"
    );
    let recorded = NoteIn::recorded(taken.signed_bytes().as_bytes(), &bob.account).unwrap();
    assert_eq!(
        recorded.verify_recorded(&gone.chain, &bob.chain).err(),
        Some(NoteRefused::Device),
        "nor by an invite that waits"
    );
    let mut cites_now = note(&alice, &bob, &mut rng);
    cites_now.chain = gone.chain.cite();
    let drop = forge(&cites_now, &alice.device_keys.signing, &bob, &mut rng);
    assert_eq!(
        take(&drop, &bob, &gone.chain, NOW).err(),
        Some(NoteRefused::Device)
    );
}

#[test]
fn chk_031_a_link_that_the_root_cut_off_proves_no_root() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("cut off");
    let first = author(&alice).device;
    let gone = revoke_device(&alice.chain, &alice.secrets, first, &mut rng).unwrap();
    let device = crannog_proto::DeviceId(random(&mut rng));
    let seed = crannog_seal::schedule::DeviceSeed::generate(&mut rng);
    let keys = crannog_seal::schedule::DeviceKeys::new(&seed, &device.0);
    let account = gone.account.as_ref().unwrap();
    // The words override the revocation: the first device stays.
    let back = recover(
        &alice.chain,
        &alice.words,
        &alice.secrets,
        (device, &keys),
        &[first],
        &mut rng,
    )
    .unwrap();
    assert!(account.current().is_some());
    let mut sent = note(&alice, &bob, &mut rng);
    sent.chain = gone.chain.cite();
    let drop = forge(&sent, &alice.device_keys.signing, &bob, &mut rng);
    assert_eq!(
        take(&drop, &bob, &back.chain, NOW).err(),
        Some(NoteRefused::Sender)
    );
    sent.chain = Cite {
        seq: 7,
        ..alice.chain.cite()
    };
    let drop = forge(&sent, &alice.device_keys.signing, &bob, &mut rng);
    assert_eq!(
        take(&drop, &bob, &back.chain, NOW).err(),
        Some(NoteRefused::Sender),
        "a link that nobody knows"
    );
}

#[test]
fn chk_031_roots() {
    let (alice, mut bob, eve) = (person("alice"), person("bob"), person("eve"));
    let mut rng = TestRng::new("roots");
    let mut sent = note(&alice, &bob, &mut rng);
    sent.recipient_root = eve.chain.root;
    let drop = sealed(&sent, &alice, &bob, &mut rng);
    assert_eq!(
        take(&drop, &bob, &alice.chain, NOW).err(),
        Some(NoteRefused::Recipient)
    );
    // Alice has new words; her older link has the older root, and no other.
    let device = author(&alice).device;
    let words = new_words(&alice.chain, &alice.words, &alice.secrets, &[device], &mut rng).unwrap();
    let mut mixed = note(&alice, &bob, &mut rng);
    mixed.sender_root = words.new.chain.root;
    let drop = forge(&mixed, &alice.device_keys.signing, &bob, &mut rng);
    assert_eq!(
        take(&drop, &bob, &words.new.chain, NOW).err(),
        Some(NoteRefused::Sender)
    );
    mixed.chain = words.new.chain.cite();
    let drop = forge(&mixed, &alice.device_keys.signing, &bob, &mut rng);
    assert!(take(&drop, &bob, &words.new.chain, NOW).is_ok());
    // The reader given another's sigchain for her own takes nothing.
    let drop = sealed(&note(&alice, &bob, &mut rng), &alice, &bob, &mut rng);
    bob.chain = eve.chain.clone();
    assert_eq!(
        take(&drop, &bob, &alice.chain, NOW).err(),
        Some(NoteRefused::Recipient)
    );
}

#[test]
fn chk_031_time() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("time");
    let sent = note(&alice, &bob, &mut rng);
    let drop = sealed(&sent, &alice, &bob, &mut rng);
    let at = |now| take(&drop, &bob, &alice.chain, now).err();
    assert_eq!(at(sent.expires), None);
    assert_eq!(at(sent.expires + 1), Some(NoteRefused::Expired));
    assert_eq!(at(i64::MAX), Some(NoteRefused::Expired));
    assert_eq!(at(sent.time - DAY), None);
    assert_eq!(at(sent.time - DAY - 1), Some(NoteRefused::Future));
    assert_eq!(at(i64::MIN), Some(NoteRefused::Future));
    let mut lasting = sent.clone();
    lasting.expires = lasting.time + 31 * DAY;
    let drop = forge(&lasting, &alice.device_keys.signing, &bob, &mut rng);
    assert_eq!(
        take(&drop, &bob, &alice.chain, NOW).err(),
        Some(NoteRefused::Unfit(NoteUnfit::Life))
    );
    lasting.time = i64::MAX;
    lasting.expires = i64::MIN;
    let drop = forge(&lasting, &alice.device_keys.signing, &bob, &mut rng);
    assert_eq!(
        take(&drop, &bob, &alice.chain, NOW).err(),
        Some(NoteRefused::Unfit(NoteUnfit::Life))
    );
}

#[test]
fn chk_031_into_a_home() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("home");
    let mut sent = note(&alice, &bob, &mut rng);
    if let Purpose::Invite(invite) = &mut sent.purpose {
        (invite.journal, invite.kind) = (bob.home, JournalKind::Home);
    }
    let drop = forge(&sent, &alice.device_keys.signing, &bob, &mut rng);
    assert_eq!(
        take(&drop, &bob, &alice.chain, NOW).err(),
        Some(NoteRefused::Unfit(NoteUnfit::Home))
    );
}

#[test]
fn chk_010_and_031_bytes() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("bytes");
    let sent = encode(&note(&alice, &bob, &mut rng));
    let key = &alice.device_keys.signing;
    let refused = |bytes: Vec<u8>, rng: &mut TestRng| {
        let signature = Signature(key.sign(&message(labels::NOTE, &bytes)));
        let signed = SignedNote {
            note: bytes,
            signature,
        };
        let drop = seal_signed(signed, &bob.account, &kem(&bob.chain), rng).unwrap();
        take(&drop, &bob, &alice.chain, NOW).unwrap_err()
    };
    let mut second = sent.clone();
    second[0] = 2;
    let version = refused(second, &mut rng);
    assert_eq!(
        (version, version.check()),
        (NoteRefused::Version(2), Check::Version)
    );
    let mut longer = sent.clone();
    longer.push(0);
    for bytes in [Vec::new(), vec![1], longer, sent.split_last().unwrap().1.to_vec()] {
        let decode = refused(bytes, &mut rng);
        assert_eq!((decode, decode.check()), (NoteRefused::Decode, Check::Note));
    }
    // Padding that says something.
    let plain = |padding: u8| {
        let signed = SignedNote {
            note: sent.clone(),
            signature: Signature(key.sign(&message(labels::NOTE, &sent))),
        };
        let bare = encode(&Padded {
            signed,
            padding: Vec::new(),
        })
        .len();
        let signed = SignedNote {
            note: sent.clone(),
            signature: Signature(key.sign(&message(labels::NOTE, &sent))),
        };
        let padding = vec![padding; 4_096 - crannog_seal::asym::WRAP_OVERHEAD - bare];
        encode(&Padded { signed, padding })
    };
    for (byte, outcome) in [(0, None), (1, Some(NoteRefused::Padding))] {
        let to_bob = info(&bob.account);
        let drop = crannog_seal::asym::wrap(&kem(&bob.chain), to_bob, b"", &plain(byte), &mut rng);
        assert_eq!(take(&drop, &bob, &alice.chain, NOW).err(), outcome);
    }
}

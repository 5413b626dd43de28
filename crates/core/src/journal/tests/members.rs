//! What a state knows of its members.

use crannog_proto::{EntryId, Signer};
use crannog_seal::schedule::EpochSecrets;

use super::rekeys::{Three, draft, rekey, three};
use super::world::*;
use crate::check::Check;
use crate::identity::revoke_device;
use crate::journal::*;

#[test]
fn lists_over_the_epochs() {
    let Three { alice, bob, eve } = three();
    let mut rng = TestRng::new("epochs");
    let (mut log, mut a) = drive(&alice, &[], &mut rng);
    for person in [&bob, &eve] {
        a.chains.insert(person.account, person.chain.clone());
    }
    assert_eq!(a.state.creator(), Some(alice.account));
    assert!(!a.state.ever_shared());
    let (admin, writer, reader) = (
        member(&alice, Role::Admin),
        member(&bob, Role::Writer),
        member(&eve, Role::Reader),
    );
    let lists = [
        vec![admin.clone(), writer.clone()],
        vec![reader.clone(), writer.clone(), admin.clone()],
        vec![admin.clone(), reader.clone()],
        vec![admin.clone(), reader.clone(), writer],
        vec![admin.clone()],
    ];
    let since = |a: &Reader<'_>| [&alice, &bob, &eve].map(|person| a.state.member_since(&person.account));
    let expected = [
        [Some((0, 0)), Some((1, 1)), None],
        [Some((0, 0)), Some((1, 1)), Some((2, 2))],
        [Some((0, 0)), None, Some((2, 2))],
        [Some((0, 0)), Some((4, 4)), Some((2, 2))],
        [Some((0, 0)), None, None],
    ];
    assert_eq!(since(&a), [Some((0, 0)), None, None]);
    for (list, expected) in lists.into_iter().zip(expected) {
        log.append(&rekey(&a, list, Signer::Admin, &mut rng).sealed);
        a.read_all(&log).unwrap();
        assert_eq!(since(&a), expected);
        assert!(a.state.ever_shared(), "also when she is alone again");
        assert_eq!(a.state.creator(), Some(alice.account));
    }
}

#[test]
fn nothing_is_sealed_to_someone_whose_sigchain_is_not_given() {
    let Three { alice, bob, eve } = three();
    let mut rng = TestRng::new("lacks");
    let (log, mut a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let list = || {
        vec![
            member(&alice, Role::Admin),
            member(&bob, Role::Writer),
            member(&eve, Role::Reader),
        ]
    };
    let seal = |a: &Reader<'_>, rng: &mut TestRng| {
        let draft = draft(list(), Signer::Admin, rng);
        let chains = |account: &_| a.chains.get(account);
        seal_rekey(&a.state, &a.ground(), draft, &chains, rng).map(|made| made.sealed)
    };
    assert_eq!(seal(&a, &mut rng).err(), Some(WriteError::Members));
    a.chains.insert(eve.account, alice.chain.clone());
    assert_eq!(
        seal(&a, &mut rng).err(),
        Some(WriteError::Members),
        "another's sigchain"
    );
    a.chains.insert(eve.account, eve.chain.clone());
    let made = seal(&a, &mut rng).unwrap();
    let mut log = log;
    log.append(&made);
    a.read_all(&log).unwrap();
}

#[test]
fn a_list_is_outdated_by_a_generation_or_a_decision() {
    let Three { alice, bob, eve } = three();
    let mut rng = TestRng::new("outdated");
    let (mut log, mut a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let outdated =
        |a: &Reader<'_>, removals: &[_]| a.state.outdated(&|account| a.chains.get(account), removals);
    assert!(!outdated(&a, &[]));
    assert!(!outdated(&a, &[eve.account]), "who is no member is gone already");
    assert!(outdated(&a, &[eve.account, bob.account]));
    let gone = revoke_device(&bob.chain, &bob.secrets, author(&bob).device, &mut rng).unwrap();
    a.chains.insert(bob.account, gone.chain.clone());
    assert!(outdated(&a, &[]));
    log.append(&rekey(&a, vec![member(&alice, Role::Admin)], Signer::Admin, &mut rng).sealed);
    a.read_all(&log).unwrap();
    assert!(!outdated(&a, &[bob.account]));
}

/// Who made a journal stands first in its first list: nobody else can be named there.
#[test]
fn chk_017_a_genesis_that_names_another_creator() {
    let Three { alice, bob, .. } = three();
    let mut rng = TestRng::new("creator");
    let secrets = EpochSecrets::generate(&[0; 32], 0, &mut rng);
    let honest = vec![member(&alice, Role::Admin), member(&bob, Role::Admin)];
    let turned: Vec<Member> = honest.iter().rev().cloned().collect();
    let weak = vec![member(&alice, Role::Writer), member(&bob, Role::Admin)];
    let made = |members: Vec<Member>, by: &crate::identity::NewAccount, rng: &mut TestRng| {
        let payload = said(Content::Genesis {
            kind: JournalKind::Drive,
            members,
        });
        let key = &by.device_keys.signing;
        seal_genesis(&secrets, &payload, author(by), key, EntryId(random(rng)), rng)
    };
    for wrong in [turned.clone(), weak, Vec::new()] {
        assert_eq!(
            made(wrong, &alice, &mut rng).err().map(|error| error.to_string()),
            Some(WriteError::Members.to_string())
        );
    }
    for (members, fine) in [(honest, true), (turned, false)] {
        // What a modified client of Alice's would sign.
        let payload = said(Content::Genesis {
            kind: JournalKind::Drive,
            members,
        });
        let ground = Ground {
            journal: crannog_proto::JournalId::ZERO,
            secrets: secrets.clone(),
            admin: secrets.admin_key(),
            seen: crannog_proto::Seen::default(),
            author: author(&alice),
            device_key: &alice.device_keys.signing,
        };
        let draft = EntryDraft {
            entry: EntryId(random(&mut rng)),
            kind: crannog_proto::Kind::Genesis(public_halves(&secrets).unwrap()),
            adds: Vec::new(),
            drops: Vec::new(),
            payload: &payload,
        };
        let sealed = seal_entry(&ground, draft, &mut rng).unwrap();
        let id = crannog_proto::JournalId::of_genesis(&sealed.entry.header);
        let mut reader = Reader::new(&alice, id, JournalKind::Drive, &[&alice, &bob]);
        reader
            .given
            .insert(0, EpochGrant::for_role(&secrets, Role::Admin));
        let mut log = Log::default();
        let stored = log.append(&sealed).clone();
        if fine {
            reader.read(&stored, None).unwrap();
        } else {
            assert_eq!(reader.refusal(&stored), Check::Author);
        }
    }
}

/// What an invite brings need not be true: then its sender lies, not the server.
#[test]
fn chk_004_the_secrets_of_an_invite_that_are_not_the_genesis() {
    let Three { alice, bob, .. } = three();
    let mut rng = TestRng::new("wrong invite");
    let (log, a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let mut b = Reader::new(&bob, *a.state.id(), JournalKind::Drive, &[&alice, &bob]);
    let other = EpochSecrets::generate(&[0; 32], 0, &mut rng);
    b.given.insert(0, EpochGrant::for_role(&other, Role::Writer));
    let refused = ReadError::Refused {
        check: Check::Secret,
        seq: 0,
        by: Fault::Member,
    };
    assert_eq!(b.open(&log.stored[0], None).err(), Some(refused));
    let right = a.state.secrets(0).unwrap();
    b.given.insert(0, EpochGrant::for_role(&right, Role::Writer));
    b.read_all(&log).unwrap();
}

//! Rekeys, refreshes, removals: attack rows 2, 5, 8, 36, 37.

use crannog_proto::{EntryId, Header, Kind, Signer, decode, encode};
use crannog_seal::schedule::EpochSecrets;

use super::world::*;
use crate::check::Check;
use crate::identity::NewAccount;
use crate::journal::rekey_body::RekeyBody;
use crate::journal::*;

pub(super) fn draft(members: Vec<Member>, signer: Signer, rng: &mut TestRng) -> RekeyDraft<'static> {
    let entry = EntryId(random(rng));
    RekeyDraft {
        entry,
        signer,
        members,
        secrets: None,
        time: 5,
        device_name: "laptop",
        cites: Vec::new(),
    }
}

pub(super) fn rekey(by: &Reader<'_>, members: Vec<Member>, signer: Signer, rng: &mut TestRng) -> SealedRekey {
    rekey_on(by, &by.ground(), members, signer, rng)
}

pub(super) fn rekey_on(
    by: &Reader<'_>,
    ground: &Ground<'_>,
    members: Vec<Member>,
    signer: Signer,
    rng: &mut TestRng,
) -> SealedRekey {
    let draft = draft(members, signer, rng);
    seal_rekey(&by.state, ground, draft, &|account| by.chains.get(account), rng).unwrap()
}

pub(super) struct Three {
    pub(super) alice: NewAccount,
    pub(super) bob: NewAccount,
    pub(super) eve: NewAccount,
}

pub(super) fn three() -> Three {
    Three {
        alice: person("alice"),
        bob: person("bob"),
        eve: person("eve"),
    }
}

#[test]
fn chk_022_members_receive_the_next_epoch_by_envelope() {
    let Three { alice, bob, eve } = three();
    let mut rng = TestRng::new("rekey");
    let (mut log, mut a) = drive(&alice, &[(&bob, Role::Writer), (&eve, Role::Reader)], &mut rng);
    let mut b = join(&bob, Role::Writer, &a, &log);
    let mut e = join(&eve, Role::Reader, &a, &log);
    let next = vec![
        member(&alice, Role::Admin),
        member(&bob, Role::Writer),
        member(&eve, Role::Reader),
    ];
    let made = rekey(&a, next, Signer::Admin, &mut rng);
    let body: RekeyBody = decode(&made.sealed.entry.body).unwrap();
    assert_eq!(body.envelopes.len(), 4, "three and a dummy");
    let lengths: std::collections::BTreeSet<usize> =
        body.envelopes.iter().map(|one| encode(one).len()).collect();
    assert_eq!(lengths.len(), 1);
    log.append(&made.sealed);
    for reader in [&mut a, &mut b, &mut e] {
        reader.read_all(&log).unwrap();
        assert_eq!(reader.state.epoch(), Some(1));
    }
    let held = |reader: &Reader<'_>| {
        let grant = reader.state.grant(1).unwrap();
        (grant.write.is_some(), grant.admin.is_some())
    };
    assert_eq!(
        (held(&a), held(&b), held(&e)),
        ((true, true), (true, false), (false, false))
    );
    log.append(&b.change(&mut rng));
    a.read_all(&log).unwrap();
    e.read_all(&log).unwrap();
    // Row 36: what is sealed in the old epoch is refused.
    let stale = Ground {
        secrets: a.state.secrets(0).unwrap(),
        ..a.ground()
    };
    let payload = said(batch());
    let draft = EntryDraft {
        entry: EntryId([1; 16]),
        kind: Kind::Change,
        adds: vec![],
        drops: vec![],
        payload: &payload,
    };
    let stored = log.append(&seal_entry(&stale, draft, &mut rng).unwrap()).clone();
    assert_eq!(a.refusal(&stored), Check::EpochSignature);
}

#[test]
fn a_removed_member_learns_it_and_reads_nothing_more() {
    let Three { alice, bob, .. } = three();
    let mut rng = TestRng::new("remove");
    let (mut log, mut a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let mut b = join(&bob, Role::Writer, &a, &log);
    log.append(&rekey(&a, vec![member(&alice, Role::Admin)], Signer::Admin, &mut rng).sealed);
    a.read_all(&log).unwrap();
    assert!(b.read(&log.stored[1], None).unwrap().payload.is_none());
    assert!(b.state.is_removed());
    log.append(&a.change(&mut rng));
    assert_eq!(b.open(&log.stored[2], None).err(), Some(ReadError::NotMember));
    a.read_all(&log).unwrap();
}

#[test]
fn a_new_member_walks_back_and_reads_forward() {
    let Three { alice, bob, .. } = three();
    let mut rng = TestRng::new("history");
    let (mut log, mut a) = drive(&alice, &[], &mut rng);
    log.append(&a.change(&mut rng));
    a.read_all(&log).unwrap();
    a.chains.insert(bob.account, bob.chain.clone());
    let made = rekey(
        &a,
        vec![member(&alice, Role::Admin), member(&bob, Role::Writer)],
        Signer::Admin,
        &mut rng,
    );
    log.append(&made.sealed);
    a.read_all(&log).unwrap();
    let mut b = Reader::new(&bob, *a.state.id(), JournalKind::Drive, &[&alice, &bob]);
    let secrets = made.grant.secrets(a.state.id(), 1);
    let read = previous_read_secret(&log.stored[2].entry, None, &secrets)
        .unwrap()
        .unwrap();
    b.given.insert(0, EpochGrant::of_reader(read));
    b.given.insert(1, EpochGrant::for_role(&secrets, Role::Writer));
    b.read_all(&log).unwrap();
    log.append(&b.change(&mut rng));
    a.read_all(&log).unwrap();
}

#[test]
fn chk_022_a_refresh_keeps_the_list_and_the_admin_key() {
    let Three { alice, bob, eve } = three();
    let mut rng = TestRng::new("refresh");
    let (mut log, mut a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let mut b = join(&bob, Role::Writer, &a, &log);
    for people in [&mut a, &mut b] {
        people.chains.insert(eve.account, eve.chain.clone());
    }
    let same = vec![member(&alice, Role::Admin), member(&bob, Role::Writer)];
    for wrong in [
        vec![member(&alice, Role::Admin)],
        vec![member(&alice, Role::Admin), member(&bob, Role::Admin)],
        vec![
            member(&alice, Role::Admin),
            member(&bob, Role::Writer),
            member(&eve, Role::Reader),
        ],
        vec![member(&bob, Role::Writer), member(&alice, Role::Admin)],
        vec![
            member(&alice, Role::Admin),
            member(&bob, Role::Writer),
            member(&bob, Role::Writer),
        ],
    ] {
        let stored = log
            .clone()
            .append(&rekey(&b, wrong, Signer::Writer, &mut rng).sealed)
            .clone();
        assert_eq!(a.refusal(&stored), Check::Rekey);
    }
    log.append(&rekey(&b, same.clone(), Signer::Writer, &mut rng).sealed);
    a.read_all(&log).unwrap();
    b.read_all(&log).unwrap();
    assert_eq!(a.state.public().unwrap().admin_key, {
        let genesis: Header = decode(&log.stored[0].entry.header).unwrap();
        let Kind::Genesis(public) = genesis.kind else {
            panic!()
        };
        public.admin_key
    });
    // The admin still can rekey, with the key of the epoch before.
    log.append(&rekey(&a, same, Signer::Admin, &mut rng).sealed);
    a.read_all(&log).unwrap();
    b.read_all(&log).unwrap();
    assert_eq!(b.state.epoch(), Some(2));
}

#[test]
fn chk_022_a_refresh_with_an_admin_key_of_the_writers_own() {
    let Three { alice, bob, .. } = three();
    let mut rng = TestRng::new("own admin key");
    let (mut log, a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let b = join(&bob, Role::Writer, &a, &log);
    // Bob makes it like an admin's rekey, and signs it as a writer.
    let ground = Ground {
        admin: b
            .state
            .secrets(0)
            .unwrap()
            .write_key()
            .map(|_| a.ground().admin.unwrap()),
        ..b.ground()
    };
    let same = vec![member(&alice, Role::Admin), member(&bob, Role::Writer)];
    let made = rekey_on(&b, &ground, same, Signer::Admin, &mut rng);
    let stored = log.append(&made.sealed).clone();
    assert_eq!(
        a.refusal(&stored),
        Check::Author,
        "a non-admin with all the right keys"
    );
}

#[test]
fn chk_022_ghosts_and_lists_without_admin() {
    let Three { alice, eve, .. } = three();
    let mut rng = TestRng::new("ghost");
    let (log, mut a) = drive(&alice, &[], &mut rng);
    let ghost = Member {
        chain: alice.chain.cite(),
        ..member(&eve, Role::Reader)
    };
    a.chains.insert(eve.account, eve.chain.clone());
    for wrong in [
        vec![member(&alice, Role::Admin), ghost],
        vec![member(&alice, Role::Writer)],
    ] {
        let secrets = EpochSecrets::generate(&a.state.id().0, 1, &mut rng);
        let mut made = draft(wrong, Signer::Admin, &mut rng);
        made.secrets = Some(secrets.clone());
        let alice_chain = alice.chain.clone();
        let sealed = seal_rekey(&a.state, &a.ground(), made, &|_| Some(&alice_chain), &mut rng).unwrap();
        let stored = log.clone().append(&sealed.sealed).clone();
        let mut given = Reader::new(&alice, *a.state.id(), JournalKind::Drive, &[&alice, &eve]);
        given.given = a.given.clone();
        given.given.insert(1, EpochGrant::for_role(&secrets, Role::Admin));
        given.read_all(&log).unwrap();
        assert_eq!(given.refusal(&stored), Check::Rekey);
    }
}

/// Two devices of one account rekey at once. Home keeps what was recorded last, which may be the grant of the one that lost.
#[test]
fn of_two_rekeys_at_once_the_envelope_of_the_winner_counts() {
    let Three { alice, .. } = three();
    let mut rng = TestRng::new("race");
    let (mut log, mut a) = drive(&alice, &[], &mut rng);
    let list = || vec![member(&alice, Role::Admin)];
    let won = rekey(&a, list(), Signer::Admin, &mut rng);
    let lost = rekey(&a, list(), Signer::Admin, &mut rng);
    a.given.insert(1, lost.grant);
    log.append(&won.sealed);
    a.read_all(&log).unwrap();
    assert_eq!(a.state.grant(1).map(encode), Some(encode(&won.grant)));
    log.append(&a.change(&mut rng));
    a.read_all(&log).unwrap();
}

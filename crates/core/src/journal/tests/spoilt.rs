//! Entries that a member spoilt: who proved to have said them, and how they are passed over.

use crannog_proto::api::Stored;
use crannog_proto::{Hash, Kind, Seen, Signer};

use super::attacks::seal_by;
use super::rekeys::{Three, rekey, three};
use super::world::*;
use crate::check::Check;
use crate::identity::revoke_device;
use crate::journal::*;

fn with_sources<T>(reader: &Reader<'_>, ask: impl FnOnce(&Sources<'_>) -> T) -> T {
    ask(&Sources {
        head_at: &|seq| reader.heads.get(seq as usize).copied(),
        entry_known: &|id| reader.ids.contains(id),
        chain: &|account| reader.chains.get(account),
        keys: Keys {
            account: &reader.me.secrets,
            given: &|epoch| reader.given.get(&epoch).cloned(),
        },
        floor: reader.floor,
    })
}

fn skip(reader: &Reader<'_>, stored: &Stored) -> Result<(OpenedEntry, StateChange), ReadError> {
    with_sources(reader, |sources| reader.state.skip(stored, sources))
}

fn spoke(reader: &Reader<'_>, stored: &Stored) -> Option<Author> {
    with_sources(reader, |sources| reader.state.said(stored, None, sources)).map(|(author, _)| author)
}

/// Bob, a reader, holds the write key all the same and writes.
#[test]
fn a_spoilt_entry_has_a_speaker_and_is_passed_over_by_all_alike() {
    let Three { alice, bob, .. } = three();
    let mut rng = TestRng::new("spoilt");
    let (mut log, mut a) = drive(&alice, &[(&bob, Role::Reader)], &mut rng);
    let mut b = join(&bob, Role::Writer, &a, &log);
    let as_bob = Ground {
        author: author(&bob),
        device_key: &bob.device_keys.signing,
        ..a.ground()
    };
    let bad = log.append(&seal_by(&as_bob, &said(batch()), &mut rng)).clone();
    assert_eq!(a.refusal(&bad), Check::Author);
    assert_eq!(spoke(&a, &bad), Some(author(&bob)));
    for reader in [&mut a, &mut b] {
        let (opened, change) = skip(reader, &bad).unwrap();
        assert!(opened.author.is_none() && opened.payload.is_none());
        assert_eq!(change.last().head, bad.head);
        reader.heads.push(opened.head);
        reader.ids.insert(*change.entry());
        reader.state.commit(change).unwrap();
    }
    log.append(&a.change(&mut rng));
    a.read_all(&log).unwrap();
    b.read_all(&log).unwrap();
    assert_eq!(a.state.last(), b.state.last());
}

#[test]
fn what_the_server_may_not_do_is_not_skipped() {
    let Three { alice, bob, .. } = three();
    let mut rng = TestRng::new("not skipped");
    let (mut log, mut a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let made = a.change(&mut rng);
    let good = log.clone().append(&made).clone();
    assert!(skip(&a, &good).is_ok());
    let refused = |stored: &Stored| match skip(&a, stored).map(|_| ()) {
        Err(ReadError::Refused { check, .. }) => check,
        other => panic!("{other:?}"),
    };
    let mut other = good.clone();
    other.head = Hash([1; 32]);
    assert_eq!(refused(&other), Check::Head);
    other = good.clone();
    other.seq = 2;
    assert_eq!(refused(&other), Check::Head);
    other = good.clone();
    other.entry.signature.0[0] ^= 1;
    assert_eq!(refused(&other), Check::EpochSignature);
    other = good.clone();
    other.entry.body.push(0);
    assert_eq!(refused(&other), Check::Body);
    let secrets = a.state.secrets(0).unwrap();
    let before = a.state.last().unwrap().head;
    let elsewhere = resign(&good, before, &secrets, |header| {
        header.seen = Seen {
            seq: 0,
            head: Hash([2; 32]),
        };
    });
    assert_eq!(refused(&elsewhere), Check::Seen);
    let rekey = rekey(&a, vec![member(&alice, Role::Admin)], Signer::Admin, &mut rng);
    let rekey = log.clone().append(&rekey.sealed).clone();
    assert_eq!(skip(&a, &rekey).err(), Some(ReadError::NotSkippable));
    let close = log
        .clone()
        .append(&a.seal(Kind::Close, Content::Close, &mut rng))
        .clone();
    assert_eq!(skip(&a, &close).err(), Some(ReadError::NotSkippable));
    assert_eq!(spoke(&a, &rekey), None, "what holds keys is no evidence");
    log.append(&made);
    a.read_all(&log).unwrap();
}

/// A checkpoint that was passed over still counts for the rule of prunes, because it does at the server.
#[test]
fn a_skipped_checkpoint_moves_the_floor_of_prunes() {
    let alice = person("alice");
    let mut rng = TestRng::new("floor");
    let (mut log, mut a) = drive(&alice, &[], &mut rng);
    log.append(&a.change(&mut rng));
    log.append(&a.change(&mut rng));
    a.read_all(&log).unwrap();
    // Its content belongs to another kind.
    let bad = log
        .append(&a.seal(Kind::Checkpoint { through: 2 }, batch(), &mut rng))
        .clone();
    assert_eq!(a.refusal(&bad), Check::Author);
    let (opened, change) = skip(&a, &bad).unwrap();
    a.heads.push(opened.head);
    a.state.commit(change).unwrap();
    let ranges = vec![crannog_proto::SeqRange { from: 1, to: 1 }];
    log.append(&a.seal(Kind::Prune { ranges }, Content::Prune, &mut rng));
    a.read_all(&log).unwrap();
}

#[test]
fn nobody_is_made_to_have_said_what_she_did_not() {
    let Three { alice, bob, eve } = three();
    let mut rng = TestRng::new("framed");
    let (mut log, mut a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    a.chains.insert(eve.account, eve.chain.clone());
    let as_bob = |key| Ground {
        author: author(&bob),
        device_key: key,
        ..a.ground()
    };
    let forged = log
        .clone()
        .append(&seal_by(
            &as_bob(&eve.device_keys.signing),
            &said(batch()),
            &mut rng,
        ))
        .clone();
    assert_eq!(a.refusal(&forged), Check::Author);
    assert_eq!(spoke(&a, &forged), None);
    // Bob's words of one entry in another.
    let genuine = log
        .append(&seal_by(
            &as_bob(&bob.device_keys.signing),
            &said(batch()),
            &mut rng,
        ))
        .clone();
    assert_eq!(spoke(&a, &genuine), Some(author(&bob)));
    let secrets = a.state.secrets(0).unwrap();
    let mut lifted: crannog_proto::Header = crannog_proto::decode(&genuine.entry.header).unwrap();
    let plain = secrets
        .body_key()
        .open(&lifted.associated_data(), &genuine.entry.body)
        .unwrap();
    lifted.entry = crannog_proto::EntryId([9; 16]);
    let body = secrets
        .body_key()
        .seal(&lifted.associated_data(), &plain, &mut rng);
    let mut stored = genuine.clone();
    stored.entry.body = body;
    let before = a.state.last().unwrap().head;
    let stored = resign(&stored, before, &secrets, |header| {
        *header = lifted;
        header.body.hash = Hash::plain(&stored.entry.body);
    });
    assert_eq!(a.refusal(&stored), Check::Author);
    assert_eq!(spoke(&a, &stored), None);
    // A device that was revoked has said it, too.
    let gone = revoke_device(&bob.chain, &bob.secrets, author(&bob).device, &mut rng).unwrap();
    a.chains.insert(bob.account, gone.chain);
    assert_eq!(spoke(&a, &genuine), Some(author(&bob)));
    a.chains.remove(&bob.account);
    assert_eq!(spoke(&a, &genuine), None);
}

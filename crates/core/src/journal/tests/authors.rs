//! Who may write what: missing rights, foreign devices, lifted signatures.

use crannog_proto::{EntryId, Hash, Kind};

use super::attacks::seal_by;
use super::world::*;
use crate::check::Check;
use crate::journal::*;

#[test]
fn chk_017_readers_strangers_and_foreign_devices_cannot_write() {
    let (alice, bob, eve) = (person("alice"), person("bob"), person("eve"));
    let mut rng = TestRng::new("rights");
    let (log, mut a) = drive(&alice, &[(&bob, Role::Reader)], &mut rng);
    a.chains.insert(eve.account, eve.chain.clone());
    let refused = |ground: &Ground<'_>, rng: &mut TestRng| {
        let mut log = log.clone();
        let stored = log.append(&seal_by(ground, &said(batch()), rng)).clone();
        a.refusal(&stored)
    };
    // Each has the right keys; the list or the signature says no.
    let with = |author: Author, key| Ground {
        author,
        device_key: key,
        ..a.ground()
    };
    let (a_key, b_key, e_key) = (
        &alice.device_keys.signing,
        &bob.device_keys.signing,
        &eve.device_keys.signing,
    );
    assert_eq!(
        refused(&with(author(&bob), b_key), &mut rng),
        Check::Author,
        "a reader"
    );
    assert_eq!(
        refused(&with(author(&eve), e_key), &mut rng),
        Check::Author,
        "a stranger"
    );
    assert_eq!(
        refused(&with(author(&alice), e_key), &mut rng),
        Check::Author,
        "as alice"
    );
    let foreign = Author {
        account: alice.account,
        device: author(&eve).device,
    };
    assert_eq!(
        refused(&with(foreign, e_key), &mut rng),
        Check::Author,
        "a ghost device"
    );
    let mut log = log.clone();
    let stored = log
        .append(&seal_by(&with(author(&alice), a_key), &said(batch()), &mut rng))
        .clone();
    assert!(a.open(&stored, None).is_ok());
}

#[test]
fn chk_017_a_writer_with_the_admin_key_cannot_prune_close_or_reset() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("admin kinds");
    let (log, a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let ground = Ground {
        author: author(&bob),
        device_key: &bob.device_keys.signing,
        ..a.ground()
    };
    let kinds = [
        (Kind::Close, Content::Close),
        (
            Kind::Reset {
                through: 0,
                lost: Vec::new(),
            },
            Content::Reset,
        ),
        (Kind::Prune { ranges: Vec::new() }, Content::Prune),
    ];
    for (kind, content) in kinds {
        for (ground, allowed) in [(&ground, false), (&a.ground(), true)] {
            let payload = said(content.clone());
            let entry = EntryId(random(&mut rng));
            let draft = EntryDraft {
                entry,
                kind: kind.clone(),
                adds: vec![],
                drops: vec![],
                payload: &payload,
            };
            let mut log = log.clone();
            let stored = log.append(&seal_entry(ground, draft, &mut rng).unwrap()).clone();
            assert_eq!(a.open(&stored, None).is_ok(), allowed);
            assert!(allowed || a.refusal(&stored) == Check::Author);
        }
    }
}

/// Bob, a writer, takes Alice's signed words and puts them elsewhere: another entry id, journal, epoch, kind or place.
#[test]
fn chk_017_a_lifted_author_signature() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("lifted");
    let (mut log, mut a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let (_, other) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let genuine = log.append(&a.change(&mut rng)).clone();
    a.read_all(&log).unwrap();
    let mut header: crannog_proto::Header = crannog_proto::decode(&genuine.entry.header).unwrap();
    let plain = a
        .state
        .secrets(0)
        .unwrap()
        .body_key()
        .open(&header.associated_data(), &genuine.entry.body)
        .unwrap();
    header.entry = EntryId(random(&mut rng));
    let lift = |state: &JournalState, header: &crannog_proto::Header, before, seq, rng: &mut TestRng| {
        let secrets = state.secrets(0).unwrap();
        let mut stored = genuine.clone();
        stored.seq = seq;
        stored.entry.body = secrets.body_key().seal(&header.associated_data(), &plain, rng);
        resign(&stored, before, &secrets, |own| {
            *own = header.clone();
            own.body.hash = Hash::plain(&stored.entry.body);
        })
    };
    let elsewhere = lift(&a.state, &header, genuine.head, 2, &mut rng);
    assert_eq!(a.refusal(&elsewhere), Check::Author);
    header.seen = *a.state.last().unwrap();
    assert_eq!(
        a.refusal(&lift(&a.state, &header, genuine.head, 2, &mut rng)),
        Check::Author,
        "another place"
    );
    header.journal = *other.state.id();
    header.seen = *other.state.last().unwrap();
    let moved = lift(&other.state, &header, header.seen.head, 1, &mut rng);
    assert_eq!(other.refusal(&moved), Check::Author, "another journal");
}

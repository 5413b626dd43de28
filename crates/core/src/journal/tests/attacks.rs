//! Replay, reorder, drop, fork, wrong epoch, lifted signatures, missing rights.

use crannog_proto::entry::{EntryError, EntryIn};
use crannog_proto::{BlobId, EntryId, Hash, Kind, Place, Seen, Signer};
use crannog_seal::schedule::EpochSecrets;

use super::rekeys::draft;
use super::world::*;
use crate::check::Check;
use crate::drive::{DriveBatch, DriveOp, Manifest, NodeId};
use crate::identity::HomeOp;
use crate::journal::*;

pub(super) fn seal_by(ground: &Ground<'_>, payload: &Payload, rng: &mut TestRng) -> SealedEntry {
    let entry = EntryId(random(rng));
    let draft = EntryDraft {
        entry,
        kind: Kind::Change,
        adds: vec![],
        drops: vec![],
        payload,
    };
    seal_entry(ground, draft, rng).unwrap()
}

#[test]
fn chk_011_dropped_duplicated_reordered() {
    let alice = person("alice");
    let mut rng = TestRng::new("order");
    let (mut log, mut reader) = drive(&alice, &[], &mut rng);
    for _ in 0..3 {
        log.append(&reader.change(&mut rng));
    }
    assert_eq!(reader.refusal(&log.stored[2]), Check::Head, "one dropped");
    let mut moved = log.stored[2].clone();
    moved.seq = 1;
    assert_eq!(reader.refusal(&moved), Check::Head, "the head does not fit");
    reader.read(&log.stored[1], None).unwrap();
    assert_eq!(reader.refusal(&log.stored[1]), Check::Head, "the same again");
    let mut other_head = log.stored[2].clone();
    other_head.head.0[0] ^= 1;
    assert_eq!(reader.refusal(&other_head), Check::Head);
    reader.read_all(&log).unwrap();
}

#[test]
fn chk_015_a_replayed_entry() {
    let alice = person("alice");
    let mut rng = TestRng::new("replay");
    let (mut log, mut reader) = drive(&alice, &[], &mut rng);
    log.append(&reader.change(&mut rng));
    reader.read_all(&log).unwrap();
    let again = log.stored[1].entry.clone();
    let stored = log.push(again).clone();
    assert_eq!(reader.refusal(&stored), Check::EntryId);
}

#[test]
fn chk_014_forked_members_cannot_read_each_other() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("fork");
    let (log, mut a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let mut b = join(&bob, Role::Writer, &a, &log);
    let (mut for_a, mut for_b) = (log.clone(), log);
    for_a.append(&a.change(&mut rng));
    for_b.append(&a.change(&mut rng));
    a.read_all(&for_a).unwrap();
    b.read_all(&for_b).unwrap();
    let from_b = b.change(&mut rng);
    let stored = for_a.append(&from_b).clone();
    assert_eq!(a.refusal(&stored), Check::Seen);
    let stored = for_b.append(&from_b).clone();
    assert!(b.open(&stored, None).is_ok(), "on her own past");
    // A seen that lies ahead.
    let mut ground = b.ground();
    ground.seen = Seen {
        seq: 9,
        head: Hash([1; 32]),
    };
    let stored = for_a.append(&seal_by(&ground, &said(batch()), &mut rng)).clone();
    let mut ahead = stored;
    ahead.seq = 2;
    let before = for_a.stored[1].head;
    ahead.head = crannog_proto::chain::next_head(&before, 2, &ahead.entry.header);
    assert_eq!(a.refusal(&ahead), Check::Seen);
}

#[test]
fn chk_021_another_journal_under_this_id() {
    let alice = person("alice");
    let mut rng = TestRng::new("other journal");
    let (log, reader) = drive(&alice, &[], &mut rng);
    let (other, theirs) = drive(&alice, &[], &mut rng);
    let mut fresh = Reader::new(&alice, *reader.state.id(), JournalKind::Drive, &[&alice]);
    fresh.given = reader.given.clone();
    assert_eq!(fresh.refusal(&other.stored[0]), Check::JournalId);
    assert!(fresh.open(&log.stored[0], None).is_ok());
    // An entry of the other journal, and a second genesis.
    let mut mixed = log.clone();
    let stored = mixed.append(&theirs.change(&mut rng)).clone();
    assert_eq!(reader.refusal(&stored), Check::JournalId);
    let mut mixed = log.clone();
    let stored = mixed.push(log.stored[0].entry.clone()).clone();
    assert_eq!(reader.refusal(&stored), Check::JournalId);
}

#[test]
fn chk_004_chk_005_a_genesis_with_other_secrets() {
    let alice = person("alice");
    let mut rng = TestRng::new("genesis");
    let (log, reader) = drive(&alice, &[], &mut rng);
    let mut fresh = Reader::new(&alice, *reader.state.id(), JournalKind::Drive, &[&alice]);
    assert_eq!(
        fresh.open(&log.stored[0], None).err(),
        Some(ReadError::NeedsSecrets { epoch: 0 })
    );
    let other = EpochSecrets::generate(&[0; 32], 0, &mut rng);
    fresh.given.insert(0, EpochGrant::for_role(&other, Role::Admin));
    assert_eq!(fresh.refusal(&log.stored[0]), Check::Secret);
    let one_wrong = EpochGrant {
        admin: other.admin().cloned(),
        ..reader.given[&0].clone()
    };
    fresh.given.insert(0, one_wrong);
    assert_eq!(fresh.refusal(&log.stored[0]), Check::Secret);
    // The server offers a drive, or another account's home, as home.
    let home = Reader::new(&alice, *reader.state.id(), JournalKind::Home, &[&alice]);
    assert_eq!(home.refusal(&log.stored[0]), Check::Home);
    let bob = person("bob");
    let home = Reader::new(&alice, bob.home, JournalKind::Home, &[&alice, &bob]);
    let mut bobs = Log::default();
    bobs.append(&bob.home_genesis);
    assert_eq!(home.refusal(&bobs.stored[0]), Check::Home);
}

#[test]
fn chk_016_a_wrong_epoch() {
    let alice = person("alice");
    let mut rng = TestRng::new("epoch");
    let (mut log, a) = drive(&alice, &[], &mut rng);
    let id = a.state.id();
    let ground = Ground {
        secrets: EpochSecrets::generate(&id.0, 1, &mut rng),
        ..a.ground()
    };
    let stored = log.append(&seal_by(&ground, &said(batch()), &mut rng)).clone();
    assert_eq!(a.refusal(&stored), Check::EpochSignature);
}

#[test]
fn chk_010_every_other_version() {
    let alice = person("alice");
    let mut rng = TestRng::new("version");
    let (mut log, a) = drive(&alice, &[], &mut rng);
    let stored = log.append(&a.change(&mut rng)).clone();
    let (before, secrets) = (log.stored[0].head, a.state.secrets(0).unwrap());
    for version in (0..=255).filter(|version| *version != 1) {
        let bad = resign(&stored, before, &secrets, |header| header.version = version);
        assert_eq!(a.refusal(&bad), Check::Version);
    }
}

#[test]
fn chk_017_content_under_another_kind() {
    let alice = person("alice");
    let mut rng = TestRng::new("kinds");
    let (log, a) = drive(&alice, &[], &mut rng);
    let op = HomeOp::Accepted { drop: [0; 16] };
    let manifest = Manifest {
        through: 7,
        forgotten: 0,
        segments: Vec::new(),
    };
    for (kind, content) in [
        (Kind::Change, Content::Home(vec![op])),
        (Kind::Change, Content::Close),
        (Kind::Close, batch()),
        (Kind::Checkpoint { through: 0 }, Content::Checkpoint(manifest)),
    ] {
        let stored = log.clone().append(&a.seal(kind, content, &mut rng)).clone();
        assert_eq!(a.refusal(&stored), Check::Author);
    }
}

#[test]
fn chk_018_chk_029_padding_and_payload_as_prescribed() {
    let alice = person("alice");
    let mut rng = TestRng::new("pad");
    let (mut log, a) = drive(&alice, &[], &mut rng);
    let stored = log.append(&a.change(&mut rng)).clone();
    let (before, secrets) = (log.stored[0].head, a.state.secrets(0).unwrap());
    let header: crannog_proto::Header = crannog_proto::decode(&stored.entry.header).unwrap();
    let key = secrets.body_key();
    let plain = key.open(&header.associated_data(), &stored.entry.body).unwrap();
    let mut refused = |plain: Vec<u8>| {
        let mut bad = stored.clone();
        bad.entry.body = key.seal(&header.associated_data(), &plain, &mut rng);
        let bad = resign(&bad, before, &secrets, |own| {
            own.body.hash = Hash::plain(&bad.entry.body);
            own.body.len = bad.entry.body.len() as u32;
        });
        a.refusal(&bad)
    };
    let mut nonzero = plain.clone();
    *nonzero.last_mut().unwrap() = 1;
    assert_eq!(refused(nonzero), Check::Body);
    // Padding that is one byte short, with its length adjusted.
    let payload_len = u32::from_le_bytes(plain[112..116].try_into().unwrap()) as usize;
    let at = 116 + payload_len;
    let mut short = plain[..plain.len() - 1].to_vec();
    let padding = (plain.len() - at - 4 - 1) as u32;
    short[at..at + 4].copy_from_slice(&padding.to_le_bytes());
    assert_eq!(refused(short), Check::Body);
    assert_eq!(refused([plain.as_slice(), &[0]].concat()), Check::Decode);
    assert_eq!(refused(Vec::new()), Check::Decode);
}

#[test]
fn a_missing_or_short_sigchain_is_asked_for() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("chains");
    let (mut log, mut a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let b = join(&bob, Role::Writer, &a, &log);
    let stored = log.append(&b.change(&mut rng)).clone();
    a.chains.remove(&bob.account);
    assert_eq!(
        a.open(&stored, None).err(),
        Some(ReadError::NeedsChain {
            account: bob.account,
            seq: 0
        })
    );
}

/// A body in no blobs is empty, and refused like any other that does not open: nobody waits for it for ever.
#[test]
fn chk_002_a_body_in_no_blobs() {
    let alice = person("alice");
    let mut rng = TestRng::new("no blobs");
    let (mut log, a) = drive(&alice, &[], &mut rng);
    let mut stored = log.append(&a.change(&mut rng)).clone();
    let (before, secrets) = (log.stored[0].head, a.state.secrets(0).unwrap());
    stored.entry.body.clear();
    let bad = resign(&stored, before, &secrets, |own| {
        own.body.hash = Hash::plain(&[]);
        own.body.len = 0;
        own.body.place = Place::Blobs(Vec::new());
    });
    assert!(pending_blobs(&bad).is_empty());
    assert_eq!(a.refusal(&bad), Check::Seal);
}

/// CHK-024: what a body lies in is not named as content too; a restored server passes over content that is lost, never over bodies.
#[test]
fn chk_024_a_body_in_what_is_added() {
    let alice = person("alice");
    let mut rng = TestRng::new("body in adds");
    let (mut log, a) = drive(&alice, &[], &mut rng);
    let stored = log.append(&a.change(&mut rng)).clone();
    let (before, secrets) = (log.stored[0].head, a.state.secrets(0).unwrap());
    let sealed = stored.entry.body.clone();
    let (piece, content) = (BlobId::of(&sealed), BlobId::of(b"content"));
    let moved = |adds: Vec<BlobId>| {
        let mut outside = stored.clone();
        outside.entry.body.clear();
        resign(&outside, before, &secrets, |own| {
            own.adds = adds;
            own.body.place = Place::Blobs(vec![piece]);
        })
        .entry
    };
    assert!(EntryIn::new(moved(vec![content])).is_ok());
    let mut both = vec![piece, content];
    both.sort_unstable();
    for adds in [vec![piece], both] {
        assert!(matches!(EntryIn::new(moved(adds)), Err(EntryError::Limit(_))));
    }
}

/// CHK-024: so many operations and cites an entry may have, whatever its kind, and no more.
#[test]
fn chk_024_operations_and_cites_of_one_entry() {
    let alice = person("alice");
    let mut rng = TestRng::new("many");
    let (log, a) = drive(&alice, &[], &mut rng);
    let most = crannog_proto::limits::OPS_MAX;
    let cites = |count| vec![alice.chain.cite(); count];
    let changed = |ops, count, rng: &mut TestRng| {
        let op = DriveOp::Trash {
            node: NodeId([1; 16]),
        };
        let ops = vec![op; ops];
        let payload = Payload {
            cites: cites(count),
            ..said(Content::Drive(DriveBatch {
                ops,
                filler: Vec::new(),
            }))
        };
        opened(&a, &log, &seal_by(&a.ground(), &payload, rng))
    };
    let rekeyed = |count, rng: &mut TestRng| {
        let draft = RekeyDraft {
            cites: cites(count),
            ..draft(vec![member(&alice, Role::Admin)], Signer::Admin, rng)
        };
        let chains = |_: &_| Some(&alice.chain);
        opened(
            &a,
            &log,
            &seal_rekey(&a.state, &a.ground(), draft, &chains, rng)
                .unwrap()
                .sealed,
        )
    };
    // The rekey's secrets come by envelope, so it is opened whole.
    assert_eq!(changed(most, most, &mut rng), None);
    assert_eq!(changed(most + 1, 0, &mut rng), Some(Check::Bounds));
    assert_eq!(changed(0, most + 1, &mut rng), Some(Check::Bounds));
    assert_eq!(rekeyed(most, &mut rng), None);
    assert_eq!(rekeyed(most + 1, &mut rng), Some(Check::Bounds));
}

/// What refuses this next entry, if anything does.
fn opened(reader: &Reader<'_>, log: &Log, sealed: &SealedEntry) -> Option<Check> {
    let mut log = log.clone();
    let stored = log.append(sealed).clone();
    let body = log.bodies.last().unwrap().as_deref();
    match reader.open(&stored, body) {
        Ok(_) => None,
        Err(ReadError::Refused { check, .. }) => Some(check),
        Err(other) => panic!("{other:?}"),
    }
}

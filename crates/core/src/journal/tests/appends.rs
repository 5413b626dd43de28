//! Who may append may not do anything else (CHK-017), and what is wrong in an append stops nobody.

use crannog_proto::sigchain::Cite;
use crannog_proto::{EntryId, Hash, Kind};

use super::world::*;
use crate::check::Check;
use crate::drive::{Attrs, DriveBatch, DriveOp, NewNode, NodeId, VersionId};
use crate::identity::NewAccount;
use crate::journal::*;

fn creating() -> DriveOp {
    DriveOp::Create {
        node: NodeId([7; 16]),
        parent: NodeId::ROOT,
        name: "2026-11-21".into(),
        attrs: Attrs::default(),
        new: NewNode::Directory,
    }
}

fn ops(ops: Vec<DriveOp>) -> Content {
    Content::Drive(DriveBatch {
        ops,
        filler: Vec::new(),
    })
}

/// Alice's drive with Nas, who may append, and both readers.
fn backup<'p>(
    alice: &'p NewAccount,
    nas: &'p NewAccount,
    rng: &mut TestRng,
) -> (Log, Reader<'p>, Reader<'p>) {
    let (log, a) = drive(alice, &[(nas, Role::Append)], rng);
    let n = join(nas, Role::Append, &a, &log);
    (log, a, n)
}

fn draft<'c>(kind: Kind, payload: &'c Payload, rng: &mut TestRng) -> EntryDraft<'c> {
    EntryDraft {
        entry: EntryId(random(rng)),
        kind,
        adds: Vec::new(),
        drops: Vec::new(),
        payload,
    }
}

#[test]
fn an_append_is_read_and_needs_no_writer() {
    let (alice, nas) = (person("alice"), person("nas"));
    let mut rng = TestRng::new("append");
    let (mut log, mut a, mut n) = backup(&alice, &nas, &mut rng);
    log.append(&n.seal(Kind::Append, ops(vec![creating()]), &mut rng));
    for reader in [&mut a, &mut n] {
        let opened = reader.read(&log.stored[1], None).unwrap();
        assert_eq!((opened.author, opened.passed_over), (Some(author(&nas)), None));
    }
    // Who may write may append.
    log.append(&a.seal(Kind::Append, ops(Vec::new()), &mut rng));
    assert!(n.read(&log.stored[2], None).unwrap().payload.is_some());
}

#[test]
fn the_keys_of_an_append_member_sign_appends_alone() {
    let (alice, nas) = (person("alice"), person("nas"));
    let mut rng = TestRng::new("no key");
    let (_, _, n) = backup(&alice, &nas, &mut rng);
    let kinds = [
        (Kind::Change, batch()),
        (Kind::Close, Content::Close),
        (Kind::Prune { ranges: Vec::new() }, Content::Prune),
    ];
    for (kind, content) in kinds {
        let payload = said(content);
        let sealed = seal_entry(&n.ground(), draft(kind, &payload, &mut rng), &mut rng);
        assert_eq!(sealed.err(), Some(WriteError::NoKey));
    }
}

/// With every key there is, the list still says no: that is for whoever stole the server too.
#[test]
fn chk_017_an_append_member_with_all_keys_writes_nothing_else() {
    let (alice, nas) = (person("alice"), person("nas"));
    let mut rng = TestRng::new("all keys");
    let (log, a, _) = backup(&alice, &nas, &mut rng);
    let all = Ground {
        author: author(&nas),
        device_key: &nas.device_keys.signing,
        ..a.ground()
    };
    let manifest = crate::drive::Manifest {
        through: 0,
        forgotten: 0,
        segments: Vec::new(),
    };
    let kinds = [
        (Kind::Change, ops(vec![creating()])),
        (Kind::Checkpoint { through: 0 }, Content::Checkpoint(manifest)),
        (Kind::Close, Content::Close),
        (Kind::Prune { ranges: Vec::new() }, Content::Prune),
        (
            Kind::Reset {
                through: 0,
                lost: Vec::new(),
            },
            Content::Reset,
        ),
    ];
    for (kind, content) in kinds {
        let payload = said(content);
        let sealed = seal_entry(&all, draft(kind, &payload, &mut rng), &mut rng).unwrap();
        assert_eq!(a.refusal(log.clone().append(&sealed)), Check::Author);
    }
    let list = vec![member(&alice, Role::Admin), member(&nas, Role::Append)];
    for signer in [crannog_proto::Signer::Writer, crannog_proto::Signer::Admin] {
        let rekey = super::rekeys::rekey_on(&a, &all, list.clone(), signer, &mut rng);
        assert_eq!(a.refusal(log.clone().append(&rekey.sealed)), Check::Author);
    }
}

#[test]
fn what_is_wrong_in_an_append_is_passed_over() {
    let (alice, nas, eve) = (person("alice"), person("nas"), person("eve"));
    let mut rng = TestRng::new("passed over");
    let (mut log, mut a, mut n) = backup(&alice, &nas, &mut rng);
    let node = NodeId([7; 16]);
    let contents = [
        ops(vec![creating(), DriveOp::Trash { node }]),
        ops(vec![DriveOp::Purge { node }]),
        ops(vec![DriveOp::PurgeVersion {
            node,
            version: VersionId([1; 16]),
        }]),
        ops(vec![DriveOp::Move {
            node,
            parent: NodeId::ROOT,
            name: "x".into(),
        }]),
        Content::Close,
        Content::Home(Vec::new()),
    ];
    let cited = Cite {
        account: nas.account,
        seq: 999,
        head: Hash([9; 32]),
    };
    let mut payloads: Vec<Payload> = contents.into_iter().map(said).collect();
    payloads.push(Payload {
        cites: vec![cited],
        ..said(batch())
    });
    let strange = Ground {
        device_key: &eve.device_keys.signing,
        ..n.ground()
    };
    let mut bad = Vec::new();
    for payload in &payloads {
        bad.push(seal_entry(&n.ground(), draft(Kind::Append, payload, &mut rng), &mut rng).unwrap());
    }
    let signed_so_far = bad.len();
    let fine = said(ops(vec![creating()]));
    bad.push(seal_entry(&strange, draft(Kind::Append, &fine, &mut rng), &mut rng).unwrap());
    for (index, sealed) in bad.iter().enumerate() {
        let stored = log.append(sealed).clone();
        for reader in [&mut a, &mut n] {
            let opened = reader.read(&stored, None).unwrap();
            assert_eq!(opened.passed_over, Some(Check::Author));
            assert!(opened.payload.is_none());
            // Whoever signed it is named; whoever did not is not.
            assert_eq!(opened.author.is_some(), index < signed_so_far);
        }
    }
    let garbled = resign(
        &log.stored[1],
        a.heads[a.heads.len() - 1],
        &a.state.secrets(0).unwrap(),
        |header| {
            header.entry = EntryId(random(&mut rng));
        },
    );
    let garbled = log.push(garbled.entry).clone();
    assert_eq!(a.read(&garbled, None).unwrap().passed_over, Some(Check::Seal));
    n.read(&garbled, None).unwrap();
    // The same in a Change stops whoever reads it.
    let payload = said(Content::Close);
    let change = seal_entry(&a.ground(), draft(Kind::Change, &payload, &mut rng), &mut rng).unwrap();
    assert_eq!(a.refusal(log.clone().append(&change)), Check::Author);
    // The journal goes on as if nothing had been.
    log.append(&n.seal(Kind::Append, ops(vec![creating()]), &mut rng));
    a.read_all(&log).unwrap();
    n.read_all(&log).unwrap();
    assert_eq!(*a.state.last().unwrap(), *n.state.last().unwrap());
}

/// What the server must not have accepted is its own lie, and passes nobody.
#[test]
fn chk_016_024_the_gate_of_appends() {
    let (alice, nas) = (person("alice"), person("nas"));
    let mut rng = TestRng::new("gate");
    let (mut log, a, n) = backup(&alice, &nas, &mut rng);
    let fine = log
        .append(&n.seal(Kind::Append, ops(Vec::new()), &mut rng))
        .clone();
    let secrets = a.state.secrets(0).unwrap();
    let drops = resign(&fine, a.heads[0], &secrets, |header| {
        header.drops = vec![crannog_proto::BlobId::of(b"last week")];
    });
    assert_eq!(a.refusal(&drops), Check::Bounds);
    let mut by_writer = resign(&fine, a.heads[0], &secrets, |header| header.kind = Kind::Change);
    let header: crannog_proto::Header = crannog_proto::decode(&fine.entry.header).unwrap();
    let as_append = crannog_proto::encode(&header);
    by_writer.entry.header = as_append;
    by_writer.head = fine.head;
    assert_eq!(a.refusal(&by_writer), Check::EpochSignature);
    assert!(a.open(&fine, None).is_ok());
}

#[test]
fn a_rekey_gives_an_append_member_the_append_secret_and_no_other() {
    let (alice, nas) = (person("alice"), person("nas"));
    let mut rng = TestRng::new("grants");
    let (mut log, mut a, mut n) = backup(&alice, &nas, &mut rng);
    let list = vec![member(&alice, Role::Admin), member(&nas, Role::Append)];
    for signer in [crannog_proto::Signer::Admin, crannog_proto::Signer::Writer] {
        let made = super::rekeys::rekey(&a, list.clone(), signer, &mut rng);
        let next = a.state.epoch().unwrap() + 1;
        a.given.insert(next, made.grant.clone());
        log.append(&made.sealed);
        a.read_all(&log).unwrap();
        n.read_all(&log).unwrap();
        let held = n.state.grant(next).unwrap();
        assert!(held.append.is_some() && held.write.is_none() && held.admin.is_none());
        log.append(&n.seal(Kind::Append, ops(Vec::new()), &mut rng));
        a.read_all(&log).unwrap();
        n.read_all(&log).unwrap();
    }
    // An envelope that holds more or less than the role has is refused.
    for role in [Role::Reader, Role::Writer] {
        let other = vec![member(&alice, Role::Admin), member(&nas, role)];
        let made = super::rekeys::rekey(&a, other, crannog_proto::Signer::Admin, &mut rng);
        let given = made.grant.secrets(a.state.id(), a.state.epoch().unwrap() + 1);
        let grant = EpochGrant::for_role(&given, role);
        assert_eq!(
            (grant.append.is_some(), grant.write.is_some()),
            (false, role == Role::Writer)
        );
    }
}

//! `vectors/core/share.json`: a drive that Bob is let into, as he reads it.

use crannog_proto::{Kind, Signer};
use serde_json::json;

use super::rekeys::rekey;
use super::vectors::{RNG, account, compare, entry, grant};
use super::world::*;
use crate::check::Check;
use crate::journal::*;

#[test]
fn share() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("vector share");
    let (mut log, mut a) = drive(&alice, &[], &mut rng);
    a.chains.insert(bob.account, bob.chain.clone());
    let append = |a: &mut Reader<'_>, log: &mut Log, sealed: &SealedEntry| {
        log.append(sealed);
        a.read_all(log).unwrap();
    };
    let change = a.change(&mut rng);
    append(&mut a, &mut log, &change);
    let as_what = |role| vec![member(&alice, Role::Admin), member(&bob, role)];
    let admitted = rekey(&a, as_what(Role::Reader), Signer::Admin, &mut rng);
    append(&mut a, &mut log, &admitted.sealed);
    let change = a.change(&mut rng);
    append(&mut a, &mut log, &change);

    // What the invite brings, and what he finds on his way back.
    let mut b = Reader::new(&bob, *a.state.id(), JournalKind::Drive, &[&alice, &bob]);
    let secrets = admitted.grant.secrets(a.state.id(), 1);
    let invited = EpochGrant::for_role(&secrets, Role::Reader);
    let read = previous_read_secret(&log.stored[2].entry, None, &secrets)
        .unwrap()
        .unwrap();
    let before = EpochGrant::of_reader(read);
    b.given.extend([(0, before), (1, invited.clone())]);
    b.read_all(&log).unwrap();

    let promoted = rekey(&a, as_what(Role::Writer), Signer::Admin, &mut rng);
    append(&mut a, &mut log, &promoted.sealed);
    b.read_all(&log).unwrap();
    let change = b.change(&mut rng);
    append(&mut a, &mut log, &change);
    b.read_all(&log).unwrap();
    // Bob makes it look like an admin's: he has every key but the right.
    let ground = Ground {
        admin: a.ground().admin,
        ..b.ground()
    };
    let closing = said(Content::Close);
    let draft = EntryDraft {
        entry: crannog_proto::EntryId(random(&mut rng)),
        kind: Kind::Close,
        adds: Vec::new(),
        drops: Vec::new(),
        payload: &closing,
    };
    let closed = log
        .clone()
        .append(&seal_entry(&ground, draft, &mut rng).unwrap())
        .clone();
    assert_eq!(b.refusal(&closed), Check::Author);
    let mut bad = entry(&closed, None);
    bad["outcome"] = "CHK-017".into();
    let removed = rekey(&a, vec![member(&alice, Role::Admin)], Signer::Admin, &mut rng);
    append(&mut a, &mut log, &removed.sealed);
    assert!(b.read(&log.stored[6], None).unwrap().payload.is_none());
    assert!(b.state.is_removed());
    let entries: Vec<_> = log.stored.iter().map(|stored| entry(stored, None)).collect();
    compare(
        "share",
        &json!({
            "rng": RNG, "account_seeds": ["alice", "bob"], "seed": "vector share",
            "creator": account(&alice), "reader": account(&bob), "journal": a.state.id().to_string(),
            "invited": grant(&invited), "entries": entries, "closed_by_the_reader": bad,
            "epoch_0": grant(b.state.grant(0).unwrap()), "epoch_2": grant(b.state.grant(2).unwrap()),
        }),
    );
}

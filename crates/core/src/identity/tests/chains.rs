//! Sigchains that a server has tampered with: attack rows 6, 14, 33.

use crannog_proto::sigchain::{ChainError, Link, LinkKind, SignedLink, verify_chain};
use crannog_proto::sign::{Signature, message};
use crannog_proto::{DeviceId, decode, encode, labels};
use crannog_seal::schedule::{DeviceKeys, DeviceSeed};
use crannog_seal::sign::Signer;

use super::super::create::device_of;
use super::super::links::signed_link;
use crate::check::Check;
use crate::identity::*;
use crate::journal::tests::world::{TestRng, author, person};

fn device(n: u8) -> (DeviceId, DeviceKeys) {
    let id = DeviceId([n; 16]);
    (id, DeviceKeys::new(&DeviceSeed::from_bytes(&[n; 32]), &id.0))
}

fn added(chain: &crannog_proto::sigchain::SigchainState, secrets: &AccountSecrets, n: u8) -> NewLink {
    let (id, keys) = device(n);
    let draft = AddDevice::draft(chain, secrets, device_of(id, &keys)).unwrap();
    let signature = sign_as_new_device(draft.link(), id, &keys).unwrap();
    draft
        .finish(chain, secrets, signature, &mut TestRng::new("added"))
        .unwrap()
}

/// Create, add, revoke, recover, new words.
fn five(alice: &NewAccount) -> Vec<SignedLink> {
    let mut rng = TestRng::new("five");
    let two = added(&alice.chain, &alice.secrets, 2);
    let gone = revoke_device(&two.chain, &alice.secrets, DeviceId([2; 16]), &mut rng).unwrap();
    let (id, keys) = device(3);
    let account = gone.account.as_ref().unwrap();
    let back = recover(&gone.chain, &alice.words, account, (id, &keys), &[], &mut rng).unwrap();
    let account = back.account.as_ref().unwrap();
    let words = new_words(&back.chain, &alice.words, account, &[id], &mut rng).unwrap();
    vec![alice.link.clone(), two.link, gone.link, back.link, words.new.link]
}

#[test]
fn chk_006_every_signature_of_every_link_is_needed() {
    let links = five(&person("alice"));
    assert_eq!(verify_chain(&links).unwrap().generations.len(), 4);
    for (at, count) in [3, 2, 2, 3, 3].into_iter().enumerate() {
        assert_eq!(links[at].signatures.len(), count);
        for which in 0..count {
            let mut bad = links.clone();
            bad[at].signatures[which].0[0] ^= 1;
            assert_eq!(verify_chain(&bad).err(), Some(ChainError::Signature(at as u32)));
            let mut bad = links.clone();
            bad[at].signatures.remove(which);
            assert_eq!(verify_chain(&bad).err(), Some(ChainError::Signature(at as u32)));
        }
        let mut bad = links.clone();
        bad[at].signatures.swap(0, 1);
        assert!(verify_chain(&bad).is_err());
        let mut bad = links.clone();
        let extra = bad[at].signatures[0];
        bad[at].signatures.push(extra);
        assert_eq!(verify_chain(&bad).err(), Some(ChainError::Signature(at as u32)));
    }
}

#[test]
fn chk_006_every_byte_of_every_link() {
    let links = five(&person("alice"));
    for at in 0..links.len() {
        for byte in (0..links[at].link.len()).filter(|byte| *byte < 150 || byte % 101 == 0) {
            let mut bad = links.clone();
            bad[at].link[byte] ^= 1;
            let refused = KnownChain::first(bad, &Expected::default()).unwrap_err();
            let fits = [Check::ChainLink, Check::Decode, Check::Version];
            assert!(
                fits.contains(&refused.check),
                "link {at} byte {byte}: {refused:?}"
            );
            assert!(byte != 0 || refused.check == Check::Version, "row 10");
        }
    }
}

#[test]
fn chk_006_reordered_dropped_doubled() {
    let links = five(&person("alice"));
    for at in 0..links.len() - 1 {
        let mut bad = links.clone();
        bad.remove(at);
        assert!(verify_chain(&bad).is_err());
        let mut bad = links.clone();
        bad.swap(at, at + 1);
        assert!(verify_chain(&bad).is_err());
        let mut bad = links.clone();
        bad.insert(at, links[at].clone());
        assert!(verify_chain(&bad).is_err());
    }
    assert!(verify_chain(&[]).is_err());
}

/// Links that the right keys signed, and that still contradict the chain.
#[test]
fn chk_006_generations_devices_and_remaining_lists() {
    let alice = person("alice");
    let two = added(&alice.chain, &alice.secrets, 2);
    let key = alice.secrets.current().unwrap().signing_key();
    let mut rng = TestRng::new("contradictions");
    let gone = revoke_device(&two.chain, &alice.secrets, DeviceId([2; 16]), &mut rng).unwrap();
    let account = gone.account.unwrap();
    let next_key = account.current().unwrap().signing_key();
    let link: Link = decode(&gone.link.link).unwrap();
    let refused = |edit: &dyn Fn(&mut LinkKind)| {
        let mut kind = link.kind.clone();
        edit(&mut kind);
        let signed = signed_link(Some(&two.chain), kind, &[&key, &next_key]);
        let error = two.chain.clone().apply(&signed).err();
        assert!(
            matches!(error, Some(ChainError::Contradiction(2, _))),
            "{error:?}"
        );
    };
    let revoke = |edit: fn(&mut DeviceId, &mut u32, &mut Vec<DeviceId>)| {
        move |kind: &mut LinkKind| {
            let LinkKind::RevokeDevice {
                device,
                generation,
                remaining,
            } = kind
            else {
                panic!()
            };
            edit(device, &mut generation.number, remaining);
        }
    };
    refused(&revoke(|_, number, _| *number = 2));
    refused(&revoke(|_, number, _| *number = 0));
    refused(&revoke(|_, _, remaining| remaining.clear()));
    refused(&revoke(|_, _, remaining| remaining.push(DeviceId([0xEE; 16]))));
    refused(&revoke(|_, _, remaining| {
        *remaining = [remaining.as_slice(), &[DeviceId([2; 16])]].concat()
    }));
    refused(&revoke(|device, _, _| *device = DeviceId([7; 16])));
    // A device id does not come back, and a ghost device needs the account's key.
    let (id, keys) = device(2);
    let kind = LinkKind::AddDevice {
        device: device_of(id, &keys),
    };
    let again = signed_link(Some(&gone.chain), kind.clone(), &[&next_key, &keys.signing]);
    assert!(matches!(
        gone.chain.clone().apply(&again),
        Err(ChainError::Contradiction(3, _))
    ));
    let ghost = signed_link(
        Some(&alice.chain),
        kind,
        &[&keys.signing as &dyn Signer, &keys.signing],
    );
    assert_eq!(alice.chain.clone().apply(&ghost), Err(ChainError::Signature(1)));
}

#[test]
fn chk_007_rollback_fork_and_the_roots_override() {
    let alice = person("alice");
    let mut rng = TestRng::new("override");
    let two = added(&alice.chain, &alice.secrets, 2);
    let three = added(&two.chain, &alice.secrets, 3);
    let links = vec![alice.link.clone(), two.link.clone(), three.link.clone()];
    let known = KnownChain::first(links.clone(), &Expected::default()).unwrap();
    let refused = |links: &[SignedLink]| known.follow(links.to_vec()).unwrap_err().check;
    assert_eq!(refused(&links[..2]), Check::ChainFloor);
    let other = added(&two.chain, &alice.secrets, 4);
    assert_eq!(
        refused(&[links[0].clone(), links[1].clone(), other.link.clone()]),
        Check::ChainFloor
    );
    assert_eq!(refused(std::slice::from_ref(&person("bob").link)), Check::Root);
    assert!(!known.follow(links.clone()).unwrap().1.cut);
    // The root cuts the last link off.
    let (id, keys) = device(5);
    let stand = known.up_to(1).unwrap();
    let back = recover(
        &stand,
        &alice.words,
        &alice.secrets,
        (id, &keys),
        &[author(&alice).device],
        &mut rng,
    )
    .unwrap();
    let cut = [links[0].clone(), links[1].clone(), back.link.clone()];
    let (after, news) = known.follow(cut.to_vec()).unwrap();
    assert!(news.cut && news.generation && !news.root);
    assert_eq!((news.gone.len(), news.added.clone()), (2, vec![id]));
    // And nothing takes that back.
    assert_eq!(after.follow(links).unwrap_err().check, Check::ChainFloor);
    let stored = KnownChain::from_stored(&after.to_stored()).unwrap();
    assert_eq!(stored.state(), after.state());
    // Words that are not the root in force cannot.
    let bob = person("bob");
    assert!(recover(&stand, &bob.words, &alice.secrets, (id, &keys), &[], &mut rng).is_err());
}

/// What a restored server serves is continued by what is known, or it is another past.
#[test]
fn chk_007_an_earlier_state_and_another_past() {
    let alice = person("alice");
    let links = five(&alice);
    let known = KnownChain::first(links.clone(), &Expected::default()).unwrap();
    for shown in 1..=links.len() {
        assert_eq!(known.beyond(links[..shown].to_vec()), Ok(links.len() - shown));
    }
    let earlier = KnownChain::first(links[..2].to_vec(), &Expected::default()).unwrap();
    assert_eq!(
        earlier.beyond(links.clone()),
        Ok(0),
        "it is this device that is behind"
    );
    let fork = added(&alice.chain, &alice.secrets, 7);
    let forked = vec![links[0].clone(), fork.link];
    assert_eq!(
        earlier.beyond(forked.clone()).unwrap_err().check,
        Check::ChainFloor
    );
    assert_eq!(known.beyond(forked.clone()).unwrap_err().check, Check::ChainFloor);
    // What account keys signed in the place of a root's word is overridden by that.
    let (id, keys) = device(3);
    let word = recover(
        &alice.chain,
        &alice.words,
        &alice.secrets,
        (id, &keys),
        &[],
        &mut TestRng::new("word"),
    );
    let said = vec![links[0].clone(), word.unwrap().link];
    let said = KnownChain::first(said, &Expected::default()).unwrap();
    assert_eq!(said.beyond(forked), Ok(1));
    let other = person("bob").link;
    assert_eq!(known.beyond(vec![other]).unwrap_err().check, Check::Root);
    let mut broken = links[..3].to_vec();
    broken[2].signatures[0].0[0] ^= 1;
    assert_eq!(known.beyond(broken).unwrap_err().check, Check::ChainLink);
    assert_eq!(known.beyond(vec![]).unwrap_err().check, Check::ChainLink);
}

#[test]
fn chk_008_another_name_account_or_root() {
    let (alice, bob) = (person("alice"), person("bob"));
    let check = |expected: Expected<'_>| {
        KnownChain::first(vec![bob.link.clone()], &expected)
            .err()
            .map(|e| e.check)
    };
    assert_eq!(
        check(Expected {
            name: Some("alice"),
            ..Expected::default()
        }),
        Some(Check::Root)
    );
    assert_eq!(
        check(Expected {
            account: Some(alice.account),
            ..Expected::default()
        }),
        Some(Check::Root)
    );
    assert_eq!(
        check(Expected {
            root: Some(alice.chain.root),
            ..Expected::default()
        }),
        Some(Check::Root)
    );
    let right = Expected {
        name: Some("bob"),
        account: Some(bob.account),
        root: Some(bob.chain.root),
    };
    assert_eq!(check(right), None);
}

#[test]
fn signatures_are_of_links_alone() {
    let alice = person("alice");
    let key = alice.secrets.current().unwrap().signing_key();
    let mut bad = alice.link.clone();
    bad.signatures[1] = Signature(key.sign(&message(labels::AUTHOR, &bad.link)));
    assert_eq!(verify_chain(&[bad]).err(), Some(ChainError::Signature(0)));
    assert_eq!(
        encode(&decode::<Link>(&alice.link.link).unwrap()),
        alice.link.link
    );
}

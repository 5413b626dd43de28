use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use super::*;
use crate::sign::{Signature, message};
use crate::{encode, labels};

fn key(role: u8, n: u32) -> Ed25519KeyPair {
    let mut seed = [role; 32];
    seed[..4].copy_from_slice(&n.to_le_bytes());
    Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()
}

fn public(key: &Ed25519KeyPair) -> VerifyingKey {
    VerifyingKey(key.public_key().as_ref().try_into().unwrap())
}

fn root(n: u32) -> Ed25519KeyPair {
    key(1, n)
}

fn generation_key(n: u32) -> Ed25519KeyPair {
    key(2, n)
}

fn device_key(n: u32) -> Ed25519KeyPair {
    key(3, n)
}

fn kem(n: u32) -> Vec<u8> {
    n.to_le_bytes().repeat(limits::KEM_PUBLIC / 4)
}

fn id(n: u32) -> DeviceId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    DeviceId(id)
}

fn ids(all: &[u32]) -> Vec<DeviceId> {
    all.iter().map(|n| id(*n)).collect()
}

fn device(n: u32) -> Device {
    Device {
        id: id(n),
        sign: public(&device_key(n)),
        kem: kem(n),
    }
}

fn generation(number: u32) -> Generation {
    Generation {
        number,
        sign: public(&generation_key(number)),
        kem: kem(number),
    }
}

fn signed(seq: u32, prev: Hash, kind: LinkKind, keys: &[Ed25519KeyPair]) -> SignedLink {
    let link = encode(&Link {
        version: 1,
        seq,
        prev,
        kind,
    });
    let bytes = message(labels::LINK_SIGNATURE, &link);
    let sign = |key: &Ed25519KeyPair| Signature(key.sign(&bytes).as_ref().try_into().unwrap());
    SignedLink {
        signatures: keys.iter().map(sign).collect(),
        link,
    }
}

/// Links as they are made, each on the last one.
struct Chain(Vec<SignedLink>);

impl Chain {
    fn new() -> Self {
        let kind = LinkKind::Create {
            name: "alice".into(),
            root: public(&root(0)),
            recovery_kem: kem(0),
            generation: generation(0),
            device: device(0),
        };
        let keys = [root(0), generation_key(0), device_key(0)];
        Self(vec![signed(0, Hash::ZERO, kind, &keys)])
    }

    fn push(&mut self, kind: LinkKind, keys: &[Ed25519KeyPair]) -> &mut Self {
        let seq = u32::try_from(self.0.len()).unwrap();
        let prev = self.0.last().unwrap().hash();
        self.0.push(signed(seq, prev, kind, keys));
        self
    }

    fn add(&mut self, current: u32, n: u32) -> &mut Self {
        let kind = LinkKind::AddDevice { device: device(n) };
        self.push(kind, &[generation_key(current), device_key(n)])
    }

    fn revoke(&mut self, current: u32, n: u32, remaining: &[u32]) -> &mut Self {
        let kind = LinkKind::RevokeDevice {
            device: id(n),
            generation: generation(current + 1),
            remaining: ids(remaining),
        };
        self.push(kind, &[generation_key(current), generation_key(current + 1)])
    }

    fn recover(&mut self, current: u32, n: u32, remaining: &[u32]) -> &mut Self {
        let kind = LinkKind::Recover {
            device: device(n),
            generation: generation(current + 1),
            remaining: ids(remaining),
        };
        self.push(kind, &[root(0), generation_key(current + 1), device_key(n)])
    }

    fn new_words(&mut self, current: u32, remaining: &[u32]) -> &mut Self {
        let kind = LinkKind::NewWords {
            root: public(&root(1)),
            recovery_kem: kem(1),
            generation: generation(current + 1),
            remaining: ids(remaining),
        };
        self.push(kind, &[root(0), root(1), generation_key(current + 1)])
    }

    fn cite(&self, seq: u32) -> Cite {
        Cite {
            account: self.0[0].account_id(),
            seq,
            head: self.0[seq as usize].hash(),
        }
    }
}

/// Keys and ids that a state holds, counted.
fn held(state: &SigchainState) -> usize {
    state.generations.len() + state.devices.len() + state.links.len() + state.roots.len() + state.ever.len()
}

/// What every link said stays known, and a cut brings back what stood before.
#[test]
fn the_past_is_answered_and_a_cut_restores_it() {
    let mut chain = Chain::new();
    chain.add(0, 1).revoke(0, 0, &[1]).add(1, 2).new_words(1, &[1]);
    let state = verify_chain(&chain.0).unwrap();
    let valid = |seq: u32| -> Vec<u32> {
        let there = |n: &u32| state.device_at(&chain.cite(seq), &id(*n)).is_some();
        (0..4).filter(there).collect()
    };
    assert_eq!(
        [0, 1, 2, 3, 4].map(valid),
        [vec![0], vec![0, 1], vec![1], vec![1, 2], vec![1]]
    );
    let number = |seq| state.generation_at(&chain.cite(seq)).map(|g| g.number);
    assert_eq!([0, 1, 2, 3, 4].map(number), [0, 0, 1, 1, 2].map(Some));
    let roots = [0, 1, 2, 3].map(|number| state.root_of_generation(number));
    assert_eq!(roots[..2], [Some(public(&root(0))); 2]);
    assert_eq!(roots[2..], [Some(public(&root(1))), None]);
    let elsewhere = Cite {
        head: Hash::ZERO,
        ..chain.cite(1)
    };
    assert_eq!(state.device_at(&elsewhere, &id(1)), None);
    assert_eq!(state.generation_at(&elsewhere), None);

    // Add 1, revoke 0, add 2, and the root cuts off all but the first of these.
    let mut chain = Chain::new();
    chain.add(0, 1).revoke(0, 0, &[1]).add(1, 2);
    let known = verify_chain(&chain.0).unwrap();
    chain.0.truncate(2);
    chain.recover(0, 3, &[0, 1, 3]);
    let mut cut = known.clone();
    cut.apply(&chain.0[2]).unwrap();
    let straight = verify_chain(&chain.0).unwrap();
    assert_eq!(cut.devices, [0, 1, 3].map(device));
    assert_eq!(
        (&cut.devices, &cut.generations),
        (&straight.devices, &straight.generations)
    );
    assert_eq!(cut.cite(), straight.cite());
    assert_eq!(cut.generation_at(&chain.cite(1)), Some(&generation(0)));
    assert_eq!(cut.device_at(&chain.cite(1), &id(0)), Some(&device(0)));
    assert_eq!(cut.device_at(&chain.cite(2), &id(2)), None);
    straight.check_continues(&known).unwrap();
}

#[test]
fn chk_006_a_device_that_was_cut_off_never_returns() {
    let mut chain = Chain::new();
    chain.add(0, 1).add(0, 2);
    let known = verify_chain(&chain.0).unwrap();
    chain.0.truncate(2);
    chain.recover(0, 3, &[0, 1, 3]);
    let mut state = known.clone();
    state.apply(&chain.0[2]).unwrap();
    chain.add(1, 2);
    let again = ChainError::Contradiction(3, "the device id was used before");
    assert_eq!(state.apply(&chain.0[3]), Err(again.clone()));
    // One who never saw the first life takes it; one who did refuses the chain.
    let stranger = verify_chain(&chain.0).unwrap();
    assert_eq!(stranger.check_continues(&known), Err(again.clone()));
    assert_eq!(stranger.check_continues(&state), Err(again));
    chain.0.pop();
    chain.add(1, 4);
    state.apply(&chain.0[3]).unwrap();
    verify_chain(&chain.0).unwrap().check_continues(&known).unwrap();
}

#[test]
fn chk_024_no_more_devices_at_once_than_the_limit() {
    let most = u32::try_from(limits::DEVICES_MAX).unwrap();
    let mut chain = Chain::new();
    (1..most).for_each(|n| {
        chain.add(0, n);
    });
    let mut full = verify_chain(&chain.0).unwrap();
    chain.add(0, most);
    assert_eq!(
        full.apply(&chain.0[most as usize]),
        Err(ChainError::Limit("devices"))
    );
    chain.0.pop();
    let stay: Vec<u32> = (1..most).collect();
    chain.revoke(0, 0, &stay).add(1, most);
    assert_eq!(verify_chain(&chain.0).unwrap().devices.len(), limits::DEVICES_MAX);
}

/// A state with a copy of all keys per link would need gigabytes here.
#[test]
fn chk_024_the_longest_chain_is_held_once() {
    let mut chain = Chain::new();
    let mut current = 0;
    while chain.0.len() + 2 <= limits::LINKS_MAX {
        chain
            .add(current, current + 1)
            .revoke(current, current, &[current + 1]);
        current += 1;
    }
    chain.add(current, current + 1);
    assert_eq!(chain.0.len(), limits::LINKS_MAX);
    let mut state = verify_chain(&chain.0).unwrap();
    assert_eq!(state.generations.len(), limits::LINKS_MAX / 2);
    assert!(held(&state) <= 3 * limits::LINKS_MAX);
    assert_eq!(state.device_at(&chain.cite(1), &id(1)), Some(&device(1)));
    chain.add(current, current + 2);
    let last = chain.0.last().unwrap();
    assert_eq!(state.apply(last), Err(ChainError::Limit("links")));
    assert_eq!(verify_chain(&chain.0).err(), Some(ChainError::Limit("links")));
}

/// Whoever fills a chain with a device that she took locks nobody out: the root cuts off what no root signed, and the chain goes on.
#[test]
fn chk_024_a_full_chain_can_be_cut() {
    let mut chain = Chain::new();
    let mut current = 0;
    while chain.0.len() < limits::LINKS_MAX - 1 {
        chain
            .add(current, current + 1)
            .revoke(current, current, &[current + 1]);
        current += 1;
    }
    chain.add(current, current + 1);
    let full = verify_chain(&chain.0).unwrap();
    let stranger = u32::MAX;
    for (kept, number, remains) in [
        (limits::LINKS_MAX - 1, current, vec![current, stranger]),
        (1, 0, vec![0, stranger]),
    ] {
        let mut cut = Chain(chain.0[..kept].to_vec());
        cut.recover(number, stranger, &remains);
        let link = cut.0.last().unwrap();
        let mut state = full.clone();
        state.apply(link).unwrap();
        assert_eq!(state.cite(), verify_chain(&cut.0).unwrap().cite());
        state.check_continues(&full).unwrap();
        let close = signed(
            u32::try_from(kept).unwrap(),
            chain.0[kept - 1].hash(),
            LinkKind::Close,
            &[root(0)],
        );
        let mut closed = full.clone();
        closed.apply(&close).unwrap();
        assert!(closed.closed && closed.devices.is_empty());
    }
    // Account keys cut nothing off.
    let mut other = Chain(chain.0[..limits::LINKS_MAX - 1].to_vec());
    other.add(current, stranger);
    let at = u32::try_from(limits::LINKS_MAX - 1).unwrap();
    assert_eq!(
        full.clone().apply(other.0.last().unwrap()),
        Err(ChainError::Order(at))
    );
}

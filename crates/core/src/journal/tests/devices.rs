//! Devices that come and go: home after a recovery, a revocation.

use crannog_proto::{EntryId, Kind, Signer};
use crannog_seal::schedule::EpochSecrets;

use super::rekeys::{Three, draft, rekey, three};
use super::world::*;
use crate::check::Check;
use crate::identity::{NewAccount, revoke_device};
use crate::journal::*;

#[test]
fn home_follows_the_generation_and_a_new_device_proves_itself() {
    let alice = person("alice");
    let mut rng = TestRng::new("home rekey");
    let mut log = Log::default();
    log.append(&alice.home_genesis);
    let mut reader = Reader::new(&alice, alice.home, JournalKind::Home, &[&alice]);
    reader.read_all(&log).unwrap();
    let id = crannog_proto::DeviceId(random(&mut rng));
    let keys = crannog_seal::schedule::DeviceKeys::new(
        &crannog_seal::schedule::DeviceSeed::generate(&mut rng),
        &id.0,
    );
    let new = crate::identity::recover(
        &alice.chain,
        &alice.words,
        &alice.secrets,
        (id, &keys),
        &[],
        &mut rng,
    )
    .unwrap();
    let account = new.account.clone().unwrap();
    reader.chains.insert(alice.account, new.chain.clone());
    assert!(reader.state.needs_refresh(&|account| reader.chains.get(account)));
    let next = account.generation(1).unwrap().home_secrets(&alice.home.0);
    let members = vec![Member {
        account: alice.account,
        role: Role::Admin,
        chain: new.chain.cite(),
    }];
    let by = Author {
        account: alice.account,
        device: id,
    };
    let ground = reader.state.ground(by, &keys.signing).unwrap();
    let make = |cites: Vec<crannog_proto::sigchain::Cite>, rng: &mut TestRng| {
        let draft = RekeyDraft {
            secrets: Some(next.clone()),
            cites,
            ..draft(members.clone(), Signer::Admin, rng)
        };
        seal_rekey(
            &reader.state,
            &ground,
            draft,
            &|account| reader.chains.get(account),
            rng,
        )
        .unwrap()
    };
    let silent = make(Vec::new(), &mut rng);
    let made = make(vec![new.chain.cite()], &mut rng);
    let stored = log.clone().append(&made.sealed).clone();
    assert_eq!(
        reader.open(&stored, None).err(),
        Some(ReadError::NeedsSecrets { epoch: 1 })
    );
    let moved = NewAccount {
        secrets: account,
        ..person("alice")
    };
    let after = Reader { me: &moved, ..reader };
    assert_eq!(
        after.refusal(log.clone().append(&silent.sealed)),
        Check::Author,
        "a device that nobody cited"
    );
    assert!(after.open(&stored, None).is_ok());
    // Home with keys of somebody's own choice.
    let own = EpochSecrets::generate(&alice.home.0, 1, &mut rng);
    let draft = RekeyDraft {
        secrets: Some(own),
        cites: vec![new.chain.cite()],
        ..draft(members, Signer::Admin, &mut rng)
    };
    let forged = seal_rekey(
        &after.state,
        &ground,
        draft,
        &|account| after.chains.get(account),
        &mut rng,
    )
    .unwrap();
    assert_eq!(after.refusal(log.clone().append(&forged.sealed)), Check::Home);
}

#[test]
fn a_revoked_device_is_out_once_the_list_cites_it() {
    let Three { alice, bob, .. } = three();
    let mut rng = TestRng::new("revoked");
    let (mut log, mut a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let b = join(&bob, Role::Writer, &a, &log);
    let revoked = revoke_device(&bob.chain, &bob.secrets, author(&bob).device, &mut rng).unwrap();
    a.chains.insert(bob.account, revoked.chain.clone());
    assert!(a.state.needs_refresh(&|account| a.chains.get(account)));
    let early = log.clone().append(&b.change(&mut rng)).clone();
    assert!(
        a.open(&early, None).is_ok(),
        "nobody has cited the revocation yet"
    );
    let next = Member {
        chain: revoked.chain.cite(),
        ..member(&bob, Role::Writer)
    };
    let backwards = vec![member(&alice, Role::Admin), member(&bob, Role::Writer)];
    log.append(
        &rekey(
            &a,
            vec![member(&alice, Role::Admin), next],
            Signer::Admin,
            &mut rng,
        )
        .sealed,
    );
    a.read_all(&log).unwrap();
    let ground = Ground {
        author: author(&bob),
        device_key: &bob.device_keys.signing,
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
    let late = log
        .clone()
        .append(&seal_entry(&ground, draft, &mut rng).unwrap())
        .clone();
    assert_eq!(a.refusal(&late), Check::Author);
    assert_eq!(
        a.refusal(
            log.clone()
                .append(&rekey(&a, backwards, Signer::Admin, &mut rng).sealed)
        ),
        Check::Rekey
    );
}

/// Two recoveries before home was rekeyed once: a list that cites the newest generation does not make epoch 1 the last one.
#[test]
fn home_follows_through_every_generation() {
    let alice = person("alice");
    let mut rng = TestRng::new("generations");
    let mut log = Log::default();
    log.append(&alice.home_genesis);
    let mut reader = Reader::new(&alice, alice.home, JournalKind::Home, &[&alice]);
    reader.read_all(&log).unwrap();
    let (mut chain, mut secrets) = (alice.chain.clone(), alice.secrets.clone());
    let mut signer = None;
    for _ in 0..2 {
        let id = crannog_proto::DeviceId(random(&mut rng));
        let seed = crannog_seal::schedule::DeviceSeed::generate(&mut rng);
        let keys = crannog_seal::schedule::DeviceKeys::new(&seed, &id.0);
        let new =
            crate::identity::recover(&chain, &alice.words, &secrets, (id, &keys), &[], &mut rng).unwrap();
        (chain, secrets) = (new.chain.clone(), new.account.clone().unwrap());
        signer = Some((id, keys));
    }
    let (device, keys) = signer.unwrap();
    let by = Author {
        account: alice.account,
        device,
    };
    let moved = NewAccount {
        secrets: secrets.clone(),
        ..person("alice")
    };
    let mut reader = Reader { me: &moved, ..reader };
    reader.chains.insert(alice.account, chain.clone());
    for epoch in 1..=2 {
        assert!(reader.state.needs_refresh(&|account| reader.chains.get(account)));
        let list = vec![Member {
            account: alice.account,
            role: Role::Admin,
            chain: chain.cite(),
        }];
        let draft = RekeyDraft {
            secrets: Some(secrets.generation(epoch).unwrap().home_secrets(&alice.home.0)),
            cites: vec![chain.cite()],
            ..draft(list, Signer::Admin, &mut rng)
        };
        let ground = reader.state.ground(by, &keys.signing).unwrap();
        let chains = |account: &_| reader.chains.get(account);
        let made = seal_rekey(&reader.state, &ground, draft, &chains, &mut rng).unwrap();
        log.append(&made.sealed);
        reader.read_all(&log).unwrap();
    }
    assert!(!reader.state.needs_refresh(&|account| reader.chains.get(account)));
}

//! Sealed account secrets: attack rows 1, 2, 3, 5.

use crannog_proto::api::LinkSecrets;
use crannog_proto::sigchain::{DeviceEnvelope, GenerationSecrets};
use crannog_proto::{DeviceId, decode, encode};
use crannog_seal::asym::{Info, KemPublicKey, wrap};
use crannog_seal::labels::WRAP_ACCOUNT_SECRET;

use crate::identity::create::device_of;
use crate::identity::*;
use crate::journal::tests::world::{TestRng, author, person};

fn generation(new: &NewLink) -> GenerationSecrets {
    match &new.secrets {
        LinkSecrets::Generation(secrets) => secrets.clone(),
        _ => panic!(),
    }
}

/// An account with generations 0, 1 (new words) and 2 (recovery) and all that the server stores.
fn grown() -> (NewAccount, NewWords, NewLink, Vec<GenerationSecrets>) {
    let alice = person("alice");
    let mut rng = TestRng::new("grown");
    let first = author(&alice).device;
    let words = new_words(&alice.chain, &alice.words, &alice.secrets, &[first], &mut rng).unwrap();
    let id = DeviceId([9; 16]);
    let keys = crannog_seal::schedule::DeviceKeys::new(
        &crannog_seal::schedule::DeviceSeed::from_bytes(&[9; 32]),
        &id.0,
    );
    let account = words.new.account.as_ref().unwrap();
    let last = recover(
        &words.new.chain,
        &words.words,
        account,
        (id, &keys),
        &[first],
        &mut rng,
    )
    .unwrap();
    let sealed = vec![alice.sealed.clone(), generation(&words.new), generation(&last)];
    (alice, words, last, sealed)
}

#[test]
fn chk_004_devices_and_words_open_every_generation() {
    let (alice, words, last, sealed) = grown();
    let device = Opener::Device(author(&alice).device, &alice.device_keys.kem);
    let recovery = words.words.recovery_kem_key();
    for opener in [device, Opener::Recovery(&recovery)] {
        let opened = AccountSecrets::open(&last.chain, &sealed, opener).unwrap();
        assert_eq!(*opened.to_stored(), *last.account.as_ref().unwrap().to_stored());
        assert_eq!(format!("{opened:?}"), "AccountSecrets");
        let again = AccountSecrets::from_stored(&last.chain, &opened.to_stored()).unwrap();
        assert_eq!(again.kem_keys().count(), 3);
        assert!(AccountSecrets::from_stored(&words.new.chain, &opened.to_stored()).is_err());
    }
    let old = alice.words.recovery_kem_key();
    assert!(
        AccountSecrets::open(&last.chain, &sealed, Opener::Recovery(&old)).is_err(),
        "the old words are dead"
    );
}

/// A server that lost them gets them from any device, and they open as the first ones did.
#[test]
fn generations_are_sealed_again() {
    let (alice, words, last, _) = grown();
    let account = last.account.as_ref().unwrap();
    let sealed = account
        .seal_again(&last.chain, &mut TestRng::new("again"))
        .unwrap();
    let numbers: Vec<u32> = sealed.iter().map(|secrets| secrets.number).collect();
    assert_eq!(numbers, [0, 1, 2]);
    let bare = |secrets: &GenerationSecrets| secrets.recovery.is_empty() && secrets.devices.is_empty();
    assert!(sealed[..2].iter().all(bare) && sealed[2].devices.len() == 2);
    let device = Opener::Device(author(&alice).device, &alice.device_keys.kem);
    let recovery = words.words.recovery_kem_key();
    for opener in [device, Opener::Recovery(&recovery)] {
        let opened = AccountSecrets::open(&last.chain, &sealed, opener).unwrap();
        assert_eq!(*opened.to_stored(), *account.to_stored());
    }
}

#[test]
fn chk_004_every_flip_and_swap_is_one_and_the_same_error() {
    let (alice, words, last, sealed) = grown();
    let device = Opener::Device(author(&alice).device, &alice.device_keys.kem);
    let recovery = words.words.recovery_kem_key();
    let mut errors = Vec::new();
    let mut refuse = |edit: &mut dyn FnMut(&mut Vec<GenerationSecrets>), opener| {
        let mut bad = sealed.clone();
        edit(&mut bad);
        errors.push(format!(
            "{:?}",
            AccountSecrets::open(&last.chain, &bad, opener).unwrap_err()
        ));
    };
    let at = sealed[2]
        .devices
        .iter()
        .position(|one| one.device == author(&alice).device)
        .unwrap();
    for byte in (0..sealed[2].recovery.len())
        .step_by(53)
        .chain(1120..sealed[2].recovery.len())
    {
        refuse(&mut |all| all[2].recovery[byte] ^= 1, Opener::Recovery(&recovery));
        refuse(&mut |all| all[2].devices[at].wrapped[byte] ^= 1, device);
    }
    for byte in 0..sealed[2].previous.as_ref().unwrap().len() {
        refuse(&mut |all| all[2].previous.as_mut().unwrap()[byte] ^= 1, device);
        refuse(&mut |all| all[1].previous.as_mut().unwrap()[byte] ^= 1, device);
    }
    refuse(
        &mut |all| all[2].devices.swap_with_slice(&mut swapped(&sealed[2].devices)),
        device,
    );
    refuse(
        &mut |all| all[2].recovery = sealed[2].devices[at].wrapped.clone(),
        Opener::Recovery(&recovery),
    );
    refuse(
        &mut |all| all[2].devices[at].wrapped = sealed[2].recovery.clone(),
        device,
    );
    refuse(
        &mut |all| all[2].devices[at] = sealed[1].devices[0].clone(),
        device,
    );
    refuse(&mut |all| all[2].previous = sealed[1].previous.clone(), device);
    refuse(&mut |all| all[2].previous = None, device);
    refuse(&mut |all| all[2].number = 1, device);
    refuse(&mut |all| all.truncate(2), device);
    refuse(&mut |all| all[2].devices.clear(), device);
    // Row 5: valid seals to my own keys, of secrets that the server chose, or of an older generation.
    let mut rng = TestRng::new("substitute");
    for secret in [
        [7; 32],
        *alice.secrets.current().unwrap().secret().expose_to_wrap(),
    ] {
        let context = encode(&(alice.account, 2_u32));
        let to = KemPublicKey::from_bytes(&alice.device_keys.kem.public().to_bytes()).unwrap();
        let forged = wrap(
            &to,
            Info::new(WRAP_ACCOUNT_SECRET, &context),
            b"",
            &secret,
            &mut rng,
        );
        refuse(&mut |all| all[2].devices[at].wrapped.clone_from(&forged), device);
    }
    errors.dedup();
    assert_eq!(errors, ["SecretsRefused"]);
}

fn swapped(devices: &[DeviceEnvelope]) -> Vec<DeviceEnvelope> {
    let ids: Vec<DeviceId> = devices.iter().rev().map(|one| one.device).collect();
    devices
        .iter()
        .zip(ids)
        .map(|(one, device)| DeviceEnvelope {
            device,
            wrapped: one.wrapped.clone(),
        })
        .collect()
}

#[test]
fn a_second_device_is_added_by_both() {
    let alice = person("alice");
    let mut rng = TestRng::new("second");
    let id = DeviceId([4; 16]);
    let keys = crannog_seal::schedule::DeviceKeys::new(
        &crannog_seal::schedule::DeviceSeed::generate(&mut rng),
        &id.0,
    );
    let device = device_of(id, &keys);
    let draft = AddDevice::draft(&alice.chain, &alice.secrets, device).unwrap();
    assert!(
        sign_as_new_device(draft.link(), DeviceId([5; 16]), &keys).is_none(),
        "another id"
    );
    assert!(
        sign_as_new_device(draft.link(), id, &alice.device_keys).is_none(),
        "another key"
    );
    let signature = sign_as_new_device(draft.link(), id, &keys).unwrap();
    let new = draft
        .finish(&alice.chain, &alice.secrets, signature, &mut rng)
        .unwrap();
    let LinkSecrets::Device(envelope) = &new.secrets else {
        panic!()
    };
    let mut sealed = alice.sealed.clone();
    sealed.devices.push(decode(&encode(envelope)).unwrap());
    AccountSecrets::open(&new.chain, &[sealed], Opener::Device(id, &keys.kem)).unwrap();
    // And gone again, without the next generation.
    let gone = revoke_device(&new.chain, &alice.secrets, id, &mut rng).unwrap();
    assert!(generation(&gone).devices.iter().all(|one| one.device != id));
    assert_eq!(
        revoke_device(&gone.chain, &alice.secrets, id, &mut rng).err(),
        Some(LinkError::Secrets),
        "old secrets"
    );
}

//! Making a generation of the account secret and sealing it to everyone who stays.

use crannog_proto::sigchain::{Device, DeviceEnvelope, Generation, GenerationSecrets};
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{AccountId, encode};
use crannog_seal::asym::{BadPublicKey, Info, KemPublicKey, wrap};
use crannog_seal::labels::WRAP_ACCOUNT_SECRET;
use crannog_seal::schedule::{AccountGeneration, AccountSecret};
use rand_core::CryptoRng;

/// `account id || g`.
pub(super) fn wrap_context(account: &AccountId, generation: u32) -> Vec<u8> {
    encode(&(account, generation))
}

/// A fresh generation, bound to the root in force once its link stands.
pub(super) fn fresh(root: &VerifyingKey, number: u32, rng: &mut impl CryptoRng) -> AccountGeneration {
    AccountSecret::generate(rng).bind(&root.0, number)
}

/// The public halves, as a link names them.
pub(super) fn public(generation: &AccountGeneration) -> Generation {
    Generation {
        number: generation.generation(),
        sign: VerifyingKey(generation.signing_key().public()),
        kem: generation.kem_key().public().to_bytes().to_vec(),
    }
}

/// Seals a generation to the recovery key and to each of `devices`, and the one before under it.
pub(super) fn seal(
    account: &AccountId,
    generation: &AccountGeneration,
    before: Option<&AccountGeneration>,
    recovery_kem: &[u8],
    devices: &[Device],
    rng: &mut impl CryptoRng,
) -> Result<GenerationSecrets, BadPublicKey> {
    let number = generation.generation();
    let recovery = wrap_to(account, generation, recovery_kem, rng)?;
    let envelopes = devices
        .iter()
        .map(|device| envelope_for(account, generation, device, rng));
    let devices = envelopes.collect::<Result<_, _>>()?;
    Ok(GenerationSecrets {
        number,
        recovery,
        devices,
        previous: previous(account, generation, before, rng),
    })
}

/// A generation that has a successor, as a server keeps it: nobody opens its boxes any more.
pub(super) fn seal_older(
    account: &AccountId,
    generation: &AccountGeneration,
    before: Option<&AccountGeneration>,
    rng: &mut impl CryptoRng,
) -> GenerationSecrets {
    GenerationSecrets {
        number: generation.generation(),
        recovery: Vec::new(),
        devices: Vec::new(),
        previous: previous(account, generation, before, rng),
    }
}

/// The one before under this one.
fn previous(
    account: &AccountId,
    generation: &AccountGeneration,
    before: Option<&AccountGeneration>,
    rng: &mut impl CryptoRng,
) -> Option<Vec<u8>> {
    let (key, number) = (generation.previous_generation_key(), generation.generation());
    before.map(|before| key.wrap(&account.0, number, before.secret(), rng))
}

/// Seals a generation to one device.
pub fn envelope_for(
    account: &AccountId,
    generation: &AccountGeneration,
    device: &Device,
    rng: &mut impl CryptoRng,
) -> Result<DeviceEnvelope, BadPublicKey> {
    Ok(DeviceEnvelope {
        device: device.id,
        wrapped: wrap_to(account, generation, &device.kem, rng)?,
    })
}

fn wrap_to(
    account: &AccountId,
    generation: &AccountGeneration,
    kem: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, BadPublicKey> {
    let context = wrap_context(account, generation.generation());
    let to = KemPublicKey::from_bytes(kem)?;
    Ok(wrap(
        &to,
        Info::new(WRAP_ACCOUNT_SECRET, &context),
        b"",
        generation.secret().expose_to_wrap(),
        rng,
    ))
}

//! A new account: words, first device, generation 0, home.

use crannog_proto::api::LinkSecrets;
use crannog_proto::sigchain::{Device, GenerationSecrets, LinkKind, SigchainState, SignedLink};
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{AccountId, DeviceId, EntryId, JournalId};
use crannog_seal::schedule::{DeviceKeys, DeviceSeed, RecoveryWords};
use rand_core::CryptoRng;

use super::account_secrets::AccountSecrets;
use super::generation;
use super::links::{LinkError, finish, signed_link};
use crate::journal::{Author, Content, JournalKind, Member, Payload, Role, SealedEntry, seal_genesis};

/// Everything that a new account begins with. Nothing of it is known to the server yet.
#[derive(Debug)]
pub struct NewAccount {
    /// To be shown once and written down.
    pub words: RecoveryWords,
    /// Generation 0.
    pub secrets: AccountSecrets,
    /// What the device's keys come from; into the local database.
    pub device_seed: DeviceSeed,
    /// The device's keys.
    pub device_keys: DeviceKeys,
    /// The Create link, to register.
    pub link: SignedLink,
    /// Generation 0, sealed; to register.
    pub sealed: GenerationSecrets,
    /// Home's first entry, to register.
    pub home_genesis: SealedEntry,
    /// Which journal home is.
    pub home: JournalId,
    /// The chain of one link.
    pub chain: SigchainState,
    /// The account.
    pub account: AccountId,
}

/// Makes an account named `name` on its first device. `now`: milliseconds since 1970. Fails for a name that is not allowed.
pub fn create_account(
    name: &str,
    device_id: DeviceId,
    device_name: &str,
    now: i64,
    rng: &mut impl CryptoRng,
) -> Result<NewAccount, LinkError> {
    let words = RecoveryWords::generate(rng);
    let root_key = words.root_signing_key();
    let root = VerifyingKey(root_key.public());
    let recovery_kem = words.recovery_kem_key().public().to_bytes().to_vec();
    let first = generation::fresh(&root, 0, rng);
    let device_seed = DeviceSeed::generate(rng);
    let device_keys = DeviceKeys::new(&device_seed, &device_id.0);
    let device = device_of(device_id, &device_keys);
    let kind = LinkKind::Create {
        name: name.to_owned(),
        root,
        recovery_kem: recovery_kem.clone(),
        generation: generation::public(&first),
        device: device.clone(),
    };
    let link = signed_link(
        None,
        kind,
        &[&root_key, &first.signing_key(), &device_keys.signing],
    );
    let made = finish(None, link, LinkSecrets::None, None)?;
    let account = made.chain.account;
    let sealed = generation::seal(&account, &first, None, &recovery_kem, &[device], rng)?;

    let members = vec![Member {
        account,
        role: Role::Admin,
        chain: made.chain.cite(),
    }];
    let payload = Payload {
        time: now,
        device_name: device_name.to_owned(),
        cites: Vec::new(),
        content: Content::Genesis {
            kind: JournalKind::Home,
            members,
        },
    };
    let mut entry = EntryId::ZERO;
    rng.fill_bytes(&mut entry.0);
    let author = Author {
        account,
        device: device_id,
    };
    let home_secrets = first.home_secrets(&JournalId::ZERO.0);
    let (home, home_genesis) =
        seal_genesis(&home_secrets, &payload, author, &device_keys.signing, entry, rng)?;
    let secrets = AccountSecrets::only(first);
    let (link, chain) = (made.link, made.chain);
    Ok(NewAccount {
        words,
        secrets,
        device_seed,
        device_keys,
        link,
        sealed,
        home_genesis,
        home,
        chain,
        account,
    })
}

/// A device's public halves.
pub(super) fn device_of(id: DeviceId, keys: &DeviceKeys) -> Device {
    Device {
        id,
        sign: VerifyingKey(keys.signing.public()),
        kem: keys.kem.public().to_bytes().to_vec(),
    }
}

//! Making sigchain links. Every builder verifies what it made, so that nothing leaves that others would refuse.

use crannog_proto::api::LinkSecrets;
use crannog_proto::sigchain::{ChainError, Device, Link, LinkKind, SigchainState, SignedLink};
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{DeviceId, Hash, decode, encode, labels};
use crannog_seal::asym::BadPublicKey;
use crannog_seal::schedule::{AccountGeneration, DeviceKeys, RecoveryWords};
use crannog_seal::sign::Signer;
use rand_core::CryptoRng;

use super::account_secrets::AccountSecrets;
use super::create::device_of;
use super::generation;
use crate::journal::WriteError;

/// A link that cannot be made: the caller's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The link would not stand on this chain.
    #[error("the link would not stand: {0}")]
    Chain(#[from] ChainError),
    /// The account secrets are not those of this chain.
    #[error("the account secrets do not belong to this sigchain")]
    Secrets,
    /// A KEM key of the chain is none.
    #[error(transparent)]
    Key(#[from] BadPublicKey),
    /// Home's genesis could not be sealed.
    #[error(transparent)]
    Home(#[from] WriteError),
}

/// A link to append, and what follows from it.
#[derive(Debug)]
pub struct NewLink {
    /// To append.
    pub link: SignedLink,
    /// What goes with it.
    pub secrets: LinkSecrets,
    /// All generations, the new one included; `None` for AddDevice and Close, which bring none.
    pub account: Option<AccountSecrets>,
    /// The chain with the link.
    pub chain: SigchainState,
}

/// A NewWords link, and the words to be written down **before** it is appended.
#[derive(Debug)]
pub struct NewWords {
    /// The new words.
    pub words: RecoveryWords,
    /// The link.
    pub new: NewLink,
}

/// An AddDevice link that still needs the new device's signature.
#[derive(Debug)]
pub struct AddDevice {
    device: Device,
    link: SignedLink,
}

impl AddDevice {
    /// Signs as the account. The bytes of [`link`](Self::link) go to the new device, which answers with [`sign_as_new_device`].
    pub fn draft(chain: &SigchainState, account: &AccountSecrets, device: Device) -> Result<Self, LinkError> {
        let current = current(chain, account)?;
        let kind = LinkKind::AddDevice {
            device: device.clone(),
        };
        Ok(Self {
            device,
            link: signed_link(Some(chain), kind, &[&current.signing_key()]),
        })
    }

    /// What the new device signs.
    pub fn link(&self) -> &[u8] {
        &self.link.link
    }

    /// With the new device's signature the link is whole.
    pub fn finish(
        mut self,
        chain: &SigchainState,
        account: &AccountSecrets,
        signature: Signature,
        rng: &mut impl CryptoRng,
    ) -> Result<NewLink, LinkError> {
        self.link.signatures.push(signature);
        let envelope = generation::envelope_for(&chain.account, current(chain, account)?, &self.device, rng)?;
        finish(Some(chain), self.link, LinkSecrets::Device(envelope), None)
    }
}

/// The new device's answer to an AddDevice link; `None` when the link does not add exactly this device.
pub fn sign_as_new_device(link: &[u8], id: DeviceId, keys: &DeviceKeys) -> Option<Signature> {
    match decode::<Link>(link).ok()?.kind {
        LinkKind::AddDevice { device } if device == device_of(id, keys) => Some(Signature(
            keys.signing.sign(&message(labels::LINK_SIGNATURE, link)),
        )),
        _ => None,
    }
}

/// Takes a device away and makes the next generation, which it is not given.
pub fn revoke_device(
    chain: &SigchainState,
    account: &AccountSecrets,
    device: DeviceId,
    rng: &mut impl CryptoRng,
) -> Result<NewLink, LinkError> {
    let before = current(chain, account)?;
    let next = generation::fresh(&chain.root, before.generation() + 1, rng);
    let stay: Vec<Device> = chain
        .devices
        .iter()
        .filter(|stays| stays.id != device)
        .cloned()
        .collect();
    let kind = LinkKind::RevokeDevice {
        device,
        generation: generation::public(&next),
        remaining: ids(&stay),
    };
    let link = signed_link(Some(chain), kind, &[&before.signing_key(), &next.signing_key()]);
    let sealed = generation::seal(
        &chain.account,
        &next,
        Some(before),
        &chain.recovery_kem,
        &stay,
        rng,
    )?;
    finish(
        Some(chain),
        link,
        LinkSecrets::Generation(sealed),
        Some(account.with(next)),
    )
}

/// By the words: a new device and a new generation. `chain` is the chain to stand on, cut by the caller if account keys signed what
/// they should not have; `account` are its generations; `keep` are the old devices that stay.
pub fn recover(
    chain: &SigchainState,
    words: &RecoveryWords,
    account: &AccountSecrets,
    device: (DeviceId, &DeviceKeys),
    keep: &[DeviceId],
    rng: &mut impl CryptoRng,
) -> Result<NewLink, LinkError> {
    let before = current(chain, account)?;
    let next = generation::fresh(&chain.root, before.generation() + 1, rng);
    let (id, keys) = device;
    let new = device_of(id, keys);
    let kept = chain
        .devices
        .iter()
        .filter(|device| keep.contains(&device.id))
        .cloned();
    let stay: Vec<Device> = kept.chain([new.clone()]).collect();
    let kind = LinkKind::Recover {
        device: new,
        generation: generation::public(&next),
        remaining: ids(&stay),
    };
    let signers: [&dyn Signer; 3] = [&words.root_signing_key(), &next.signing_key(), &keys.signing];
    let link = signed_link(Some(chain), kind, &signers);
    let sealed = generation::seal(
        &chain.account,
        &next,
        Some(before),
        &chain.recovery_kem,
        &stay,
        rng,
    )?;
    finish(
        Some(chain),
        link,
        LinkSecrets::Generation(sealed),
        Some(account.with(next)),
    )
}

/// By the words: closes the account for ever. `chain` is the chain to stand on.
pub fn close(chain: &SigchainState, words: &RecoveryWords) -> Result<NewLink, LinkError> {
    let link = signed_link(Some(chain), LinkKind::Close, &[&words.root_signing_key()]);
    finish(Some(chain), link, LinkSecrets::None, None)
}

/// New words, signed by the old root, which then is dead. `keep` are the devices that stay.
pub fn new_words(
    chain: &SigchainState,
    old: &RecoveryWords,
    account: &AccountSecrets,
    keep: &[DeviceId],
    rng: &mut impl CryptoRng,
) -> Result<NewWords, LinkError> {
    let before = current(chain, account)?;
    let words = RecoveryWords::generate(rng);
    let root_key = words.root_signing_key();
    let root = VerifyingKey(root_key.public());
    let recovery_kem = words.recovery_kem_key().public().to_bytes().to_vec();
    let next = generation::fresh(&root, before.generation() + 1, rng);
    let stay: Vec<Device> = chain
        .devices
        .iter()
        .filter(|device| keep.contains(&device.id))
        .cloned()
        .collect();
    let sealed = generation::seal(&chain.account, &next, Some(before), &recovery_kem, &stay, rng)?;
    let kind = LinkKind::NewWords {
        root,
        recovery_kem,
        generation: generation::public(&next),
        remaining: ids(&stay),
    };
    let signers: [&dyn Signer; 3] = [&old.root_signing_key(), &root_key, &next.signing_key()];
    let link = signed_link(Some(chain), kind, &signers);
    let new = finish(
        Some(chain),
        link,
        LinkSecrets::Generation(sealed),
        Some(account.with(next)),
    )?;
    Ok(NewWords { words, new })
}

/// Encodes a link on `chain` (none: Create) and signs it with each key in turn.
pub(super) fn signed_link(
    chain: Option<&SigchainState>,
    kind: LinkKind,
    signers: &[&dyn Signer],
) -> SignedLink {
    let (seq, prev) = chain.map_or((0, Hash::ZERO), |chain| {
        let cite = chain.cite();
        (cite.seq.saturating_add(1), cite.head)
    });
    let link = encode(&Link {
        version: 1,
        seq,
        prev,
        kind,
    });
    let message = message(labels::LINK_SIGNATURE, &link);
    let signatures = signers.iter().map(|key| Signature(key.sign(&message))).collect();
    SignedLink { link, signatures }
}

/// Verifies the link as everyone else will.
pub(super) fn finish(
    chain: Option<&SigchainState>,
    link: SignedLink,
    secrets: LinkSecrets,
    account: Option<AccountSecrets>,
) -> Result<NewLink, LinkError> {
    let chain = match chain {
        None => SigchainState::create(&link)?,
        Some(chain) => {
            let mut chain = chain.clone();
            chain.apply(&link)?;
            chain
        }
    };
    Ok(NewLink {
        link,
        secrets,
        account,
        chain,
    })
}

fn current<'a>(
    chain: &SigchainState,
    account: &'a AccountSecrets,
) -> Result<&'a AccountGeneration, LinkError> {
    let wanted = chain.generation().ok_or(LinkError::Secrets)?;
    let current = account.generation(wanted.number).ok_or(LinkError::Secrets)?;
    if VerifyingKey(current.signing_key().public()) == wanted.sign {
        Ok(current)
    } else {
        Err(LinkError::Secrets)
    }
}

fn ids(devices: &[Device]) -> Vec<DeviceId> {
    let mut ids: Vec<DeviceId> = devices.iter().map(|device| device.id).collect();
    ids.sort_unstable();
    ids
}

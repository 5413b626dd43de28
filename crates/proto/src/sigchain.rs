//! The sigchain: a person's own, public, signed history of her devices and keys (`docs/spec/identity.md`).

mod state;
#[cfg(test)]
mod tests;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash::Hash;
use crate::ids::{AccountId, DeviceId};
use crate::sign::{Signature, VerifyingKey};
use crate::{labels, limits};

pub use state::{ChainError, SigchainState, verify_chain};

/// The public halves of one generation of the account secret.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Generation {
    /// 0 at creation, then one more each time.
    pub number: u32,
    /// The account signing key.
    pub sign: VerifyingKey,
    /// The account's X-Wing key, 1,216 bytes.
    pub kem: Vec<u8>,
}

/// The public halves of one device.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Device {
    /// Random; never comes back.
    pub id: DeviceId,
    /// Its signing key.
    pub sign: VerifyingKey,
    /// Its X-Wing key, 1,216 bytes.
    pub kem: Vec<u8>,
}

/// What a link does.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum LinkKind {
    /// The first link.
    Create {
        /// The account's name on its server.
        name: String,
        /// The root key, from the recovery words.
        root: VerifyingKey,
        /// The recovery X-Wing key, from the recovery words.
        recovery_kem: Vec<u8>,
        /// Generation 0.
        generation: Generation,
        /// The first device.
        device: Device,
    },
    /// One more device.
    AddDevice {
        /// The device.
        device: Device,
    },
    /// One device less, and a new generation.
    RevokeDevice {
        /// Who goes.
        device: DeviceId,
        /// The next generation.
        generation: Generation,
        /// Who stays, strictly ascending.
        remaining: Vec<DeviceId>,
    },
    /// By the words: a new device, a new generation.
    Recover {
        /// The new device.
        device: Device,
        /// The next generation.
        generation: Generation,
        /// Who stays, the new one among them, strictly ascending.
        remaining: Vec<DeviceId>,
    },
    /// New words; the old root is dead.
    NewWords {
        /// The new root.
        root: VerifyingKey,
        /// The new recovery key.
        recovery_kem: Vec<u8>,
        /// The next generation.
        generation: Generation,
        /// Who stays, strictly ascending.
        remaining: Vec<DeviceId>,
    },
    /// By the words: the account is closed for ever. No device is valid any more, and nothing stands on this link.
    Close,
}

impl LinkKind {
    /// A root's word, which may cut off what account keys signed since the last one.
    pub fn is_by_root(&self) -> bool {
        matches!(self, Self::Recover { .. } | Self::NewWords { .. } | Self::Close)
    }
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Link {
    /// 1 (CHK-010).
    pub version: u8,
    /// Its number; Create is 0.
    pub seq: u32,
    /// Hash of the link before; zero for Create.
    pub prev: Hash,
    /// What it does.
    pub kind: LinkKind,
}

/// A link and its signatures, in the order of the table in the specification.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedLink {
    /// Canonical bytes of a [`Link`].
    pub link: Vec<u8>,
    /// All that the kind demands.
    pub signatures: Vec<Signature>,
}

impl SignedLink {
    /// The link's hash: the next link's `prev`, and for Create the account's id.
    pub fn hash(&self) -> Hash {
        Hash::of(labels::LINK, &self.link)
    }

    /// The account that begins with this Create link.
    pub fn account_id(&self) -> AccountId {
        AccountId(self.hash().0)
    }
}

/// A sigchain link named by number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Cite {
    /// Whose sigchain.
    pub account: AccountId,
    /// The link's number.
    pub seq: u32,
    /// Its hash.
    pub head: Hash,
}

/// One generation's secret, sealed to the recovery key and every device (`docs/spec/identity.md`). Opaque here.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct GenerationSecrets {
    /// Which generation.
    pub number: u32,
    /// HPKE to the recovery key.
    pub recovery: Vec<u8>,
    /// HPKE to each device.
    pub devices: Vec<DeviceEnvelope>,
    /// The generation before, under this one.
    pub previous: Option<Vec<u8>>,
}

/// A generation's secret for one device.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DeviceEnvelope {
    /// For whom.
    pub device: DeviceId,
    /// HPKE ciphertext.
    pub wrapped: Vec<u8>,
}

/// The rule for names: 2 to 32 of `a-z 0-9 -`, a letter first, no `-` last.
pub fn is_account_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let good = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    (2..=32).contains(&bytes.len())
        && bytes.iter().all(good)
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|b| *b != b'-')
}

fn kem_ok(key: &[u8]) -> bool {
    key.len() == limits::KEM_PUBLIC
}

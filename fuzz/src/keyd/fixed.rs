//! The store, its keys and its users, the same in every run: corpora hold what was made with them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use crannog_keyd::policy::Names;
use crannog_keyd_keys::{Commit, Key, KeyName, KeySpec, KeyType, RecoveryKey, StoreId};
use crannog_keyd_os::{DirectoryError, GroupId, UserId};
use crannog_seal::keyd::StoreKey;
use rand::{TryCryptoRng, TryRng};

pub const STORE: StoreId = StoreId([0x5A; 16]);
pub const KEY_FILE: [u8; 32] = [7; 32];
pub const NOW: i64 = 1_790_000_000_000;

/// What is signed, and what derived keys and associated data are bound to.
pub const MESSAGE: &[u8] = b"message";
pub const CONTEXT: &[u8] = b"context";

pub fn store_key() -> StoreKey {
    StoreKey::generate(&mut Fixed(1))
}

pub fn recovery_key() -> RecoveryKey {
    RecoveryKey::generate(&mut Fixed(2))
}

/// The secret of the vectors that Fernet's page has.
const FERNET: &[u8] = b"\x73\x0f\xf4\xc7\xaf\x3d\x46\x92\x3e\x8e\xd4\x51\xee\x81\x3c\x87\xf7\x90\xb0\xa2\x26\xbc\x96\xa9\x2d\xe4\x9b\x5e\x9c\x05\xe1\xee";

/// One key of each type and one of each that can be derived, by the type's name, with ` derived` after it.
pub static KEYS: LazyLock<BTreeMap<String, Arc<Key>>> = LazyLock::new(|| {
    let mut keys = BTreeMap::new();
    for &key_type in KeyType::ALL {
        let name = key_type.as_str();
        keys.insert(name.to_owned(), made(key_type, false).key);
        if key_type.can().derive {
            keys.insert(format!("{name} derived"), made(key_type, true).key);
        }
    }
    keys
});

/// A key of this type, new, with the files of its folder. Pairs of RSA and ECDSA come from files: their library draws them itself.
pub fn made(key_type: KeyType, derived: bool) -> Commit {
    let mut spec = KeySpec::new(key_type);
    (
        spec.policy.derived,
        spec.policy.exportable,
        spec.policy.plaintext_backup,
    ) = (derived, true, true);
    let name = KeyName::parse("test").expect("a name");
    let rng = &mut Fixed(u64::from(key_type.number()));
    let material: Option<&[u8]> = match key_type {
        KeyType::Rsa3072 => Some(include_bytes!("../../keys/rsa-3072.der")),
        KeyType::Rsa4096 => Some(include_bytes!("../../keys/rsa-4096.der")),
        KeyType::EcdsaP256 => Some(include_bytes!("../../keys/ecdsa-p256.der")),
        KeyType::EcdsaP384 => Some(include_bytes!("../../keys/ecdsa-p384.der")),
        KeyType::Fernet => Some(FERNET),
        _ => None,
    };
    let change = match material {
        Some(material) => Key::import(name, &spec, material, NOW, rng),
        None => Key::generate(name, &spec, NOW, rng),
    };
    let commit = change.and_then(|change| change.seal(&store_key(), &STORE, 2, rng));
    commit.expect("a key of this type")
}

/// SplitMix64 from a seed. Not fit for secrets: there are none here.
pub struct Fixed(pub u64);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|n| n as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Ok(z ^ (z >> 31))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(8) {
            let bytes = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

/// `www` (33) is in `shop` (500); `mallory` (66) is in nothing.
pub struct Directory;

impl Names for Directory {
    fn user(&self, name: &str) -> Result<Option<UserId>, DirectoryError> {
        Ok(match name {
            "www" => Some(UserId::from_number(33)),
            "mallory" => Some(UserId::from_number(66)),
            _ => None,
        })
    }

    fn group(&self, name: &str) -> Result<Option<GroupId>, DirectoryError> {
        Ok((name == "shop").then(|| GroupId::from_number(500)))
    }

    fn is_member(&self, user: UserId, group: GroupId) -> Result<bool, DirectoryError> {
        Ok((user.number(), group.number()) == (33, 500))
    }
}

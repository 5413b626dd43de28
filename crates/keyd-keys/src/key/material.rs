//! The secrets of one version, and what was parsed from them once.

use core::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, PqdsaKeyPair};
use rand_core::CryptoRng;

use crate::cipher::Aead;
use crate::cipher::oaep::Oaep;
use crate::error::KeyError;
use crate::key_type::{KeyType, Policy};
use crate::memory::LockedBytes;
use crate::sign::ecdsa::{Curve, Ecdsa};
use crate::sign::rsa::Rsa;
use crate::sign::{ed25519, ml_dsa};

/// Length of the HMAC key that versions of all types but `hmac` have besides.
const MAC_KEY_LEN: usize = 32;

/// One version's secrets.
pub(crate) struct Material {
    pub(crate) secret: LockedBytes,
    /// The HMAC key; empty for `hmac`, whose secret it is.
    pub(crate) hmac: LockedBytes,
    /// The public half: raw for `ed25519` and `ml-dsa-65`, SubjectPublicKeyInfo for RSA and ECDSA, else empty.
    pub(crate) public: Vec<u8>,
    pub(crate) ready: Ready,
}

/// What saves parsing or scheduling a key for each operation.
pub(crate) enum Ready {
    /// Nothing: each operation derives a key of its own, or hashes.
    Bytes,
    Aead(Box<Aead>),
    Rsa {
        sign: Rsa,
        encrypt: Oaep,
    },
    Ecdsa(Ecdsa),
    Ed25519(Ed25519KeyPair),
    MlDsa(Box<PqdsaKeyPair>),
}

impl KeyType {
    /// The curve of an ECDSA type.
    pub(crate) const fn curve(self) -> Option<Curve> {
        match self {
            Self::EcdsaP256 => Some(Curve::P256),
            Self::EcdsaP384 => Some(Curve::P384),
            _ => None,
        }
    }

    /// The modulus of an RSA type, in bits.
    const fn modulus_bits(self) -> usize {
        if matches!(self, Self::Rsa3072) { 3072 } else { 4096 }
    }
}

impl Material {
    /// Fresh random secrets.
    pub(crate) fn generate(
        key_type: KeyType,
        policy: &Policy,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, KeyError> {
        let secret = match key_type {
            KeyType::Rsa3072 | KeyType::Rsa4096 => Rsa::generate(key_type.modulus_bits())?,
            KeyType::EcdsaP256 => Ecdsa::generate(Curve::P256)?,
            KeyType::EcdsaP384 => Ecdsa::generate(Curve::P384)?,
            KeyType::Hmac => LockedBytes::init_with(policy.key_size.into(), |out| rng.fill_bytes(out)),
            KeyType::Fernet => return Err(KeyError::NotMadeHere(key_type.as_str())),
            _ => LockedBytes::init_with(32, |out| rng.fill_bytes(out)),
        };
        let hmac = mac_key(key_type, rng);
        Self::new(key_type, policy, secret, hmac)
    }

    /// Secrets from outside: raw bytes, or PKCS#8 for RSA, ECDSA and Ed25519. What is parsed is kept in this crate's own encoding.
    pub(crate) fn import(
        key_type: KeyType,
        policy: &Policy,
        material: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Self, KeyError> {
        let secret = match key_type {
            KeyType::Rsa3072 | KeyType::Rsa4096 => Rsa::new(material, key_type.modulus_bits())?.pkcs8()?,
            KeyType::EcdsaP256 => Ecdsa::new(Curve::P256, material)?.pkcs8()?,
            KeyType::EcdsaP384 => Ecdsa::new(Curve::P384, material)?.pkcs8()?,
            KeyType::Ed25519 => ed25519::seed_of(material)?,
            _ => LockedBytes::copy_of(material),
        };
        let hmac = mac_key(key_type, rng);
        Self::new(key_type, policy, secret, hmac)
    }

    /// From the secrets as a record holds them.
    pub(crate) fn new(
        key_type: KeyType,
        policy: &Policy,
        secret: LockedBytes,
        hmac: LockedBytes,
    ) -> Result<Self, KeyError> {
        let bytes = secret.expose();
        let len_fits = match key_type {
            KeyType::Rsa3072 | KeyType::Rsa4096 | KeyType::EcdsaP256 | KeyType::EcdsaP384 => true,
            KeyType::Hmac => bytes.len() == usize::from(policy.key_size),
            _ => bytes.len() == 32,
        };
        let mac_len = if key_type == KeyType::Hmac { 0 } else { MAC_KEY_LEN };
        if !len_fits || hmac.expose().len() != mac_len {
            return Err(KeyError::Material);
        }
        let (ready, public) = match key_type {
            KeyType::Rsa3072 | KeyType::Rsa4096 => {
                let sign = Rsa::new(bytes, key_type.modulus_bits())?;
                let public = sign.spki()?;
                let encrypt = Oaep::new(bytes)?;
                (Ready::Rsa { sign, encrypt }, public)
            }
            KeyType::EcdsaP256 | KeyType::EcdsaP384 => {
                let pair = Ecdsa::new(key_type.curve().ok_or(KeyError::Material)?, bytes)?;
                let public = pair.spki()?;
                (Ready::Ecdsa(pair), public)
            }
            KeyType::Ed25519 => {
                let pair = ed25519::pair(bytes)?;
                let public = ed25519::public(&pair);
                (Ready::Ed25519(pair), public)
            }
            KeyType::MlDsa65 => {
                let pair = ml_dsa::pair(bytes)?;
                let public = ml_dsa::public(&pair);
                (Ready::MlDsa(Box::new(pair)), public)
            }
            KeyType::Hmac | KeyType::Fernet => (Ready::Bytes, Vec::new()),
            _ if policy.derived => (Ready::Bytes, Vec::new()),
            _ => (
                Ready::Aead(Box::new(Aead::new(key_type, bytes, None)?)),
                Vec::new(),
            ),
        };
        Ok(Self {
            secret,
            hmac,
            public,
            ready,
        })
    }

    /// The key of HMACs.
    pub(crate) fn mac_key(&self, key_type: KeyType) -> &[u8] {
        if key_type == KeyType::Hmac {
            self.secret.expose()
        } else {
            self.hmac.expose()
        }
    }
}

fn mac_key(key_type: KeyType, rng: &mut impl CryptoRng) -> LockedBytes {
    let len = if key_type == KeyType::Hmac { 0 } else { MAC_KEY_LEN };
    LockedBytes::init_with(len, |out| rng.fill_bytes(out))
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Material")
    }
}

impl Material {
    /// The RSA pair, to open boxes with.
    pub(crate) const fn oaep(&self) -> Option<&Oaep> {
        match &self.ready {
            Ready::Rsa { encrypt, .. } => Some(encrypt),
            _ => None,
        }
    }
}

//! Layouts of ciphertexts: one file per type. Bytes are those of *Keys* in docs/spec/keyd.md.

pub(crate) mod fernet;
pub(crate) mod gcm;
pub(crate) mod hkdf;
pub(crate) mod oaep;
pub(crate) mod siv;
pub(crate) mod xaes;
pub(crate) mod xchacha;

use rand_core::CryptoRng;

use self::gcm::Gcm;
use self::siv::Siv;
use self::xaes::Xaes;
use self::xchacha::XChaCha;
use crate::error::KeyError;
use crate::key_type::KeyType;
use crate::memory::LockedBytes;

/// A box did not open. Why is never told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unopened;

/// The library refused to seal: a plaintext beyond its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// The length of every tag here.
pub(crate) const TAG_LEN: usize = 16;

/// A symmetric key, ready.
#[expect(
    clippy::large_enum_variant,
    reason = "lies in a box, or on the stack for one operation"
)]
pub(crate) enum Aead {
    Xaes(Xaes),
    Gcm(Gcm),
    XChaCha(XChaCha),
    Siv(Siv),
}

impl Aead {
    /// The key of a symmetric type; with a context the one derived from it (*Derived keys*).
    pub(crate) fn new(key_type: KeyType, secret: &[u8], context: Option<&[u8]>) -> Result<Self, KeyError> {
        if key_type == KeyType::Aes256GcmSiv {
            return Siv::new(secret, context.unwrap_or_default()).map(Self::Siv);
        }
        let derived = context
            .map(|context| hkdf::derive(secret, context, 32))
            .transpose()?;
        let key = derived.as_ref().map_or(secret, LockedBytes::expose);
        let key = key.try_into().map_err(|_| KeyError::Material)?;
        match key_type {
            KeyType::Xaes256Gcm => Ok(Self::Xaes(Xaes::new(key))),
            KeyType::Aes256Gcm96 => Ok(Self::Gcm(Gcm::new(key))),
            KeyType::XChaCha20Poly1305 => Ok(Self::XChaCha(XChaCha::new(key))),
            other => Err(KeyError::NoEncryption(other.as_str())),
        }
    }

    /// The bytes of a ciphertext. Uses of [`Gcm`] are counted by the caller (KEY-007).
    pub(crate) fn seal(
        &self,
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, TooLong> {
        match self {
            Self::Xaes(key) => key.seal(aad, plaintext, rng),
            Self::Gcm(key) => key.seal_random(aad, plaintext, rng),
            Self::XChaCha(key) => key.seal(aad, plaintext, rng),
            Self::Siv(key) => key.seal(aad, plaintext),
        }
    }

    /// Opens what [`seal`](Self::seal) made.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<LockedBytes, Unopened> {
        match self {
            Self::Xaes(key) => key.open(aad, sealed),
            Self::Gcm(key) => key.open_random(aad, sealed),
            Self::XChaCha(key) => key.open(aad, sealed),
            Self::Siv(key) => key.open(aad, sealed),
        }
    }
}

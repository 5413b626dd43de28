//! Imports: `RSAES-OAEP(wrapping key, AES key) || AES-KWP(AES key, material)` (RFC 5649), as Transit takes them.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
};
use rand_core::CryptoRng;

use crate::cipher::oaep;
use crate::error::KeyError;
use crate::key::Key;
use crate::memory::LockedBytes;

/// The first part: an RSA-4096 box.
const BOX_LEN: usize = 512;
/// The shortest AES-KWP box.
const MIN_WRAPPED: usize = 16;
/// More than any material here: a PKCS#8 document of RSA-4096 has under 2,400 bytes (KEY-015).
const MAX_WRAPPED: usize = 16 * 1024;

/// The hash of OAEP and of its MGF1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OaepHash {
    /// SHA-1, which OAEP does not weaken; for clients that know no other.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl OaepHash {
    /// The hash of this `hash_function`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "SHA1" => Some(Self::Sha1),
            "SHA256" => Some(Self::Sha256),
            "SHA384" => Some(Self::Sha384),
            "SHA512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn algorithm(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Self::Sha384 => &OAEP_SHA384_MGF1SHA384,
            Self::Sha512 => &OAEP_SHA512_MGF1SHA512,
        }
    }
}

/// Opens imported material with any version of the wrapping key, an `rsa-4096` key. Whatever is wrong, the error is one.
pub fn unwrap_import(wrapping: &Key, ciphertext: &[u8], hash: OaepHash) -> Result<LockedBytes, KeyError> {
    let (boxed, wrapped) = ciphertext
        .split_first_chunk::<BOX_LEN>()
        .filter(|(_, wrapped)| (MIN_WRAPPED..=MAX_WRAPPED).contains(&wrapped.len()))
        .ok_or(KeyError::ImportUnopened)?;
    let kek = wrapping
        .versions
        .iter()
        .rev()
        .find_map(|version| version.material.oaep()?.open_as(hash.algorithm(), boxed).ok())
        .ok_or(KeyError::ImportUnopened)?;
    unwrap_padded(kek.expose(), wrapped)
}

/// AES-KWP, opened.
fn unwrap_padded(kek: &[u8], wrapped: &[u8]) -> Result<LockedBytes, KeyError> {
    let kek = AesKek::new(&AES_256, kek).map_err(|_| KeyError::ImportUnopened)?;
    let mut material_len = Err(KeyError::ImportUnopened);
    let buffer = LockedBytes::init_with(wrapped.len(), |out| {
        material_len = kek
            .unwrap_with_padding(wrapped, out)
            .map(|material| material.len())
            .map_err(|_| KeyError::ImportUnopened);
    });
    let material = buffer.expose().get(..material_len?);
    material.map(LockedBytes::copy_of).ok_or(KeyError::ImportUnopened)
}

/// Wraps material for an import, as the command line does: `spki` is the wrapping key's public half, DER.
pub fn wrap_import(
    spki: &[u8],
    material: &[u8],
    hash: OaepHash,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, KeyError> {
    let kek = LockedBytes::init_with(32, |out| rng.fill_bytes(out));
    let mut out = oaep::seal_to_spki(spki, hash.algorithm(), kek.expose())?;
    let kek = AesKek::new(&AES_256, kek.expose()).map_err(|_| KeyError::Internal)?;
    let mut wrapped = vec![0; material.len() + 15];
    let wrapped = kek
        .wrap_with_padding(material, &mut wrapped)
        .map_err(|_| KeyError::Material)?;
    out.extend_from_slice(wrapped);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{bytes, vectors};

    /// Wycheproof: AES-KWP with keys of 256 bits.
    #[test]
    fn aes_kwp() {
        vectors("wycheproof/aes_kwp", |_, test| {
            let material = unwrap_padded(&bytes(test, "key"), &bytes(test, "ct"));
            match test["result"].as_str() {
                Some("valid") => assert_eq!(material.unwrap().expose(), bytes(test, "msg")),
                Some("invalid") => assert!(material.is_err(), "{test}"),
                _ => {}
            }
        });
    }
}

//! RSA signatures (RFC 8017): PSS with a salt of the digest's length, and PKCS#1 v1.5. The secret is PKCS#8.

use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaParameters,
    UnparsedPublicKey,
};

use super::{Hash, RsaScheme};
use crate::error::KeyError;
use crate::memory::LockedBytes;

/// The pair, parsed.
pub(crate) struct Rsa(RsaKeyPair);

impl Rsa {
    /// From PKCS#8; refused if the modulus has not `bits` bits.
    pub(crate) fn new(pkcs8: &[u8], bits: usize) -> Result<Self, KeyError> {
        let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Material)?;
        if pair.public_modulus_len() * 8 == bits {
            Ok(Self(pair))
        } else {
            Err(KeyError::Material)
        }
    }

    /// The PKCS#8 document of a fresh pair of 3,072 or 4,096 bits.
    pub(crate) fn generate(bits: usize) -> Result<LockedBytes, KeyError> {
        let size = if bits == 4096 {
            KeySize::Rsa4096
        } else {
            KeySize::Rsa3072
        };
        Self(RsaKeyPair::generate(size).map_err(|_| KeyError::Internal)?).pkcs8()
    }

    /// The pair's PKCS#8 document in the form that this crate keeps.
    pub(crate) fn pkcs8(&self) -> Result<LockedBytes, KeyError> {
        let der: Pkcs8V1Der<'_> = self.0.as_der().map_err(|_| KeyError::Internal)?;
        Ok(LockedBytes::copy_of(der.as_ref()))
    }

    /// SubjectPublicKeyInfo, DER.
    pub(crate) fn spki(&self) -> Result<Vec<u8>, KeyError> {
        let spki: PublicKeyX509Der<'_> = self.0.public_key().as_der().map_err(|_| KeyError::Internal)?;
        Ok(spki.as_ref().to_vec())
    }

    /// Signs a digest of `hash`.
    pub(crate) fn sign(&self, scheme: RsaScheme, hash: Hash, digest: &[u8]) -> Result<Vec<u8>, KeyError> {
        let encoding: &'static dyn RsaEncoding = match (scheme, hash) {
            (RsaScheme::Pss, Hash::Sha2_256) => &RSA_PSS_SHA256,
            (RsaScheme::Pss, Hash::Sha2_384) => &RSA_PSS_SHA384,
            (RsaScheme::Pss, Hash::Sha2_512) => &RSA_PSS_SHA512,
            (RsaScheme::Pkcs1v15, Hash::Sha2_256) => &RSA_PKCS1_SHA256,
            (RsaScheme::Pkcs1v15, Hash::Sha2_384) => &RSA_PKCS1_SHA384,
            (RsaScheme::Pkcs1v15, Hash::Sha2_512) => &RSA_PKCS1_SHA512,
            _ => return Err(KeyError::HashUnsupported),
        };
        let digest =
            Digest::import_less_safe(digest, hash.algorithm()).map_err(|_| KeyError::DigestLength)?;
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign_digest(encoding, &digest, &mut signature)
            .map_err(|_| KeyError::Internal)?;
        Ok(signature)
    }
}

/// Whether `signature` is of the digest, by the key in `spki`.
pub(crate) fn verify(spki: &[u8], scheme: RsaScheme, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
    let params: &'static RsaParameters = match (scheme, hash) {
        (RsaScheme::Pss, Hash::Sha2_256) => &RSA_PSS_2048_8192_SHA256,
        (RsaScheme::Pss, Hash::Sha2_384) => &RSA_PSS_2048_8192_SHA384,
        (RsaScheme::Pss, Hash::Sha2_512) => &RSA_PSS_2048_8192_SHA512,
        (RsaScheme::Pkcs1v15, Hash::Sha2_256) => &RSA_PKCS1_2048_8192_SHA256,
        (RsaScheme::Pkcs1v15, Hash::Sha2_384) => &RSA_PKCS1_2048_8192_SHA384,
        (RsaScheme::Pkcs1v15, Hash::Sha2_512) => &RSA_PKCS1_2048_8192_SHA512,
        _ => return false,
    };
    Digest::import_less_safe(digest, hash.algorithm())
        .and_then(|digest| UnparsedPublicKey::new(params, spki).verify_digest(&digest, signature))
        .is_ok()
}

/// `RSAPrivateKey` (RFC 8017, appendix A.1.2) out of its PKCS#8 document (RFC 5208): the OCTET STRING after version and algorithm.
pub(crate) fn pkcs1(pkcs8: &[u8]) -> Option<&[u8]> {
    let (info, _) = der_value(pkcs8, 0x30)?;
    let (_, rest) = der_value(info, 0x02)?;
    let (_, rest) = der_value(rest, 0x30)?;
    der_value(rest, 0x04).map(|(key, _)| key)
}

/// The value of the DER element with this tag at the beginning, and what follows it.
fn der_value(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (len, rest) = match short {
        0..=0x7F => (usize::from(short), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7F))?;
            let len = digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit));
            (len, rest)
        }
        _ => return None,
    };
    if first == tag {
        rest.split_at_checked(len)
    } else {
        None
    }
}

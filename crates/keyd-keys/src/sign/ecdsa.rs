//! ECDSA on P-256 and P-384 (FIPS 186-5). The secret is PKCS#8; the public half SubjectPublicKeyInfo, DER.
//!
//! The library signs P-256 over SHA-256 only, and P-384 over SHA-384. ECDSA takes the leftmost bits of a digest as a number (section
//! 6.4), so a digest of another length goes in cut on the right, or filled with zeros on the left.

use aws_lc_rs::digest::{Algorithm, Digest, SHA256, SHA384};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED,
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING,
    ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    EcdsaVerificationAlgorithm, KeyPair, UnparsedPublicKey,
};

use super::{Hash, Marshaling};
use crate::error::KeyError;
use crate::memory::LockedBytes;

/// The curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}

impl Curve {
    fn signing(self, marshaling: Marshaling) -> &'static EcdsaSigningAlgorithm {
        match (self, marshaling) {
            (Self::P256, Marshaling::Asn1) => &ECDSA_P256_SHA256_ASN1_SIGNING,
            (Self::P256, Marshaling::Jws) => &ECDSA_P256_SHA256_FIXED_SIGNING,
            (Self::P384, Marshaling::Asn1) => &ECDSA_P384_SHA384_ASN1_SIGNING,
            (Self::P384, Marshaling::Jws) => &ECDSA_P384_SHA384_FIXED_SIGNING,
        }
    }

    fn verification(self, marshaling: Marshaling) -> &'static EcdsaVerificationAlgorithm {
        match (self, marshaling) {
            (Self::P256, Marshaling::Asn1) => &ECDSA_P256_SHA256_ASN1,
            (Self::P256, Marshaling::Jws) => &ECDSA_P256_SHA256_FIXED,
            (Self::P384, Marshaling::Asn1) => &ECDSA_P384_SHA384_ASN1,
            (Self::P384, Marshaling::Jws) => &ECDSA_P384_SHA384_FIXED,
        }
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::P256 => &SHA256,
            Self::P384 => &SHA384,
        }
    }

    /// `digest` as the library wants it: of the curve's length, of the same value to ECDSA.
    fn fitted(self, digest: &[u8]) -> Result<Digest, KeyError> {
        let len = self.algorithm().output_len();
        let mut fitted = vec![0; len.saturating_sub(digest.len())];
        fitted.extend(digest.iter().take(len));
        Digest::import_less_safe(&fitted, self.algorithm()).map_err(|_| KeyError::Internal)
    }
}

/// The pair, once per form of signatures: the library ties the form to the key.
pub(crate) struct Ecdsa {
    curve: Curve,
    asn1: EcdsaKeyPair,
    jws: EcdsaKeyPair,
}

impl Ecdsa {
    /// From PKCS#8; refused if it is of another curve.
    pub(crate) fn new(curve: Curve, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair = |marshaling| {
            EcdsaKeyPair::from_pkcs8(curve.signing(marshaling), pkcs8).map_err(|_| KeyError::Material)
        };
        Ok(Self {
            curve,
            asn1: pair(Marshaling::Asn1)?,
            jws: pair(Marshaling::Jws)?,
        })
    }

    /// The PKCS#8 document of a fresh pair.
    pub(crate) fn generate(curve: Curve) -> Result<LockedBytes, KeyError> {
        let pair = EcdsaKeyPair::generate(curve.signing(Marshaling::Asn1)).map_err(|_| KeyError::Internal)?;
        pkcs8(&pair)
    }

    /// The pair's PKCS#8 document in the form that this crate keeps.
    pub(crate) fn pkcs8(&self) -> Result<LockedBytes, KeyError> {
        pkcs8(&self.asn1)
    }

    /// SubjectPublicKeyInfo, DER.
    pub(crate) fn spki(&self) -> Result<Vec<u8>, KeyError> {
        let spki: PublicKeyX509Der<'_> = self.asn1.public_key().as_der().map_err(|_| KeyError::Internal)?;
        Ok(spki.as_ref().to_vec())
    }

    /// `ECPrivateKey` (RFC 5915), DER.
    pub(crate) fn sec1(&self) -> Result<LockedBytes, KeyError> {
        let der = self.asn1.private_key().as_der().map_err(|_| KeyError::Internal)?;
        Ok(LockedBytes::copy_of(der.as_ref()))
    }

    /// Signs a digest of `hash`.
    pub(crate) fn sign(&self, digest: &[u8], marshaling: Marshaling) -> Result<Vec<u8>, KeyError> {
        let pair = match marshaling {
            Marshaling::Asn1 => &self.asn1,
            Marshaling::Jws => &self.jws,
        };
        let signature = pair
            .sign_digest(&self.curve.fitted(digest)?)
            .map_err(|_| KeyError::Internal)?;
        Ok(signature.as_ref().to_vec())
    }
}

fn pkcs8(pair: &EcdsaKeyPair) -> Result<LockedBytes, KeyError> {
    let document = pair.to_pkcs8v1().map_err(|_| KeyError::Internal)?;
    Ok(LockedBytes::copy_of(document.as_ref()))
}

/// Whether `signature` is of the digest, by the key in `public` (SubjectPublicKeyInfo, or a point).
pub(crate) fn verify(
    curve: Curve,
    public: &[u8],
    digest: &[u8],
    signature: &[u8],
    marshaling: Marshaling,
) -> bool {
    let Ok(digest) = curve.fitted(digest) else {
        return false;
    };
    UnparsedPublicKey::new(curve.verification(marshaling), public)
        .verify_digest(&digest, signature)
        .is_ok()
}

/// ECDSA is offered over these.
pub(crate) const fn hashes(hash: Hash) -> bool {
    matches!(hash, Hash::Sha2_256 | Hash::Sha2_384 | Hash::Sha2_512)
}

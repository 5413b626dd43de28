//! Signing, verifying and HMACs of a key.

use data_encoding::{BASE64, BASE64URL_NOPAD};

use super::material::Ready;
use super::{Key, Version};
use crate::error::{Fault, KeyError, Noun};
use crate::key_type::KeyType;
use crate::sign::{Hash, Marshaling, RsaScheme, SaltLength, ecdsa, ed25519, mac, ml_dsa, rsa};
use crate::text;

/// What is to be signed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToSign<'a> {
    /// The message, or its digest if `prehashed`.
    pub input: &'a [u8],
    /// Mixed into a derived `ed25519` key.
    pub context: Option<&'a [u8]>,
    /// The version to use; the latest if none, or 0.
    pub version: Option<u32>,
    /// Ignored by `ed25519` and `ml-dsa-65`, which hash by themselves.
    pub hash: Hash,
    /// The input is a digest of `hash`.
    pub prehashed: bool,
    /// For RSA.
    pub scheme: RsaScheme,
    /// For PSS.
    pub salt: SaltLength,
    /// How the signature is written.
    pub marshaling: Marshaling,
}

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `vault:vN:…`
    pub text: String,
    /// N.
    pub version: u32,
    /// The public key (32 bytes) that fits, if the key is derived.
    pub public_key: Option<Vec<u8>>,
}

/// A signature to be verified. `how` is what it was made with; its version is ignored: the text says it.
#[derive(Debug, Clone, Copy)]
pub struct ToVerify<'a> {
    /// `vault:vN:…`
    pub signature: &'a str,
    /// Message and parameters.
    pub how: ToSign<'a>,
}

/// Of what an HMAC is to be made.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToMac<'a> {
    /// The message.
    pub input: &'a [u8],
    /// The hash function.
    pub hash: Hash,
    /// The version to use; the latest if none, or 0.
    pub version: Option<u32>,
}

/// An HMAC to be verified.
#[derive(Debug, Clone, Copy)]
pub struct MacToVerify<'a> {
    /// `vault:vN:…`
    pub hmac: &'a str,
    /// The message.
    pub input: &'a [u8],
    /// The hash function.
    pub hash: Hash,
}

impl Key {
    /// Signs.
    pub fn sign(&self, item: &ToSign<'_>) -> Result<Signature, KeyError> {
        if !self.key_type.can().sign {
            return Err(KeyError::NoSigning(self.key_type.as_str()));
        }
        let Version { entry, material } = self.version_to_use(item.version, "signing")?;
        let context = self.context(item.context)?;
        let digest = self.digest(item)?;
        let mut public_key = None;
        let signature = match (&material.ready, context) {
            (Ready::Ed25519(_), Some(context)) => {
                let pair = ed25519::derived(material.secret.expose(), &material.public, context)?;
                public_key = Some(ed25519::public(&pair));
                pair.sign(item.input).as_ref().to_vec()
            }
            (Ready::Ed25519(pair), None) => pair.sign(item.input).as_ref().to_vec(),
            (Ready::MlDsa(pair), _) => ml_dsa::sign(pair, item.input)?,
            (Ready::Ecdsa(pair), _) => pair.sign(&digest, item.marshaling)?,
            (Ready::Rsa { sign, .. }, _) => sign.sign(item.scheme, item.hash, &digest)?,
            _ => return Err(KeyError::NoSigning(self.key_type.as_str())),
        };
        let encoding = match item.marshaling {
            Marshaling::Asn1 => &BASE64,
            Marshaling::Jws => &BASE64URL_NOPAD,
        };
        Ok(Signature {
            text: text::write(entry.version, &signature, encoding),
            version: entry.version,
            public_key,
        })
    }

    /// Whether a signature is genuine. An error only where its text, or the request, makes no sense.
    pub fn verify(&self, item: &ToVerify<'_>) -> Result<bool, KeyError> {
        if !self.key_type.can().sign {
            return Err(KeyError::NoVerification(self.key_type.as_str()));
        }
        let how = &item.how;
        let context = self.context(how.context)?;
        let (number, value) = text::split(item.signature, Noun::Signature)?;
        let too_new = KeyError::Text(Noun::Signature, Fault::TooNew);
        let Version { material, .. } = self.version_to_open(number, too_new)?;
        let signature = text::decode_signature(value, how.marshaling == Marshaling::Jws)?;
        let digest = self.digest(how)?;
        let public = &material.public;
        Ok(match (self.key_type, context) {
            (KeyType::Ed25519, Some(context)) => {
                let pair = ed25519::derived(material.secret.expose(), public, context)?;
                ed25519::verify(&ed25519::public(&pair), how.input, &signature)
            }
            (KeyType::Ed25519, None) => ed25519::verify(public, how.input, &signature),
            (KeyType::MlDsa65, _) => ml_dsa::verify(public, how.input, &signature),
            (KeyType::Rsa3072 | KeyType::Rsa4096, _) => {
                rsa::verify(public, how.scheme, how.hash, &digest, &signature)
            }
            (key_type, _) => key_type
                .curve()
                .is_some_and(|curve| ecdsa::verify(curve, public, &digest, &signature, how.marshaling)),
        })
    }

    /// The digest that RSA and ECDSA sign; empty for the others, after a look at what was asked for.
    fn digest(&self, item: &ToSign<'_>) -> Result<Vec<u8>, KeyError> {
        if matches!(self.key_type, KeyType::Ed25519 | KeyType::MlDsa65) {
            return if item.prehashed {
                Err(KeyError::PrehashUnsupported)
            } else {
                Ok(Vec::new())
            };
        }
        if !ecdsa::hashes(item.hash) {
            return Err(KeyError::HashUnsupported);
        }
        if self.key_type.is_rsa() && item.scheme == RsaScheme::Pss && !item.salt.fits(item.hash) {
            return Err(KeyError::SaltLength);
        }
        item.hash
            .digest_or(item.input, item.prehashed)
            .ok_or(KeyError::DigestLength)
    }

    /// `vault:vN:…` of an HMAC under the version's HMAC key, which is never derived.
    pub fn hmac(&self, item: &ToMac<'_>) -> Result<String, KeyError> {
        let Version { entry, material } = self.version_to_use(item.version, "signing")?;
        let mac = mac::sign(material.mac_key(self.key_type), item.hash, item.input);
        Ok(text::write(entry.version, &mac, &BASE64))
    }

    /// Whether an HMAC is genuine, compared in constant time.
    pub fn hmac_verify(&self, item: &MacToVerify<'_>) -> Result<bool, KeyError> {
        let (number, value) = text::split(item.hmac, Noun::Hmac)?;
        let too_new = KeyError::Text(Noun::Hmac, Fault::TooNew);
        let Version { material, .. } = self.version_to_open(number, too_new)?;
        let given = text::decode(value, Noun::Hmac)?;
        Ok(mac::verify(
            material.mac_key(self.key_type),
            item.hash,
            item.input,
            &given,
        ))
    }
}

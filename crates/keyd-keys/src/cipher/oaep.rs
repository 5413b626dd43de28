//! RSAES-OAEP (RFC 8017, section 7.1) with SHA-256, MGF1-SHA-256 and an empty label.

use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey,
};

use super::{TooLong, Unopened};
use crate::error::KeyError;
use crate::memory::LockedBytes;

/// The two halves of a pair, parsed.
pub(crate) struct Oaep {
    private: OaepPrivateDecryptingKey,
    public: OaepPublicEncryptingKey,
}

impl Oaep {
    /// From PKCS#8.
    pub(crate) fn new(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let private = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| KeyError::Material)?;
        let public = OaepPublicEncryptingKey::new(private.public_key()).map_err(|_| KeyError::Internal)?;
        let private = OaepPrivateDecryptingKey::new(private).map_err(|_| KeyError::Internal)?;
        Ok(Self { private, public })
    }

    /// At most 318 (3,072 bits) or 446 bytes (4,096 bits).
    pub(crate) fn seal(&self, plaintext: &[u8]) -> Result<Vec<u8>, TooLong> {
        seal_to(&self.public, &OAEP_SHA256_MGF1SHA256, plaintext)
    }

    pub(crate) fn open(&self, sealed: &[u8]) -> Result<LockedBytes, Unopened> {
        self.open_as(&OAEP_SHA256_MGF1SHA256, sealed)
    }

    /// Opens with another hash, as imports ask for.
    pub(crate) fn open_as(
        &self,
        algorithm: &'static OaepAlgorithm,
        sealed: &[u8],
    ) -> Result<LockedBytes, Unopened> {
        if sealed.len() != self.private.key_size_bytes() {
            return Err(Unopened);
        }
        let mut plain_len = Err(Unopened);
        let buffer = LockedBytes::init_with(self.private.min_output_size(), |out| {
            plain_len = self
                .private
                .decrypt(algorithm, sealed, out, None)
                .map(|plain| plain.len())
                .map_err(|_| Unopened);
        });
        Ok(LockedBytes::copy_of(
            buffer.expose().get(..plain_len?).ok_or(Unopened)?,
        ))
    }
}

/// Seals to the public half in `spki` (SubjectPublicKeyInfo, DER).
pub(crate) fn seal_to_spki(
    spki: &[u8],
    algorithm: &'static OaepAlgorithm,
    plaintext: &[u8],
) -> Result<Vec<u8>, KeyError> {
    let public = PublicEncryptingKey::from_der(spki).map_err(|_| KeyError::Material)?;
    let public = OaepPublicEncryptingKey::new(public).map_err(|_| KeyError::Internal)?;
    seal_to(&public, algorithm, plaintext).map_err(|_| KeyError::PlaintextTooLong)
}

fn seal_to(
    public: &OaepPublicEncryptingKey,
    algorithm: &'static OaepAlgorithm,
    plaintext: &[u8],
) -> Result<Vec<u8>, TooLong> {
    let mut out = vec![0; public.ciphertext_size()];
    let len = public
        .encrypt(algorithm, plaintext, &mut out, None)
        .map_err(|_| TooLong)?
        .len();
    out.truncate(len);
    Ok(out)
}

//! HPKE (RFC 9180, base mode) with X-Wing: the one asymmetric box. It proves no origin, so what is inside is signed, or
//! checked against something signed.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::OpenError;
use crate::labels::Label;
use crate::secret::{Secret32, secret32};

/// Bytes of a public key.
pub const PUBLIC_KEY_LEN: usize = 1216;
/// Bytes of the encapsulated key that a box begins with.
pub const ENC_LEN: usize = 1120;
/// What a box has besides its plaintext: `enc` and the tag.
pub const WRAP_OVERHEAD: usize = ENC_LEN + 16;

/// HPKE's info: `label || 0x00 || context`. It goes into the key, so a box opens under exactly its info.
#[derive(Clone, Copy, Debug)]
pub struct Info<'a> {
    label: Label,
    context: &'a [u8],
}

impl<'a> Info<'a> {
    /// `label || 0x00 || context`.
    pub const fn new(label: Label, context: &'a [u8]) -> Self {
        Self { label, context }
    }

    fn to_bytes(self) -> Vec<u8> {
        [self.label.as_bytes(), &[0], self.context].concat()
    }
}

/// The bytes are not an X-Wing public key: wrong length, or ML-KEM coefficients out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an X-Wing public key")]
pub struct BadPublicKey;

/// An X-Wing public key that decodes.
#[derive(Clone, PartialEq, Eq)]
pub struct KemPublicKey(Box<<XWing as Kem>::PublicKey>);

impl KemPublicKey {
    /// Decodes and checks a public key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadPublicKey> {
        <XWing as Kem>::PublicKey::from_bytes(bytes)
            .map(|key| Self(Box::new(key)))
            .map_err(|_| BadPublicKey)
    }

    /// The 1,216 bytes.
    pub fn to_bytes(&self) -> [u8; PUBLIC_KEY_LEN] {
        let mut out = [0; PUBLIC_KEY_LEN];
        self.0.write_exact(&mut out);
        out
    }
}

impl core::fmt::Debug for KemPublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("KemPublicKey")
    }
}

secret32! {
    /// An X-Wing secret key: its 32-byte seed.
    pub KemSecretKey
}

impl KemSecretKey {
    /// The key with this seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::copy_of(seed)
    }

    /// The public half.
    pub fn public(&self) -> KemPublicKey {
        KemPublicKey(Box::new(XWing::sk_to_pk(&self.expand())))
    }

    #[expect(clippy::expect_used, reason = "every 32 bytes are an X-Wing seed")]
    fn expand(&self) -> <XWing as Kem>::PrivateKey {
        <XWing as Kem>::PrivateKey::from_bytes(self.expose()).expect("32 bytes are a seed")
    }
}

/// Seals to a public key: `enc (1120) || ciphertext || tag (16)`.
///
/// Each box has a key of its own, so what `info` binds needs no repetition in `aad`, which may be empty. Never put
/// anything in without a signature, or without a way to check it against something signed: anybody can make such a box.
#[expect(
    clippy::expect_used,
    reason = "base mode with X-Wing fails only above AES-GCM's 2^36 bytes"
)]
pub fn wrap(
    to: &KemPublicKey,
    info: Info<'_>,
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(WRAP_OVERHEAD + plaintext.len());
    let (enc, ciphertext) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(
        &OpModeS::Base,
        &to.0,
        &info.to_bytes(),
        plaintext,
        aad,
        rng,
    )
    .expect("the plaintext is below AES-GCM's limit");
    out.extend_from_slice(&enc.to_bytes());
    out.extend_from_slice(&ciphertext);
    out
}

/// Opens what [`wrap`] made. One error for every cause (CHK-002).
pub fn unwrap(
    key: &KemSecretKey,
    info: Info<'_>,
    aad: &[u8],
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (enc, ciphertext) = wrapped.split_at_checked(ENC_LEN).ok_or(OpenError)?;
    let enc = <XWing as Kem>::EncappedKey::from_bytes(enc).map_err(|_| OpenError)?;
    hpke::single_shot_open::<AesGcm256, HkdfSha256, XWing>(
        &OpModeR::Base,
        &key.expand(),
        &enc,
        &info.to_bytes(),
        ciphertext,
        aad,
    )
    .map(Zeroizing::new)
    .map_err(|_| OpenError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels;
    use crate::test_rng::CountingRng;

    const INFO: Info<'static> = Info::new(labels::WRAP_ACCOUNT_SECRET, b"context");

    #[test]
    fn round_trip_and_lengths() {
        let key = KemSecretKey::from_seed(&[1; 32]);
        let wrapped = wrap(
            &key.public(),
            INFO,
            b"aad",
            b"secret",
            &mut CountingRng::default(),
        );
        assert_eq!(wrapped.len(), WRAP_OVERHEAD + 6);
        assert_eq!(**unwrap(&key, INFO, b"aad", &wrapped).unwrap(), *b"secret");
    }

    #[test]
    fn every_mismatch_is_the_same_error() {
        let key = KemSecretKey::from_seed(&[1; 32]);
        let wrapped = wrap(&key.public(), INFO, b"", b"secret", &mut CountingRng::default());
        let other = Info::new(labels::WRAP_ACCOUNT_SECRET, b"contexu");
        let label = Info::new(labels::WRAP_EPOCH_GRANT, b"context");
        let fails = |key: &KemSecretKey, info, aad: &[u8], bytes: &[u8]| {
            assert_eq!(unwrap(key, info, aad, bytes).err(), Some(OpenError));
        };
        fails(&KemSecretKey::from_seed(&[2; 32]), INFO, b"", &wrapped);
        fails(&key, other, b"", &wrapped);
        fails(&key, label, b"", &wrapped);
        fails(&key, INFO, b"x", &wrapped);
        for len in [0, 1, ENC_LEN - 1, ENC_LEN, ENC_LEN + 15, wrapped.len() - 1] {
            fails(&key, INFO, b"", &wrapped[..len]);
        }
        for at in (0..wrapped.len()).step_by(97).chain(ENC_LEN - 32..wrapped.len()) {
            let mut bad = wrapped.clone();
            bad[at] ^= 1;
            fails(&key, INFO, b"", &bad);
        }
    }

    #[test]
    fn public_keys_are_checked() {
        let bytes = KemSecretKey::from_seed(&[1; 32]).public().to_bytes();
        assert!(KemPublicKey::from_bytes(&bytes).is_ok());
        assert_eq!(KemPublicKey::from_bytes(&bytes[1..]), Err(BadPublicKey));
        let mut out_of_range = bytes;
        out_of_range[..3].fill(0xFF);
        assert_eq!(KemPublicKey::from_bytes(&out_of_range), Err(BadPublicKey));
    }

    /// The published X-Wing vector uses ChaCha20-Poly1305; KEM, KDF and framing are ours.
    #[test]
    fn published_hpke_vector_opens() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../vectors/seal/hpke-xwing-published.json"
        );
        let vector: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let hex = |name: &str| {
            data_encoding::HEXLOWER
                .decode(vector[name].as_str().unwrap().as_bytes())
                .unwrap()
        };
        let (secret, _) = XWing::derive_keypair(&hex("ikmR"));
        assert_eq!(secret.to_bytes().to_vec(), hex("skRm"));
        let key = KemSecretKey::from_seed(hex("skRm").as_slice().try_into().unwrap());
        assert_eq!(key.public().to_bytes()[..32].to_vec(), hex("pkRm_first_32"));
        let opened = hpke::single_shot_open::<hpke::aead::ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &key.expand(),
            &<XWing as Kem>::EncappedKey::from_bytes(&hex("enc")).unwrap(),
            &hex("info"),
            &hex("ct"),
            &hex("aad"),
        );
        assert_eq!(opened.unwrap(), hex("pt"));
    }
}

//! One FLOE message at random access: header, keys, single segments. Callers in this folder keep the order.

use aws_lc_rs::aead::{self, AES_256_GCM, LessSafeKey, Nonce, UnboundKey};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::aad::Aad;
use super::params::{
    HEADER_LEN, HEADER_TAG_LEN, IV_LEN, LENGTH_LEN, NONCE_LEN, PARAMS_LEN, Params, SEGMENT_OVERHEAD, TAG_LEN,
};
use crate::OpenError;
use crate::kdf::expand;

/// The length field of every segment but the last.
const NOT_LAST: u32 = u32::MAX;

/// `State` of the specification, with the current AEAD key kept.
pub(super) struct Message<'a> {
    params: Params,
    iv: [u8; IV_LEN],
    aad: Aad<'a>,
    key: Zeroizing<[u8; 48]>,
    current: Option<(u64, LessSafeKey)>,
}

impl<'a> Message<'a> {
    /// `startEncryption`: draws the IV, gives the header.
    pub(super) fn start(
        params: Params,
        key: &[u8; 32],
        aad: Aad<'a>,
        rng: &mut impl CryptoRng,
    ) -> (Self, [u8; HEADER_LEN]) {
        let mut iv = [0; IV_LEN];
        rng.fill_bytes(&mut iv);
        let (message, tag) = Self::with_iv(params, key, aad, iv);
        let mut header = [0; HEADER_LEN];
        header[..PARAMS_LEN].copy_from_slice(&params.encode());
        header[PARAMS_LEN..PARAMS_LEN + IV_LEN].copy_from_slice(&iv);
        header[PARAMS_LEN + IV_LEN..].copy_from_slice(&tag);
        (message, header)
    }

    /// `startDecryption`: the header's tag commits to key, parameters, IV and associated data.
    pub(super) fn resume(
        params: Params,
        key: &[u8; 32],
        aad: Aad<'a>,
        header: &[u8],
    ) -> Result<Self, OpenError> {
        let (encoded, rest) = header.split_first_chunk::<PARAMS_LEN>().ok_or(OpenError)?;
        let (iv, tag) = rest.split_first_chunk::<IV_LEN>().ok_or(OpenError)?;
        if *encoded != params.encode() {
            return Err(OpenError);
        }
        let (message, expected) = Self::with_iv(params, key, aad, *iv);
        // Slices of different lengths are unequal.
        if bool::from(expected.as_slice().ct_eq(tag)) {
            Ok(message)
        } else {
            Err(OpenError)
        }
    }

    fn with_iv(
        params: Params,
        key: &[u8; 32],
        aad: Aad<'a>,
        iv: [u8; IV_LEN],
    ) -> (Self, [u8; HEADER_TAG_LEN]) {
        let mut message = Self {
            params,
            iv,
            aad,
            key: Zeroizing::new([0; 48]),
            current: None,
        };
        let mut tag = [0; HEADER_TAG_LEN];
        message.kdf(key, &[b"HEADER_TAG:"], &mut tag);
        let mut message_key = Zeroizing::new([0; 48]);
        message.kdf(key, &[b"MESSAGE_KEY:"], message_key.as_mut());
        message.key = message_key;
        (message, tag)
    }

    /// `FLOE_KDF(key, iv, aad, purpose, len)`.
    fn kdf(&self, key: &[u8], purpose: &[&[u8]], out: &mut [u8]) {
        let encoded = self.params.encode();
        let mut info: Vec<&[u8]> = Vec::with_capacity(8);
        info.extend([encoded.as_slice(), &self.iv]);
        info.extend(purpose);
        info.extend(self.aad.parts());
        expand(key, &info, out);
    }

    /// `DERIVE_KEY`, kept until the position leaves its range.
    #[expect(clippy::expect_used, reason = "an AES-256 key of 32 bytes is always accepted")]
    fn aead_key(&mut self, position: u64) -> &LessSafeKey {
        let masked = position >> self.params.rotation_bits << self.params.rotation_bits;
        let current = match self.current.take() {
            Some((range, key)) if range == masked => (range, key),
            _ => {
                let mut bytes = Zeroizing::new([0; 32]);
                self.kdf(
                    self.key.as_slice(),
                    &[b"DEK:", &masked.to_be_bytes()],
                    bytes.as_mut(),
                );
                let key =
                    UnboundKey::new(&AES_256_GCM, bytes.as_slice()).expect("32 bytes are an AES-256 key");
                (masked, LessSafeKey::new(key))
            }
        };
        &self.current.insert(current).1
    }

    /// `encryptSegment`, appended to `out`. The caller has checked `plaintext`'s length.
    #[expect(
        clippy::expect_used,
        reason = "AES-GCM refuses only above 2^36 bytes; a segment is below 2^32"
    )]
    pub(super) fn seal(
        &mut self,
        position: u64,
        last: bool,
        plaintext: &[u8],
        out: &mut Vec<u8>,
        rng: &mut impl CryptoRng,
    ) {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let length = if last {
            (plaintext.len() + SEGMENT_OVERHEAD) as u32
        } else {
            NOT_LAST
        };
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plaintext);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let aad = aead::Aad::from(segment_aad(position, last));
        let tag = self
            .aead_key(position)
            .seal_in_place_separate_tag(nonce, aad, &mut out[start..])
            .expect("a segment is within AES-GCM's limit");
        out.extend_from_slice(tag.as_ref());
    }

    /// `decryptSegment`, appended to `out`; on error `out` is as it was.
    pub(super) fn open(
        &mut self,
        position: u64,
        last: bool,
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let (length, rest) = sealed.split_first_chunk::<LENGTH_LEN>().ok_or(OpenError)?;
        let (nonce, ciphertext_and_tag) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError)?;
        let full = sealed.len() == self.params.segment_len as usize;
        let length = u32::from_be_bytes(*length);
        let fits = if last {
            sealed.len() <= self.params.segment_len as usize && length as usize == sealed.len()
        } else {
            full && length == NOT_LAST
        };
        let plain_len = ciphertext_and_tag
            .len()
            .checked_sub(TAG_LEN)
            .filter(|_| fits)
            .ok_or(OpenError)?;

        let start = out.len();
        out.extend_from_slice(ciphertext_and_tag);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let aad = aead::Aad::from(segment_aad(position, last));
        let opened = self
            .aead_key(position)
            .open_in_place(nonce, aad, &mut out[start..])
            .map(|_| ())
            .map_err(|_| OpenError);
        if opened.is_err() {
            out[start..].zeroize();
            out.truncate(start);
        } else {
            out.truncate(start + plain_len);
        }
        opened
    }
}

fn segment_aad(position: u64, last: bool) -> [u8; 9] {
    let mut aad = [0; 9];
    aad[..8].copy_from_slice(&position.to_be_bytes());
    aad[8] = u8::from(last);
    aad
}

//! Fernet (github.com/fernet/spec), decryption only: base64url of `80 || be64(time) || iv (16) || AES-128-CBC, PKCS#7 || HMAC (32)`.

use aws_lc_rs::cipher::{AES_128, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use data_encoding::BASE64URL;

use super::Unopened;
use crate::memory::LockedBytes;

const VERSION: u8 = 0x80;
const MAC_LEN: usize = 32;
const BLOCK_LEN: usize = 16;

/// The bytes of a token, from its text.
pub(crate) fn decode(token: &str) -> Result<Vec<u8>, Unopened> {
    BASE64URL.decode(token.as_bytes()).map_err(|_| Unopened)
}

/// Opens a token. The HMAC is compared first, in constant time; the time in the token is not checked.
pub(crate) fn open(secret: &[u8], token: &[u8]) -> Result<LockedBytes, Unopened> {
    let (signing, encryption) = secret.split_at_checked(16).ok_or(Unopened)?;
    let (signed, mac) = token.split_last_chunk::<MAC_LEN>().ok_or(Unopened)?;
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, signing), signed, mac).map_err(|_| Unopened)?;

    let (head, rest) = signed.split_first_chunk::<9>().ok_or(Unopened)?;
    let (iv, ciphertext) = rest.split_first_chunk::<BLOCK_LEN>().ok_or(Unopened)?;
    if head.first() != Some(&VERSION) || ciphertext.is_empty() || ciphertext.len() % BLOCK_LEN != 0 {
        return Err(Unopened);
    }
    let key = UnboundCipherKey::new(&AES_128, encryption).map_err(|_| Unopened)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| Unopened)?;
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    let mut plain_len = Err(Unopened);
    let buffer = LockedBytes::init_with(ciphertext.len(), |out| {
        out.copy_from_slice(ciphertext);
        plain_len = key
            .decrypt(out, context)
            .map(|plain| plain.len())
            .map_err(|_| Unopened);
    });
    Ok(LockedBytes::copy_of(
        buffer.expose().get(..plain_len?).ok_or(Unopened)?,
    ))
}

#[cfg(test)]
mod tests;

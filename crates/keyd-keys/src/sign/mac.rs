//! HMAC (RFC 2104) with SHA-2 and SHA-3.

use aws_lc_rs::hmac::{self as sha2, HMAC_SHA224, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
use hmac::digest::Digest;
use hmac::digest::common::BlockSizeUser;
use hmac::{KeyInit, Mac, SimpleHmac};
use sha3::{Sha3_256, Sha3_384, Sha3_512};
use subtle::ConstantTimeEq;

use super::Hash;

/// The HMAC of `input`, as long as a digest.
pub(crate) fn sign(key: &[u8], hash: Hash, input: &[u8]) -> Vec<u8> {
    let algorithm = match hash {
        Hash::Sha2_224 => HMAC_SHA224,
        Hash::Sha2_256 => HMAC_SHA256,
        Hash::Sha2_384 => HMAC_SHA384,
        Hash::Sha2_512 => HMAC_SHA512,
        Hash::Sha3_256 => return keccak::<Sha3_256>(key, input),
        Hash::Sha3_384 => return keccak::<Sha3_384>(key, input),
        Hash::Sha3_512 => return keccak::<Sha3_512>(key, input),
    };
    sha2::sign(&sha2::Key::new(algorithm, key), input)
        .as_ref()
        .to_vec()
}

/// Compares in constant time; another length is no match.
pub(crate) fn verify(key: &[u8], hash: Hash, input: &[u8], mac: &[u8]) -> bool {
    sign(key, hash, input).ct_eq(mac).into()
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn keccak<D: Digest + BlockSizeUser>(key: &[u8], input: &[u8]) -> Vec<u8> {
    let mac = <SimpleHmac<D> as KeyInit>::new_from_slice(key).expect("any length");
    mac.chain_update(input).finalize().into_bytes().to_vec()
}

//! XAES-256-GCM (c2sp.org/XAES-256-GCM) with the key commitment of KC-XAES (eprint 2025/758).
//!
//! ```text
//! Kx         = CMAC(K, 00 01 58 00 || N[0..12]) || CMAC(K, 00 02 58 00 || N[0..12])
//! C || tag   = AES-256-GCM(Kx, N[12..24], A, plaintext)
//! commitment = CMAC(K, 58 43 4D 54 || N || 00 01 00 01) || CMAC(K, 58 43 4D 54 || N || 00 01 00 02)
//! ```
//! Every CMAC input is whole blocks, so one subkey of SP 800-38B is enough.

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::{TAG_LEN, TooLong, Unopened, gcm};
use crate::memory::LockedBytes;

const NONCE_LEN: usize = 24;
const COMMITMENT_LEN: usize = 32;
/// Bytes that a ciphertext has more than its plaintext.
const OVERHEAD: usize = NONCE_LEN + TAG_LEN + COMMITMENT_LEN;

type Block = [u8; 16];

/// One key with its schedule.
pub(crate) struct Xaes {
    cipher: Aes256,
    k1: Block,
}

impl Drop for Xaes {
    fn drop(&mut self) {
        self.k1.zeroize();
    }
}

impl Xaes {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let cipher = Aes256::new(key.into());
        let mut block = Zeroizing::new([0; 16].into());
        cipher.encrypt_block(&mut block);
        Self {
            cipher,
            k1: doubled((*block).into()),
        }
    }

    /// `nonce || ciphertext || tag || commitment`.
    pub(crate) fn seal(
        &self,
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, TooLong> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let mut out = Vec::with_capacity(plaintext.len() + OVERHEAD);
        out.extend_from_slice(&nonce);
        self.seal_with(&nonce, aad, plaintext, &mut out)?;
        out.extend_from_slice(&self.commitment(&nonce));
        Ok(out)
    }

    /// Opens what [`seal`](Self::seal) made; the commitment is compared first, in constant time (KEY-006).
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<LockedBytes, Unopened> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unopened)?;
        let (sealed, commitment) = rest.split_last_chunk::<COMMITMENT_LEN>().ok_or(Unopened)?;
        if !bool::from(self.commitment(nonce).ct_eq(commitment)) {
            return Err(Unopened);
        }
        let (head, tail) = halves(nonce);
        gcm::Gcm::new(&self.subkey(head)).open(tail, aad, sealed)
    }

    /// XAES-256-GCM itself, without the commitment: appends `ciphertext || tag`.
    fn seal_with(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), TooLong> {
        let (head, tail) = halves(nonce);
        gcm::Gcm::new(&self.subkey(head)).seal(tail, aad, plaintext, out)
    }

    /// `Kx`.
    fn subkey(&self, head: &[u8; 12]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        for (half, counter) in key.chunks_exact_mut(16).zip(1..) {
            half.copy_from_slice(&self.last_block([0; 16], joined([0, counter, b'X', 0], head)));
        }
        key
    }

    fn commitment(&self, nonce: &[u8; NONCE_LEN]) -> [u8; COMMITMENT_LEN] {
        let (head, tail) = halves(nonce);
        let mut first = joined(*b"XCMT", head).into();
        self.cipher.encrypt_block(&mut first);
        let mut commitment = [0; COMMITMENT_LEN];
        for (half, counter) in commitment.chunks_exact_mut(16).zip(1..) {
            let mut second = [0; 16];
            for (to, from) in second.iter_mut().zip(tail.iter().chain(&[0, 1, 0, counter])) {
                *to = *from;
            }
            half.copy_from_slice(&self.last_block(first.into(), second));
        }
        commitment
    }

    /// The end of a CMAC (SP 800-38B, section 6.2) over whole blocks.
    fn last_block(&self, state: Block, block: Block) -> Block {
        let mut last = [0; 16];
        for (out, ((a, b), c)) in last.iter_mut().zip(state.iter().zip(&block).zip(&self.k1)) {
            *out = a ^ b ^ c;
        }
        let mut last = last.into();
        self.cipher.encrypt_block(&mut last);
        last.into()
    }
}

fn joined(prefix: [u8; 4], rest: &[u8; 12]) -> Block {
    let mut block = [0; 16];
    for (to, from) in block.iter_mut().zip(prefix.iter().chain(rest)) {
        *to = *from;
    }
    block
}

fn halves(nonce: &[u8; NONCE_LEN]) -> (&[u8; 12], &[u8; 12]) {
    let (mut head, mut tail) = (&[0; 12], &[0; 12]);
    if let (Some(first), Some(last)) = (nonce.first_chunk(), nonce.last_chunk()) {
        (head, tail) = (first, last);
    }
    (head, tail)
}

/// Doubling in GF(2^128), in constant time (SP 800-38B, section 6.1).
fn doubled(block: Block) -> Block {
    let number = u128::from_be_bytes(block);
    let reduction = (number >> 127).wrapping_neg() & 0x87;
    (number << 1 ^ reduction).to_be_bytes()
}

#[cfg(test)]
mod tests;

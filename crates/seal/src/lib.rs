//! Everything of Crannog that holds or uses a secret key: one symmetric box, one asymmetric box, signing keys, and the
//! schedule that says which secret gives which keys. Bytes are fixed in `docs/spec/sealing.md`.
//!
//! ```text
//!  recovery words ──► root signing key, recovery KEM key
//!                                            │ wrap
//!  device seed ─────► device signing key, device KEM key
//!                                            │ wrap
//!                                            ▼
//!  account secret, generation g ──► account signing key, account KEM key, key of generation g-1
//!                 │                                            │ wrap
//!                 ▼                                            ▼
//!          home: K W A                                 any journal, epoch e: K W A
//!                      K ──► read token, body key, notice key, envelope tags, key of epoch e-1
//!                      W ──► write key        A ──► admin key
//!                      body ──► content, pack and list keys (random, one per box)
//!
//!  password ──► key of this device's own database
//!
//!  key service: slot key ──► store key ──► record keys, backup key, token key      audit root ──► signing key, value key
//! ```
//!
//! Each secret is a type of its own: wiped on drop, compared in constant time, silent in Debug. Randomness is always an
//! argument; the crate knows no clock, file or socket. Whatever fails to open gives the one [`OpenError`].
//!
//! ```
//! use crannog_seal::schedule::{AccountSecret, EpochSecrets};
//! use crannog_seal::content::ContentKey;
//! # struct Zero;
//! # impl rand_core::TryRng for Zero {
//! #     type Error = core::convert::Infallible;
//! #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(0) }
//! #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(0) }
//! #     fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> { dst.fill(0); Ok(()) }
//! # }
//! # impl rand_core::TryCryptoRng for Zero {}
//! # let mut rng = Zero;
//! let secrets = EpochSecrets::generate(&[7; 32], 1, &mut rng);
//! let sealed = secrets.body_key().seal(b"the header", b"a body", &mut rng);
//! assert_eq!(secrets.body_key().open(b"the header", &sealed)?, b"a body");
//! assert!(secrets.body_key().open(b"another header", &sealed).is_err());
//!
//! let chunk = ContentKey::generate(&mut rng);
//! assert_eq!(chunk.open(&chunk.seal(b"bytes of a file", &mut rng))?, b"bytes of a file");
//!
//! let account = AccountSecret::generate(&mut rng).bind(&[1; 32], 0);
//! assert_eq!(format!("{account:?}"), "AccountGeneration");
//! # Ok::<(), crannog_seal::OpenError>(())
//! ```
#![forbid(unsafe_code)]

pub mod asym;
pub mod content;
pub mod floe;
mod kdf;
pub mod keyd;
#[cfg(test)]
mod known_answers;
pub mod labels;
pub mod password;
pub mod schedule;
mod secret;
#[cfg(test)]
mod secret_tests;
pub mod sign;
#[cfg(test)]
mod test_rng;

/// A box did not open: wrong key, wrong associated data, or any damage. Deliberately nothing more (CHK-002).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("CHK-002: the box does not open")]
pub struct OpenError;

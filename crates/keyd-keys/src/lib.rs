//! The keys of the key service: what a key is, what it does, and the bytes that two programs must agree on
//! (docs/spec/keyd.md). No clock, file or socket; randomness that this crate draws is an argument.
//!
//! ```text
//!  Key (immutable) ── rotate, configure, trim, reserve, … ──► Change ── seal ──► Commit { key, files, … }
//!   │ encrypt, decrypt, sign, verify, hmac, export                        write the files, then use `key`
//!   │
//!   ├─ cipher/   the layouts of ciphertexts          ├─ record/   sealed records, head and its judgement
//!   ├─ sign/     signatures and HMACs                ├─ unlock/   slots of the store key, recovery key
//!   └─ counter   uses counted on disk before a nonce └─ backup, import
//! ```
//!
//! RSA and ECDSA key pairs, the salts of PSS and OAEP, ECDSA's nonces and the hedge of ML-DSA are drawn by aws-lc itself; its
//! interface takes no source of randomness for them.
//!
//! ```
//! use crannog_keyd_keys::{Cipher, Key, KeyName, KeySpec, KeyType, Plain, StoreId, Uses};
//! use crannog_seal::keyd::StoreKey;
//! # struct Counting(u8);
//! # impl rand_core::TryRng for Counting {
//! #     type Error = core::convert::Infallible;
//! #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(0) }
//! #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(0) }
//! #     fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
//! #         for byte in dst { *byte = self.0; self.0 = self.0.wrapping_add(1); }
//! #         Ok(())
//! #     }
//! # }
//! # impl rand_core::TryCryptoRng for Counting {}
//! # let mut rng = Counting(0);
//! let store = StoreKey::generate(&mut rng);
//! let spec = KeySpec::new(KeyType::Xaes256Gcm);
//! let change = Key::generate(KeyName::parse("orders")?, &spec, 1_700_000_000_000, &mut rng)?;
//! let commit = change.seal(&store, &StoreId([7; 16]), 1, &mut rng)?;
//! // Here the service writes commit.files, in their order, and a new head.
//! let key = commit.key;
//! let sealed = key.encrypt(&Plain::new(b"a card number"), &mut Uses::uncounted(), &mut rng)?;
//! assert!(sealed.text.starts_with("vault:v1:"));
//! assert_eq!(key.decrypt(&Cipher::new(&sealed.text))?.expose(), b"a card number");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod backup;
mod cipher;
mod counter;
mod error;
mod import;
mod key;
mod key_type;
mod memory;
mod name;
mod record;
mod sign;
#[cfg(test)]
mod tests;
mod text;
mod unlock;

pub use self::backup::{BackupOpener, restore};
pub use self::counter::{Counter, Taken, USES_BLOCK, USES_LIMIT, USES_WARNING, Uses};
pub use self::error::{Fault, KeyError, NameError, Noun, RecordError};
pub use self::import::{OaepHash, unwrap_import, wrap_import};
pub use self::key::{
    Change, Cipher, Commit, ConfigWish, DataKeyBits, Description, ExportKind, Exported, ExportedText, Format,
    Key, MacToVerify, Plain, RecordFile, RotateReason, Sealed, Signature, ToMac, ToSign, ToVerify,
    VersionDescription, translate,
};
pub use self::key_type::{Abilities, KeySpec, KeyType, Policy};
pub use self::memory::LockedBytes;
pub use self::name::KeyName;
pub use self::record::{
    Found, Head, HeadEntry, Judgement, RecordHeader, RecordIn, RecordKind, Settings, Verdict, open_key,
    open_record, seal_record,
};
pub use self::sign::{Hash, Marshaling, RsaScheme, SaltLength};
pub use self::unlock::{NewSlot, Opener, RecoveryKey, Slot, SlotKind, UnlockFile};

/// Milliseconds since 1970, UTC.
pub type Millis = i64;

/// The random id of a store, made with it and kept for life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(pub [u8; 16]);

/// The random id of a key, kept for life: a key that is deleted and made again under its name has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 16]);

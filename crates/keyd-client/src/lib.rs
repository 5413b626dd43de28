//! The key service for applications: the words of its interface, and a client.
//!
//! ```text
//!  application ─▶ Client ─▶ Call ──write──▶ HTTP ──read──▶ Call ─▶ crannog-keyd
//!                    ▲                                              │
//!                    └── Reply or Error ◀──read── HTTP ◀──to_json── Reply or Refusal
//! ```
//! The exact bytes are in `docs/spec/keyd.md`, section *HTTP*. The service uses the same types: [`Call::read`] is its decoder, with the
//! lenient rules that clients of Transit rely on, [`Reply::to_json`] and [`Refusal::to_json`] write its answers. No cipher is linked; what
//! passes through is wiped where this crate holds it. What hyper buffers on the way to the socket, and where serde_json undoes the escapes
//! of a string, is not.
//!
//! ```no_run
//! use crannog_keyd_client::{Binding, Client};
//! # async fn example() -> Result<(), crannog_keyd_client::Error> {
//! let client = Client::unix("/run/crannog-keyd/clients/keyd.sock");
//! let binding = Binding { associated_data: Some(b"order 41"), ..Binding::default() };
//! let ciphertext = client.encrypt("shop-orders", b"4111 1111 1111 1111", &binding).await?;
//! let plaintext = client.decrypt("shop-orders", &ciphertext, &binding).await?;
//! assert_eq!(plaintext.as_slice(), b"4111 1111 1111 1111");
//! # Ok(())
//! # }
//! ```
//!
//! Features: `tls` adds [mutual TLS](Client) beside the Unix socket.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod answer;
mod call;
mod client;
mod error;
mod json;
mod path;
mod refusal;
#[cfg(test)]
mod tests;
mod word;
mod wrong;

pub use answer::{
    Answer, AuditLines, AuditStatus, Auth, Backup, Checkpoint, Decrypted, Encrypted, ExplainedRule,
    Explanation, ExportedKey, HashedValue, HealthState, InitState, ItemFault, KeyNames, KeyObject,
    KeysConfig, LeaderState, MountConfig, MountObject, NewDataKey, NewHmac, Outcome, Outcomes, PolicyLoaded,
    PublicVersion, RandomBytes, Reply, SealState, Signed, Status, Sum, TokenState, Verified, VersionObject,
    WrappingKey,
};
pub use call::{
    AuditHash, AuditRecords, ByteFormat, Call, Capabilities, ConfigKey, CreateKey, Crypt, DataKey,
    DataKeyBits, DecryptItem, EncryptItem, Explain, ExportFormat, ExportKind, ExportVersion, Hash,
    HashAlgorithm, Health, Hmac, HmacItem, ImportHash, ImportKey, ImportVersion, Item, Items, Limits,
    Marshaling, PartialStatus, Proof, Random, RandomSource, ReadKey, Received, Restore, RewrapItem,
    SaltLength, Sent, Sign, SignItem, SignOptions, SignatureAlgorithm, TranslateItem, TrimKey, Unlock,
    Upsert, Verify, VerifyItem,
};
pub use client::{Binding, Client, SealedDataKey, Settings};
#[cfg(feature = "tls")]
pub use client::{TlsError, TlsIdentity};
pub use error::{Error, Misbehaviour, Misuse};
pub use json::MAX_NESTING;
pub use path::{Mount, MountError, Name, NameError};
pub use refusal::{Refusal, RefusalKind};
pub use word::{Ciphertext, Nil, Nullable, Octets, Seconds, SecretText};
pub use wrong::{Echo, Wrong};

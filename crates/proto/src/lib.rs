//! What travels between clients and server, and what anyone can check about it with public keys alone.
//!
//! ```text
//!  bytes ──decode──▶ EntryIn ──verify(epoch keys)──▶ VerifiedEntry      (server and client)
//!  bytes ──decode──▶ SignedLink ──SigchainState::apply──▶ SigchainState (server and client)
//! ```
//!
//! Nothing here opens a body or holds a secret. The exact bytes are in `docs/spec/`.
//!
//! ```
//! use crannog_proto::{BlobId, decode, encode};
//! let id = BlobId::of(b"ciphertext");
//! assert_eq!(decode::<BlobId>(&encode(&id)).unwrap(), id);
//! ```
#![forbid(unsafe_code)]

pub mod api;
pub mod chain;
mod encoding;
pub mod entry;
pub mod error;
pub mod hash;
pub mod ids;
pub mod invite;
pub mod labels;
pub mod limits;
pub mod padme;
pub mod receipt;
pub mod server_url;
pub mod sigchain;
pub mod sign;

pub use encoding::{DecodeError, decode, encode};
pub use entry::{Body, Entry, EpochPublic, Header, Kind, Place, Seen, SeqRange, Signer};
pub use error::ErrorCode;
pub use hash::Hash;
pub use ids::{AccountId, BlobId, DeviceId, EntryId, JournalId};
pub use receipt::Receipt;
pub use server_url::{Fingerprint, ServerUrl};

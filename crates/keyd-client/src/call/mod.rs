//! Requests: one variant for each row of the interface.

mod chance;
mod crypt;
mod items;
mod keys;
mod read;
mod sign;
mod system;
mod write;

use http::Method;
use zeroize::Zeroizing;

use crate::path::Name;

pub use chance::{ByteFormat, Hash, Random, RandomSource};
pub use crypt::{
    Crypt, DataKey, DataKeyBits, DecryptItem, EncryptItem, PartialStatus, RewrapItem, TranslateItem, Upsert,
};
pub use items::{Item, Items};
pub use keys::{
    ConfigKey, CreateKey, ExportFormat, ExportKind, ExportVersion, ImportHash, ImportKey, ImportVersion,
    ReadKey, Restore, TrimKey,
};
pub use read::{Limits, Received};
pub use sign::{
    HashAlgorithm, Hmac, HmacItem, Marshaling, Proof, SaltLength, Sign, SignItem, SignOptions,
    SignatureAlgorithm, Verify, VerifyItem,
};
pub use system::{AuditHash, AuditRecords, Capabilities, Explain, Health, Unlock};

/// One request. What it needs of rights is the policy's matter, whether the key can do it the key's.
#[derive(Debug)]
#[non_exhaustive]
pub enum Call {
    /// Makes a key.
    CreateKey(Name, CreateKey),
    /// Shows a key.
    ReadKey(Name, ReadKey),
    /// Names the keys that the caller may see.
    ListKeys,
    /// Deletes a key with all versions. Irrevocable.
    DeleteKey(Name),
    /// Changes a key's settings.
    ConfigKey(Name, ConfigKey),
    /// Adds a version.
    RotateKey(Name),
    /// Removes old versions. Irrevocable.
    TrimKey(Name, TrimKey),
    /// Encrypts.
    Encrypt(Name, Upsert, Crypt<EncryptItem>),
    /// Decrypts.
    Decrypt(Name, Crypt<DecryptItem>),
    /// Encrypts anew under the same key.
    Rewrap(Name, Crypt<RewrapItem>),
    /// Encrypts anew under another key.
    Translate {
        /// What decrypts.
        source: Name,
        /// What encrypts.
        target: Name,
        /// What.
        items: Crypt<TranslateItem>,
    },
    /// A data key, in the clear and sealed.
    DataKeyPlaintext(Name, DataKey),
    /// A data key, sealed only.
    DataKeyWrapped(Name, DataKey),
    /// Signs.
    Sign(Name, Sign),
    /// Verifies signatures or HMACs.
    Verify(Name, Verify),
    /// Makes HMACs.
    Hmac(Name, Hmac),
    /// Random bytes.
    Random(Random, Option<RandomSource>),
    /// A plain hash.
    Hash(Hash),
    /// Exports a key.
    Export {
        /// Which half.
        what: ExportKind,
        /// Of which key.
        key: Name,
        /// All versions from `min_decryption_version` on if absent.
        version: Option<ExportVersion>,
        /// The type's usual one if absent.
        format: Option<ExportFormat>,
    },
    /// Gives a sealed backup of a key.
    Backup(Name),
    /// Opens a backup, under its own name or another one.
    Restore(Option<Name>, Restore),
    /// Shows the public key that imports are wrapped to.
    WrappingKey,
    /// Takes a key in.
    ImportKey(Name, ImportKey),
    /// Takes a version in.
    ImportVersion(Name, ImportVersion),
    /// Shows the settings of all keys.
    KeysConfig,
    /// How the service is. Open to everyone.
    Health(Health),
    /// Whether the store is unlocked. Open to everyone.
    SealStatus,
    /// Who leads. Open to everyone.
    Leader,
    /// Whether there is a store. Open to everyone.
    Init,
    /// To make a store: refused, there is one.
    Initialize,
    /// To unlock over HTTP: tells the status and does nothing else.
    Unseal,
    /// The mounts.
    Mounts,
    /// To mount something at this path: refused.
    Mount(String),
    /// One mount, as the command line of others asks for it.
    UiMount(String),
    /// A token for the certificate of this connection.
    Login,
    /// What the token is.
    LookupSelf,
    /// Prolongs the token.
    RenewSelf,
    /// Ends the token.
    RevokeSelf,
    /// What the caller may do at some paths.
    CapabilitiesSelf(Capabilities),
    /// How the service is, for its operator.
    Status,
    /// Loads the policy.
    ReloadPolicy,
    /// Why the policy decides as it does.
    ExplainPolicy(Explain),
    /// Signs a checkpoint of this moment.
    AuditCheckpoint,
    /// Reads the audit log.
    AuditRecords(AuditRecords),
    /// The keyed hash under which a value stands in the audit log.
    AuditHash(AuditHash),
    /// Opens the store.
    Unlock(Unlock),
    /// Closes all connections but this one.
    DropConnections,
}

/// A request as HTTP carries it.
pub struct Sent {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The body; empty if there is none.
    pub body: Zeroizing<Vec<u8>>,
}

impl Call {
    /// Whether a second time does no more than the first: such a call may be repeated when its answer was lost.
    pub fn is_repeatable(&self) -> bool {
        !matches!(
            self,
            Self::CreateKey(..)
                | Self::DeleteKey(_)
                | Self::ConfigKey(..)
                | Self::RotateKey(_)
                | Self::TrimKey(..)
                | Self::Restore(..)
                | Self::ImportKey(..)
                | Self::ImportVersion(..)
                | Self::RevokeSelf
                | Self::ReloadPolicy
                | Self::Unlock(_)
                | Self::DropConnections
        )
    }

    /// Whether success says more than that it was done.
    pub fn has_answer(&self) -> bool {
        !matches!(
            self,
            Self::DeleteKey(_)
                | Self::Restore(..)
                | Self::ImportKey(..)
                | Self::ImportVersion(..)
                | Self::Initialize
                | Self::Mount(_)
                | Self::RevokeSelf
                | Self::Unlock(_)
                | Self::DropConnections
        )
    }

    /// How many answers are due; none if it is not a batch.
    pub fn batch_len(&self) -> Option<usize> {
        match self {
            Self::Encrypt(_, _, crypt) => crypt.items.batch_len(),
            Self::Decrypt(_, crypt) => crypt.items.batch_len(),
            Self::Rewrap(_, crypt) => crypt.items.batch_len(),
            Self::Translate { items, .. } => items.items.batch_len(),
            Self::Sign(_, sign) => sign.items.batch_len(),
            Self::Verify(_, verify) => verify.items.batch_len(),
            Self::Hmac(_, hmac) => hmac.items.batch_len(),
            _ => None,
        }
    }
}

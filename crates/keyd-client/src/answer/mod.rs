//! Answers: one variant for each kind of `data`.

mod crypt;
mod keys;
mod outcomes;
mod own;
mod reply;
mod system;

use std::collections::BTreeMap;

pub use crypt::{
    Backup, Decrypted, Encrypted, ExportedKey, NewDataKey, NewHmac, RandomBytes, Signed, Sum, Verified,
    WrappingKey,
};
pub use keys::{KeyNames, KeyObject, KeysConfig, PublicVersion, VersionObject};
pub use outcomes::{ItemFault, Outcome, Outcomes};
pub use own::{
    AuditLines, AuditStatus, Checkpoint, ExplainedRule, Explanation, HashedValue, PolicyLoaded, Status,
};
pub use reply::Reply;
pub use system::{
    Auth, HealthState, InitState, LeaderState, MountConfig, MountObject, SealState, TokenState,
};

/// What a call that succeeded gives.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answer {
    /// Done, and nothing to say: 204.
    Nothing,
    /// A key.
    Key(Box<KeyObject>),
    /// Names of keys.
    Keys(KeyNames),
    /// Ciphertexts.
    Encrypted(Outcomes<Encrypted>),
    /// Plaintexts.
    Decrypted(Outcomes<Decrypted>),
    /// A data key.
    DataKey(NewDataKey),
    /// Signatures.
    Signed(Outcomes<Signed>),
    /// Judgements.
    Verified(Outcomes<Verified>),
    /// HMACs.
    Hmac(Outcomes<NewHmac>),
    /// Random bytes.
    Random(RandomBytes),
    /// A digest.
    Sum(Sum),
    /// An exported key.
    Exported(ExportedKey),
    /// A backup.
    Backup(Backup),
    /// The key that imports are wrapped to.
    WrappingKey(WrappingKey),
    /// The settings of all keys.
    KeysConfig(KeysConfig),
    /// How the service is. Not enveloped.
    Health(HealthState),
    /// Whether the store is unlocked. Not enveloped.
    SealState(SealState),
    /// Who leads. Not enveloped.
    Leader(LeaderState),
    /// Whether there is a store. Not enveloped.
    Init(InitState),
    /// The mounts, by path with a slash at its end.
    Mounts(BTreeMap<String, MountObject>),
    /// One mount.
    Mount(MountObject),
    /// A token for a certificate.
    LoggedIn(Auth),
    /// A token with a new time.
    Renewed(Auth),
    /// What a token is.
    Token(TokenState),
    /// What the caller may do, by path; under `capabilities` if one path was asked for.
    Capabilities(BTreeMap<String, Vec<String>>),
    /// How the service is, for its operator.
    Status(Box<Status>),
    /// The policy was loaded.
    PolicyLoaded(PolicyLoaded),
    /// Why the policy decides as it does.
    Explanation(Explanation),
    /// A checkpoint.
    Checkpoint(Checkpoint),
    /// Lines of the audit log.
    AuditLines(AuditLines),
    /// How a value stands in the audit log.
    HashedValue(HashedValue),
}

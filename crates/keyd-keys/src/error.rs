//! What can be wrong, by whose fault. The texts are those of the interface.

use core::fmt;

/// A name does not fit the pattern (KEY-015).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "KEY-015: a name has 1 to 127 characters of A-Z a-z 0-9 _ - . and begins and ends with a letter, a digit or _"
)]
pub struct NameError;

/// What a text of the form `vault:vN:…` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// A ciphertext.
    Ciphertext,
    /// A signature.
    Signature,
    /// An HMAC.
    Hmac,
}

impl fmt::Display for Noun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ciphertext => "ciphertext",
            Self::Signature => "signature",
            Self::Hmac => "HMAC",
        })
    }
}

/// What is wrong with a text of the form `vault:vN:…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It does not begin with `vault:v`.
    #[error("no prefix")]
    NoPrefix,
    /// There is no colon after the version, or one too many.
    #[error("wrong number of fields")]
    Fields,
    /// What follows `vault:v` is no number in canonical form.
    #[error("version number could not be decoded")]
    Version,
    /// The key has no such version yet.
    #[error("version is too new")]
    TooNew,
    /// Not base64, or not in its canonical form.
    #[error("could not decode base64")]
    Base64,
    /// It is not genuine, or context or associated data differ. Nothing more is ever said.
    #[error("unable to decrypt")]
    Unopened,
}

/// Why an operation was not done. All but [`Internal`](Self::Internal) are the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// KEY-005.
    #[error("context provided for a key that is not derived")]
    ContextUnwanted,
    /// KEY-005.
    #[error("missing 'context' for key derivation")]
    ContextMissing,
    /// The type takes no associated data.
    #[error("associated_data provided for a key type without it")]
    AssociatedDataUnwanted,
    /// A text that was given does not fit.
    #[error("invalid {0}: {1}")]
    Text(Noun, Fault),
    /// A signature's bytes are not base64.
    #[error("invalid base64 signature value")]
    SignatureBase64,
    /// Below `min_decryption_version`, or trimmed.
    #[error("ciphertext or signature version is disallowed by policy (too old)")]
    TooOld,
    /// Above the latest version. The word is `encryption` or `signing`.
    #[error("requested version for {0} is higher than the latest key version")]
    VersionTooHigh(&'static str),
    /// Below `min_encryption_version`, or trimmed. The word is `encryption` or `signing`.
    #[error("requested version for {0} is less than the minimum encryption key version")]
    VersionTooLow(&'static str),
    /// The type does not encrypt.
    #[error("message encryption not supported for key type {0}")]
    NoEncryption(&'static str),
    /// The type does not decrypt.
    #[error("message decryption not supported for key type {0}")]
    NoDecryption(&'static str),
    /// The type does not sign.
    #[error("key type {0} does not support signing")]
    NoSigning(&'static str),
    /// The type does not verify.
    #[error("key type {0} does not support verification")]
    NoVerification(&'static str),
    /// The plaintext is longer than one RSA-OAEP box or one AEAD message takes.
    #[error("the plaintext is too long for this key type")]
    PlaintextTooLong,
    /// KEY-007: at the limit of uses.
    #[error("key version has reached its limit of uses; rotate the key")]
    UsesExhausted,
    /// KEY-007: the caller brought no counted use for this key and version. A bug of the caller.
    #[error("a use of this key was not counted")]
    Uncounted,
    /// The hash does not go with the type or the operation.
    #[error("unsupported hash algorithm for this key type")]
    HashUnsupported,
    /// `prehashed` for a type that hashes itself.
    #[error("prehashed input is not supported for this key type")]
    PrehashUnsupported,
    /// The input is not as long as a digest of the hash.
    #[error("prehashed input has the wrong length for the hash")]
    DigestLength,
    /// A salt length other than the digest's.
    #[error("the salt of PSS has the length of the digest")]
    SaltLength,
    /// `derived` for a type that cannot be.
    #[error("key derivation and convergent encryption not supported for keys of type {0}")]
    DerivationUnsupported(&'static str),
    /// `convergent` for another type.
    #[error("convergent encryption is offered by aes256-gcm-siv only")]
    ConvergentUnsupported,
    /// `key_size` outside 32 to 512, or for a type other than `hmac`.
    #[error("key_size is 32 to 512 bytes, and for hmac only")]
    KeySize,
    /// Keys of this type are imported only.
    #[error("unknown key type {0}")]
    NotMadeHere(&'static str),
    /// A period below an hour.
    #[error("auto rotate period must be 0 to disable or at least an hour")]
    RotatePeriod,
    /// The key has no version left to add (2^32 - 1).
    #[error("the key has no more version numbers")]
    VersionsExhausted,
    /// An imported key that may not be rotated.
    #[error("imported key {0} does not allow rotation within the service")]
    RotationDisallowed(&'static str),
    /// The import path of versions, for a key that was made here.
    #[error("the import_version endpoint can only be used with an imported key")]
    NotImported,
    /// Imported material does not fit the type.
    #[error("the imported key does not fit the key type")]
    Material,
    /// The wrapped material does not open.
    #[error("the imported key does not open with the wrapping key and hash function")]
    ImportUnopened,
    /// Convergent keys are not imported.
    #[error("convergent keys cannot be imported")]
    ConvergentImport,
    /// `min_decryption_version` above the latest.
    #[error("cannot set min decryption version of {wanted}, latest key version is {latest}")]
    MinDecryptionTooHigh {
        /// What was asked for.
        wanted: u32,
        /// The latest version.
        latest: u32,
    },
    /// `min_encryption_version` above the latest.
    #[error("cannot set min encryption version of {wanted}, latest key version is {latest}")]
    MinEncryptionTooHigh {
        /// What was asked for.
        wanted: u32,
        /// The latest version.
        latest: u32,
    },
    /// The two minima do not fit together.
    #[error(
        "cannot set min encryption/decryption values; min encryption version of {encryption} must be greater than or equal to min decryption version of {decryption}"
    )]
    MinimaOrder {
        /// `min_encryption_version`.
        encryption: u32,
        /// `min_decryption_version`.
        decryption: u32,
    },
    /// `min_decryption_version` would name versions that were trimmed.
    #[error("cannot set min decryption version of {wanted}, versions below {available} were trimmed")]
    MinDecryptionTrimmed {
        /// What was asked for.
        wanted: u32,
        /// `min_available_version`.
        available: u32,
    },
    /// Trimming is irrevocable, and so is its mark.
    #[error("minimum available version cannot be decremented")]
    TrimBack,
    /// Both minima must be set before a trim.
    #[error("minimum available version cannot be set when minimum encryption version is not set")]
    TrimUnset,
    /// Above `min_decryption_version`.
    #[error("minimum available version cannot be greater than minimum decryption version")]
    TrimAboveDecryption,
    /// Above `min_encryption_version`.
    #[error("minimum available version cannot be greater than minimum encryption version")]
    TrimAboveEncryption,
    /// Zero.
    #[error("minimum available version should be positive")]
    TrimZero,
    /// KEY-013: the key was not made exportable.
    #[error("private key material is not exportable")]
    NotExportable,
    /// KEY-013, said as clients expect it of a backup.
    #[error("exporting is disallowed on the policy")]
    BackupNotExportable,
    /// KEY-013: the key was not made for backups.
    #[error("plaintext backup is disallowed on the policy")]
    BackupDisallowed,
    /// The type has no key of that kind.
    #[error("the key has no such key to export")]
    ExportKind,
    /// The format does not go with the type.
    #[error("the format does not go with the key type")]
    ExportFormat,
    /// There is no such version.
    #[error("version does not exist or cannot be found")]
    NoVersion,
    /// A backup that is damaged, or of another store (CHK-002).
    #[error("the backup does not open")]
    BackupUnopened,
    /// A backup of another store, opened without that store's recovery key.
    #[error("the backup is of another store")]
    BackupElsewhere,
    /// The library refused what it always accepts: out of memory, or a bug.
    #[error("the cryptographic library failed")]
    Internal,
}

/// Why a sealed record was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// CHK-010: the file begins with something else, or is of another version of the format.
    #[error("CHK-010: not a record of this format")]
    Format,
    /// KEY-001: it is a record of another place: store, kind, key, name, version, type or policy differ.
    #[error("KEY-001: the record belongs elsewhere")]
    Misplaced,
    /// KEY-001: the box does not open, or its inside is malformed.
    #[error("KEY-001: the record does not open")]
    Damaged,
    /// KEY-001: a version's file has another hash than its key says, or is missing.
    #[error("KEY-001: version {0} is missing or not the one that the key names")]
    Version(u32),
    /// The unlocking file breaks its rules: 2 to 9 slots, exactly one for the recovery key.
    #[error("the slots of the unlocking file are not as they must be")]
    Slots,
    /// KEY-002: parameters of a passphrase slot outside floor and ceiling. Nothing was derived.
    #[error("KEY-002: the slot asks for parameters outside the allowed range")]
    KdfParams,
    /// A passphrase of fewer than twelve characters.
    #[error("a passphrase has at least 12 characters")]
    PassphraseLength,
    /// Not a recovery key, or with a slip of the hand in it.
    #[error("not a recovery key, or mistyped")]
    RecoveryKey,
    /// There is not enough memory for the derivation.
    #[error("not enough memory for Argon2id")]
    OutOfMemory,
    /// CHK-002: the slot, or every slot of that kind, does not open.
    #[error("CHK-002: does not open")]
    Unopened,
}

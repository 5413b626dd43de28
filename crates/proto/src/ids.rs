//! Identifiers. None is a secret, and none says anything about what it names.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash::Hash;
use crate::labels;

/// Not the lower-case hex of an id of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: {expected} lower-case hex digits are needed")]
pub struct ParseIdError {
    /// How many digits.
    pub expected: usize,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Default)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// All zero bytes.
            pub const ZERO: Self = Self([0; $len]);

            /// The bytes, as stored and sent.
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let error = ParseIdError { expected: $len * 2 };
                let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| error)?;
                Ok(Self(bytes.try_into().map_err(|_| error)?))
            }
        }
    };
}

id!(
    /// A journal: the hash of its genesis header.
    JournalId, 32
);
id!(
    /// A blob: plain BLAKE3 of its ciphertext.
    BlobId, 32
);
id!(
    /// An account: the hash of its Create link.
    AccountId, 32
);
id!(
    /// An entry: random, chosen by its author; repeating it gets the first answer.
    EntryId, 16
);
id!(
    /// A device: random.
    DeviceId, 16
);

impl BlobId {
    /// The id of these bytes (CHK-001 compares it).
    pub fn of(ciphertext: &[u8]) -> Self {
        Self(Hash::plain(ciphertext).0)
    }
}

impl JournalId {
    /// The id of the journal that begins with this header (CHK-021 compares it).
    pub fn of_genesis(header: &[u8]) -> Self {
        Self(Hash::of(labels::JOURNAL_ID, header).0)
    }
}

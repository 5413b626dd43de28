//! Borsh, strictly: one value, one encoding, nothing left over (`docs/spec/encoding.md`).

use borsh::{BorshDeserialize, BorshSerialize};

/// The bytes are not the canonical encoding of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes do not decode as {expected}")]
pub struct DecodeError {
    /// The Rust name of the type that was expected.
    pub expected: &'static str,
}

/// The canonical bytes of a value. Writing to memory cannot fail; a value that cannot be
/// encoded (a collection above `u32::MAX`) gives an empty vector, which decodes as nothing.
pub fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).unwrap_or_default()
}

/// Decodes untrusted bytes; refuses unknown variants and bytes left over (CHK-029).
pub fn decode<T: BorshDeserialize>(bytes: &[u8]) -> Result<T, DecodeError> {
    T::try_from_slice(bytes).map_err(|_| DecodeError {
        expected: std::any::type_name::<T>(),
    })
}

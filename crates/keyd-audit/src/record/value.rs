//! What stands in the log instead of values.

use blake3::Hasher;
use data_encoding::HEXLOWER;
use zeroize::Zeroize;

/// Hashes values under the log's value key: BLAKE3, keyed mode (BLAKE3 paper, section 2.3), over
/// `field || 00 || u64 length || bytes` of each value.
///
/// Equal values give equal hashes: whoever may ask for hashes can test guesses, whoever only reads the log cannot.
pub struct ValueHasher(Hasher);

impl ValueHasher {
    /// Begins under the value key. The key is wiped with the hasher.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Hasher::new_keyed(key))
    }

    /// Adds a value. `field` is the field's name in the request or answer and holds no zero byte.
    pub fn value(&mut self, field: &str, bytes: &[u8]) {
        self.0.update(field.as_bytes());
        self.0.update(&[0]);
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// The first sixteen bytes of the hash, in hex.
    pub fn finish(self) -> String {
        let hash = self.0.finalize();
        HEXLOWER.encode(hash.as_bytes().first_chunk::<16>().unwrap_or(&[0; 16]))
    }
}

impl Drop for ValueHasher {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for ValueHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ValueHasher")
    }
}

//! Random keys of content: each seals one thing, under its own label, and travels in the signed record that names it.

use rand_core::CryptoRng;

use crate::OpenError;
use crate::floe::{self, Aad, FloeKey};
use crate::labels::{self, Label};
use crate::secret::{Secret32, carried, secret32};

macro_rules! content_key {
    ($(#[$meta:meta])* $name:ident, $label:expr) => {
        secret32! { $(#[$meta])* pub $name }
        carried!($name);
        impl FloeKey for $name {}

        impl $name {
            const LABEL: Label = $label;

            /// Seals under this key's label. A key seals **one** plaintext.
            pub fn seal(&self, plaintext: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
                floe::seal(self, Aad::suite(Self::LABEL), plaintext, rng)
            }

            /// Opens what [`seal`](Self::seal) made.
            pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
                floe::open(self, Aad::suite(Self::LABEL), sealed)
            }
        }
    };
}

content_key! {
    /// The key of one chunk, or of one piece inside a pack.
    ContentKey, labels::SEAL_CHUNK
}

content_key! {
    /// The key of one pack.
    PackKey, labels::SEAL_PACK
}

content_key! {
    /// The key of one leaf of a chunk list.
    ListKey, labels::SEAL_LIST_LEAF
}

secret32! {
    /// A key for filler that is thrown away: what it seals looks like any other blob, and nobody opens it.
    pub FillerKey
}
impl FloeKey for FillerKey {}

impl FillerKey {
    /// A fresh random key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::random(rng)
    }

    /// A box around `plain_len` zero bytes, the key being forgotten. Its length is [`floe::sealed_len`] of that.
    pub fn seal_zeros(self, plain_len: usize, rng: &mut impl CryptoRng) -> Vec<u8> {
        floe::seal(&self, Aad::suite(labels::SEAL_FILLER), &vec![0; plain_len], rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rng::CountingRng;

    #[test]
    fn each_kind_of_key_opens_only_its_own_kind() {
        let mut rng = CountingRng::default();
        let bytes = [3; 32];
        let (content, pack) = (ContentKey::from_bytes(&bytes), PackKey::from_bytes(&bytes));
        let list = ListKey::from_bytes(&bytes);
        let sealed = content.seal(b"x", &mut rng);
        assert_eq!(content.open(&sealed), Ok(b"x".to_vec()));
        assert_eq!(pack.open(&sealed), Err(OpenError));
        assert_eq!(list.open(&sealed), Err(OpenError));
    }

    #[test]
    fn filler_has_the_length_of_any_box() {
        let mut rng = CountingRng::default();
        let filler = FillerKey::generate(&mut rng).seal_zeros(70_000, &mut rng);
        assert_eq!(filler.len() as u64, floe::sealed_len(70_000));
    }

    #[test]
    fn keys_travel_as_32_bytes() {
        let key = ContentKey::from_bytes(&[5; 32]);
        let bytes = borsh::to_vec(&key).unwrap();
        assert_eq!(bytes, [5; 32]);
        let back: ContentKey = borsh::from_slice(&bytes).unwrap();
        assert!(bool::from(subtle::ConstantTimeEq::ct_eq(&key, &back)));
        assert!(borsh::from_slice::<ContentKey>(&bytes[..31]).is_err());
    }
}

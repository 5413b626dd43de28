//! ML-DSA-65 (FIPS 204), pure, empty context. A key is its seed of 32 bytes, a signature has 3,309 bytes.

use aws_lc_rs::signature::{KeyPair, ML_DSA_65, ML_DSA_65_SIGNING, PqdsaKeyPair, UnparsedPublicKey};

use crate::error::KeyError;

/// The pair of a seed of 32 bytes.
pub(crate) fn pair(seed: &[u8]) -> Result<PqdsaKeyPair, KeyError> {
    PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, seed).map_err(|_| KeyError::Material)
}

pub(crate) fn public(pair: &PqdsaKeyPair) -> Vec<u8> {
    pair.public_key().as_ref().to_vec()
}

pub(crate) fn sign(pair: &PqdsaKeyPair, input: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut signature = vec![0; ML_DSA_65_SIGNING.signature_len()];
    let len = pair.sign(input, &mut signature).map_err(|_| KeyError::Internal)?;
    signature.truncate(len);
    Ok(signature)
}

pub(crate) fn verify(public: &[u8], input: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ML_DSA_65, public)
        .verify(input, signature)
        .is_ok()
}

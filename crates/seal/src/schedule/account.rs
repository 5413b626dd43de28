//! The account secret of one generation, and the keys that follow from it.

use rand_core::CryptoRng;

use super::epoch::EpochSecrets;
use super::secret_from;
use crate::OpenError;
use crate::asym::KemSecretKey;
use crate::floe::{self, Aad, FloeKey};
use crate::kdf::derive;
use crate::labels::{self, Label};
use crate::secret::{Secret32, carried, secret32};
use crate::sign::{AccountSigningKey, SigningSeed};

secret32! {
    /// `S_g`: what an account's devices share in one generation. Worthless until bound to root and generation.
    pub AccountSecret
}
carried!(AccountSecret);

impl AccountSecret {
    /// The bytes, only to be wrapped by [`asym::wrap`](crate::asym::wrap) to a device or to the recovery key.
    pub fn expose_to_wrap(&self) -> &[u8; 32] {
        self.expose()
    }

    /// Binds the secret to the root in force when the generation was made, and to the generation's number, both from
    /// the **verified** sigchain; never from beside the secret.
    pub fn bind(self, root: &[u8; 32], generation: u32) -> AccountGeneration {
        let mut context = [0; 36];
        context[..32].copy_from_slice(root);
        context[32..].copy_from_slice(&generation.to_le_bytes());
        AccountGeneration {
            secret: self,
            context,
            generation,
        }
    }
}

/// An account secret with root and generation: gives the keys.
///
/// Whoever received the secret compares [`signing_key`](Self::signing_key) and [`kem_key`](Self::kem_key) with the verified sigchain
/// before using anything.
#[derive(Clone)]
pub struct AccountGeneration {
    secret: AccountSecret,
    context: [u8; 36],
    generation: u32,
}

impl AccountGeneration {
    /// The generation's number.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// `S_g` itself.
    pub fn secret(&self) -> &AccountSecret {
        &self.secret
    }

    /// The key that signs links.
    pub fn signing_key(&self) -> AccountSigningKey {
        AccountSigningKey::from_derived(&self.derive::<SigningSeed>(labels::DERIVE_ACCOUNT_SIGNING))
    }

    /// The key to which others seal.
    pub fn kem_key(&self) -> KemSecretKey {
        self.derive(labels::DERIVE_ACCOUNT_KEM)
    }

    /// `K`, `W`, `A` of home's epoch g. `home` is home's journal id (anything while it is being created in generation 0).
    pub fn home_secrets(&self, home: &[u8; 32]) -> EpochSecrets {
        EpochSecrets::new(
            home,
            u64::from(self.generation),
            self.derive(labels::DERIVE_HOME_READ),
            Some(self.derive(labels::DERIVE_HOME_WRITE)),
            Some(self.derive(labels::DERIVE_HOME_ADMIN)),
        )
    }

    /// The key that wraps `S_{g-1}`.
    pub fn previous_generation_key(&self) -> PreviousGenerationKey {
        self.derive(labels::DERIVE_PREVIOUS_GENERATION_KEY)
    }

    fn derive<T: Secret32>(&self, label: Label) -> T {
        derive(&self.secret, label, &self.context)
    }
}

impl core::fmt::Debug for AccountGeneration {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("AccountGeneration")
    }
}

secret32! {
    /// The FLOE key that wraps the account secret of the generation before.
    pub PreviousGenerationKey
}
impl FloeKey for PreviousGenerationKey {}

impl PreviousGenerationKey {
    /// Wraps `S_{g-1}`; context: account id and g.
    pub fn wrap(
        &self,
        account: &[u8; 32],
        generation: u32,
        previous: &AccountSecret,
        rng: &mut impl CryptoRng,
    ) -> Vec<u8> {
        floe::seal(
            self,
            Self::aad(&Self::context(account, generation)),
            previous.expose(),
            rng,
        )
    }

    /// Unwraps it. The caller then checks its public keys against generation g-1 of the verified sigchain.
    pub fn unwrap(
        &self,
        account: &[u8; 32],
        generation: u32,
        wrapped: &[u8],
    ) -> Result<AccountSecret, OpenError> {
        secret_from(floe::open(
            self,
            Self::aad(&Self::context(account, generation)),
            wrapped,
        )?)
    }

    fn context(account: &[u8; 32], generation: u32) -> [u8; 36] {
        let mut context = [0; 36];
        context[..32].copy_from_slice(account);
        context[32..].copy_from_slice(&generation.to_le_bytes());
        context
    }

    fn aad(context: &[u8; 36]) -> Aad<'_> {
        Aad::new(labels::SEAL_PREVIOUS_GENERATION, context)
    }
}

#[cfg(test)]
mod tests {
    use subtle::ConstantTimeEq;

    use super::*;
    use crate::test_rng::CountingRng;

    fn generation(root: u8, g: u32) -> AccountGeneration {
        AccountSecret::from_bytes(&[4; 32]).bind(&[root; 32], g)
    }

    #[test]
    fn keys_differ_by_root_and_generation() {
        let public = |a: AccountGeneration| a.signing_key().public();
        assert_ne!(public(generation(1, 1)), public(generation(2, 1)));
        assert_ne!(public(generation(1, 1)), public(generation(1, 2)));
        assert_ne!(
            generation(1, 1).kem_key().expose(),
            generation(1, 2).kem_key().expose()
        );
    }

    #[test]
    fn home_is_in_the_epoch_of_the_generation() {
        let home = generation(1, 3).home_secrets(&[9; 32]);
        assert_eq!(home.epoch(), 3);
        assert!(home.write_key().is_some() && home.admin_key().is_some());
    }

    #[test]
    fn the_previous_generation_comes_back() {
        let old = AccountSecret::from_bytes(&[5; 32]);
        let key = generation(1, 2).previous_generation_key();
        let wrapped = key.wrap(&[7; 32], 2, &old, &mut CountingRng::default());
        assert!(bool::from(key.unwrap(&[7; 32], 2, &wrapped).unwrap().ct_eq(&old)));
        assert!(key.unwrap(&[7; 32], 3, &wrapped).is_err());
        assert!(key.unwrap(&[8; 32], 2, &wrapped).is_err());
        assert!(
            generation(1, 3)
                .previous_generation_key()
                .unwrap(&[7; 32], 2, &wrapped)
                .is_err()
        );
    }
}

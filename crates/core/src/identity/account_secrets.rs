//! All generations of the account secret, each proved against the verified sigchain (CHK-004).

use std::fmt;

use crannog_proto::sigchain::{Generation, GenerationSecrets, SigchainState};
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{DeviceId, JournalId, decode, encode};
use crannog_seal::asym::{BadPublicKey, Info, KemSecretKey, unwrap};
use crannog_seal::labels::WRAP_ACCOUNT_SECRET;
use crannog_seal::schedule::{AccountGeneration, AccountSecret};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::generation::{self, wrap_context};
use crate::check::Check;
use crate::journal::{EpochGrant, Role};

/// A sealed account secret is missing, does not open, or is not the sigchain's. Which of these is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.check())]
pub struct SecretsRefused;

impl SecretsRefused {
    /// The check that this is.
    pub fn check(self) -> Check {
        Check::Secret
    }
}

/// With which key the newest generation is opened.
#[derive(Debug, Clone, Copy)]
pub enum Opener<'a> {
    /// A device of the sigchain.
    Device(DeviceId, &'a KemSecretKey),
    /// The words.
    Recovery(&'a KemSecretKey),
}

/// `S_0` to `S_g`. It exists only when each gives exactly the public keys of its generation in the verified sigchain.
#[derive(Clone)]
pub struct AccountSecrets(Vec<AccountGeneration>);

impl AccountSecrets {
    /// Opens the newest generation and walks `previous` down to the first.
    pub fn open(
        chain: &SigchainState,
        sealed: &[GenerationSecrets],
        opener: Opener<'_>,
    ) -> Result<Self, SecretsRefused> {
        let sealed_of = |number| {
            sealed
                .iter()
                .find(|secrets| secrets.number == number)
                .ok_or(SecretsRefused)
        };
        let newest = chain.generation().ok_or(SecretsRefused)?;
        let secret = open_newest(chain, sealed_of(newest.number)?, opener)?;
        let mut found = vec![prove(chain, newest, secret)?];
        for public in chain.generations.iter().rev().skip(1) {
            let above = found.last().ok_or(SecretsRefused)?;
            let number = above.generation();
            let wrapped = sealed_of(number)?.previous.as_ref().ok_or(SecretsRefused)?;
            let key = above.previous_generation_key();
            let secret = key
                .unwrap(&chain.account.0, number, wrapped)
                .map_err(|_| SecretsRefused)?;
            found.push(prove(chain, public, secret)?);
        }
        found.reverse();
        Ok(Self(found))
    }

    /// What [`to_stored`](Self::to_stored) gave, proved again: the chain may have been cut since.
    pub fn from_stored(chain: &SigchainState, stored: &[u8]) -> Result<Self, SecretsRefused> {
        let secrets: Vec<AccountSecret> = decode(stored).map_err(|_| SecretsRefused)?;
        if secrets.is_empty() || secrets.len() != chain.generations.len() {
            return Err(SecretsRefused);
        }
        let pairs = chain.generations.iter().zip(secrets);
        pairs
            .map(|(public, secret)| prove(chain, public, secret))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The secrets themselves, for the device's own encrypted database.
    pub fn to_stored(&self) -> Zeroizing<Vec<u8>> {
        let secrets: Vec<AccountSecret> = self
            .0
            .iter()
            .map(|generation| generation.secret().clone())
            .collect();
        Zeroizing::new(encode(&secrets))
    }

    /// All of them as a server keeps them, sealed anew to the words and the devices at the end of `chain`: for one that lost them.
    pub fn seal_again(
        &self,
        chain: &SigchainState,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<GenerationSecrets>, BadPublicKey> {
        let Some((newest, older)) = self.0.split_last() else {
            return Ok(Vec::new());
        };
        let account = &chain.account;
        let mut before = None;
        let mut sealed = Vec::with_capacity(self.0.len());
        for generation in older {
            sealed.push(generation::seal_older(account, generation, before, rng));
            before = Some(generation);
        }
        sealed.push(generation::seal(
            account,
            newest,
            before,
            &chain.recovery_kem,
            &chain.devices,
            rng,
        )?);
        Ok(sealed)
    }

    /// The newest generation.
    pub fn current(&self) -> Option<&AccountGeneration> {
        self.0.last()
    }

    /// Generation `number`.
    pub fn generation(&self, number: u32) -> Option<&AccountGeneration> {
        self.0.get(usize::try_from(number).ok()?)
    }

    /// The secrets of home's epoch, which is the generation of that number.
    pub fn home_grant(&self, home: &JournalId, epoch: u64) -> Option<EpochGrant> {
        let generation = self.generation(u32::try_from(epoch).ok()?)?;
        Some(EpochGrant::for_role(
            &generation.home_secrets(&home.0),
            Role::Admin,
        ))
    }

    /// The account's X-Wing keys, newest first.
    pub fn kem_keys(&self) -> impl Iterator<Item = KemSecretKey> + '_ {
        self.0.iter().rev().map(AccountGeneration::kem_key)
    }

    pub(super) fn only(first: AccountGeneration) -> Self {
        Self(vec![first])
    }

    pub(super) fn with(&self, next: AccountGeneration) -> Self {
        Self(self.0.iter().cloned().chain([next]).collect())
    }
}

impl fmt::Debug for AccountSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountSecrets")
    }
}

fn open_newest(
    chain: &SigchainState,
    sealed: &GenerationSecrets,
    opener: Opener<'_>,
) -> Result<AccountSecret, SecretsRefused> {
    let (key, wrapped) = match opener {
        Opener::Recovery(key) => (key, &sealed.recovery),
        Opener::Device(id, key) => {
            let envelope = sealed.devices.iter().find(|envelope| envelope.device == id);
            (key, &envelope.ok_or(SecretsRefused)?.wrapped)
        }
    };
    let context = wrap_context(&chain.account, sealed.number);
    let plain =
        unwrap(key, Info::new(WRAP_ACCOUNT_SECRET, &context), b"", wrapped).map_err(|_| SecretsRefused)?;
    decode(&plain).map_err(|_| SecretsRefused)
}

/// CHK-004: binds the secret to what the chain says of this generation, and compares both public keys.
fn prove(
    chain: &SigchainState,
    public: &Generation,
    secret: AccountSecret,
) -> Result<AccountGeneration, SecretsRefused> {
    let root = chain.root_of_generation(public.number).ok_or(SecretsRefused)?;
    let generation = secret.bind(&root.0, public.number);
    let sign = VerifyingKey(generation.signing_key().public());
    let kem = generation.kem_key().public().to_bytes();
    if sign == public.sign && public.kem == kem {
        Ok(generation)
    } else {
        Err(SecretsRefused)
    }
}

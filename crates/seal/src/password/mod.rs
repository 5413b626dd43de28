//! The password: opens the key of this device's own database, by Argon2id (RFC 9106). The key service takes a passphrase the
//! same way ([`SlotKey::from_passphrase`](crate::keyd::SlotKey::from_passphrase)).

use std::borrow::Cow;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use borsh::{BorshDeserialize, BorshSerialize};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::floe::{self, Aad, FloeKey};
use crate::labels;
use crate::secret::{Secret32, secret32};

#[cfg(test)]
mod tests;

const MAGIC: [u8; 8] = *b"CRANNOGK";
const VERSION: u8 = 1;
/// Bytes before `sealed`: magic, version, parameters, salt.
const PREFIX_LEN: usize = 8 + 1 + 12 + 16;

/// Argon2id's cost, within the compiled-in bounds. A file cannot ask for less (a downgrade) or for more (a stall).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KdfParams {
    m_kib: u32,
    t: u32,
}

impl KdfParams {
    /// What new files use: the floor, so that unlocking stays within the agent's memory budget (200 MiB in all).
    pub const DEFAULT: Self = Self::FLOOR;
    /// The least that is accepted: 64 MiB, three passes.
    pub const FLOOR: Self = Self {
        m_kib: 64 * 1024,
        t: 3,
    };
    /// The most that is accepted: 1 GiB, sixteen passes.
    pub const CEILING: Self = Self {
        m_kib: 1024 * 1024,
        t: 16,
    };

    /// CHK-009: memory in KiB, passes and lanes, if within [`FLOOR`](Self::FLOOR) and [`CEILING`](Self::CEILING), lanes being 1.
    pub fn new(m_kib: u32, t: u32, p: u32) -> Result<Self, PasswordError> {
        let fits = (Self::FLOOR.m_kib..=Self::CEILING.m_kib).contains(&m_kib)
            && (Self::FLOOR.t..=Self::CEILING.t).contains(&t)
            && p == 1;
        if fits {
            Ok(Self { m_kib, t })
        } else {
            Err(PasswordError::ParamsOutOfRange { m_kib, t, p })
        }
    }

    /// Memory in KiB.
    pub const fn m_kib(self) -> u32 {
        self.m_kib
    }

    /// Passes.
    pub const fn t(self) -> u32 {
        self.t
    }

    /// Lanes: always 1.
    pub const fn p(self) -> u32 {
        1
    }
}

/// Why the local database key did not come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// The file begins with something else.
    #[error("not a password file")]
    NotAPasswordFile,
    /// A later version wrote it.
    #[error("password file of unknown version {0}")]
    UnknownVersion(u8),
    /// CHK-009: nothing was derived.
    #[error(
        "CHK-009: the password file asks for Argon2id with m={m_kib} KiB, t={t}, p={p}, outside the allowed range"
    )]
    ParamsOutOfRange {
        /// Memory in KiB.
        m_kib: u32,
        /// Passes.
        t: u32,
        /// Lanes.
        p: u32,
    },
    /// The password is wrong, or the file was changed or cut.
    #[error("wrong password, or the password file is damaged")]
    WrongPasswordOrDamaged,
    /// There is not enough memory for the derivation.
    #[error("not enough memory for Argon2id")]
    OutOfMemory,
}

secret32! {
    /// The key of this device's own database.
    pub LocalDatabaseKey
}

impl LocalDatabaseKey {
    /// A fresh random key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::random(rng)
    }

    /// The key with these bytes, as the operating system's key store gave them back. The caller wipes its own copy.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self::copy_of(bytes)
    }

    /// The bytes, only for the database itself or the operating system's key store.
    pub fn expose_to_database(&self) -> &[u8; 32] {
        self.expose()
    }
}

secret32! {
    /// What Argon2id gave.
    pub(crate) PasswordKey
}
impl FloeKey for PasswordKey {}

#[derive(BorshSerialize, BorshDeserialize)]
struct PasswordFile {
    magic: [u8; 8],
    version: u8,
    m_kib: u32,
    t: u32,
    p: u32,
    salt: [u8; 16],
    sealed: Vec<u8>,
}

/// Seals `key` under `password`: the whole password file.
pub fn wrap(
    password: &str,
    key: &LocalDatabaseKey,
    params: KdfParams,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, PasswordError> {
    let mut out = Vec::with_capacity(PREFIX_LEN + 4 + floe::sealed_len(32) as usize);
    let mut salt = [0; 16];
    rng.fill_bytes(&mut salt);
    out.extend_from_slice(&MAGIC);
    out.push(VERSION);
    for number in [params.m_kib, params.t, 1] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&salt);
    let derived: PasswordKey = argon2id(password, &salt, params)?;
    let sealed = floe::seal(
        &derived,
        Aad::new(labels::SEAL_LOCAL_KEY, &out),
        key.expose(),
        rng,
    );
    out.extend_from_slice(&(sealed.len() as u32).to_le_bytes());
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Opens a password file. The parameters are checked before anything is derived (CHK-009).
pub fn unwrap(password: &str, file: &[u8]) -> Result<LocalDatabaseKey, PasswordError> {
    let (magic, rest) = file
        .split_first_chunk::<8>()
        .ok_or(PasswordError::NotAPasswordFile)?;
    if *magic != MAGIC {
        return Err(PasswordError::NotAPasswordFile);
    }
    match rest.first() {
        Some(&VERSION) => {}
        Some(&other) => return Err(PasswordError::UnknownVersion(other)),
        None => return Err(PasswordError::WrongPasswordOrDamaged),
    }
    let damaged = PasswordError::WrongPasswordOrDamaged;
    let parsed = PasswordFile::try_from_slice(file).map_err(|_| damaged)?;
    let params = KdfParams::new(parsed.m_kib, parsed.t, parsed.p)?;
    let prefix = file.get(..PREFIX_LEN).ok_or(damaged)?;
    let derived: PasswordKey = argon2id(password, &parsed.salt, params)?;
    let opened = floe::open(&derived, Aad::new(labels::SEAL_LOCAL_KEY, prefix), &parsed.sealed);
    let opened = Zeroizing::new(opened.map_err(|_| damaged)?);
    let bytes: &[u8; 32] = opened.as_slice().try_into().map_err(|_| damaged)?;
    Ok(LocalDatabaseKey::copy_of(bytes))
}

/// The password's NFKD form through Argon2id, in memory that is wiped afterwards.
#[expect(
    clippy::expect_used,
    reason = "parameters within KdfParams' bounds are valid for Argon2id"
)]
pub(crate) fn argon2id<T: Secret32>(
    password: &str,
    salt: &[u8; 16],
    params: KdfParams,
) -> Result<T, PasswordError> {
    let cost = Params::new(params.m_kib, params.t, 1, Some(32)).expect("within bounds");
    let mut memory = Vec::new();
    memory
        .try_reserve_exact(cost.block_count())
        .map_err(|_| PasswordError::OutOfMemory)?;
    memory.resize(cost.block_count(), Block::new());
    let mut normal = Cow::Borrowed(password);
    bip39::Mnemonic::normalize_utf8_cow(&mut normal);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
    let key = T::init_with(|out| {
        argon2
            .hash_password_into_with_memory(normal.as_bytes(), salt, out, &mut memory)
            .expect("lengths within Argon2id's limits");
    });
    memory.zeroize();
    if let Cow::Owned(mut owned) = normal {
        owned.zeroize();
    }
    Ok(key)
}

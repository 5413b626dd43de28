//! Single values.

use borsh::{BorshDeserialize, BorshSerialize};
use rusqlite::{Connection, OptionalExtension};

use super::DbError;

/// Which value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MetaKey {
    /// [`crate::account::Identity`].
    Identity,
    /// Own sigchain links, as last verified.
    Chain,
    /// All generations of the account secret.
    Secrets,
    /// The fold of home.
    Home,
    /// The time that the author of home's last change gave, milliseconds since 1970.
    HomeTime,
    /// When this device last recorded heads in home, milliseconds since 1970.
    HeadsRecorded,
    /// When the server last proved to be current, milliseconds since 1970.
    LastHeard,
    /// Own keys for local keyed hashes.
    HashKey,
    /// What the server said of quota and use.
    Quota,
    /// This device gave back to a server that heals, and what was lost has not been named in its drives yet.
    Healing,
}

impl MetaKey {
    fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Chain => "chain",
            Self::Secrets => "secrets",
            Self::Home => "home",
            Self::HomeTime => "home_time",
            Self::HeadsRecorded => "heads_recorded",
            Self::LastHeard => "last_heard",
            Self::HashKey => "hash_key",
            Self::Quota => "quota",
            Self::Healing => "healing",
        }
    }
}

/// Reads and writes single values.
pub(crate) struct Meta<'a>(pub(crate) &'a Connection);

impl Meta<'_> {
    pub(crate) fn read<T: BorshDeserialize>(&self, key: MetaKey) -> Result<Option<T>, DbError> {
        let bytes: Option<Vec<u8>> = self
            .0
            .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
            .query_row([key.as_str()], |row| row.get(0))
            .optional()?;
        bytes
            .map(|bytes| crannog_proto::decode(&bytes).map_err(DbError::from))
            .transpose()
    }

    pub(crate) fn write<T: BorshSerialize>(&self, key: MetaKey, value: &T) -> Result<(), DbError> {
        let bytes = zeroize::Zeroizing::new(crannog_proto::encode(value));
        self.0
            .prepare_cached(
                "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
            )?
            .execute((key.as_str(), bytes.as_slice()))?;
        Ok(())
    }
}

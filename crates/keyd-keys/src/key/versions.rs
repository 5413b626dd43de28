//! Settings, trimming, reservations, and when a key is due for rotation.

use super::{Change, Key};
use crate::Millis;
use crate::counter::USES_LIMIT;
use crate::error::KeyError;
use crate::key_type::check_period;

/// What is to be set; `None` stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConfigWish {
    /// The least version that is still decrypted or verified; 0 means 1.
    pub min_decryption: Option<u32>,
    /// The least version that is still encrypted or signed with; 0 for the latest alone.
    pub min_encryption: Option<u32>,
    /// Whether the key may be deleted.
    pub deletion_allowed: Option<bool>,
    /// The period of rotation in seconds, 0 or at least 3,600.
    pub rotate_seconds: Option<u64>,
}

/// Why a key is rotated by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotateReason {
    /// Its latest version is as old as its period.
    Period,
    /// Its latest version has as many uses as are taken for many.
    Uses,
}

impl Key {
    /// Other settings.
    pub fn configure(&self, wish: &ConfigWish) -> Result<Change, KeyError> {
        let mut key = self.next();
        let settings = &mut key.settings;
        let latest = settings.latest;
        if let Some(wanted) = wish.min_decryption {
            let wanted = wanted.max(1);
            if wanted > latest {
                return Err(KeyError::MinDecryptionTooHigh { wanted, latest });
            }
            if wanted < settings.min_available {
                let available = settings.min_available;
                return Err(KeyError::MinDecryptionTrimmed { wanted, available });
            }
            settings.min_decryption = wanted;
        }
        if let Some(wanted) = wish.min_encryption {
            if wanted > latest {
                return Err(KeyError::MinEncryptionTooHigh { wanted, latest });
            }
            settings.min_encryption = wanted;
        }
        let (encryption, decryption) = (settings.min_encryption, settings.min_decryption);
        if encryption != 0 && encryption < decryption {
            return Err(KeyError::MinimaOrder {
                encryption,
                decryption,
            });
        }
        if let Some(seconds) = wish.rotate_seconds {
            check_period(seconds)?;
            settings.rotate_seconds = seconds;
        }
        if let Some(allowed) = wish.deletion_allowed {
            settings.deletion_allowed = allowed;
        }
        Ok(Change::new(key, Vec::new()))
    }

    /// Gives up all versions below `below`, for ever. Both minima must be set and not below it.
    pub fn trim(&self, below: u32) -> Result<Change, KeyError> {
        let settings = &self.settings;
        if below == 0 {
            return Err(KeyError::TrimZero);
        }
        if below < settings.min_available {
            return Err(KeyError::TrimBack);
        }
        if settings.min_encryption == 0 {
            return Err(KeyError::TrimUnset);
        }
        if below > settings.min_decryption {
            return Err(KeyError::TrimAboveDecryption);
        }
        if below > settings.min_encryption {
            return Err(KeyError::TrimAboveEncryption);
        }
        let mut key = self.next();
        key.settings.min_available = below;
        key.versions.retain(|version| version.entry.version >= below);
        let mut change = Change::new(key, Vec::new());
        change.removes = self
            .versions
            .iter()
            .map(|version| version.entry.version)
            .filter(|version| *version < below)
            .collect();
        Ok(change)
    }

    /// Raises what is reserved of a version to `up_to`, which must be more than it is (KEY-007: and at most 2^32). The uses count only when
    /// this is on disk.
    pub fn reserve(&self, version: u32, up_to: u64) -> Result<Change, KeyError> {
        let reserved = self.reserved(version).ok_or(KeyError::NoVersion)?;
        if up_to > USES_LIMIT || up_to <= reserved {
            return Err(KeyError::UsesExhausted);
        }
        let mut key = self.next();
        for one in key.versions.iter_mut().filter(|one| one.entry.version == version) {
            one.entry.reserved = up_to;
        }
        Ok(Change::new(key, Vec::new()))
    }

    /// After `recover --accept-rollback`: uses of `aes256-gcm96` since are unknown, so all of them are given up, and a new version is
    /// added where the key may be rotated. `None` for other types.
    pub fn give_up_uses(
        &self,
        now: Millis,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<Option<Change>, KeyError> {
        if !self.key_type.is_counted() {
            return Ok(None);
        }
        let mut change = if self.may_rotate() {
            self.rotate(now, rng)?
        } else {
            Change::new(self.next(), Vec::new())
        };
        let fresh = change.fresh.clone();
        for version in &mut change.key.versions {
            if !fresh.contains(&version.entry.version) {
                version.entry.reserved = USES_LIMIT;
            }
        }
        Ok(Some(change))
    }

    /// Whether the key is to be rotated now, and why. `rotate_uses` is how many uses of the latest version are many, normally
    /// [`USES_WARNING`](crate::USES_WARNING).
    pub fn due(&self, now: Millis, rotate_uses: u64) -> Option<RotateReason> {
        let latest = self.versions.last().filter(|_| self.may_rotate())?;
        if self.key_type.is_counted() && latest.entry.reserved >= rotate_uses {
            return Some(RotateReason::Uses);
        }
        let period = i64::try_from(self.settings.rotate_seconds.checked_mul(1000)?).ok()?;
        let age = now.saturating_sub(latest.entry.created_ms);
        (period > 0 && age >= period).then_some(RotateReason::Period)
    }
}

//! What opens a store without its recovery key.

use crannog_keyd_keys::{NewSlot, Opener, UnlockFile};
use crannog_keyd_os::LockedBytes;
use crannog_seal::password::KdfParams;

use crate::error::InstallError;
use crate::files::look;
use crate::places::Places;
use crate::unlocking::{self, Place};

/// What opens a store when it starts.
pub(crate) enum Unlocking<'a> {
    Key(Place, LockedBytes),
    Passphrase(&'a str),
}

impl<'a> Unlocking<'a> {
    /// What a new slot is for: the passphrase, else the key that is there, else a fresh one.
    pub(crate) fn for_new(places: &Places, passphrase: Option<&'a str>) -> Result<Self, InstallError> {
        if let Some(text) = passphrase {
            return Ok(Self::Passphrase(text));
        }
        let place = Place::for_new(places);
        let there = look(&place.path(places))?.is_some();
        let key = if there {
            unlocking::read(places, place)?
        } else {
            unlocking::generate()
        };
        Ok(Self::Key(place, key))
    }

    pub(crate) fn slot(&self) -> Result<NewSlot<'_>, InstallError> {
        Ok(match self {
            Self::Key(_, key) => NewSlot::KeyFile(unlocking::bytes(key)?),
            Self::Passphrase(text) => NewSlot::Passphrase(text, KdfParams::DEFAULT),
        })
    }

    pub(crate) fn opens(&self, unlock: &UnlockFile) -> Result<bool, InstallError> {
        let opened = match self {
            Self::Key(_, key) => unlock.open(&Opener::KeyFile(unlocking::bytes(key)?)),
            Self::Passphrase(text) => unlock.open(&Opener::Passphrase(text)),
        };
        Ok(opened.is_ok())
    }
}

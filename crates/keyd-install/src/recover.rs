//! Opening a store with its recovery key, and giving it another unlocking key.

use std::path::PathBuf;

use crannog_keyd::store::StateDir;
use crannog_keyd_keys::{Opener, RecoveryKey, SlotKind, UnlockFile};
use crannog_seal::keyd::StoreKey;
use nix::unistd::geteuid;
use zeroize::Zeroizing;

use crate::error::InstallError;
use crate::files::{self, at, look};
use crate::operator::Operator;
use crate::places::Places;
use crate::report::{Action, Report};
use crate::site::Site;
use crate::store::{Unlocking, owner, store};
use crate::unlocking::{self, Place};

/// A store to be opened anew.
pub struct Recover {
    /// Where the store is, and where its unlocking key goes.
    pub places: Places,
    /// The text of the recovery key.
    pub recovery: Zeroizing<String>,
    /// Opens the store from now on (a slot of kind 2), instead of a new key of this host; at least twelve characters.
    pub passphrase: Option<Zeroizing<String>>,
}

impl Recover {
    /// Makes a slot for a new unlocking key or the passphrase, and drops the old ones. The service must not run. Blocks.
    ///
    /// The recovery key stays as it is, so that a run which broke off is simply done again.
    pub fn recover(&self, operator: &mut dyn Operator) -> Result<Report, InstallError> {
        if !geteuid().is_root() {
            return Err(InstallError::NotRoot);
        }
        let recovery = RecoveryKey::parse(&self.recovery)?;
        let state = self.places.on_disk(&self.places.state);
        let dir = StateDir::lock(&state).map_err(store(&state))?;
        let unlock = dir.unlock_file().map_err(store(&state))?;
        let key = unlock.open(&Opener::Recovery(&recovery))?;
        let unlocking = match &self.passphrase {
            Some(text) => Unlocking::Passphrase(text),
            None => Unlocking::Key(Place::for_new(&self.places), unlocking::generate()),
        };
        let next = with_only(&unlock, &key, &unlocking)?;
        // An unlocking file that does not open loses the store.
        let next = UnlockFile::parse(&next.to_bytes()?)?;
        next.open(&Opener::Recovery(&recovery))?;
        if !unlocking.opens(&next)? {
            return Err(InstallError::NothingUnlocks { state });
        }

        let mut site = Site::new(&self.places, false, operator);
        if let Unlocking::Key(place, key) = &unlocking {
            unlocking::write(&self.places, *place, key)?;
            site.tell("unlocking key", place.path(&self.places), Action::Made);
        }
        dir.replace_unlock_file(&next).map_err(store(&state))?;
        let (user, group) = owner(&state)?;
        for file in ["unlock", "lock"].map(|name| state.join(name)) {
            files::give_file(&file, user, group).map_err(at(&file))?;
        }
        site.tell("slots of the store", state.join("unlock"), Action::Made);
        for path in self.stale(&unlocking) {
            if look(&path)?.is_some() {
                site.remove("old unlocking key", path.clone(), |_| {
                    files::wipe(&path).map_err(at(&path))
                })?;
            }
        }
        if user != 0 {
            unlocking::hand_over(&mut site)?;
        }
        Ok(site.report)
    }

    /// Where unlocking keys lay that open nothing any more. The service would try them first.
    fn stale(&self, now: &Unlocking<'_>) -> Vec<PathBuf> {
        let places = [Place::Credential, Place::KeyFile].into_iter();
        let stale = places.filter(|place| !matches!(now, Unlocking::Key(used, _) if used == place));
        stale.map(|place| place.path(&self.places)).collect()
    }
}

/// The unlocking file with one slot besides that of the recovery key. At no moment more than there may be.
fn with_only(
    unlock: &UnlockFile,
    key: &StoreKey,
    unlocking: &Unlocking<'_>,
) -> Result<UnlockFile, InstallError> {
    let mut old = unlock
        .slots()
        .iter()
        .filter(|slot| slot.kind() != Some(SlotKind::Recovery));
    let last = old.next();
    let mut next = unlock.clone();
    for slot in old {
        next = next.remove(slot.id())?;
    }
    next = next.add(key, &unlocking.slot()?, &mut rand::rng())?;
    match last {
        Some(slot) => Ok(next.remove(slot.id())?),
        None => Ok(next),
    }
}

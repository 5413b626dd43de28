//! A store before it is on disk.

use std::path::Path;

use crannog_keyd::store::StateDir;
use crannog_keyd_keys::{RecoveryKey, StoreId, UnlockFile};
use crannog_seal::keyd::StoreKey;

use crate::error::InstallError;
use crate::files::{self, Rights, at, look};
use crate::places::Places;
use crate::recovery;
use crate::report::Action;
use crate::site::Site;
use crate::unlocking;

use super::{FIRST_KEY, Unlocking, now, store};

/// What the operator asked for.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// Opens the store instead of a key.
    pub(crate) passphrase: Option<&'a str>,
    /// Takes the recovery key instead of the operator's eyes.
    pub(crate) recovery_file: Option<&'a Path>,
}

/// A store in memory, of which nothing is on disk yet.
pub(crate) struct Draft<'a> {
    key: StoreKey,
    unlock: UnlockFile,
    recovery: RecoveryKey,
    unlocking: Unlocking<'a>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(places: &Places, wish: Wish<'a>) -> Result<Self, InstallError> {
        let unlocking = Unlocking::for_new(places, wish.passphrase)?;
        let recovery = recovery::prepare(wish.recovery_file)?;
        let mut rng = rand::rng();
        let mut id = StoreId([0; 16]);
        rand::Rng::fill_bytes(&mut rng, &mut id.0);
        let key = StoreKey::generate(&mut rng);
        let unlock = UnlockFile::create(&id, &key, &unlocking.slot()?, &recovery, &mut rng)?;
        Ok(Self {
            key,
            unlock,
            recovery,
            unlocking,
        })
    }
}

/// Makes the store of a draft, as root's. Gives back the recovery key that the operator gave back.
pub(crate) fn make(
    site: &mut Site<'_>,
    draft: &Draft<'_>,
    recovery_file: Option<&Path>,
) -> Result<RecoveryKey, InstallError> {
    let state = site.on_disk(&site.places.state);
    let of_recovery = recovery_file.map_or_else(|| state.join("unlock"), Path::to_owned);
    recovery::tell(&draft.recovery, recovery_file, site.operator)?;
    let recovery = recovery::prove(&draft.unlock, recovery_file, site.operator)?;
    if let Unlocking::Key(place, key) = &draft.unlocking {
        let path = place.path(site.places);
        if look(&path)?.is_some() {
            site.tell("unlocking key", path, Action::Kept);
        } else {
            unlocking::write(site.places, *place, key)?;
            site.tell("unlocking key", path, Action::Made);
        }
    }
    // Root's alone, until it is handed over: what the service's user put there before counts for nothing.
    let root = Rights {
        user: 0,
        group: 0,
        mode: 0o700,
    };
    files::make_folder(&state, root).map_err(at(&state))?;
    let dir = StateDir::lock(&state).map_err(store(&state))?;
    dir.make(&draft.key, &draft.unlock, now())
        .map_err(store(&state))?;
    site.tell("store", state, Action::Made);
    site.tell("recovery key", of_recovery, Action::Made);
    Ok(recovery)
}

/// Says what [`make`] and [`finish`](super::finish()) would do.
pub(crate) fn would(
    site: &mut Site<'_>,
    draft: &Draft<'_>,
    recovery_file: Option<&Path>,
) -> Result<(), InstallError> {
    let state = site.on_disk(&site.places.state);
    if let Unlocking::Key(place, _) = draft.unlocking {
        let path = place.path(site.places);
        let there = look(&path)?.is_some();
        site.tell(
            "unlocking key",
            path,
            if there { Action::Kept } else { Action::Would },
        );
    }
    site.tell("store", &state, Action::Would);
    let of_recovery = recovery_file.map_or_else(|| state.join("unlock"), Path::to_owned);
    site.tell("recovery key", of_recovery, Action::Would);
    site.tell("key default", state.join("keys").join(FIRST_KEY), Action::Would);
    Ok(())
}

//! The store that installing leaves: empty but for the key `default`, opened once by its recovery key.
//!
//! ```text
//!  missing ── unlocking key, recovery key given back, StateDir::make ──► root's ── opened, `default` ──► the service's
//!              nothing here yet       KEY-014                          a run that broke off goes on here
//! ```

mod draft;
mod finish;
mod opening;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crannog_keyd::store::StoreError;
use crannog_keyd_keys::{Millis, SlotKind, UnlockFile};

use crate::accounts::{self, USER};
use crate::error::InstallError;
use crate::files::{self, at, look};
use crate::places::Places;
use crate::report::{Action, Note};
use crate::site::Site;
use crate::unlocking::Place;

pub(crate) use self::draft::{Draft, Wish, make, would};
pub(crate) use self::finish::{finish, would_finish};
pub(crate) use self::opening::Unlocking;

/// The first key.
const FIRST_KEY: &str = "default";

/// How far a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// There is none, or what was left of making one.
    Missing,
    /// It is whole, but not yet the service's.
    Roots,
    /// The service owns it.
    Finished,
}

impl Stage {
    /// By what is on disk.
    pub(crate) fn of(places: &Places) -> Result<Self, InstallError> {
        let state = places.on_disk(&places.state);
        let Some(folder) = files::folder_rights(&state)? else {
            return Ok(Self::Missing);
        };
        let service = accounts::user(places, USER)?;
        if look(&state.join("unlock"))?.is_some() {
            let finished = Some(folder.user) == service;
            return Ok(if finished { Self::Finished } else { Self::Roots });
        }
        let mut entries = std::fs::read_dir(&state).map_err(at(&state))?;
        if folder.user != 0 && entries.next().is_some() {
            return Err(InstallError::NotAStore { path: state });
        }
        Ok(Self::Missing)
    }
}

/// Looks at a store that the service owns, and says what is missing to open it.
pub(crate) fn inspect(site: &mut Site<'_>) -> Result<(), InstallError> {
    let state = site.on_disk(&site.places.state);
    let passphrase = unlock_file(&state)?.is_some_and(|unlock| {
        let mut slots = unlock.slots().iter();
        slots.any(|slot| slot.kind() == Some(SlotKind::Passphrase))
    });
    match Place::present(site.places)? {
        Some(place) => site.tell("unlocking key", place.path(site.places), Action::Kept),
        None if passphrase => {}
        None => site.note(Note::NothingUnlocks {
            state: site.places.state.clone(),
        }),
    }
    site.tell("store", state, Action::Kept);
    Ok(())
}

/// The unlocking file, without the lock of the store.
pub(crate) fn unlock_file(state: &Path) -> Result<Option<UnlockFile>, InstallError> {
    let path = state.join("unlock");
    if !files::is_file(&path)? {
        return Ok(None);
    }
    let bytes = std::fs::read(&path).map_err(at(&path))?;
    Ok(Some(UnlockFile::parse(&bytes)?))
}

/// Whose the state directory is.
pub(crate) fn owner(state: &Path) -> Result<(u32, u32), InstallError> {
    let metadata = std::fs::metadata(state).map_err(at(state))?;
    Ok((metadata.uid(), metadata.gid()))
}

/// For `map_err`.
pub(crate) fn store(state: &Path) -> impl Fn(StoreError) -> InstallError {
    let state: PathBuf = state.to_owned();
    move |source| InstallError::Store {
        state: state.clone(),
        source,
    }
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

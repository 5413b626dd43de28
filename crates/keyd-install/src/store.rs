//! The store that installing leaves: empty but for the key `default`, opened once by its recovery key.
//!
//! ```text
//!  missing ── unlocking key, recovery key given back, StateDir::make ──► root's ── opened, `default` ──► the service's
//!              nothing here yet       KEY-014                          a run that broke off goes on here
//! ```

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crannog_keyd::store::{StateDir, Store, StoreError};
use crannog_keyd_audit::VerifierKey;
use crannog_keyd_keys::{
    Key, KeyName, KeySpec, KeyType, Millis, NewSlot, Opener, RecoveryKey, SlotKind, StoreId, UnlockFile,
};
use crannog_keyd_os::LockedBytes;
use crannog_seal::keyd::StoreKey;
use crannog_seal::password::KdfParams;
use data_encoding::HEXLOWER;

use crate::accounts::{self, USER};
use crate::error::InstallError;
use crate::files::{self, Rights, at, look};
use crate::places::Places;
use crate::recovery;
use crate::report::{Action, Note};
use crate::site::{Owner, Site, rights};
use crate::unlocking::{self, Place};

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

/// Says what [`make`] and [`finish`] would do.
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

/// Says what [`finish`] alone would do.
pub(crate) fn would_finish(site: &mut Site<'_>) {
    let state = site.on_disk(&site.places.state);
    site.tell("store, for the service to open", state, Action::Would);
}

/// Brings a store that is root's to its end: opens it by its recovery key, makes its first key, hands it over. `given` is the recovery
/// key that this run took back already.
pub(crate) fn finish(
    site: &mut Site<'_>,
    wish: Wish<'_>,
    given: Option<RecoveryKey>,
) -> Result<(), InstallError> {
    let state = site.on_disk(&site.places.state);
    let dir = StateDir::lock(&state).map_err(store(&state))?;
    let unlock = dir.unlock_file().map_err(store(&state))?;
    let unlocking = match (wish.passphrase, Place::present(site.places)?) {
        (Some(text), _) => Some(Unlocking::Passphrase(text)),
        (None, Some(place)) => Some(Unlocking::Key(place, unlocking::read(site.places, place)?)),
        (None, None) => None,
    };
    if !unlocking.map_or(Ok(false), |unlocking| unlocking.opens(&unlock))? {
        return Err(InstallError::NothingUnlocks { state });
    }
    let recovery = match given {
        Some(key) => key,
        None => recovery::prove(&unlock, wish.recovery_file, site.operator)?,
    };
    let key = unlock.open(&Opener::Recovery(&recovery))?;
    let (made, verifier_key) = populate(dir, key, &state)?;
    let first = state.join("keys").join(FIRST_KEY);
    site.tell(
        "key default",
        first,
        if made { Action::Made } else { Action::Kept },
    );
    site.report.verifier_key = Some(verifier_key);
    site.make("store, for the service to open", state.clone(), |places| {
        let owner = rights(places, Owner::service(USER, 0o700))?;
        files::give_tree(&state, owner).map_err(at(&state))
    })
}

/// Makes the first key, if it is missing. Gives whether it was, and the verifier key of the audit log.
fn populate(dir: StateDir, key: StoreKey, state: &Path) -> Result<(bool, String), InstallError> {
    let (store_of_it, _) = Store::open(dir, key, None).map_err(store(state))?;
    let name = KeyName::parse(FIRST_KEY)
        .map_err(|_| StoreError::NoKey)
        .map_err(store(state))?;
    let made = match store_of_it.get(&name) {
        Ok(_) => false,
        Err(StoreError::NoKey) => {
            let spec = KeySpec::new(KeyType::Xaes256Gcm);
            let change = Key::generate(name, &spec, now(), &mut rand::rng())?;
            commit(&store_of_it, change).map_err(store(state))?;
            true
        }
        Err(error) => return Err(store(state)(error)),
    };
    let id = store_of_it.id().0;
    let root = store_of_it.audit_root().map_err(store(state))?;
    let origin = format!("crannog-keyd/{}", HEXLOWER.encode(&id));
    let verifier = VerifierKey::new(&origin, root.signing_key(&id).public());
    let verifier = verifier.map(|key| key.to_string()).unwrap_or_default();
    Ok((made, verifier))
}

/// On a thread of its own: the caller's may belong to a runtime already.
fn commit(store: &Store, change: crannog_keyd_keys::Change) -> Result<(), StoreError> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|source| StoreError::Io {
            doing: "start a runtime",
            source,
        })?;
        runtime.block_on(store.commit(change)).map(drop)
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or(Err(StoreError::Broken))
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

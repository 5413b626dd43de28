//! From root's store to the service's.

use std::path::Path;
use std::thread;

use crannog_keyd::store::{StateDir, Store, StoreError};
use crannog_keyd_audit::VerifierKey;
use crannog_keyd_keys::{Change, Key, KeyName, KeySpec, KeyType, Opener, RecoveryKey};
use crannog_seal::keyd::StoreKey;
use data_encoding::HEXLOWER;

use crate::accounts::USER;
use crate::error::InstallError;
use crate::files::{self, at};
use crate::recovery;
use crate::report::Action;
use crate::site::{Owner, Site, rights};
use crate::unlocking::{self, Place};

use super::{FIRST_KEY, Unlocking, Wish, now, store};

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
fn commit(store: &Store, change: Change) -> Result<(), StoreError> {
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

//! Taking the service away.

use std::io;
use std::path::{Path, PathBuf};

use crannog_keyd::store::StateDir;
use data_encoding::HEXLOWER_PERMISSIVE;
use nix::unistd::geteuid;

use crate::accounts::{CLIENTS, TLS_USER, USER};
use crate::error::InstallError;
use crate::files::{self, Rights, at, look};
use crate::host;
use crate::operator::Operator;
use crate::places::{CONFIG_FOLDER, Places, TMPFILES, UNITS};
use crate::report::{Action, Report};
use crate::site::Site;
use crate::store::{store, unlock_file};
use crate::units::{APP_UNIT, KEY_UNIT, TLS_UNIT};
use crate::unlocking::Place;

const ROOT: Rights = Rights {
    user: 0,
    group: 0,
    mode: 0o700,
};

/// What is to be taken away.
#[derive(Debug, Clone)]
pub struct Uninstall {
    /// Where.
    pub places: Places,
    /// The store, the unlocking key, the configuration and the users too. The operator is asked for the store's id.
    pub purge: bool,
    /// Only says what would be done. Nobody is asked.
    pub dry_run: bool,
}

impl Uninstall {
    /// Stops the service and removes it. Blocks, for the operator too.
    ///
    /// While anything of a store is left, its unlocking file is, so that a purge that broke off asks for the same id again.
    pub fn uninstall(&self, operator: &mut dyn Operator) -> Result<Report, InstallError> {
        if !geteuid().is_root() {
            return Err(InstallError::NotRoot);
        }
        if self.purge {
            self.consent(operator)?;
        }
        let mut site = Site::new(&self.places, self.dry_run, operator);
        host::stop(&mut site)?;
        let lock = self.lock()?;
        self.remove_service(&mut site)?;
        if self.purge {
            self.remove_data(&mut site)?;
            drop(lock);
            remove_accounts(&mut site)?;
        } else {
            keep_data(&mut site)?;
        }
        Ok(site.report)
    }

    /// The store's id, from the operator.
    fn consent(&self, operator: &mut dyn Operator) -> Result<(), InstallError> {
        let state = self.places.on_disk(&self.places.state);
        let Some(unlock) = unlock_file(&state)? else {
            return match Place::present(&self.places)? {
                Some(place) => Err(InstallError::NoStoreToName {
                    path: place.path(&self.places),
                    state,
                }),
                None if is_empty(&state)? => Ok(()),
                None => Err(InstallError::NotAStore { path: state }),
            };
        };
        if self.dry_run {
            return Ok(());
        }
        let id = unlock.store();
        let given = operator.store_id(&id).map_err(InstallError::Operator)?;
        let given = given.and_then(|text| HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok());
        if given.as_deref() == Some(&id.0[..]) {
            Ok(())
        } else {
            Err(InstallError::AnotherStore { state })
        }
    }

    /// Holds the store, so that no key process has it: one that systemd did not start runs on.
    fn lock(&self) -> Result<Option<StateDir>, InstallError> {
        let state = self.places.on_disk(&self.places.state);
        if self.dry_run || look(&state.join("lock"))?.is_none() {
            return Ok(None);
        }
        StateDir::lock(&state).map(Some).map_err(store(&state))
    }

    fn remove_service(&self, site: &mut Site<'_>) -> Result<(), InstallError> {
        let units = [KEY_UNIT, TLS_UNIT, APP_UNIT].map(|name| PathBuf::from(UNITS).join(name));
        for path in units {
            remove_file(site, "unit", &path)?;
        }
        host::forget(site)?;
        remove_file(site, "folders of the sockets", Path::new(TMPFILES))?;
        let run = self.places.run.clone();
        remove_folder(site, "folders of the sockets", &run, |path| {
            std::fs::remove_dir_all(path)
        })
    }

    /// Keys first, then what opens them, then the configuration, and the unlocking file at the very end.
    fn remove_data(&self, site: &mut Site<'_>) -> Result<(), InstallError> {
        let state = self.places.state.clone();
        remove_folder(site, "keys", &state, |path| {
            // From here on the service's user cannot reach into it.
            files::give_folder(path, ROOT)?;
            wipe_but(path, "unlock")
        })?;
        for place in [Place::Credential, Place::KeyFile] {
            let path = place.path(site.places);
            if look(&path)?.is_some() {
                site.remove("unlocking key", path.clone(), |_| {
                    files::wipe(&path).map_err(at(&path))
                })?;
            }
        }
        let policy = self.places.policy.clone();
        if !policy.starts_with(CONFIG_FOLDER) {
            remove_file(site, "policy", &policy)?;
        }
        remove_folder(site, "configuration", Path::new(CONFIG_FOLDER), files::wipe_tree)?;
        remove_folder(site, "store", &state, |path| {
            files::wipe(&path.join("unlock"))?;
            match std::fs::remove_dir(path) {
                // A file system of its own: empty, but not ours to take away.
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Ok(()),
                removed => removed,
            }
        })
    }
}

/// Says what stays.
fn keep_data(site: &mut Site<'_>) -> Result<(), InstallError> {
    let state = site.places.state.clone();
    site.keep("store", state)?;
    for place in [Place::Credential, Place::KeyFile] {
        let path = place.path(site.places);
        if look(&path)?.is_some() {
            site.tell("unlocking key", path, Action::Kept);
        }
    }
    site.keep("configuration", CONFIG_FOLDER)?;
    for name in [USER, TLS_USER] {
        site.user_kept(name)?;
    }
    for name in [USER, TLS_USER, CLIENTS] {
        site.group_kept(name)?;
    }
    Ok(())
}

fn remove_accounts(site: &mut Site<'_>) -> Result<(), InstallError> {
    for name in [TLS_USER, USER] {
        site.remove_user(name)?;
    }
    // A user's group may have gone with him.
    for name in [TLS_USER, USER, CLIENTS] {
        site.remove_group(name)?;
    }
    Ok(())
}

fn remove_file(site: &mut Site<'_>, what: &str, path: &Path) -> Result<(), InstallError> {
    let path = site.on_disk(path);
    if look(&path)?.is_none() {
        return Ok(());
    }
    site.remove(what, path.clone(), |_| {
        std::fs::remove_file(&path).map_err(at(&path))
    })
}

fn remove_folder(
    site: &mut Site<'_>,
    what: &str,
    path: &Path,
    work: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), InstallError> {
    let path = site.on_disk(path);
    if files::folder_rights(&path)?.is_none() {
        return Ok(());
    }
    site.remove(what, path.clone(), |_| work(&path).map_err(at(&path)))
}

fn is_empty(folder: &Path) -> Result<bool, InstallError> {
    if files::folder_rights(folder)?.is_none() {
        return Ok(true);
    }
    let mut entries = std::fs::read_dir(folder).map_err(at(folder))?;
    Ok(entries.next().is_none())
}

/// Wipes all that is in a folder but one file.
fn wipe_but(folder: &Path, kept: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == kept {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files::wipe_tree(&entry.path())?;
        } else if kind.is_file() {
            files::wipe(&entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

//! The unlocking key of a host: a credential of systemd, or a file.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crannog_keyd_os::{KeyPlace, KeyPlaceError, Linux, LockedBytes, Platform};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::accounts::{self, USER};
use crate::error::InstallError;
use crate::files::{self, Rights, at, give_file, look};
use crate::places::{CREDENTIAL, CREDENTIAL_STORE, Places};
use crate::site::{Owner, Site};
use crate::tool::Tool;

pub(crate) const KEY_LEN: usize = 32;
/// From this version on a unit finds an encrypted credential by its name, and starts where there is none.
const FIRST_VERSION: u32 = 252;
/// Where the host's own key of credentials is.
const HOST_SECRET: &str = "/var/lib/systemd/credential.secret";

/// Where an unlocking key lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Sealed to the TPM and the host.
    Credential,
    /// In the clear, for a host without systemd.
    KeyFile,
}

impl Place {
    /// Where a new one is to lie.
    pub(crate) fn for_new(places: &Places) -> Self {
        if places.systemd_runs() && version().is_some_and(|version| version >= FIRST_VERSION) {
            Self::Credential
        } else {
            Self::KeyFile
        }
    }

    pub(crate) fn path(self, places: &Places) -> PathBuf {
        match self {
            Self::Credential => places.on_disk(CREDENTIAL),
            Self::KeyFile => places.on_disk(&places.key_file),
        }
    }

    /// Where one lies, in the order in which the service looks.
    pub(crate) fn present(places: &Places) -> Result<Option<Self>, InstallError> {
        for place in [Self::Credential, Self::KeyFile] {
            if look(&place.path(places))?.is_some() {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }
}

/// A number like `252` in `systemd 252 (252.38-1~deb12u1)`.
fn version() -> Option<u32> {
    let said = Tool::new("systemd-creds").arg("--version").exchange(b"").ok()?;
    let text = std::str::from_utf8(&said).ok()?;
    text.split_whitespace().nth(1)?.parse().ok()
}

/// 32 random bytes.
pub(crate) fn generate() -> LockedBytes {
    LockedBytes::init_with(KEY_LEN, |bytes| {
        rand::Rng::fill_bytes(&mut rand::rng(), bytes);
    })
}

/// The bytes, for a slot.
pub(crate) fn bytes(key: &LockedBytes) -> Result<&[u8; KEY_LEN], InstallError> {
    let path = PathBuf::from(CREDENTIAL);
    let bytes = key.expose().try_into();
    bytes.map_err(|_| InstallError::UnlockingKey(KeyPlaceError::NotAKey { path }))
}

/// The unlocking key that lies there (KEY-004). A key file that the service already owns belongs to a store that was finished.
pub(crate) fn read(places: &Places, place: Place) -> Result<LockedBytes, InstallError> {
    let path = place.path(places);
    match place {
        Place::Credential => {
            let tool = creds(places, "decrypt").arg(&path).arg("-");
            let plain = tool.exchange(b"")?;
            if plain.len() != KEY_LEN {
                return Err(KeyPlaceError::NotAKey { path }.into());
            }
            Ok(LockedBytes::init_with(KEY_LEN, |key| key.copy_from_slice(&plain)))
        }
        Place::KeyFile => {
            let file = &KeyPlace {
                credentials: None,
                file: &path,
            };
            match Linux::new().unlocking_key(file) {
                Ok(Some(key)) => Ok(key),
                Ok(None) => Err(at(&path)(io::ErrorKind::NotFound.into())),
                Err(KeyPlaceError::Owner { owner, .. }) if Some(owner) == accounts::user(places, USER)? => {
                    Err(InstallError::KeyWithoutStore {
                        path,
                        state: places.on_disk(&places.state),
                    })
                }
                Err(error) => Err(error.into()),
            }
        }
    }
}

/// Writes an unlocking key, root's alone, and reads it back.
pub(crate) fn write(places: &Places, place: Place, key: &LockedBytes) -> Result<(), InstallError> {
    let path = place.path(places);
    let root = |mode| Rights {
        user: 0,
        group: 0,
        mode,
    };
    match place {
        Place::Credential => {
            let store = places.on_disk(CREDENTIAL_STORE);
            if look(&store)?.is_none() {
                files::make_folder(&store, root(0o700)).map_err(at(&store))?;
            }
            let tool = creds(places, "encrypt").args(["--with-key=auto", "--tpm2-pcrs="]);
            let sealed = tool.args(["-", "-"]).exchange(key.expose())?;
            files::write(&path, &sealed, root(0o600)).map_err(at(&path))?;
        }
        Place::KeyFile => {
            let mut line = Zeroizing::new(String::with_capacity(2 * KEY_LEN + 1));
            HEXLOWER.encode_append(key.expose(), &mut line);
            line.push('\n');
            files::write(&path, line.as_bytes(), root(0o400)).map_err(at(&path))?;
        }
    }
    if read(places, place)?.expose() == key.expose() {
        Ok(())
    } else {
        Err(KeyPlaceError::NotAKey { path }.into())
    }
}

fn creds(places: &Places, verb: &str) -> Tool {
    let tool = Tool::new("systemd-creds").arg(verb).arg("--name=master");
    match places.other_root() {
        Some(_) => tool.env("SYSTEMD_CREDENTIAL_SECRET", places.on_disk(HOST_SECRET)),
        None => tool,
    }
}

/// Gives a key file to the service, which marks the store that it opens as finished.
pub(crate) fn hand_over(site: &mut Site<'_>) -> Result<(), InstallError> {
    let path = Place::KeyFile.path(site.places);
    let Some(metadata) = look(&path)?.filter(Metadata::is_file) else {
        return Ok(());
    };
    let owner = accounts::user(site.places, USER)?;
    if Some(metadata.uid()) == owner {
        return Ok(());
    }
    let what = "unlocking key, for the service to read";
    site.make(what, path.clone(), |places| {
        let rights = crate::site::rights(places, Owner::service(USER, 0o400))?;
        give_file(&path, rights.user, rights.group).map_err(at(&path))
    })
}

//! Who the process is, and the folders that only root can make for it.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::unistd::{Gid, Group, Uid, User, geteuid, initgroups, setgid, setuid};

use super::error::StartError;
use crate::config::Config;

/// The folders of the sockets: owner, group and rights as in *Identity*. Made only where they are missing; with other groups than the
/// process's own only by root, who starts it, or by `tmpfiles.d`.
pub(super) fn make_run_folders(config: &Config, user: Option<&str>) -> Result<(), StartError> {
    let owner = match user {
        Some(name) if geteuid().is_root() => Some(find(name)?),
        _ => None,
    };
    let run = &config.run;
    make(run, 0o755, owner.as_ref(), None)?;
    make(
        &run.join("clients"),
        0o2750,
        owner.as_ref(),
        Some("crannog-keyd-clients"),
    )?;
    make(&run.join("proxy"), 0o2750, owner.as_ref(), Some(&config.tls.user))?;
    if !config.socket.is_empty() {
        make(&run.join("app"), 0o755, owner.as_ref(), None)?;
    }
    for socket in &config.socket {
        let folder = run.join("app").join(&socket.name);
        make(&folder, 0o2750, owner.as_ref(), Some(&socket.group))?;
    }
    Ok(())
}

fn make(path: &Path, mode: u32, owner: Option<&User>, group: Option<&str>) -> Result<(), StartError> {
    let failed = |source| StartError::Path {
        path: path.to_owned(),
        source,
    };
    match std::fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(failed(error)),
    }
    // From here on by descriptor: the folder around it may be another user's, who could put a link in its place.
    let folder = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits())
        .open(path)
        .map_err(failed)?;
    if folder.metadata().map_err(failed)?.uid() != geteuid().as_raw() {
        return Err(failed(io::ErrorKind::PermissionDenied.into()));
    }
    if let Some(owner) = owner {
        let group = match group {
            // A host without the TLS process, or without the clients' group, has folders for its own user alone.
            Some(name) => Group::from_name(name)
                .ok()
                .flatten()
                .map_or(owner.gid, |group| group.gid),
            None => owner.gid,
        };
        fchown(&folder, Some(owner.uid.as_raw()), Some(group.as_raw())).map_err(failed)?;
    }
    folder
        .set_permissions(Permissions::from_mode(mode))
        .map_err(failed)
}

/// Root becomes the user, for good, and never another root; anybody else stays who she is. Call it before any thread was started.
pub fn become_user(user: Option<&str>) -> Result<(), StartError> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let user = find(user.ok_or(StartError::Root)?)?;
    if user.uid.is_root() {
        return Err(StartError::Root);
    }
    drop_to(&user.name, user.uid, user.gid).map_err(|error| StartError::Become {
        user: user.name.clone(),
        source: error.into(),
    })
}

fn drop_to(name: &str, user: Uid, group: Gid) -> nix::Result<()> {
    let name = std::ffi::CString::new(name).map_err(|_| nix::Error::EINVAL)?;
    initgroups(&name, group)?;
    setgid(group)?;
    setuid(user)
}

fn find(name: &str) -> Result<User, StartError> {
    let found = User::from_name(name).ok().flatten();
    found.ok_or_else(|| StartError::NoUser(name.to_owned()))
}

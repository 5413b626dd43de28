//! Files and folders: looked at, made, given to their owners, removed. Links are never followed at the end of a path.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::error::InstallError;

/// Whose something is, in numbers, and what others may do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) mode: u32,
}

impl Rights {
    fn of(metadata: &Metadata) -> Self {
        Self {
            user: metadata.uid(),
            group: metadata.gid(),
            mode: metadata.mode() & 0o7777,
        }
    }
}

/// For `map_err`.
pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> InstallError {
    let path = path.to_owned();
    move |source| InstallError::Io {
        path: path.clone(),
        source,
    }
}

/// What is there, itself and not what a link points at; `None` if there is nothing.
pub(crate) fn look(path: &Path) -> Result<Option<Metadata>, InstallError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}

/// Whether a file is there. Something else of that name is in the way.
pub(crate) fn is_file(path: &Path) -> Result<bool, InstallError> {
    match look(path)? {
        None => Ok(false),
        Some(metadata) if metadata.is_file() => Ok(true),
        Some(_) => Err(in_the_way(path, "a file")),
    }
}

/// The rights of a folder; `None` if there is nothing. Something else of that name is in the way.
pub(crate) fn folder_rights(path: &Path) -> Result<Option<Rights>, InstallError> {
    match look(path)? {
        None => Ok(None),
        Some(metadata) if metadata.is_dir() => Ok(Some(Rights::of(&metadata))),
        Some(_) => Err(in_the_way(path, "a folder")),
    }
}

fn in_the_way(path: &Path, expected: &'static str) -> InstallError {
    InstallError::InTheWay {
        path: path.to_owned(),
        expected,
    }
}

/// A folder with these rights; those above it, where they are missing, with the usual ones.
pub(crate) fn make_folder(path: &Path, rights: Rights) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    give_folder(path, rights)?;
    sync_parent(path)
}

/// Gives a folder its rights: the folder that is open, whatever has its name a moment later.
pub(crate) fn give_folder(path: &Path, rights: Rights) -> io::Result<()> {
    let flags = (OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits();
    let folder = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    give(&folder, rights)
}

/// Owner first: changing it takes away the set-group bit.
fn give(file: &File, rights: Rights) -> io::Result<()> {
    fchown(file, Some(rights.user), Some(rights.group))?;
    file.set_permissions(Permissions::from_mode(rights.mode))
}

/// Gives a file to another owner. One with a second name is not given away: that name might be a link that its new owner made to a
/// file that is not his.
pub(crate) fn give_file(path: &Path, user: u32, group: u32) -> io::Result<()> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.nlink() != 1 {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a file of one name"));
    }
    fchown(&file, Some(user), Some(group))
}

/// Gives a folder with all that is in it to another owner, the folder itself last. Until then it must be root's alone.
pub(crate) fn give_tree(path: &Path, rights: Rights) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            give_tree(&entry.path(), rights)?;
        } else {
            give_file(&entry.path(), rights.user, rights.group)?;
        }
    }
    give_folder(path, rights)
}

/// A file with this content and these rights, on disk when it returns. It gets its name last, in place of a file that had it.
pub(crate) fn write(path: &Path, content: &[u8], rights: Rights) -> io::Result<()> {
    let beside = beside(path)?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // What a run that broke off left. Nobody else writes to these folders.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    let written = file
        .write_all(content)
        .and_then(|()| give(&file, rights))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    sync_parent(path)
}

/// The name under which a file is written.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or(ErrorKind::InvalidFilename)?;
    Ok(path.with_file_name(format!(".{name}.new")))
}

/// Removes a file, overwritten with zeros first; nothing, if there is none.
pub(crate) fn wipe(path: &Path) -> io::Result<()> {
    let flags = OFlag::O_NOFOLLOW.bits();
    let mut file = match OpenOptions::new().write(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let len = file.metadata()?.len();
    io::copy(&mut io::Read::take(io::repeat(0), len), &mut file)?;
    file.sync_all()?;
    fs::remove_file(path)?;
    sync_parent(path)
}

/// Removes a folder with all that is in it, files overwritten with zeros. It must be root's alone.
pub(crate) fn wipe_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            wipe_tree(&entry.path())?;
        } else if kind.is_file() {
            wipe(&entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(path)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

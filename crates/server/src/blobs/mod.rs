//! Blobs on disk: 256 folders of files under random names. A file is written in its last place, so that
//! making it durable takes one sync of the file and one of the folder.
//!
//! ```text
//!  PUT ─▶ Upload: write + BLAKE3 ─▶ finish ─▶ (row: staged) ─▶ Syncer::start   sync of the file, in the background
//!  append ─▶ Syncer::settle: wait for the files, then their folders ─▶ (row: held) ─▶ receipt
//! ```

mod direct;
mod hold;
mod sync;
mod upload;

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rand;

use crate::store::FileName;

pub(crate) use direct::read_piece;
pub(crate) use hold::Holds;
pub(crate) use sync::Syncer;
pub(crate) use upload::{PIECE, Upload};

/// New files go into one folder until it has got this many, so that one folder sync serves many files.
const RUN: u32 = 512;

/// The folder `blobs`.
#[derive(Debug)]
pub(crate) struct BlobDir {
    root: PathBuf,
    place: Mutex<Place>,
    /// Files that are being written: no orphans, though no row names them.
    active: Mutex<HashSet<FileName>>,
    /// While anybody holds, no file goes that a row named once.
    holds: Holds,
}

#[derive(Debug)]
struct Place {
    shard: u8,
    left: u32,
}

impl BlobDir {
    /// Opens the folder; makes it and its shards when new, durably.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(0o700).recursive(true).create(root)?;
        let shards = || (0..=u8::MAX).map(|shard| root.join(shard_name(shard)));
        let complete = shards().all(|shard| shard.is_dir());
        for shard in shards() {
            builder.create(shard)?;
        }
        if !complete {
            File::open(root)?.sync_all()?;
        }
        Ok(Self {
            root: root.to_owned(),
            place: Mutex::new(Place { shard: 0, left: 0 }),
            active: Mutex::new(HashSet::new()),
            holds: Holds::default(),
        })
    }

    /// A name for a new file; it counts as active until [`BlobDir::settled`].
    fn new_name(&self) -> io::Result<FileName> {
        let mut name = [0; 16];
        rand::fill(&mut name).map_err(|_| io::Error::other("the system gives no random bytes"))?;
        {
            let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            if place.left == 0 {
                *place = Place {
                    shard: name[0],
                    left: RUN,
                };
            }
            place.left -= 1;
            name[0] = place.shard;
        }
        let name = FileName(name);
        self.active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name);
        Ok(name)
    }

    fn settled(&self, name: &FileName) {
        self.active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }

    fn is_active(&self, name: &FileName) -> bool {
        self.active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(name)
    }

    fn path(&self, name: &FileName) -> PathBuf {
        self.shard_path(name.0[0]).join(name.to_string())
    }

    fn shard_path(&self, shard: u8) -> PathBuf {
        self.root.join(shard_name(shard))
    }

    /// Opens a file for reading; blocks.
    pub(crate) fn read(&self, name: &FileName) -> io::Result<File> {
        File::open(self.path(name))
    }

    /// Opens a file of this size for [`read_piece`]; blocks.
    pub(crate) fn open_pieces(&self, name: &FileName, size: u64) -> io::Result<File> {
        let path = self.path(name);
        if size < PIECE as u64 {
            File::open(path)
        } else {
            direct::open(&path)
        }
    }

    /// The length of a file, if it is there; blocks.
    pub(crate) fn length(&self, name: &FileName) -> io::Result<Option<u64>> {
        match std::fs::metadata(self.path(name)) {
            Ok(data) => Ok(Some(data.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Hashes a file; blocks.
    pub(crate) fn hash(&self, name: &FileName) -> io::Result<[u8; 32]> {
        hash_file(&self.read(name)?)
    }

    /// Who keeps files from being removed.
    pub(crate) fn holds(&self) -> &Holds {
        &self.holds
    }

    /// Removes files that nothing names any more, unless somebody holds them; what stays is an orphan and goes next time. Blocks.
    pub(crate) fn remove(&self, names: &[FileName]) {
        // Rows go before files: a hold that begins after this line is for a state that does not name them.
        if !self.holds.active() {
            self.discard(names);
        }
    }

    /// Removes files that no row ever named. Blocks.
    fn discard(&self, names: &[FileName]) {
        for name in names {
            match std::fs::remove_file(self.path(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(error = %error, "a file of a blob could not be removed; the next sweep tries again");
                }
                _ => {}
            }
        }
    }

    /// The files of a shard that are not being written. List these first, then ask the store: what it does not name is an orphan. Blocks.
    pub(crate) fn list(&self, shard: u8) -> io::Result<Vec<FileName>> {
        let mut names = Vec::new();
        for item in std::fs::read_dir(self.shard_path(shard))? {
            let name = item?.file_name();
            let bytes = data_encoding::HEXLOWER
                .decode(name.as_encoded_bytes())
                .unwrap_or_default();
            names.extend(<[u8; 16]>::try_from(bytes).ok().map(FileName));
        }
        // In this order: an upload that was given up has no file any more when it stops being active.
        names.retain(|name| !self.is_active(name) && self.path(name).exists());
        Ok(names)
    }

    /// Removes a list of files in the background.
    pub(crate) fn remove_later(self: &Arc<Self>, names: Vec<FileName>) {
        if !names.is_empty() {
            let blobs = Arc::clone(self);
            drop(tokio::task::spawn_blocking(move || blobs.remove(&names)));
        }
    }
}

fn shard_name(shard: u8) -> String {
    data_encoding::HEXLOWER.encode(&[shard])
}

fn hash_file(file: &File) -> io::Result<[u8; 32]> {
    let (mut hasher, mut buffer, mut at) = (blake3::Hasher::new(), vec![0; 256 * 1024], 0);
    loop {
        let read = file.read_at(&mut buffer, at)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            return Ok(*hasher.finalize().as_bytes());
        };
        hasher.update(piece);
        at += read as u64;
    }
}

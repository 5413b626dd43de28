//! One blob on its way in: pieces go to a blocking thread, which hashes and writes one while the next arrives.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use crannog_proto::BlobId;
use tokio::task::JoinHandle;

use super::direct::Direct;
use super::{BlobDir, Syncer};
use crate::store::{BlobFile, FileName};

/// Bytes gathered before they are written.
pub(crate) const PIECE: usize = 512 * 1024;

/// A file being written. Dropped before [`Written::keep`], it removes the file.
#[derive(Debug)]
pub(crate) struct Upload {
    blobs: Arc<BlobDir>,
    name: FileName,
    gathered: Vec<Bytes>,
    size: usize,
    busy: Option<JoinHandle<io::Result<Sink>>>,
    kept: bool,
}

#[derive(Debug)]
struct Sink {
    out: Out,
    hasher: blake3::Hasher,
    length: u64,
}

#[derive(Debug)]
enum Out {
    /// Small blobs, and file systems without direct writes.
    Buffered(File),
    Direct(Direct),
}

/// A file that is written but not kept yet.
#[derive(Debug)]
pub(crate) struct Written {
    upload: Upload,
    file: File,
    blob: BlobId,
    size: u64,
}

impl Upload {
    /// Begins a file; nothing touches the disk yet.
    pub(crate) fn new(blobs: &Arc<BlobDir>) -> io::Result<Self> {
        let name = blobs.new_name()?;
        Ok(Self {
            blobs: Arc::clone(blobs),
            name,
            gathered: Vec::new(),
            size: 0,
            busy: None,
            kept: false,
        })
    }

    /// Takes the next bytes; waits only while two pieces are under way.
    pub(crate) async fn push(&mut self, bytes: Bytes) -> io::Result<()> {
        self.size += bytes.len();
        self.gathered.push(bytes);
        if self.size >= PIECE {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// Writes the rest.
    pub(crate) async fn finish(mut self) -> io::Result<Written> {
        self.flush().await?;
        let sink = self
            .wait()
            .await?
            .ok_or_else(|| io::Error::other("nothing was written"))?;
        let (blob, size) = (BlobId(*sink.hasher.finalize().as_bytes()), sink.length);
        let file = match sink.out {
            Out::Buffered(file) => file,
            Out::Direct(direct) => tokio::task::spawn_blocking(move || direct.finish())
                .await
                .map_err(io::Error::other)??,
        };
        Ok(Written {
            upload: self,
            file,
            blob,
            size,
        })
    }

    async fn flush(&mut self) -> io::Result<()> {
        let sink = self.wait().await?;
        let pieces = std::mem::take(&mut self.gathered);
        let large = self.size >= PIECE;
        self.size = 0;
        let path = self.blobs.path(&self.name);
        self.busy = Some(tokio::task::spawn_blocking(move || {
            let mut sink = match sink {
                Some(sink) => sink,
                None => Sink {
                    out: Out::create(&path, large)?,
                    hasher: blake3::Hasher::new(),
                    length: 0,
                },
            };
            sink.write(&pieces)?;
            Ok(sink)
        }));
        Ok(())
    }

    async fn wait(&mut self) -> io::Result<Option<Sink>> {
        match self.busy.take() {
            None => Ok(None),
            Some(task) => task.await.map_err(io::Error::other)?.map(Some),
        }
    }
}

impl Sink {
    fn write(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        for piece in pieces {
            self.hasher.update(piece);
            self.length += piece.len() as u64;
        }
        match &mut self.out {
            Out::Direct(direct) => pieces.iter().try_for_each(|piece| direct.write(piece)),
            Out::Buffered(file) => write_all(file, pieces),
        }
    }
}

impl Out {
    fn create(path: &Path, large: bool) -> io::Result<Self> {
        if large && let Some(direct) = Direct::create(path)? {
            return Ok(Self::Direct(direct));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self::Buffered(file))
    }
}

fn write_all(file: &mut File, pieces: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut left = slices.as_mut_slice();
    while !left.is_empty() {
        let window = left.len().min(1024);
        let written = match file.write_vectored(left.get(..window).unwrap_or_default()) {
            Ok(0) if left.iter().all(|slice| slice.is_empty()) => break,
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        IoSlice::advance_slices(&mut left, written);
    }
    Ok(())
}

impl Written {
    /// What was written.
    pub(crate) fn file(&self) -> BlobFile {
        BlobFile {
            blob: self.blob,
            name: self.upload.name,
            size: self.size,
        }
    }

    /// A row names the file now: keep it, and begin to sync it.
    pub(crate) fn keep(mut self, syncer: &Arc<Syncer>) {
        self.upload.kept = true;
        syncer.start(self.upload.name, self.file);
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.kept {
            let (blobs, name) = (Arc::clone(&self.blobs), self.name);
            let busy = self.busy.take();
            // The blocking thread may still be about to make the file: remove it afterwards.
            let remove = async move {
                if let Some(task) = busy {
                    drop(task.await);
                }
                let task = tokio::task::spawn_blocking(move || {
                    blobs.discard(&[name]);
                    blobs.settled(&name);
                });
                drop(task.await);
            };
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(remove)),
                Err(_) => self.blobs.discard(&[name]),
            }
        } else {
            self.blobs.settled(&self.name);
        }
    }
}

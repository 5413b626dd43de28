//! Which blobs a snapshot needs: lines of name and size, ascending, so that pruning needs no private key and little memory.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Lines, Write};
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::sealed::Extent;
use super::{BackupError, files};
use crate::store::FileName;

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) name: FileName,
    pub(super) size: u64,
}

/// Writes a list.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    out: BufWriter<File>,
    hasher: blake3::Hasher,
    length: u64,
}

impl Writer {
    pub(super) fn create(path: &Path) -> Result<Self, BackupError> {
        Ok(Self {
            path: path.to_owned(),
            out: BufWriter::new(files::create(path)?),
            hasher: blake3::Hasher::new(),
            length: 0,
        })
    }

    pub(super) fn push(&mut self, line: Listed) -> Result<(), BackupError> {
        let text = format!("{} {}\n", line.name, line.size);
        self.hasher.update(text.as_bytes());
        self.length += text.len() as u64;
        self.out
            .write_all(text.as_bytes())
            .map_err(BackupError::io(&self.path))
    }

    /// Syncs it.
    pub(super) fn finish(self) -> Result<Extent, BackupError> {
        let io = BackupError::io(&self.path);
        let file = self.out.into_inner().map_err(|error| io(error.into_error()))?;
        file.sync_all().map_err(&io)?;
        Ok(Extent {
            hash: *self.hasher.finalize().as_bytes(),
            length: self.length,
        })
    }
}

/// Reads a list in order, shard by shard.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    lines: Peekable<Lines<BufReader<File>>>,
}

impl Reader {
    /// Opens a list whose digest was compared.
    pub(super) fn open(path: &Path) -> Result<Self, BackupError> {
        let file = File::open(path).map_err(BackupError::io(path))?;
        Ok(Self {
            path: path.to_owned(),
            lines: BufReader::new(file).lines().peekable(),
        })
    }

    /// The lines of a shard; shards are asked for in ascending order.
    pub(super) fn shard(&mut self, shard: u8) -> Result<Vec<Listed>, BackupError> {
        let mut found = Vec::new();
        while let Some(line) = self.lines.peek() {
            let line = match line {
                Ok(line) => {
                    parse(line).ok_or_else(|| BackupError::damaged(&self.path, "a line is no blob"))?
                }
                Err(_) => return Err(BackupError::damaged(&self.path, "it cannot be read")),
            };
            match line.name.0[0].cmp(&shard) {
                std::cmp::Ordering::Less => {
                    return Err(BackupError::damaged(&self.path, "it is not in order"));
                }
                std::cmp::Ordering::Greater => break,
                std::cmp::Ordering::Equal => found.push(line),
            }
            self.lines.next();
        }
        Ok(found)
    }
}

fn parse(line: &str) -> Option<Listed> {
    let (name, size) = line.split_once(' ')?;
    Some(Listed {
        name: file_name(name)?,
        size: size.parse().ok()?,
    })
}

/// The name of a blob's file.
pub(super) fn file_name(text: &str) -> Option<FileName> {
    let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
    bytes.try_into().ok().map(FileName)
}

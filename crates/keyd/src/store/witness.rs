//! The rollback witness: the store's generation, on another file system.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crannog_keyd_keys::StoreId;
use data_encoding::HEXLOWER;

use super::disk::{Directory, Disk};
use super::error::StoreError;

/// A file outside the state directory that knows the newest generation: an older copy of the whole state does not open beside it.
pub struct Witness {
    folder: Arc<dyn Disk>,
    file: String,
}

impl Witness {
    /// The file at `path`. Its folder exists; it may not exist yet. `None` for a path that names no file.
    pub fn at(path: &Path) -> Option<Self> {
        let file = path.file_name()?.to_str()?.to_owned();
        let folder = Arc::new(Directory::at(path.parent()?));
        Some(Self { folder, file })
    }

    #[cfg(test)]
    pub(super) fn on(folder: Arc<dyn Disk>) -> Self {
        let file = "witness".to_owned();
        Self { folder, file }
    }

    /// Refuses a head that is older than the witness saw it. A missing file has seen nothing.
    pub(super) fn judge(&self, store: &StoreId, head: u64) -> Result<(), StoreError> {
        let read = self.folder.read(&self.file);
        let Some(bytes) = read.map_err(StoreError::io("read the rollback witness"))? else {
            return Ok(());
        };
        let witness = parse(store, &bytes).ok_or(StoreError::WitnessOfAnother)?;
        if head < witness {
            return Err(StoreError::BelowWitness { head, witness });
        }
        Ok(())
    }

    /// On disk when it returns.
    pub(super) fn write(&self, store: &StoreId, generation: u64) -> io::Result<()> {
        let text = format!("{} {generation}\n", HEXLOWER.encode(&store.0));
        let next = format!("{}.next", self.file);
        self.folder.write(&next, text.as_bytes())?;
        self.folder.rename(&next, &self.file)?;
        self.folder.sync("")
    }
}

/// The generation, if the file is of this store and is what is written.
fn parse(store: &StoreId, bytes: &[u8]) -> Option<u64> {
    let line = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let (id, number) = line.split_once(' ')?;
    let generation: u64 = number.parse().ok()?;
    (id == HEXLOWER.encode(&store.0) && generation.to_string() == number).then_some(generation)
}

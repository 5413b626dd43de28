//! The anchor of the audit log, as a sealed record that carries the store's generation.

use std::io;
use std::sync::Arc;

use borsh::BorshDeserialize;
use crannog_keyd_audit::{Anchor, AnchorStore};
use crannog_keyd_keys::{
    LockedBytes, RecordError, RecordHeader, RecordKind, StoreId, open_record, seal_record,
};
use crannog_seal::keyd::StoreKey;

use super::disk::Disk;
use super::error::StoreError;
use super::places;
use super::shared::Shared;

/// Where the audit log keeps its anchor: in a record under the store key, with the store's generation of that moment.
pub struct SealedAnchor(pub(super) Arc<Shared>);

impl AnchorStore for SealedAnchor {
    fn load(&self) -> io::Result<Option<Anchor>> {
        let shared = &self.0;
        let Some(bytes) = shared.disk.read(places::ANCHOR)? else {
            return Ok(None);
        };
        let (_, plain) = open(&shared.key, &shared.id, &bytes).map_err(io::Error::other)?;
        Anchor::try_from_slice(plain.expose()).map(Some)
    }

    fn save(&self, anchor: &Anchor) -> io::Result<()> {
        let shared = &self.0;
        let header = RecordHeader::of_store(&shared.id, RecordKind::Anchor, shared.generation());
        let plain = borsh::to_vec(anchor)?;
        let bytes = seal_record(&shared.key, RecordKind::Anchor, &header, &plain, &mut rand::rng())
            .map_err(io::Error::other)?;
        let temporary = shared.temporary();
        shared.disk.write(&temporary, &bytes)?;
        shared.disk.rename(&temporary, places::ANCHOR)?;
        shared.disk.sync(places::AUDIT)
    }
}

/// The store generation in the anchor; `None` if there is no anchor. Whether there must be one is the log's question.
pub(super) fn generation(disk: &dyn Disk, key: &StoreKey, id: &StoreId) -> Result<Option<u64>, StoreError> {
    let read = disk.read(places::ANCHOR);
    let Some(bytes) = read.map_err(StoreError::io("read the anchor"))? else {
        return Ok(None);
    };
    let (header, _) = open(key, id, &bytes).map_err(StoreError::Anchor)?;
    Ok(Some(header.generation))
}

fn open(key: &StoreKey, id: &StoreId, bytes: &[u8]) -> Result<(RecordHeader, LockedBytes), RecordError> {
    let expected = RecordHeader::of_store(id, RecordKind::Anchor, 0);
    open_record(key, RecordKind::Anchor, &expected, bytes)
}

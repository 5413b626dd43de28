//! What transfers remember, so that neither a restart nor an unchanged file sends a finished blob twice.

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_core::content::Chunk;
use crannog_core::drive::{NodeId, VersionId};
use crannog_proto::BlobId;
use rusqlite::{Connection, OptionalExtension};
use zeroize::Zeroizing;

use super::DbError;
use super::journals::{from_sql, to_sql};

/// What tells that a local file is still the one that was read: a change of any field means reading it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct FileStamp {
    /// Bytes.
    pub(crate) size: u64,
    /// Nanoseconds since 1970.
    pub(crate) mtime: i128,
    /// Nanoseconds since 1970.
    pub(crate) ctime: i128,
    /// Inode number.
    pub(crate) inode: u64,
    /// File system.
    pub(crate) device: u64,
}

/// A keyed hash of a chunk's plaintext, 32 bytes; never leaves this database.
pub(crate) type ChunkHash = [u8; 32];

/// One piece of a local file in a blob that the server has staged.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct StagedPiece {
    /// The local file.
    pub(crate) path: Vec<u8>,
    /// The file as it was read.
    pub(crate) stamp: FileStamp,
    /// Which chunk of it.
    pub(crate) place: u64,
    /// Of its plaintext.
    pub(crate) hash: ChunkHash,
    /// Where it is.
    pub(crate) chunk: Chunk,
}

/// Access to transfer memory.
pub(crate) struct Transfers<'a>(pub(crate) &'a Connection);

impl Transfers<'_> {
    /// The keyed hashes of a version's chunks, if this device ever had them.
    pub(crate) fn hashes(&self, version: &VersionId) -> Result<Option<Vec<ChunkHash>>, DbError> {
        let bytes: Option<Vec<u8>> = self
            .0
            .prepare_cached("SELECT hashes FROM chunk_hashes WHERE version = ?1")?
            .query_row([version.0.as_slice()], |row| row.get(0))
            .optional()?;
        bytes
            .map(|bytes| crannog_proto::decode(&bytes).map_err(DbError::from))
            .transpose()
    }

    pub(crate) fn save_hashes(&self, version: &VersionId, hashes: &[ChunkHash]) -> Result<(), DbError> {
        self.0
            .prepare_cached("INSERT OR REPLACE INTO chunk_hashes (version, hashes) VALUES (?1, ?2)")?
            .execute((version.0.as_slice(), crannog_proto::encode(&hashes.to_vec())))?;
        Ok(())
    }

    /// The version's chunks are not to be cited again.
    pub(crate) fn forget_hashes(&self, version: &VersionId) -> Result<(), DbError> {
        self.0
            .prepare_cached("DELETE FROM chunk_hashes WHERE version = ?1")?
            .execute([version.0.as_slice()])?;
        Ok(())
    }

    /// All pieces that the server has staged for this drive since `after` (milliseconds since 1970); older rows go.
    pub(crate) fn staged(&self, drive: i64, after: i64) -> Result<Vec<StagedPiece>, DbError> {
        self.0.execute(
            "DELETE FROM staged WHERE drive = ?1 AND time < ?2",
            (drive, after),
        )?;
        let mut statement = self
            .0
            .prepare_cached("SELECT pieces FROM staged WHERE drive = ?1")?;
        let rows = statement.query_map([drive], |row| row.get::<_, Vec<u8>>(0))?;
        let mut found = Vec::new();
        for row in rows {
            found.extend(crannog_proto::decode::<Vec<StagedPiece>>(&Zeroizing::new(row?))?);
        }
        Ok(found)
    }

    /// The server has staged this blob.
    pub(crate) fn save_staged(
        &self,
        drive: i64,
        blob: &BlobId,
        now: i64,
        pieces: &[StagedPiece],
    ) -> Result<(), DbError> {
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO staged (drive, blob, time, pieces) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                drive,
                blob.as_bytes().as_slice(),
                now,
                Zeroizing::new(crannog_proto::encode(&pieces)).as_slice(),
            ))?;
        Ok(())
    }

    /// An entry refers to these now, or the server no longer has them.
    pub(crate) fn forget_staged(&self, drive: i64, blobs: &[BlobId]) -> Result<(), DbError> {
        let mut statement = self
            .0
            .prepare_cached("DELETE FROM staged WHERE drive = ?1 AND blob = ?2")?;
        for blob in blobs {
            statement.execute((drive, blob.as_bytes().as_slice()))?;
        }
        Ok(())
    }

    /// The node that a get began to fetch into this new folder.
    pub(crate) fn landing(&self, target: &[u8]) -> Result<Option<NodeId>, DbError> {
        let row = self
            .0
            .prepare_cached("SELECT node FROM landings WHERE target = ?1")?
            .query_row([target], |row| Ok(NodeId(row.get(0)?)))
            .optional()?;
        Ok(row)
    }

    /// A get begins to make this folder.
    pub(crate) fn save_landing(&self, target: &[u8], node: &NodeId) -> Result<(), DbError> {
        self.0
            .prepare_cached("INSERT OR REPLACE INTO landings (target, node) VALUES (?1, ?2)")?
            .execute((target, node.0.as_slice()))?;
        Ok(())
    }

    /// It is whole.
    pub(crate) fn forget_landing(&self, target: &[u8]) -> Result<(), DbError> {
        self.0
            .prepare_cached("DELETE FROM landings WHERE target = ?1")?
            .execute([target])?;
        Ok(())
    }

    /// Chunks that lie in a part file, with the keyed hashes that prove it.
    pub(crate) fn fetched(&self, part: &[u8]) -> Result<Vec<(u64, ChunkHash)>, DbError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT place, hash FROM fetched WHERE part = ?1 ORDER BY place")?;
        let rows = statement.query_map([part], |row| Ok((from_sql(row.get(0)?), row.get(1)?)))?;
        rows.collect::<Result<_, _>>().map_err(DbError::from)
    }

    pub(crate) fn save_fetched(&self, part: &[u8], place: u64, hash: &ChunkHash) -> Result<(), DbError> {
        self.0
            .prepare_cached("INSERT OR REPLACE INTO fetched (part, place, hash) VALUES (?1, ?2, ?3)")?
            .execute((part, to_sql(place), hash.as_slice()))?;
        Ok(())
    }

    pub(crate) fn forget_fetched(&self, part: &[u8]) -> Result<(), DbError> {
        self.0
            .prepare_cached("DELETE FROM fetched WHERE part = ?1")?
            .execute([part])?;
        Ok(())
    }
}

//! How often contents name a blob, and how much of a pack: what can be dropped, and what is worth packing anew.

use std::collections::{BTreeMap, BTreeSet};

use crannog_core::content::{Content, places_of};
use crannog_core::drive::{NodeId, Version, is_live};
use crannog_proto::{AccountId, BlobId};
use rusqlite::OptionalExtension;

use super::super::DbError;
use super::super::journals::from_sql;
use super::DriveStore;

/// Packs of which less than half is named.
#[derive(Debug, Default)]
pub(crate) struct MostlyDead {
    /// And the bytes that contents name in each.
    pub(crate) packs: BTreeMap<BlobId, u64>,
    /// Bytes that they hold, and those of them that contents name; without padding.
    pub(crate) bytes: u64,
    pub(crate) live: u64,
}

/// A version with a piece in a pack that is to be packed anew.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    pub(crate) node: NodeId,
    pub(crate) version: Version,
}

impl DriveStore<'_> {
    /// How many contents name this blob directly.
    pub(crate) fn references(&self, blob: &BlobId) -> Result<u64, DbError> {
        let count: Option<i64> = self
            .connection
            .prepare_cached("SELECT count FROM blob_refs WHERE drive = ?1 AND blob = ?2")?
            .query_row((self.drive, blob.0.as_slice()), |row| row.get(0))
            .optional()?;
        Ok(count.map_or(0, from_sql))
    }

    /// A version has this content now.
    pub(super) fn refer(&self, content: &Content) -> Result<(), DbError> {
        let mut add = self.connection.prepare_cached(
            "INSERT INTO blob_refs (drive, blob, count, live, extent) VALUES (?1, ?2, 1, ?3, ?4)
             ON CONFLICT (drive, blob) DO UPDATE SET count = count + 1, live = live + ?3, extent = MAX(extent, ?4)",
        )?;
        for (blob, slot) in places_of(content) {
            let (offset, len) = slot.unwrap_or_default();
            add.execute((
                self.drive,
                blob.0.as_slice(),
                len,
                i64::from(offset) + i64::from(len),
            ))?;
        }
        Ok(())
    }

    /// A version has this content no more.
    pub(super) fn unrefer(&self, content: &Content) -> Result<(), DbError> {
        let mut take = self.connection.prepare_cached(
            "UPDATE blob_refs SET count = count - 1, live = live - ?3 WHERE drive = ?1 AND blob = ?2",
        )?;
        for (blob, slot) in places_of(content) {
            let (_, len) = slot.unwrap_or_default();
            take.execute((self.drive, blob.0.as_slice(), len))?;
        }
        Ok(())
    }

    /// Blobs that contents named once and none does now, if nothing has dropped them.
    pub(crate) fn unnamed(&self, most: usize) -> Result<Vec<BlobId>, DbError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT blob FROM blob_refs INDEXED BY blobs_unnamed WHERE drive = ?1 AND count = 0 ORDER BY blob LIMIT ?2",
        )?;
        let rows = statement.query_map((self.drive, most), |row| row.get(0).map(BlobId))?;
        rows.collect::<Result<_, _>>().map_err(DbError::from)
    }

    /// An entry dropped these.
    pub(crate) fn dropped<'b>(&self, blobs: impl Iterator<Item = &'b BlobId>) -> Result<(), DbError> {
        let mut forget = self
            .connection
            .prepare_cached("DELETE FROM blob_refs WHERE drive = ?1 AND blob = ?2 AND count = 0")?;
        for blob in blobs {
            forget.execute((self.drive, blob.0.as_slice()))?;
        }
        Ok(())
    }

    /// Packs of which less than half is named, but for those in `left`: as many as have `most` pieces together, at least one.
    pub(crate) fn mostly_dead(&self, left: &BTreeSet<BlobId>, most: u64) -> Result<MostlyDead, DbError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT blob, count, live, extent FROM blob_refs
             WHERE drive = ?1 AND count > 0 AND live * 2 < extent ORDER BY blob",
        )?;
        let mut rows = statement.query([self.drive])?;
        let (mut found, mut pieces) = (MostlyDead::default(), 0);
        while let Some(row) = rows.next()? {
            let blob = BlobId(row.get(0)?);
            if left.contains(&blob) {
                continue;
            }
            pieces += from_sql(row.get(1)?);
            if pieces > most && !found.packs.is_empty() {
                break;
            }
            let live = from_sql(row.get(2)?);
            found.packs.insert(blob, live);
            found.live += live;
            found.bytes += from_sql(row.get(3)?);
        }
        Ok(found)
    }

    /// The versions of an account that have a piece in one of these packs and name it themselves; neighbours in a pack are neighbours here.
    /// What is in the trash stays: a purge would spare what changed there.
    pub(crate) fn packed_in(
        &self,
        packs: &BTreeMap<BlobId, u64>,
        account: &AccountId,
    ) -> Result<Vec<Packed>, DbError> {
        let mut found: BTreeMap<BlobId, Vec<Packed>> = BTreeMap::new();
        self.all_versions(&mut |node, version| -> Result<(), DbError> {
            let own = version.account == *account && !has_list(&version.content);
            let pack =
                places_of(&version.content).find(|(blob, slot)| slot.is_some() && packs.contains_key(blob));
            if let (true, Some((pack, _))) = (own, pack)
                && is_live(self, node)?
            {
                found.entry(pack).or_default().push(Packed { node, version });
            }
            Ok(())
        })?;
        Ok(found.into_values().flatten().collect())
    }

    /// The contents whose chunks lists name, with the paths of their files.
    pub(crate) fn with_lists(&self) -> Result<Vec<(String, Content)>, DbError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT node, content FROM versions INDEXED BY versions_with_lists WHERE drive = ?1 AND size > 268435456",
        )?;
        let mut rows = statement.query([self.drive])?;
        let mut lists = Vec::new();
        while let Some(row) = rows.next()? {
            let path = self.names_of(NodeId(row.get(0)?))?.join("/");
            let content = zeroize::Zeroizing::new(row.get::<_, Vec<u8>>(1)?);
            lists.push((format!("/{path}"), crannog_proto::decode(&content)?));
        }
        Ok(lists)
    }

    /// Counts all again, for a file whose format did not.
    pub(crate) fn count_blobs(&self) -> Result<(), DbError> {
        self.connection
            .execute("DELETE FROM blob_refs WHERE drive = ?1", [self.drive])?;
        self.all_versions(&mut |_, version| self.refer(&version.content))
    }
}

fn has_list(content: &Content) -> bool {
    matches!(content.chunks, crannog_core::content::Chunks::Leaves(_))
}

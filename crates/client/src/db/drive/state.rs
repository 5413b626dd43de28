//! The fold's rows: nodes, versions, and what is gone.

use crannog_core::content::Content;
use crannog_core::drive::{DriveState, Head, HeadKind, NodeId, Version, VersionId};
use crannog_proto::{AccountId, DeviceId};
use rusqlite::{OptionalExtension, Row};

use super::super::journals::{from_sql, to_sql};
use super::super::{DbError, fold};
use super::{DriveStore, KIND_DIRECTORY, KIND_FILE, KIND_SYMLINK, read_attrs};

/// What a node's row says of its versions: bytes of the current one, how many there are, and bytes of all.
#[derive(Debug, Default)]
struct Sums {
    size: u64,
    versions: usize,
    bytes: u64,
}

impl Sums {
    fn of(head: &Head, versions: &[Version]) -> Self {
        let size = |version: &Version| version.content.size;
        let is_current = |version: &&Version| {
            head.kind
                == HeadKind::File {
                    current: version.version,
                }
        };
        Self {
            size: versions.iter().find(is_current).map_or(0, size),
            versions: versions.len(),
            bytes: versions.iter().map(size).fold(0, u64::saturating_add),
        }
    }
}

impl DriveStore<'_> {
    /// A node, or its new state. How many versions it has, and their bytes, are only taken for a new one.
    fn store(&self, head: &Head, sums: &Sums) -> Result<(), DbError> {
        let (kind, target, current) = columns(&head.kind);
        self.put_name(head.node, &head.name)?;
        self.connection
            .prepare_cached(
                "INSERT INTO nodes (drive, node, parent, name, mtime_s, mtime_ns, mode, kind, target, current, created,
                                    changed, trashed, size, versions, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
                 ON CONFLICT (drive, node) DO UPDATE SET parent = ?3, name = ?4, mtime_s = ?5, mtime_ns = ?6, mode = ?7,
                    kind = ?8, target = ?9, current = ?10, created = ?11, changed = ?12, trashed = ?13, size = ?14",
            )?
            .execute(rusqlite::params![
                self.drive,
                head.node.0.as_slice(),
                head.parent.0.as_slice(),
                head.name,
                head.attrs.mtime_s,
                head.attrs.mtime_ns,
                head.attrs.mode,
                kind,
                target,
                current,
                to_sql(head.created),
                to_sql(head.changed),
                head.trashed.map(to_sql),
                to_sql(sums.size),
                sums.versions,
                to_sql(sums.bytes),
            ])?;
        Ok(())
    }

    fn size_of(&self, node: NodeId, version: VersionId) -> Result<Option<u64>, DbError> {
        let size: Option<i64> = self
            .connection
            .prepare_cached("SELECT size FROM versions WHERE drive = ?1 AND node = ?2 AND version = ?3")?
            .query_row((self.drive, node.0.as_slice(), version.0.as_slice()), |row| {
                row.get(0)
            })
            .optional()?;
        Ok(size.map(from_sql))
    }

    /// Behind those that are there, if its place is not known.
    fn insert_version(&self, node: NodeId, place: Option<i64>, version: &Version) -> Result<(), DbError> {
        let content = zeroize::Zeroizing::new(crannog_proto::encode(&version.content));
        self.connection
            .prepare_cached(
                "INSERT INTO versions (drive, node, place, version, seq, time, account, device, mtime_s, mtime_ns, mode,
                                       size, content)
                 VALUES (?1, ?2,
                         COALESCE(?13, (SELECT COALESCE(MAX(place), 0) + 1 FROM versions WHERE drive = ?1 AND node = ?2)),
                         ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(rusqlite::params![
                self.drive,
                node.0.as_slice(),
                version.version.0.as_slice(),
                to_sql(version.seq),
                version.time,
                version.account.0.as_slice(),
                version.device.0.as_slice(),
                version.attrs.mtime_s,
                version.attrs.mtime_ns,
                version.attrs.mode,
                to_sql(version.content.size),
                content.as_slice(),
                place,
            ])?;
        self.refer(&version.content)
    }

    fn put_name(&self, node: NodeId, name: &str) -> Result<(), DbError> {
        self.connection
            .prepare_cached(
                "INSERT INTO names (drive, node, folded) VALUES (?1, ?2, ?3)
                 ON CONFLICT (drive, node) DO UPDATE SET folded = ?3 WHERE folded <> ?3",
            )?
            .execute((self.drive, node.0.as_slice(), fold(name)))?;
        Ok(())
    }
}

fn read_head(row: &Row<'_>) -> rusqlite::Result<Head> {
    let kind = match row.get::<_, i64>(6)? {
        KIND_DIRECTORY => HeadKind::Directory,
        KIND_SYMLINK => HeadKind::Symlink(row.get(7)?),
        _ => HeadKind::File {
            current: VersionId(row.get(8)?),
        },
    };
    Ok(Head {
        node: NodeId(row.get(0)?),
        parent: NodeId(row.get(1)?),
        name: row.get(2)?,
        attrs: read_attrs(row, 3)?,
        kind,
        created: from_sql(row.get(9)?),
        changed: from_sql(row.get(10)?),
        trashed: row.get::<_, Option<i64>>(11)?.map(from_sql),
    })
}

fn read_version(row: &Row<'_>) -> Result<Version, DbError> {
    let content: Vec<u8> = row.get(8)?;
    Ok(Version {
        version: VersionId(row.get(0)?),
        seq: from_sql(row.get(1)?),
        time: row.get(2)?,
        account: AccountId(row.get(3)?),
        device: DeviceId(row.get(4)?),
        attrs: read_attrs(row, 5)?,
        content: crannog_proto::decode(&zeroize::Zeroizing::new(content))?,
    })
}

// Indexes are named in queries: without statistics SQLite takes a scan of the whole drive for cheap.
const HEAD_COLUMNS: &str =
    "node, parent, name, mtime_s, mtime_ns, mode, kind, target, current, created, changed, trashed";

impl DriveState for DriveStore<'_> {
    type Error = DbError;

    fn head(&self, node: NodeId) -> Result<Option<Head>, DbError> {
        let sql = const_format_head("WHERE drive = ?1 AND node = ?2");
        let head = self
            .connection
            .prepare_cached(&sql)?
            .query_row((self.drive, node.0.as_slice()), read_head)
            .optional()?;
        Ok(head)
    }

    fn child(&self, parent: NodeId, name: &str) -> Result<Option<NodeId>, DbError> {
        let node = self
            .connection
            .prepare_cached(
                "SELECT node FROM nodes INDEXED BY nodes_by_parent
                 WHERE drive = ?1 AND parent = ?2 AND name = ?3 AND trashed IS NULL",
            )?
            .query_row((self.drive, parent.0.as_slice(), name), |row| row.get(0))
            .optional()?;
        Ok(node.map(NodeId))
    }

    fn children(&self, parent: NodeId) -> Result<Vec<NodeId>, DbError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT node FROM nodes INDEXED BY nodes_by_parent WHERE drive = ?1 AND parent = ?2 ORDER BY node",
        )?;
        let rows = statement.query_map((self.drive, parent.0.as_slice()), |row| row.get(0).map(NodeId))?;
        rows.collect::<Result<_, _>>().map_err(DbError::from)
    }

    fn has_version(&self, node: NodeId, version: VersionId) -> Result<bool, DbError> {
        let found = self
            .connection
            .prepare_cached("SELECT 1 FROM versions WHERE drive = ?1 AND node = ?2 AND version = ?3")?
            .exists((self.drive, node.0.as_slice(), version.0.as_slice()))?;
        Ok(found)
    }

    fn version(&self, node: NodeId, version: VersionId) -> Result<Option<Version>, DbError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT version, seq, time, account, device, mtime_s, mtime_ns, mode, content FROM versions
             WHERE drive = ?1 AND node = ?2 AND version = ?3",
        )?;
        let mut rows = statement.query((self.drive, node.0.as_slice(), version.0.as_slice()))?;
        rows.next()?.map(read_version).transpose()
    }

    fn versions(&self, node: NodeId) -> Result<Vec<Version>, DbError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT version, seq, time, account, device, mtime_s, mtime_ns, mode, content FROM versions
             WHERE drive = ?1 AND node = ?2 ORDER BY place",
        )?;
        let mut rows = statement.query((self.drive, node.0.as_slice()))?;
        let mut versions = Vec::new();
        while let Some(row) = rows.next()? {
            versions.push(read_version(row)?);
        }
        Ok(versions)
    }

    fn gone(&self, node: NodeId) -> Result<Option<u64>, DbError> {
        let changed: Option<i64> = self
            .connection
            .prepare_cached("SELECT changed FROM gone WHERE drive = ?1 AND node = ?2 AND changed > ?3")?
            .query_row((self.drive, node.0.as_slice(), to_sql(self.forgotten)), |row| {
                row.get(0)
            })
            .optional()?;
        Ok(changed.map(from_sql))
    }

    fn changed(&self, after: u64, to: u64) -> Result<Vec<NodeId>, DbError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT node FROM nodes INDEXED BY nodes_by_change WHERE drive = ?1 AND changed > ?2 AND changed <= ?3
             UNION SELECT node FROM gone INDEXED BY gone_by_change WHERE drive = ?1 AND changed > MAX(?2, ?4) AND changed <= ?3
             ORDER BY node",
        )?;
        let rows = statement.query_map(
            (self.drive, to_sql(after), to_sql(to), to_sql(self.forgotten)),
            |row| row.get(0).map(NodeId),
        )?;
        rows.collect::<Result<_, _>>().map_err(DbError::from)
    }

    fn hides(&self, place: u64) -> Result<bool, DbError> {
        self.changed_after(place)
    }

    fn put(&mut self, head: Head) -> Result<(), DbError> {
        let current = match head.kind {
            HeadKind::File { current } => self.size_of(head.node, current)?,
            _ => None,
        };
        let sums = Sums {
            size: current.unwrap_or(0),
            ..Sums::default()
        };
        let vanished = self
            .connection
            .prepare_cached("DELETE FROM gone WHERE drive = ?1 AND node = ?2")?
            .execute((self.drive, head.node.0.as_slice()))?;
        self.store(&head, &sums)?;
        match vanished {
            0 => Ok(()),
            _ => self.was_before(head.node),
        }
    }

    fn load(&mut self, head: Head, versions: Vec<Version>) -> Result<(), DbError> {
        self.store(&head, &Sums::of(&head, &versions))?;
        (1..)
            .zip(&versions)
            .try_for_each(|(place, version)| self.insert_version(head.node, Some(place), version))
    }

    fn hanging(&self) -> Result<u64, DbError> {
        let count: i64 = self
            .connection
            .prepare_cached(
                "WITH RECURSIVE folders(node) AS (
                     SELECT ?2 UNION ALL SELECT ?3 UNION ALL
                     SELECT n.node FROM folders f CROSS JOIN nodes n INDEXED BY folders_by_parent
                     ON n.drive = ?1 AND n.parent = f.node WHERE n.kind = 0)
                 SELECT COUNT(*) FROM folders f CROSS JOIN nodes n INDEXED BY nodes_by_parent
                 ON n.drive = ?1 AND n.parent = f.node",
            )?
            .query_row(
                (
                    self.drive,
                    NodeId::ROOT.0.as_slice(),
                    NodeId::RECOVERED.0.as_slice(),
                ),
                |row| row.get(0),
            )?;
        Ok(from_sql(count))
    }

    fn add_version(&mut self, node: NodeId, version: Version) -> Result<(), DbError> {
        self.insert_version(node, None, &version)?;
        self.connection
            .prepare_cached(
                "UPDATE nodes SET versions = versions + 1, bytes = bytes + ?4, size = CASE WHEN current = ?3 THEN ?4 ELSE size END
                 WHERE drive = ?1 AND node = ?2",
            )?
            .execute((
                self.drive,
                node.0.as_slice(),
                version.version.0.as_slice(),
                to_sql(version.content.size),
            ))?;
        Ok(())
    }

    fn move_version(
        &mut self,
        node: NodeId,
        version: VersionId,
        device: DeviceId,
        content: Content,
    ) -> Result<(), DbError> {
        if let Some(old) = self.version(node, version)? {
            self.unrefer(&old.content)?;
            self.refer(&content)?;
        }
        let content = zeroize::Zeroizing::new(crannog_proto::encode(&content));
        self.connection
            .prepare_cached(
                "UPDATE versions SET content = ?4, device = ?5 WHERE drive = ?1 AND node = ?2 AND version = ?3",
            )?
            .execute((
                self.drive,
                node.0.as_slice(),
                version.0.as_slice(),
                content.as_slice(),
                device.0.as_slice(),
            ))?;
        Ok(())
    }

    fn remove_version(&mut self, node: NodeId, version: VersionId) -> Result<Option<Content>, DbError> {
        let content: Option<Vec<u8>> = self
            .connection
            .prepare_cached(
                "DELETE FROM versions WHERE drive = ?1 AND node = ?2 AND version = ?3 RETURNING content",
            )?
            .query_row((self.drive, node.0.as_slice(), version.0.as_slice()), |row| {
                row.get(0)
            })
            .optional()?;
        let Some(bytes) = content else { return Ok(None) };
        let content: Content = crannog_proto::decode(&zeroize::Zeroizing::new(bytes))?;
        self.connection
            .prepare_cached(
                "UPDATE nodes SET versions = versions - 1, bytes = bytes - ?3 WHERE drive = ?1 AND node = ?2",
            )?
            .execute((self.drive, node.0.as_slice(), to_sql(content.size)))?;
        self.unrefer(&content)?;
        Ok(Some(content))
    }

    fn remove(&mut self, node: NodeId, seq: u64) -> Result<Vec<Content>, DbError> {
        let versions = self.versions(node)?;
        let mut contents = Vec::with_capacity(versions.len());
        for version in versions {
            contents.extend(self.remove_version(node, version.version)?);
        }
        for table in ["nodes", "names"] {
            self.connection
                .prepare_cached(&format!("DELETE FROM {table} WHERE drive = ?1 AND node = ?2"))?
                .execute((self.drive, node.0.as_slice()))?;
        }
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO gone (drive, node, changed) VALUES (?1, ?2, ?3)")?
            .execute((self.drive, node.0.as_slice(), to_sql(seq)))?;
        Ok(contents)
    }

    fn forget(&mut self, through: u64) -> Result<(), DbError> {
        self.connection
            .prepare_cached("DELETE FROM gone WHERE drive = ?1 AND changed <= ?2")?
            .execute((self.drive, to_sql(through)))?;
        Ok(())
    }
}

/// Kind, target and current version, as the table has them.
fn columns(kind: &HeadKind) -> (i64, Option<&[u8]>, Option<&[u8]>) {
    match kind {
        HeadKind::Directory => (KIND_DIRECTORY, None, None),
        HeadKind::File { current } => (KIND_FILE, None, Some(current.0.as_slice())),
        HeadKind::Symlink(target) => (KIND_SYMLINK, Some(target.as_slice()), None),
    }
}

fn const_format_head(tail: &str) -> String {
    format!("SELECT {HEAD_COLUMNS} FROM nodes {tail}")
}

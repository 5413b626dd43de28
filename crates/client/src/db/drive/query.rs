//! Reading a drive for people: listings, paths, trash, totals.

use crannog_core::drive::{Attrs, DriveState, NodeId, Version, VersionId};
use rusqlite::{OptionalExtension, Row};

use super::super::DbError;
use super::super::journals::from_sql;
use super::{DriveStore, KIND_DIRECTORY, KIND_FILE, KIND_SYMLINK, read_attrs};

/// A node as a listing shows it.
#[derive(Debug, Clone)]
pub(crate) struct NodeRow {
    pub(crate) node: NodeId,
    pub(crate) name: String,
    pub(crate) attrs: Attrs,
    pub(crate) kind: RowKind,
    pub(crate) versions: u32,
}

/// Its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowKind {
    Directory,
    File { size: u64, current: VersionId },
    Symlink(Vec<u8>),
}

impl NodeRow {
    /// What stands at this mount point as long as the shared file has not arrived: a file without bytes and versions.
    pub(crate) fn awaited(&self) -> Self {
        let mut row = self.clone();
        row.versions = 0;
        if let RowKind::File { size, .. } = &mut row.kind {
            *size = 0;
        }
        row
    }
}

/// Sums over a subtree.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UsageTotals {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) old_bytes: u64,
}

impl UsageTotals {
    pub(super) fn add(&mut self, more: Self) {
        self.files += more.files;
        self.bytes += more.bytes;
        self.old_bytes += more.old_bytes;
    }

    pub(super) fn subtract(&mut self, less: Self) {
        self.files = self.files.saturating_sub(less.files);
        self.bytes = self.bytes.saturating_sub(less.bytes);
        self.old_bytes = self.old_bytes.saturating_sub(less.old_bytes);
    }
}

const ROW: &str =
    "n.node, n.name, n.mtime_s, n.mtime_ns, n.mode, n.kind, n.target, n.current, n.size, n.versions";

fn read_row(row: &Row<'_>) -> rusqlite::Result<NodeRow> {
    let kind = match row.get::<_, i64>(5)? {
        KIND_DIRECTORY => RowKind::Directory,
        KIND_SYMLINK => RowKind::Symlink(row.get(6)?),
        _ => RowKind::File {
            size: from_sql(row.get(8)?),
            current: VersionId(row.get(7)?),
        },
    };
    Ok(NodeRow {
        node: NodeId(row.get(0)?),
        name: row.get(1)?,
        attrs: read_attrs(row, 2)?,
        kind,
        versions: row.get(9)?,
    })
}

/// Rows of a folder that are in memory at once: a member may put millions into one (CHK-024).
const PAGE: usize = 128;

/// What lies in a folder, by name, a few at a time.
#[derive(Debug)]
pub(crate) struct Listing {
    parent: NodeId,
    page: std::vec::IntoIter<NodeRow>,
    /// No name is empty, so everything comes after this one at first. None: the last page was read.
    after: Option<String>,
}

impl Listing {
    /// From its beginning.
    pub(crate) fn of(parent: NodeId) -> Self {
        Self {
            parent,
            page: Vec::new().into_iter(),
            after: Some(String::new()),
        }
    }

    /// The next one.
    pub(crate) fn next(&mut self, store: &DriveStore<'_>) -> Result<Option<NodeRow>, DbError> {
        if let Some(row) = self.page.next() {
            return Ok(Some(row));
        }
        let Some(after) = self.after.take() else {
            return Ok(None);
        };
        let mut rows = store.list_after(self.parent, &after)?;
        if rows.len() == PAGE {
            self.after = rows.last().map(|row| row.name.clone());
        } else if self.parent == NodeId::ROOT && store.holds_anything(NodeId::RECOVERED)? {
            rows.extend(store.row(NodeId::RECOVERED)?);
        }
        self.page = rows.into_iter();
        Ok(self.page.next())
    }
}

impl DriveStore<'_> {
    /// A node by id, trashed or not. The root and `/Recovered` are folders that always are.
    pub(crate) fn row(&self, node: NodeId) -> Result<Option<NodeRow>, DbError> {
        if node == NodeId::ROOT || node == NodeId::RECOVERED {
            let name = if node == NodeId::ROOT {
                String::new()
            } else {
                crannog_core::drive::RECOVERED_NAME.to_owned()
            };
            let attrs = Attrs {
                mtime_s: 0,
                mtime_ns: 0,
                mode: 0o755,
            };
            return Ok(Some(NodeRow {
                node,
                name,
                attrs,
                kind: RowKind::Directory,
                versions: 0,
            }));
        }
        let sql = format!("SELECT {ROW} FROM nodes n WHERE n.drive = ?1 AND n.node = ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query_map((self.drive, node.0.as_slice()), read_row)?;
        Ok(rows.next().transpose()?)
    }

    /// What lies in a folder, by name; the trash does not. All at once: [`Listing`] is for folders of any size.
    pub(crate) fn list(&self, parent: NodeId) -> Result<Vec<NodeRow>, DbError> {
        let mut listing = Listing::of(parent);
        std::iter::from_fn(|| listing.next(self).transpose()).collect()
    }

    /// The first rows of a folder behind a name.
    fn list_after(&self, parent: NodeId, name: &str) -> Result<Vec<NodeRow>, DbError> {
        let sql = format!(
            "SELECT {ROW} FROM nodes n INDEXED BY nodes_by_parent
             WHERE n.drive = ?1 AND n.parent = ?2 AND n.name > ?3 AND n.trashed IS NULL ORDER BY n.name LIMIT {PAGE}"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map((self.drive, parent.0.as_slice(), name), read_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What is not itself in the trash and whose folded name holds a text, with its folder; in no order.
    pub(super) fn matching<E: From<DbError>>(
        &self,
        text: &str,
        each: &mut impl FnMut(NodeRow, NodeId) -> Result<(), E>,
    ) -> Result<(), E> {
        let from = match text {
            "" => "nodes n WHERE n.drive = ?1 AND ?2 = ''",
            _ => {
                "names f CROSS JOIN nodes n ON n.drive = f.drive AND n.node = f.node
                 WHERE f.drive = ?1 AND instr(f.folded, ?2) > 0"
            }
        };
        let sql = format!("SELECT {ROW}, n.parent FROM {from} AND n.trashed IS NULL");
        let mut statement = self.connection.prepare_cached(&sql).map_err(DbError::from)?;
        let rows = statement.query_map((self.drive, text), |row| {
            Ok((read_row(row)?, NodeId(row.get(10)?)))
        });
        for row in rows.map_err(DbError::from)? {
            let (row, parent) = row.map_err(DbError::from)?;
            each(row, parent)?;
        }
        Ok(())
    }

    pub(super) fn holds_anything(&self, parent: NodeId) -> Result<bool, DbError> {
        let found = self
            .connection
            .prepare_cached("SELECT 1 FROM nodes INDEXED BY nodes_by_parent WHERE drive = ?1 AND parent = ?2 AND trashed IS NULL")?
            .exists((self.drive, parent.0.as_slice()))?;
        Ok(found)
    }

    /// Follows names from the top; `None` where one is missing.
    pub(crate) fn resolve(&self, names: &[String]) -> Result<Option<NodeRow>, DbError> {
        let mut at = NodeId::ROOT;
        for name in names {
            let recovered = at == NodeId::ROOT && name == crannog_core::drive::RECOVERED_NAME;
            at = match self.child(at, name)? {
                Some(node) => node,
                None if recovered => NodeId::RECOVERED,
                None => return Ok(None),
            };
        }
        self.row(at)
    }

    /// Everything below a folder (itself first), folders before what they hold, siblings by name. `each` may stop the walk by an error.
    pub(crate) fn walk<E: From<DbError>>(
        &self,
        from: NodeRow,
        each: &mut impl FnMut(NodeRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut open = Vec::new();
        let mut next = Some(from);
        loop {
            if let Some(row) = next {
                if row.kind == RowKind::Directory {
                    open.push(Listing::of(row.node));
                }
                each(row)?;
            }
            let Some(folder) = open.last_mut() else {
                return Ok(());
            };
            next = folder.next(self)?;
            if next.is_none() {
                open.pop();
            }
        }
    }

    /// A node and everything below it, the trash included.
    pub(crate) fn each_below(
        &self,
        node: NodeId,
        each: &mut impl FnMut(NodeId) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let mut stack = vec![node];
        while let Some(at) = stack.pop() {
            stack.extend(self.children(at)?);
            each(at)?;
        }
        Ok(())
    }

    /// A file's current version.
    pub(crate) fn current(&self, node: NodeId) -> Result<Option<Version>, DbError> {
        Ok(self.versions(node)?.pop())
    }

    /// A file's versions, the current one last.
    pub(crate) fn old_versions(&self, node: NodeId) -> Result<Vec<Version>, DbError> {
        self.versions(node)
    }

    /// The nodes that were put into the trash themselves, newest first; one at a time, since a member may put millions there.
    pub(crate) fn trash(&self, each: &mut impl FnMut(NodeRow) -> Result<(), DbError>) -> Result<(), DbError> {
        let sql = format!(
            "SELECT {ROW} FROM nodes n INDEXED BY nodes_in_trash WHERE n.drive = ?1 AND n.trashed IS NOT NULL ORDER BY n.trashed DESC"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        for row in statement.query_map([self.drive], read_row)? {
            each(row?)?;
        }
        Ok(())
    }

    /// When something in the trash was put there, by the remover's clock; where the body that said so is gone, no later than this.
    pub(crate) fn removed_at(&self, node: NodeId) -> Result<Option<i64>, DbError> {
        let mut select = self.connection.prepare_cached(
            "SELECT h.time FROM nodes n CROSS JOIN heads h ON h.journal = n.drive AND h.seq >= n.trashed AND h.time IS NOT NULL
             WHERE n.drive = ?1 AND n.node = ?2 AND n.trashed IS NOT NULL ORDER BY h.seq LIMIT 1",
        )?;
        Ok(select
            .query_row((self.drive, node.0.as_slice()), |row| row.get(0))
            .optional()?)
    }

    /// The names from the top to a node.
    pub(crate) fn names_of(&self, node: NodeId) -> Result<Vec<String>, DbError> {
        let mut names = Vec::new();
        let mut at = node;
        while at != NodeId::ROOT && names.len() < crannog_core::drive::MAX_DEPTH {
            if at == NodeId::RECOVERED {
                names.push(crannog_core::drive::RECOVERED_NAME.to_owned());
                break;
            }
            let Some(head) = self.head(at)? else { break };
            names.push(head.name);
            at = head.parent;
        }
        names.reverse();
        Ok(names)
    }

    /// Files and bytes at and below a node.
    pub(crate) fn totals(&self, node: NodeId) -> Result<UsageTotals, DbError> {
        // Folders are found in an index of their own, and what lies in them is read from an index alone.
        let row = self
            .connection
            .prepare_cached(
                "WITH RECURSIVE folders(node) AS (
                     SELECT ?2 UNION ALL
                     SELECT n.node FROM folders f CROSS JOIN nodes n INDEXED BY folders_by_parent
                     ON n.drive = ?1 AND n.parent = f.node WHERE n.kind = 0 AND n.trashed IS NULL),
                 files(size, bytes) AS (
                     SELECT n.size, n.bytes FROM nodes n WHERE n.drive = ?1 AND n.node = ?2 AND n.kind = ?3 UNION ALL
                     SELECT n.size, n.bytes FROM folders f CROSS JOIN nodes n INDEXED BY nodes_by_parent
                     ON n.drive = ?1 AND n.parent = f.node WHERE n.kind = ?3 AND n.trashed IS NULL)
                 SELECT COUNT(*), COALESCE(SUM(size), 0), COALESCE(SUM(bytes), 0) FROM files",
            )?
            .query_row((self.drive, node.0.as_slice(), KIND_FILE), |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })?;
        let (files, bytes, all) = (from_sql(row.0), from_sql(row.1), from_sql(row.2));
        Ok(UsageTotals {
            files,
            bytes,
            old_bytes: all.saturating_sub(bytes),
        })
    }

    /// Every version of every file, one at a time, also in the trash.
    pub(crate) fn all_versions<E: From<DbError>>(
        &self,
        each: &mut impl FnMut(NodeId, Version) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT node FROM nodes WHERE drive = ?1 AND kind = ?2 ORDER BY node")
            .map_err(DbError::from)?;
        let mut rows = statement.query((self.drive, KIND_FILE)).map_err(DbError::from)?;
        while let Some(row) = rows.next().map_err(DbError::from)? {
            let node = NodeId(row.get(0).map_err(DbError::from)?);
            for version in self.versions(node)? {
                each(node, version)?;
            }
        }
        Ok(())
    }
}

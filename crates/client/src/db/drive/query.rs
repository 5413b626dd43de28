//! Reading a drive for people: listings, paths, trash, totals.

use crannog_core::drive::{Attrs, DriveState, NodeId, Version, VersionId};
use rusqlite::Row;

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

/// A node below the folder that was walked.
#[derive(Debug, Clone)]
pub(crate) struct Walked {
    /// Names from there; empty for the folder itself.
    pub(crate) names: Vec<String>,
    pub(crate) row: NodeRow,
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

const ROW: &str = "n.node, n.name, n.mtime_s, n.mtime_ns, n.mode, n.kind, n.target, n.current, n.size,
    (SELECT COUNT(*) FROM versions v WHERE v.drive = n.drive AND v.node = n.node)";

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

    /// What lies in a folder, by name; the trash does not.
    pub(crate) fn list(&self, parent: NodeId) -> Result<Vec<NodeRow>, DbError> {
        let sql = format!(
            "SELECT {ROW} FROM nodes n INDEXED BY nodes_by_parent
             WHERE n.drive = ?1 AND n.parent = ?2 AND n.trashed IS NULL ORDER BY n.name"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map((self.drive, parent.0.as_slice()), read_row)?;
        let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
        if parent == NodeId::ROOT && self.holds_anything(NodeId::RECOVERED)? {
            rows.extend(self.row(NodeId::RECOVERED)?);
        }
        Ok(rows)
    }

    fn holds_anything(&self, parent: NodeId) -> Result<bool, DbError> {
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
        each: &mut impl FnMut(Walked) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut stack = vec![Walked {
            names: Vec::new(),
            row: from,
        }];
        while let Some(walked) = stack.pop() {
            if walked.row.kind == RowKind::Directory {
                let mut children = self.list(walked.row.node)?;
                children.reverse();
                for row in children {
                    let mut names = walked.names.clone();
                    names.push(row.name.clone());
                    stack.push(Walked { names, row });
                }
            }
            each(walked)?;
        }
        Ok(())
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

    /// The nodes that were put into the trash themselves, newest first, with the names from the top to where they were.
    pub(crate) fn trash(&self) -> Result<Vec<(NodeRow, Vec<String>)>, DbError> {
        let sql = format!(
            "SELECT {ROW} FROM nodes n INDEXED BY nodes_in_trash WHERE n.drive = ?1 AND n.trashed IS NOT NULL ORDER BY n.trashed DESC"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement
            .query_map([self.drive], read_row)?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter()
            .map(|row| Ok((row.clone(), self.names_of(row.node)?)))
            .collect()
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
        let row = self
            .connection
            .prepare_cached(
                "WITH RECURSIVE below(node) AS (
                     SELECT ?2 UNION ALL
                     SELECT n.node FROM below b CROSS JOIN nodes n INDEXED BY nodes_by_parent ON n.parent = b.node
                     WHERE n.drive = ?1 AND n.trashed IS NULL)
                 SELECT COUNT(*), COALESCE(SUM(n.size), 0),
                        COALESCE(SUM((SELECT SUM(v.size) FROM versions v WHERE v.drive = ?1 AND v.node = n.node)), 0)
                 FROM below b CROSS JOIN nodes n ON n.drive = ?1 AND n.node = b.node WHERE n.kind = ?3",
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

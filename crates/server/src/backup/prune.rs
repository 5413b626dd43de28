//! Forgetting old snapshots, and the blobs that no other needs. First a plan, which can be looked at.

use std::collections::HashSet;

use serde::Serialize;

use super::list::Reader;
use super::{BackupError, Repository, files, list, repository};

/// What would go.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Plan {
    /// Snapshots, the oldest first.
    pub(crate) snapshots: Vec<String>,
    /// Snapshots that stay.
    pub(crate) kept: Vec<String>,
    /// Files of blobs.
    pub(crate) blobs: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

impl Plan {
    /// Keeps the newest `keep` snapshots. Each of them must be whole as far as that can be told without the private key.
    pub(crate) fn make(repository: &Repository, keep: usize) -> Result<Self, BackupError> {
        let mut snapshots = repository.ids()?;
        let kept = snapshots.split_off(snapshots.len().saturating_sub(keep));
        let mut plan = Self {
            snapshots,
            kept,
            blobs: 0,
            bytes: 0,
        };
        let (mut blobs, mut bytes) = (0, 0);
        plan.unneeded(repository, |path| {
            blobs += 1;
            bytes += files::length(path)?.unwrap_or(0);
            Ok(())
        })?;
        (plan.blobs, plan.bytes) = (blobs, bytes);
        Ok(plan)
    }

    /// Does it: snapshots first, so that none ever stands without its blobs.
    pub(crate) fn execute(&self, repository: &Repository) -> Result<(), BackupError> {
        for part in ["json", "list", "sealed"] {
            for id in &self.snapshots {
                files::remove(&repository.part(id, part))?;
            }
            repository.sync_snapshots()?;
        }
        self.unneeded(repository, files::remove)
    }

    fn unneeded(
        &self,
        repository: &Repository,
        mut each: impl FnMut(&std::path::Path) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        let mut lists = Vec::new();
        for id in &self.kept {
            let facts = repository.facts(id)?;
            lists.push(Reader::open(&repository.checked_list(id, &facts)?)?);
        }
        for shard in 0..=u8::MAX {
            let mut needed = HashSet::new();
            for list in &mut lists {
                needed.extend(list.shard(shard)?.into_iter().map(|line| line.name));
            }
            let folder = repository.shard(shard);
            for name in repository::names(&folder)? {
                if list::file_name(&name).is_some_and(|name| !needed.contains(&name)) {
                    each(&folder.join(name))?;
                }
            }
        }
        Ok(())
    }
}

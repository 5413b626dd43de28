//! Forgetting old snapshots, and the blobs that no other needs. First a plan, which can be looked at.

use std::collections::HashSet;

use serde::Serialize;

use super::files::Folder;
use super::list::Reader;
use super::{BackupError, Repository, list};
use crate::store::FileName;

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
        plan.check_kept(repository)?;
        let (mut blobs, mut bytes) = (0, 0);
        plan.unneeded(repository, |folder, name| {
            blobs += 1;
            bytes += folder.length(name)?.unwrap_or(0);
            Ok(())
        })?;
        (plan.blobs, plan.bytes) = (blobs, bytes);
        Ok(plan)
    }

    /// Does it: snapshots first, so that none ever stands without its blobs.
    pub(crate) fn execute(&self, repository: &Repository) -> Result<(), BackupError> {
        // Once more: whoever may write there had time since the plan was made.
        self.check_kept(repository)?;
        if let Some(snapshots) = Folder::open(&repository.snapshots())? {
            for part in ["json", "list", "sealed"] {
                for id in &self.snapshots {
                    snapshots.remove(&format!("{id}.{part}"))?;
                }
                repository.sync_snapshots()?;
            }
        }
        self.unneeded(repository, |folder, name| folder.remove(name))
    }

    fn check_kept(&self, repository: &Repository) -> Result<(), BackupError> {
        self.kept.iter().try_for_each(|id| repository.check_kept(id))
    }

    fn unneeded(
        &self,
        repository: &Repository,
        mut each: impl FnMut(&Folder, &str) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        let mut lists = Vec::new();
        for id in &self.kept {
            let facts = repository.facts(id)?;
            lists.push(Reader::open(&repository.checked_list(id, &facts)?)?);
        }
        let Some(blobs) = Folder::open(&repository.blobs())? else {
            return Ok(());
        };
        for shard in 0..=u8::MAX {
            let mut needed = HashSet::new();
            for list in &mut lists {
                needed.extend(list.shard(shard)?.into_iter().map(|line| line.name));
            }
            let Some(folder) = blobs.below(&data_encoding::HEXLOWER.encode(&[shard]))? else {
                continue;
            };
            for name in folder.names()? {
                let unneeded = |name: FileName| name.0.first() == Some(&shard) && !needed.contains(&name);
                if list::file_name(&name).is_some_and(unneeded) {
                    each(&folder, &name)?;
                }
            }
        }
        Ok(())
    }
}

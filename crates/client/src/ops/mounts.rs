//! Mounts: which drive appears where, as home says.

use std::sync::Arc;

use crannog_core::drive::NodeId;

use super::conflict_hint;
use crate::db::{DbError, Forest, Journals, Mounts, NodeRow};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::internal;

impl Shared {
    /// All mounts of drives that this device knows; those that an alarm stopped are marked.
    pub(crate) async fn mounts(&self) -> Result<Mounts> {
        let home = self.home();
        let (mut mounts, mut mounted) = (Mounts::default(), Vec::new());
        for (id, ..) in home.journals() {
            let place = home
                .mount(&id)
                .and_then(|(on, node)| Some((self.journal(on)?, *node)));
            if let (Some((on, node)), Some(journal)) = (place, self.journal(&id)) {
                mounts.add(on.row, node, journal.row);
                mounted.push((id, journal.row));
            }
        }
        if mounted.is_empty() {
            return Ok(mounts);
        }
        let alarmed = self.db.read(move |c| {
            let mut alarmed = Vec::new();
            for (id, row) in mounted {
                let found = Journals(c).find(&id)?;
                alarmed.extend(found.and_then(|found| found.alarm).map(|_| row));
            }
            Ok(alarmed)
        });
        for row in alarmed.await? {
            mounts.close(row);
        }
        Ok(mounts)
    }

    /// Reads all drives in one snapshot, with these mounts.
    pub(crate) async fn with_forest<T: Send + 'static>(
        &self,
        mounts: &Arc<Mounts>,
        job: impl FnOnce(&Forest<'_>) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T> {
        let mounts = Arc::clone(mounts);
        Ok(self.db.read(move |c| job(&Forest::new(c, &mounts))).await?)
    }

    /// The journal with this local number.
    pub(crate) fn numbered(&self, row: i64) -> Result<Arc<Journal>> {
        let found = self.all_journals().into_iter().find(|journal| journal.row == row);
        found.ok_or_else(|| internal("a drive that is not known any more"))
    }

    /// The mount points below a folder, in its own drive.
    pub(crate) async fn mounts_below(&self, journal: &Journal, node: NodeId) -> Result<Vec<NodeRow>> {
        let (mounts, row) = (Arc::new(self.mounts().await?), journal.row);
        self.with_forest(&mounts, move |forest| forest.mount_points(row, node))
            .await
    }

    /// A folder that holds a share stays where it is: the share would be lost to sight.
    pub(crate) async fn refuse_shares_below(
        &self,
        journal: &Journal,
        node: NodeId,
        shown: &str,
    ) -> Result<()> {
        match self.mounts_below(journal, node).await?.first() {
            None => Ok(()),
            Some(point) => {
                let name = point.name.clone();
                Err(conflict_hint(
                    &format!("it holds a share ({name})"),
                    shown,
                    "move the share elsewhere first (crannog mv), or let go of it (crannog leave, crannog unshare)",
                ))
            }
        }
    }
}

/// A mount point is neither removed nor taken out of its drive.
pub(crate) fn is_a_share(shown: &str) -> Error {
    conflict_hint(
        "it is a share",
        shown,
        "crannog leave lets go of it, crannog unshare ends it for the others",
    )
}

//! Where a share appears among other files.

use crannog_agent_api::RemotePath;
use crannog_core::drive::{DriveState, MAX_DEPTH, NodeId};
use crannog_proto::JournalId;

use crate::error::Result;
use crate::journal::Journal;
use crate::shared::Shared;

/// Shares lie in shares no deeper than this.
const NESTED: usize = 32;

impl Shared {
    /// The path at which a drive is mounted; `None` if it is not, or if its mount point is gone.
    pub(crate) async fn mounted_path(&self, journal: &JournalId) -> Result<Option<RemotePath>> {
        let home = self.home();
        let (mut at, mut components) = (*journal, Vec::new());
        for _ in 0..NESTED {
            let Some((drive, node)) = home.mount(&at).copied() else {
                if at == *journal {
                    return Ok(None);
                }
                let default = home.default_drive() == Some(&at);
                return Ok(Some(RemotePath {
                    drive: (!default).then(|| self.drive_name(&at)),
                    components,
                    trailing_slash: false,
                }));
            };
            let Some(outer) = self.journal(&drive) else {
                return Ok(None);
            };
            let Some(mut names) = self.names_of(&outer, node).await? else {
                return Ok(None);
            };
            names.append(&mut components);
            (at, components) = (drive, names);
        }
        Ok(None)
    }

    /// The names from the top of a drive down to a live node.
    async fn names_of(&self, journal: &Journal, node: NodeId) -> Result<Option<Vec<String>>> {
        self.with_drive(journal, move |drive| {
            let (mut names, mut at) = (Vec::new(), node);
            for _ in 0..MAX_DEPTH {
                if at == NodeId::ROOT {
                    names.reverse();
                    return Ok(Some(names));
                }
                match drive.head(at)? {
                    Some(head) if head.trashed.is_none() => {
                        names.push(head.name);
                        at = head.parent;
                    }
                    _ => return Ok(None),
                }
            }
            Ok(None)
        })
        .await
    }
}

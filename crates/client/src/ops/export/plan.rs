//! Old versions: beside the drive's folder, each file a folder of its versions, named by their times.

use std::path::PathBuf;

use crannog_core::drive::{NodeId, Version};
use tokio::sync::mpsc;

use super::TOP;
use super::stamp::stamp;
use crate::db::{Db, DbError, DriveStore, RowKind};
use crate::error::{Error, Result};
use crate::transfer::{GetStep, Totals, component, get_version, interrupted, local_folder};

/// What is looked for, and where it goes.
pub(super) struct Old {
    pub(super) db: Db,
    pub(super) drive: i64,
    pub(super) to: PathBuf,
    pub(super) overwrite: bool,
    pub(super) dry_run: bool,
}

/// Sends a step for each version that is not the current one. Blocking.
pub(super) fn old_versions(old: &Old, totals: &Totals, steps: &mpsc::Sender<GetStep>) -> Result<()> {
    let send = |step: GetStep| steps.blocking_send(step).map_err(|_| interrupted());
    let nodes = old.db.read_blocking(|c| {
        let (mut nodes, drive): (Vec<NodeId>, _) = (Vec::new(), DriveStore::new(c, old.drive));
        let Some(top) = drive.row(TOP)? else {
            return Ok(nodes);
        };
        drive.walk(top, &mut |row| {
            if matches!(row.kind, RowKind::File { .. }) && row.versions > 1 {
                nodes.push(row.node);
            }
            Ok::<_, DbError>(())
        })?;
        Ok(nodes)
    })?;
    for node in nodes {
        let (names, versions) = old.db.read_blocking(|c| {
            let drive = DriveStore::new(c, old.drive);
            let mut versions = drive.old_versions(node)?;
            versions.pop();
            Ok((drive.names_of(node)?, versions))
        })?;
        let mut folder = old.to.clone();
        let made = names.iter().try_for_each(|name| {
            folder.push(component(name)?);
            match old.dry_run {
                true => Ok(()),
                false => local_folder(&folder, 0o077).map(drop),
            }
        });
        let each = made.map(|()| versions);
        match each {
            Err(error) => send(GetStep::Failed(told(error)?))?,
            Ok(versions) => {
                for version in versions {
                    let path = folder.join(name(&version));
                    match get_version(old.drive, node, version, path, old.overwrite, totals) {
                        Ok(step) => send(step)?,
                        Err(error) => send(GetStep::Failed(told(error)?))?,
                    }
                }
            }
        }
    }
    Ok(())
}

/// What concerns one file alone.
fn told(error: Error) -> Result<crannog_agent_api::Failure> {
    match error {
        error @ (Error::Io { .. } | Error::User(_) | Error::Lied { .. }) => Ok(error.into()),
        error => Err(error),
    }
}

/// Its time by its author's clock, and enough of its id.
fn name(version: &Version) -> String {
    let id = version.version.to_string();
    format!(
        "{}-{}",
        stamp(version.time),
        id.get(id.len().saturating_sub(8)..).unwrap_or(&id)
    )
}

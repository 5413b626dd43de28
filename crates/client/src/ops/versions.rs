//! Old versions: list, make current again.

use std::sync::Arc;

use crannog_agent_api::answer::{Changed, VersionInfo};
use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use crannog_core::drive::{DriveOp, DriveState, Version, VersionId};

use super::usage;
use crate::clock;
use crate::db::RowKind;
use crate::error::Result;
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::{Batch, Fetcher};

impl Shared {
    pub(crate) async fn versions(self: &Arc<Self>, path: RemotePath) -> Result<Answer> {
        let (_, current, versions) = self.versions_of(&path).await?;
        let home = self.home();
        let info = |version: Version| VersionInfo {
            version: version.version.to_string(),
            current: version.version == current,
            size: version.content.size,
            mtime_s: version.attrs.mtime_s,
            time: version.time,
            device: home.device_name(&version.device).unwrap_or("unnamed").to_owned(),
        };
        Ok(Answer::Versions(versions.into_iter().rev().map(info).collect()))
    }

    pub(crate) async fn versions_of(
        &self,
        path: &RemotePath,
    ) -> Result<(Arc<Journal>, VersionId, Vec<Version>)> {
        let journal = self.open_drive(path.drive.as_deref()).await?;
        let row = self.node(&journal, path).await?;
        let RowKind::File { current, .. } = row.kind else {
            return Err(usage("only files have versions", path, "give a file"));
        };
        let versions = self
            .with_drive(&journal, move |drive| drive.versions(row.node))
            .await?;
        Ok((journal, current, versions))
    }

    /// One version of a file: by id or by the beginning of its id; `None` for the current one.
    pub(crate) async fn version_of(
        &self,
        path: &RemotePath,
        wanted: Option<&str>,
    ) -> Result<(Arc<Journal>, VersionId, Version)> {
        let (journal, current, versions) = self.versions_of(path).await?;
        let found = match wanted {
            None => versions.into_iter().find(|version| version.version == current),
            Some(id) => {
                let mut matching = versions
                    .into_iter()
                    .filter(|version| version.version.to_string().starts_with(id));
                matching.next().filter(|_| matching.next().is_none())
            }
        };
        let found = found.ok_or_else(|| {
            Failure::new(Code::NotFound, "there is no such version")
                .object(format!("{} of {path}", wanted.unwrap_or("the current version")))
                .hint("crannog versions shows them")
        })?;
        Ok((journal, current, found))
    }

    pub(crate) async fn restore(
        self: &Arc<Self>,
        path: RemotePath,
        version: String,
        dry_run: bool,
    ) -> Result<Answer> {
        self.open_to_change(path.drive.as_deref()).await?;
        let (journal, current, old) = self.version_of(&path, Some(&version)).await?;
        let plan = vec![format!("restore {path} as of version {}", old.version)];
        if !dry_run && old.version != current {
            let row = self.node(&journal, &path).await?;
            let blobs = Fetcher::new(self, &journal).all_blobs(&old.content).await?;
            let version = VersionId::generate(clock::now_ms(), &mut rand::rng());
            let op = DriveOp::Write {
                node: row.node,
                base: current,
                version,
                attrs: old.attrs,
                content: old.content,
            };
            let mut batch = Batch::new(self, &journal, &Batch::permits());
            batch.op_with(op, blobs, None);
            batch.finish().await?;
        }
        Ok(Answer::Changed(Changed {
            dry_run,
            files: 1,
            plan,
            ..Changed::default()
        }))
    }
}

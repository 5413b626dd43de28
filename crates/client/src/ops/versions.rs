//! Old versions: list, make current again.

use std::sync::Arc;

use crannog_agent_api::answer::{Changed, VersionInfo};
use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use crannog_core::drive::{DriveOp, DriveState, Version, VersionId};

use super::spot::Spot;
use super::usage;
use crate::clock;
use crate::db::RowKind;
use crate::error::Result;
use crate::shared::Shared;
use crate::transfer::{Batch, Fetcher, Flow};

impl Shared {
    pub(crate) async fn versions(self: &Arc<Self>, path: RemotePath) -> Result<Answer> {
        let (current, versions) = self.versions_of(&self.locate(&path).await?).await?;
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

    async fn versions_of(&self, spot: &Spot) -> Result<(VersionId, Vec<Version>)> {
        let row = spot.row()?;
        let RowKind::File { current, .. } = row.kind else {
            return Err(usage("only files have versions", &spot.shown, "give a file"));
        };
        let node = row.node;
        let versions = self
            .with_drive(&spot.journal, move |drive| drive.versions(node))
            .await?;
        Ok((current, versions))
    }

    /// One version of the file at a spot: by id or by the beginning of its id; `None` for the current one. And which is current.
    pub(crate) async fn version_of(&self, spot: &Spot, wanted: Option<&str>) -> Result<(Version, VersionId)> {
        let (current, versions) = self.versions_of(spot).await?;
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
                .object(format!(
                    "{} of {}",
                    wanted.unwrap_or("the current version"),
                    spot.shown
                ))
                .hint("crannog versions shows them")
        })?;
        Ok((found, current))
    }

    pub(crate) async fn restore(
        self: &Arc<Self>,
        path: RemotePath,
        version: String,
        dry_run: bool,
    ) -> Result<Answer> {
        let spot = self.locate_to_change(&path).await?;
        spot.refuse_change()?;
        let (old, current) = self.version_of(&spot, Some(&version)).await?;
        let plan = vec![format!("restore {path} as of version {}", old.version)];
        if !dry_run && old.version != current {
            let (journal, node) = (&spot.journal, spot.row()?.node);
            let blobs = Fetcher::new(self, journal).all_blobs(&old.content).await?;
            let version = VersionId::generate(clock::now_ms(), &mut rand::rng());
            let op = DriveOp::Write {
                node,
                base: current,
                version,
                attrs: old.attrs,
                content: old.content,
            };
            let mut batch = Batch::new(self, journal, &Flow::plain(self));
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

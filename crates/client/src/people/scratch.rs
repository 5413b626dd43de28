use crate::error::Result;
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::Report;
use crannog_agent_api::RemotePath;
use crannog_core::drive::NodeId;
use std::sync::Arc;
pub(crate) struct Spot {
    pub(crate) journal: Arc<Journal>,
    pub(crate) path: RemotePath,
}
impl Shared {
    pub(crate) async fn locate(self: &Arc<Self>, path: &RemotePath) -> Result<Spot> {
        Ok(Spot {
            journal: self.open_drive(path.drive.as_deref()).await?,
            path: path.clone(),
        })
    }
    pub(crate) async fn locate_to_change(self: &Arc<Self>, path: &RemotePath) -> Result<Spot> {
        Ok(Spot {
            journal: self.open_to_change(path.drive.as_deref()).await?,
            path: path.clone(),
        })
    }
    pub(crate) async fn refuse_mounts_below(&self, _: &Journal, _: NodeId, _: &RemotePath) -> Result<()> {
        Ok(())
    }
    pub(crate) async fn copy_below(
        self: &Arc<Self>,
        _: &Arc<Journal>,
        _: NodeId,
        _: &Arc<Journal>,
        _: NodeId,
        _: bool,
        _: &mut Report<'_>,
    ) -> Result<u64> {
        Ok(0)
    }
    pub(crate) async fn copy_file_into(
        self: &Arc<Self>,
        _: &Arc<Journal>,
        _: NodeId,
        _: &Arc<Journal>,
        _: bool,
        _: &mut Report<'_>,
    ) -> Result<u64> {
        Ok(0)
    }
    pub(crate) async fn purge_below(self: &Arc<Self>, _: &Arc<Journal>, _: NodeId) -> Result<()> {
        Ok(())
    }
    pub(crate) async fn empty_file(self: &Arc<Self>, _: &Arc<Journal>, _: NodeId) -> Result<()> {
        Ok(())
    }
}

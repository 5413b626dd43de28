//! Dropping the bodies that a vouched checkpoint has superseded.

use std::sync::Arc;

use crannog_core::identity::Vouch;
use crannog_core::journal::{Content, Role};
use crannog_proto::Kind;

use super::super::{Draft, Journal};
use crate::db::Journals;
use crate::error::Result;
use crate::shared::Shared;

/// Runs of bodies that one entry names.
const RANGES: usize = 512;

impl Shared {
    /// Drops bodies before a checkpoint that home vouches for, in the default drive: nobody else will ever read that, for another account
    /// may not believe this one's checkpoints, and needs all history.
    pub(in crate::journal) async fn prune(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        vouch: Vouch,
    ) -> Result<()> {
        let state = journal.state();
        let alone = state.members().len() == 1 && state.role() == Some(Role::Admin);
        if !alone || self.home().default_drive() != Some(&journal.id) {
            return Ok(());
        }
        let row = journal.row;
        let ranges = self
            .db
            .read(move |c| Journals(c).prunable(row, vouch.through, RANGES))
            .await?;
        if ranges.is_empty() {
            return Ok(());
        }
        let draft = Draft {
            kind: Kind::Prune { ranges },
            // Of this list of members: where another one came meanwhile, it fails.
            on: Some(state),
            ..Draft::change(Content::Prune)
        };
        Box::pin(self.append(journal, draft)).await.map(drop)
    }
}

//! Where a reader's secrets come from.

use crannog_proto::{EpochPublic, JournalId};

use super::error::{ReadError, by_member, by_server};
use super::grant::EpochGrant;
use super::payload::JournalKind;
use crate::check::Check;
use crate::identity::AccountSecrets;

/// The secrets at hand while reading a journal.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The account's own: home's epochs come from them, and they open envelopes.
    pub account: &'a AccountSecrets,
    /// What home says of this journal's epochs (nothing, for home itself).
    pub given: &'a dyn Fn(u64) -> Option<EpochGrant>,
}

impl Keys<'_> {
    /// The secrets of an epoch that need no envelope, checked against its public halves: home's from the account secret
    /// (CHK-005), others as home records them (CHK-004).
    pub(super) fn known(
        &self,
        journal: &JournalId,
        kind: JournalKind,
        epoch: u64,
        public: &EpochPublic,
        seq: u64,
    ) -> Result<Option<EpochGrant>, ReadError> {
        let (grant, refused) = match kind {
            JournalKind::Home => {
                let grant = self
                    .account
                    .home_grant(journal, epoch)
                    .ok_or(ReadError::NeedsSecrets { epoch })?;
                (grant, by_server(Check::Home, seq))
            }
            JournalKind::Drive | JournalKind::Conversation => match (self.given)(epoch) {
                // An invite may have brought it, or another's rekey on the way back: the server has no part in it.
                Some(grant) => (grant, by_member(Check::Secret, seq)),
                None => return Ok(None),
            },
        };
        if grant.gives(journal, epoch, public) {
            Ok(Some(grant))
        } else {
            Err(refused)
        }
    }
}

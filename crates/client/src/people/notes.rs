//! Sending a note: signed by this device, sealed to the account, dropped into its inbox (`docs/spec/inbox.md`).

use std::sync::Arc;

use crannog_core::inbox::{Note, Purpose, seal_note};
use crannog_core::journal::Role;
use crannog_proto::{AccountId, ErrorCode, JournalId, Receipt};
use crannog_seal::asym::KemPublicKey;
use rand::Rng;

use crate::clock;
use crate::db::Receipts;
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;
use crate::transfer::internal;

/// How long a note is good, milliseconds.
const GOOD_FOR: i64 = 30 * 24 * 3600 * 1000;
/// Most receipts in one note.
const HEADS: usize = 64;

impl Shared {
    /// Drops a note into someone's inbox. Her chain is asked for first: a note sealed to an old generation would be hers to read, but
    /// also a lost device's.
    pub(crate) async fn send_note(self: &Arc<Self>, to: &AccountId, purpose: Purpose) -> Result<()> {
        self.follow_chain(to).await?;
        self.refuse_changed_root(to)?;
        let heads = self.shared_heads(to).await?;
        let (shared, to) = (Arc::clone(self), *to);
        let sealed = tokio::task::spawn_blocking(move || {
            let chains = shared.chains();
            let (me, her) = (chains.state(&shared.identity.account)?, chains.state(&to)?);
            let key = KemPublicKey::from_bytes(&her.generation()?.kem).ok()?;
            let mut rng = rand::rng();
            let mut id = [0; 16];
            rng.fill_bytes(&mut id);
            let time = clock::now_ms();
            let note = Note {
                version: 1,
                id,
                sender: shared.author(),
                chain: me.cite(),
                sender_root: me.root,
                recipient: to,
                recipient_root: her.root,
                time,
                expires: time + GOOD_FOR,
                heads,
                purpose,
            };
            seal_note(&note, &shared.device_keys.signing, &key, &mut rng).ok()
        });
        let sealed = sealed.await.map_err(Error::task)?;
        let sealed = sealed.ok_or_else(|| internal("a note that could not be sealed"))?;
        self.retry(|| self.transport.inbox_put(&to, &sealed)).await
    }

    /// The newest receipts of journals shared with her: heads meet in everything that is sent to a person.
    async fn shared_heads(&self, with: &AccountId) -> Result<Vec<Receipt>> {
        let mut heads = Vec::new();
        for journal in self.all_journals() {
            let state = journal.state();
            let theirs = state.members().iter().any(|member| member.account == *with);
            let (Some(last), true) = (state.last(), theirs && heads.len() < HEADS) else {
                continue;
            };
            let (row, id, seq) = (journal.row, journal.id, last.seq);
            let newest = self
                .db
                .read(move |c| Receipts(c).newest(row, &id, 0))
                .await?
                .filter(|receipt| receipt.seq <= seq);
            heads.extend(newest);
        }
        Ok(heads)
    }

    /// Asks someone who may write to refresh a journal in which this account only reads; once for each epoch and run.
    pub(crate) async fn ask_for_refresh(self: &Arc<Self>, journal: &Journal) -> Result<()> {
        let state = journal.state();
        let asked = self
            .asked
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert((journal.id, state.epoch().unwrap_or(0)));
        if !asked {
            return Ok(());
        }
        for member in state.members() {
            if member.role >= Role::Writer && !self.is_me(&member.account) {
                self.try_note(&member.account, Purpose::Refresh { journal: journal.id })
                    .await?;
            }
        }
        Ok(())
    }

    /// A note that matters only if it arrives: a full inbox, or someone who is gone, holds up nothing.
    pub(crate) async fn try_note(self: &Arc<Self>, to: &AccountId, purpose: Purpose) -> Result<bool> {
        match self.send_note(to, purpose).await {
            Ok(()) => Ok(true),
            Err(error)
                if matches!(error, Error::User(_) | Error::Lied { .. })
                    || matches!(
                        error.server_code(),
                        Some(ErrorCode::NotFound | ErrorCode::InboxFull | ErrorCode::TooManyRequests)
                    ) =>
            {
                tracing::warn!(account = %to, %error, "a note was not sent");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The name of a drive for people, without the word.
    pub(crate) fn drive_name(&self, journal: &JournalId) -> String {
        let home = self.home();
        let name = home
            .drives()
            .find(|drive| drive.journal == *journal)
            .and_then(|drive| drive.name.map(str::to_owned));
        name.unwrap_or_else(|| journal.to_string())
    }
}

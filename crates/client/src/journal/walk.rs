//! The first reading of a journal that someone else made: from the epoch of the invite back to the genesis
//! (`docs/spec/membership.md`, Admission). Nothing found here is believed: reading forward compares every secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use crannog_core::check::Check;
use crannog_core::identity::HomeOp;
use crannog_core::journal::{EpochGrant, grant_of_rekey, pending_blobs, previous_read_secret};
use crannog_proto::api::Stored;
use crannog_proto::{Header, Kind, decode, limits};

use super::Journal;
use super::ingest::Arrived;
use crate::db::EarlierKeys;
use crate::error::{Error, Result};
use crate::shared::Shared;

/// The rekeys that were found: by the epoch that each opened, where it stands.
type Rekeys = BTreeMap<u64, u64>;

impl Shared {
    /// Finds the read secrets of all epochs before one's own, unless something was read already.
    pub(super) async fn walk_back(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let id = journal.id;
        if journal.state().last().is_some() || id == self.identity.home {
            return Ok(());
        }
        let home = self.home();
        let newest = home.journals().find(|(known, ..)| *known == id);
        let Some((_, kind, mut epoch)) = newest.filter(|(.., epoch)| *epoch > 0) else {
            return Ok(());
        };
        let walked = self.db.read(move |c| EarlierKeys(c).of(&id)).await?;
        let known = |epoch: u64| home.secrets(&id, epoch).is_some() || walked.contains_key(&epoch);
        if (0..epoch).all(known) {
            return Ok(());
        }
        let Some(mut grant) = home.secrets(&id, epoch).cloned() else {
            return Ok(());
        };
        // Forward first: a token that died with its epoch shows no more than that epoch and the rekey that ended it.
        let rekeys = loop {
            let (token, rekeys, last) = self.rekeys(journal).await?;
            // The newest recorded grant may be that of a rekey that was never sent, and opens nothing: an earlier one did.
            if let Some((earlier, opens)) = self
                .grant_of_token(journal, &token)
                .filter(|(found, _)| *found < epoch)
            {
                (epoch, grant) = (earlier, opens);
            }
            let Some(last) = last.filter(|_| epoch < u64::MAX && rekeys.contains_key(&(epoch + 1))) else {
                break rekeys;
            };
            grant = self.next_grant(journal, &grant, epoch, last).await?;
            epoch += 1;
            let op = HomeOp::Secrets {
                journal: id,
                kind,
                epoch,
                grant: grant.clone(),
            };
            Box::pin(self.append_home(vec![op])).await?;
        };
        let mut secrets = grant.secrets(&id, epoch);
        for opened in (1..=epoch).rev() {
            let Some(seq) = rekeys.get(&opened) else {
                return Err(self.walk_failed(journal, Check::Rekey, opened).await);
            };
            let rekey = self.entry_at(journal, *seq).await?;
            let found = previous_read_secret(&rekey.stored.entry, rekey.body.as_deref(), &secrets);
            let read = match found {
                Ok(Some(read)) => read,
                Ok(None) => return Err(self.walk_failed(journal, Check::Rekey, *seq).await),
                Err(check) => return Err(self.walk_failed(journal, check, *seq).await),
            };
            let kept = read.clone();
            self.db
                .write(move |tx| EarlierKeys(tx).save(&id, opened - 1, &kept))
                .await?;
            let before = EpochGrant::of_reader(read);
            secrets = before.secrets(&id, opened - 1);
        }
        Ok(())
    }

    async fn walk_failed(&self, journal: &Journal, check: Check, seq: u64) -> Error {
        let object = format!("entry {seq} of {}", self.name_of(&journal.id));
        self.alarm(&journal.id, Error::lied(check, object)).await
    }

    /// Every rekey that the newest token shows, the last entry, and that token.
    async fn rekeys(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<([u8; 32], Rekeys, Option<Stored>)> {
        let (mut rekeys, mut last, mut after) = (Rekeys::new(), None, None);
        loop {
            let (token, page) = self.page(journal, after, limits::PAGE_ENTRIES).await?;
            let goal = page.last.seq;
            let Some(end) = page.entries.last() else {
                return Ok((token, rekeys, last));
            };
            let reached = end.seq;
            if after.is_some_and(|after| reached <= after) {
                return Err(self.walk_failed(journal, Check::Head, reached).await);
            }
            for stored in &page.entries {
                if let Ok(Header {
                    kind: Kind::Rekey { .. },
                    epoch,
                    ..
                }) = decode(&stored.entry.header)
                {
                    rekeys.insert(epoch.saturating_add(1), stored.seq);
                }
            }
            last = page.entries.into_iter().next_back();
            if reached >= goal {
                return Ok((token, rekeys, last));
            }
            after = Some(reached);
        }
    }

    /// What the rekey that ended an epoch has for this account.
    async fn next_grant(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        grant: &EpochGrant,
        epoch: u64,
        rekey: Stored,
    ) -> Result<EpochGrant> {
        let seq = rekey.seq;
        let rekey = self.with_body(journal, rekey).await?;
        let ending = grant.secrets(&journal.id, epoch);
        let account = self.account();
        let found = grant_of_rekey(
            &rekey.stored.entry,
            rekey.body.as_deref(),
            &ending,
            &account.secrets,
            &self.identity.account,
        );
        match found {
            Ok(Some(grant)) => Ok(grant),
            Ok(None) => Err(super::ingest::refused(
                &self.name_of(&journal.id),
                crannog_core::journal::ReadError::NotMember,
            )),
            Err(check) => Err(self.walk_failed(journal, check, seq).await),
        }
    }

    async fn entry_at(self: &Arc<Self>, journal: &Arc<Journal>, seq: u64) -> Result<Arrived> {
        let (_, page) = self.page(journal, seq.checked_sub(1), 1).await?;
        let found = page.entries.into_iter().find(|stored| stored.seq == seq);
        match found {
            Some(stored) => self.with_body(journal, stored).await,
            None => Err(self.walk_failed(journal, Check::Missing, seq).await),
        }
    }

    async fn with_body(self: &Arc<Self>, journal: &Arc<Journal>, stored: Stored) -> Result<Arrived> {
        if pending_blobs(&stored).is_empty() {
            return Ok(Arrived { stored, body: None });
        }
        let token = self
            .read_token(journal)
            .ok_or_else(|| crate::transfer::internal("a drive without keys"))?;
        let arrived = self.bodies(&journal.id, &token, vec![stored]).await?;
        arrived
            .into_iter()
            .next()
            .ok_or_else(|| crate::transfer::internal("an entry without its body"))
    }
}

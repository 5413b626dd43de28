//! From the last entry that was read to the last one that the server has.

use std::sync::Arc;

use crannog_core::check::Check;
use crannog_core::journal::{ReadError, check_receipt, pending_blobs};
use crannog_proto::api::{Page, Ring, Stored};
use crannog_proto::{ErrorCode, Header, JournalId, Kind, Receipt, decode, limits};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Journal;
use super::ingest::{Arrived, Ingested, Own, Stop, refused};
use crate::db::Journals;
use crate::error::{Error, Result};
use crate::shared::{Extra, Shared};

/// Body blobs fetched at once.
const FETCHES: usize = 4;
/// So many bytes of bodies are held before their entries are read in: nothing of an entry is verified while its body is fetched.
const HELD: usize = limits::BODY_MAX;

impl Shared {
    /// Reads everything that the server has of a journal.
    pub(crate) async fn catch_up(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let guard = journal.reading.lock().await;
        let changed = self.read_on(journal).await?;
        drop(guard);
        if changed {
            Box::pin(self.after_home_changed()).await
        } else {
            Ok(())
        }
    }

    /// A bell's ring: the entry itself if it is the very next one, else a catch-up.
    pub(crate) async fn rung(self: &Arc<Self>, ring: Ring) -> Result<()> {
        let Some(journal) = self.journal(&ring.last.journal) else {
            return Ok(());
        };
        if self.meets(&journal, &ring.last).await? {
            return Ok(());
        }
        match ring.entry {
            Some(stored) if pending_blobs(&stored).is_empty() => {
                self.take(&journal, stored, None).await.map(drop)?;
            }
            _ => self.catch_up_to(&journal, ring.last.seq).await?,
        }
        // What was rung is what was then shown.
        self.meets(&journal, &ring.last).await.map(drop)
    }

    /// Many rings may wait for one reader: what it read meanwhile costs no further question.
    async fn catch_up_to(self: &Arc<Self>, journal: &Arc<Journal>, seq: u64) -> Result<()> {
        let guard = journal.reading.lock().await;
        let read = seq < journal.state().next_seq();
        let changed = !read && self.read_on(journal).await?;
        drop(guard);
        if changed {
            Box::pin(self.after_home_changed()).await
        } else {
            Ok(())
        }
    }

    /// Checks a receipt that may have been overtaken: signature and journal (CHK-019), and the head if the place was read
    /// already (CHK-011). True if it was.
    pub(crate) async fn meets(&self, journal: &Arc<Journal>, receipt: &Receipt) -> Result<bool> {
        self.check(
            &journal.id,
            check_receipt(receipt, &self.identity.receipt_key, &journal.id, None),
        )
        .await?;
        if receipt.seq >= journal.state().next_seq() {
            self.heard_from_server();
            journal.heard(receipt.seq, receipt.head);
            return Ok(false);
        }
        let (row, seq) = (journal.row, receipt.seq);
        let own = self.db.read(move |c| Journals(c).head_at(row, seq)).await?;
        let same = own.is_none_or(|own| own == receipt.head);
        self.check(&journal.id, if same { Ok(()) } else { Err(Check::Head) })
            .await?;
        Ok(true)
    }

    /// Takes one entry, read on first if others lie between.
    pub(crate) async fn take(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        stored: Stored,
        extra: Option<Extra>,
    ) -> Result<Ingested> {
        self.take_with_body(journal, Arrived { stored, body: None }, None, extra)
            .await
    }

    pub(super) async fn take_with_body(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        arrived: Arrived,
        own: Option<Own>,
        extra: Option<Extra>,
    ) -> Result<Ingested> {
        let guard = journal.reading.lock().await;
        self.refuse_frozen(journal).await?;
        let next = journal.state().next_seq();
        // A rekey may need secrets that only a catch-up brings; own entries never do.
        let simple = extra.is_some()
            || !matches!(decode::<Header>(&arrived.stored.entry.header), Ok(header) if matches!(header.kind, Kind::Rekey { .. }));
        // What another reader took in meanwhile is only compared.
        let ingested = if arrived.stored.seq < next || (arrived.stored.seq == next && simple) {
            match self.ingest(journal, vec![arrived], own, extra).await {
                Ok(ingested) => ingested,
                Err(stop) => return Err(self.stopped(journal, stop).await),
            }
        } else {
            let home_changed = self.read_on(journal).await?;
            let ingested = self.ingest(journal, Vec::new(), own, extra).await;
            if let Err(stop) = ingested {
                return Err(self.stopped(journal, stop).await);
            }
            Ingested {
                home_changed,
                ..Ingested::default()
            }
        };
        drop(guard);
        if ingested.home_changed {
            Box::pin(self.after_home_changed()).await?;
        }
        Ok(ingested)
    }

    /// Whether home changed.
    async fn read_on(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<bool> {
        self.refuse_frozen(journal).await?;
        let mut home_changed = false;
        let mut helped = false;
        let mut promised: Option<Receipt> = None;
        loop {
            let state = journal.state();
            if state.is_closed() || state.is_removed() {
                return Ok(home_changed);
            }
            let after = state.last().map(|last| last.seq);
            let (token, page) = self.page(journal, after).await?;
            let known = check_receipt(&page.last, &self.identity.receipt_key, &journal.id, state.last());
            self.check(&journal.id, known).await?;
            journal.heard(page.last.seq, page.last.head);
            self.heard_from_server();
            // What an earlier page said of the end still holds.
            if let Some(promised) = &promised {
                let less = promised.seq > page.last.seq;
                self.check(&journal.id, if less { Err(Check::Rollback) } else { Ok(()) })
                    .await?;
                self.meets(journal, promised).await?;
            }
            let goal = *promised.get_or_insert(page.last);
            if page.entries.is_empty() {
                let all = after == Some(page.last.seq);
                self.check(&journal.id, if all { Ok(()) } else { Err(Check::Missing) })
                    .await?;
                return Ok(home_changed);
            }
            let some = within(page.entries, HELD);
            let arrived = self.bodies(&journal.id, &token, some).await?;
            match self.ingest(journal, arrived, None, None).await {
                Ok(ingested) => {
                    home_changed |= ingested.home_changed;
                    helped = false;
                    let now = journal.state();
                    if now.epoch() != state.epoch() {
                        // A token that died with its epoch showed only that epoch's end.
                        promised = None;
                    } else if now.last().is_some_and(|last| last.seq >= goal.seq) {
                        // What was there when this began is read; who writes faster than this line carries would keep it here for ever.
                        return Ok(home_changed);
                    }
                }
                Err(Stop::Read(ReadError::NeedsSecrets { .. } | ReadError::NeedsChain { .. })) if !helped => {
                    helped = true;
                    self.refresh_secrets(&journal.id).await?;
                }
                Err(stop) => return Err(self.stopped(journal, stop).await),
            }
        }
    }

    /// The next page, with the token that opened it.
    async fn page(&self, journal: &Arc<Journal>, after: Option<u64>) -> Result<([u8; 32], Page)> {
        let mut refusal = refused(&self.name_of(&journal.id), ReadError::NeedsSecrets { epoch: 0 });
        for token in self.read_tokens(journal) {
            match self
                .retry(|| {
                    self.transport
                        .entries(&journal.id, &token, after, limits::PAGE_ENTRIES)
                })
                .await
            {
                Ok(page) => return Ok((token, page)),
                Err(error) => match error.server_code() {
                    Some(ErrorCode::Forbidden | ErrorCode::NotFound) => refusal = error,
                    _ => return Err(error),
                },
            }
        }
        self.known(journal, Err(refusal)).await
    }

    async fn bodies(
        &self,
        journal: &JournalId,
        token: &[u8; 32],
        entries: Vec<Stored>,
    ) -> Result<Vec<Arrived>> {
        stream::iter(entries)
            .map(|stored| async move {
                let blobs = pending_blobs(&stored);
                let body = if blobs.is_empty() {
                    None
                } else {
                    Some(self.join_blobs(journal, token, &blobs).await?)
                };
                Ok::<_, Error>(Arrived { stored, body })
            })
            .buffered(FETCHES)
            .try_collect()
            .await
    }

    async fn join_blobs(
        &self,
        journal: &JournalId,
        token: &[u8; 32],
        blobs: &[crannog_proto::BlobId],
    ) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        for id in blobs {
            let fetched = self
                .retry(|| self.transport.get_blob(journal, token, id, limits::CHUNK))
                .await;
            match fetched {
                Ok(blob) => body.extend_from_slice(blob.bytes()),
                Err(error) if error.server_code() == Some(ErrorCode::NotFound) => {
                    let gone = self.missing_blob(journal, id, "an entry");
                    return Err(self.alarm(journal, gone).await);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(body)
    }

    /// A failed check freezes the journal: an alarm is kept until someone looks at it.
    pub(crate) async fn check(
        &self,
        journal: &JournalId,
        result: std::result::Result<(), Check>,
    ) -> Result<()> {
        match result {
            Ok(()) => Ok(()),
            Err(check) => Err(self
                .alarm(journal, Error::lied(check, self.name_of(journal)))
                .await),
        }
    }

    pub(super) async fn stopped(&self, journal: &Journal, stop: Stop) -> Error {
        match stop {
            Stop::Db(error) => error.into(),
            Stop::Read(error) => {
                let refusal = refused(&self.name_of(&journal.id), error);
                self.alarm(&journal.id, refusal).await
            }
        }
    }
}

/// The first entries of a page whose bodies in blobs are together not longer than `held`; one in any case. The others come again.
fn within(entries: Vec<Stored>, held: usize) -> Vec<Stored> {
    let mut bytes = 0usize;
    let mut first = true;
    let fits = |stored: &Stored| {
        bytes = bytes.saturating_add(pending_blobs(stored).len().saturating_mul(limits::CHUNK));
        std::mem::take(&mut first) || bytes <= held
    };
    entries.into_iter().take_while(fits).collect()
}

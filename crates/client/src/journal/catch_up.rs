//! From the last entry that was read to the last one that the server has.

use std::collections::HashSet;
use std::sync::Arc;

use crannog_core::check::Check;
use crannog_core::journal::{Fault, ReadError, check_receipt, pending_blobs};
use crannog_proto::api::{Page, Ring, Stored};
use crannog_proto::{ErrorCode, Hash, Header, JournalId, Kind, Receipt, decode, labels, limits};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Journal;
use super::ingest::{Arrived, Ingested, Own, Reading, Stop, refused};
use super::segments::Suspect;
use crate::db::Journals;
use crate::error::{Error, Result};
use crate::shared::{Extra, Shared};

/// What reading on changed beside the journal itself.
#[derive(Debug, Default)]
struct Changed {
    home: bool,
    members: bool,
    suspects: Vec<Suspect>,
    checkpoint: bool,
}

impl Changed {
    fn with(&mut self, ingested: &mut Ingested) {
        self.home |= ingested.home_changed;
        self.members |= ingested.members_changed;
        self.suspects.append(&mut ingested.suspects);
        self.checkpoint |= ingested.checkpoint;
    }
}

/// Body blobs fetched at once.
const FETCHES: usize = 4;
/// So many bytes of bodies are held before their entries are read in: nothing of an entry is verified while its body is fetched.
const HELD: usize = limits::BODY_MAX;

impl Shared {
    /// Reads everything that the server has of a journal.
    pub(crate) async fn catch_up(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let guard = journal.reading.lock().await;
        let changed = self.read_on(journal).await;
        drop(guard);
        self.follow_up(journal, changed?).await
    }

    /// What has to be done because of what was read.
    async fn follow_up(self: &Arc<Self>, journal: &Arc<Journal>, changed: Changed) -> Result<()> {
        if changed.home {
            Box::pin(self.after_home_changed()).await?;
        }
        if changed.members {
            Box::pin(self.mend_grant(journal)).await?;
        }
        self.examine(journal, changed.suspects).await?;
        if changed.checkpoint {
            self.due.look(&journal.id);
        }
        Ok(())
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
                let arrived = Arrived { stored, body: None };
                self.take_with_body(&journal, arrived, None, vec![ring.last], None)
                    .await
                    .map(drop)?;
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
        let changed = match read {
            true => Ok(Changed::default()),
            false => self.read_on(journal).await,
        };
        drop(guard);
        self.follow_up(journal, changed?).await
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
        if own.is_none_or(|own| own == receipt.head) {
            return Ok(true);
        }
        Err(self.forked(journal, Check::Head, receipt).await)
    }

    /// Takes one entry, read on first if others lie between.
    pub(crate) async fn take(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        stored: Stored,
        extra: Option<Extra>,
    ) -> Result<Ingested> {
        let arrived = Arrived { stored, body: None };
        self.take_with_body(journal, arrived, None, Vec::new(), extra)
            .await
    }

    /// `own` must then stand where its receipt says; `receipts` verified, and `extra` runs in the same transaction.
    pub(super) async fn take_with_body(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        arrived: Arrived,
        own: Option<Own>,
        receipts: Vec<Receipt>,
        extra: Option<Extra>,
    ) -> Result<Ingested> {
        let guard = journal.reading.lock().await;
        self.refuse_frozen(journal).await?;
        let next = journal.state().next_seq();
        // What may need a chain or secrets that only a catch-up brings; own entries never do.
        let simple = own.is_some()
            || extra.is_some()
            || !matches!(decode::<Header>(&arrived.stored.entry.header), Ok(header) if matches!(header.kind, Kind::Rekey { .. }));
        // What another reader took in meanwhile is only compared.
        let direct =
            arrived.stored.seq < next || (arrived.stored.seq == next && simple && journal.is_settled());
        let mut rest = Reading {
            own,
            receipts,
            ..Reading::default()
        };
        if direct {
            let reading = Reading {
                arrived: Arc::new(vec![arrived]),
                own: rest.own,
                receipts: std::mem::take(&mut rest.receipts),
            };
            let own_one = rest.own.is_some() || extra.is_some();
            match self.ingest(journal, reading, extra).await {
                Ok(ingested) => {
                    drop(guard);
                    return self.taken(journal, ingested).await;
                }
                Err(Stop::Read(error, _))
                    if !own_one
                        && (may_lack_secrets(&error) || matches!(error, ReadError::NeedsChain { .. })) => {}
                Err(stop) => return Err(self.stopped(journal, stop).await),
            }
            let changed = self.read_on(journal).await;
            drop(guard);
            self.follow_up(journal, changed?).await?;
            return Ok(Ingested::default());
        }
        let changed = self.read_on(journal).await?;
        let ingested = match self.ingest(journal, rest, extra).await {
            Ok(ingested) => ingested,
            Err(stop) => return Err(self.stopped(journal, stop).await),
        };
        drop(guard);
        self.follow_up(journal, changed).await?;
        self.taken(journal, ingested).await
    }

    async fn taken(self: &Arc<Self>, journal: &Arc<Journal>, mut ingested: Ingested) -> Result<Ingested> {
        let mut changed = Changed::default();
        changed.with(&mut ingested);
        self.follow_up(journal, changed).await?;
        Ok(ingested)
    }

    async fn read_on(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<Changed> {
        self.refuse_frozen(journal).await?;
        self.walk_back(journal).await?;
        let mut changed = Changed::default();
        let mut died = false;
        let mut promised: Option<Receipt> = None;
        loop {
            self.start(journal).await?;
            let state = journal.state();
            if state.is_closed() || state.is_removed() {
                return Ok(changed);
            }
            let after = state.last().map(|last| last.seq);
            let awaited = self.awaited(journal).await?;
            let (token, page) = self.page(journal, after, limits::PAGE_ENTRIES).await?;
            let known = check_receipt(&page.last, &self.identity.receipt_key, &journal.id, state.last());
            match known {
                Err(Check::Head) => return Err(self.forked(journal, Check::Head, &page.last).await),
                known => self.check(&journal.id, known).await?,
            }
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
                // CHK-012: home says that its entry was acknowledged.
                let met = awaited.map_or(Ok(()), |_| Err(Check::Rollback));
                self.check(&journal.id, met).await?;
                if self.end_reading(journal, goal.seq).await? {
                    // CHK-026: nothing follows that says why a body is gone.
                    let lacks = self.lacks_a_prune(journal).await?;
                    self.check(&journal.id, if lacks { Err(Check::Missing) } else { Ok(()) })
                        .await?;
                    return Ok(changed);
                }
                promised = None;
                continue;
            }
            if self.start_over(journal, &page.entries).await? {
                continue;
            }
            let some = within(page.entries, HELD);
            let arrived = match self.bodies(&journal.id, &token, some).await {
                // The epoch ended meanwhile, and its token with it: the next page has another.
                Err(error) if error.server_code() == Some(ErrorCode::Forbidden) && !died => {
                    died = true;
                    continue;
                }
                bodies => Arc::new(bodies?),
            };
            died = false;
            let mut ingested = self.ingest_helped(journal, &arrived, page.last).await?;
            // Each page's before the next is read: they are held until then.
            self.examine(journal, std::mem::take(&mut ingested.suspects))
                .await?;
            changed.with(&mut ingested);
            let now = journal.state();
            if now.epoch() != state.epoch() {
                // A token that died with its epoch showed only that epoch's end.
                promised = None;
            } else if now.last().is_some_and(|last| last.seq >= goal.seq) {
                // What was there when this began is read; who writes faster than this line carries would keep it here for ever. A Prune may
                // have come meanwhile.
                if self.end_reading(journal, goal.seq).await? && !self.lacks_a_prune(journal).await? {
                    return Ok(changed);
                }
                promised = None;
            }
        }
    }

    /// Whether bodies were gone and no Prune was read that says why.
    async fn lacks_a_prune(&self, journal: &Journal) -> Result<bool> {
        let row = journal.row;
        Ok(self.db.read(move |c| Journals(c).lacks_a_prune(row)).await?)
    }

    /// Reads a page in. What it needs of sigchains and secrets is asked for, each once.
    async fn ingest_helped(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        arrived: &Arc<Vec<Arrived>>,
        last: Receipt,
    ) -> Result<Ingested> {
        let (mut asked, mut helped) = (HashSet::new(), false);
        loop {
            let reading = Reading {
                arrived: Arc::clone(arrived),
                own: None,
                receipts: vec![last],
            };
            match self.ingest(journal, reading, None).await {
                Ok(ingested) => return Ok(ingested),
                Err(Stop::Read(ReadError::NeedsChain { account, seq }, _))
                    if asked.insert((account, seq)) =>
                {
                    match self.follow_chain(&account).await {
                        Ok(()) => {}
                        // CHK-022: a list has somebody whom the directory does not know, though it keeps everyone.
                        Err(error) if error.server_code() == Some(ErrorCode::NotFound) => {
                            let ghost = Error::lied(Check::Rekey, self.name_of(&journal.id));
                            return Err(self.alarm(&journal.id, ghost).await);
                        }
                        Err(error) => return Err(self.alarm(&journal.id, error).await),
                    }
                }
                // CHK-007: a member has seen this link, and the server, asked just now, keeps it for itself. It is not passed over: whoever
                // is shown the link reads the entry.
                Err(Stop::Read(ReadError::NeedsChain { account, .. }, _)) => {
                    let name = self.name_of_person(&account);
                    let object = format!("the sigchain of {name}, in {}", self.name_of(&journal.id));
                    let withheld = Error::lied(Check::ChainFloor, object);
                    return Err(self.alarm(&journal.id, withheld).await);
                }
                Err(Stop::Read(error, _)) if !helped && may_lack_secrets(&error) => {
                    helped = true;
                    self.refresh_secrets(&journal.id).await?;
                }
                Err(stop) => return Err(self.stopped(journal, stop).await),
            }
        }
    }

    /// The next page, with the token that opened it.
    pub(super) async fn page(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        after: Option<u64>,
        limit: usize,
    ) -> Result<([u8; 32], Page)> {
        let (mut asked, first) = (false, journal.state().next_seq());
        let begins_late =
            |page: &Page| after.is_none() && page.entries.first().is_some_and(|entry| entry.seq > first);
        loop {
            let mut refusal = refused(&self.name_of(&journal.id), ReadError::NeedsSecrets { epoch: 0 });
            for token in self.read_tokens(journal) {
                let page = self
                    .retry(|| self.transport.entries(&journal.id, &token, after, limit))
                    .await;
                match page {
                    Ok(page) if !asked && begins_late(&page) => {}
                    Ok(page) => return Ok((token, page)),
                    Err(error) if opens_nothing_here(&error) => refusal = error,
                    Err(error) => return Err(error),
                }
            }
            // CHK-011, unless the newest token that home has died meanwhile: then it shows its own epoch, which may begin further on.
            if asked || refusal.server_code().is_some() || journal.id == self.identity.home {
                return self.known(journal, Err(refusal)).await;
            }
            asked = true;
            self.refresh_secrets(&journal.id).await?;
        }
    }

    pub(super) async fn bodies(
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

    /// A member's bad Change or Checkpoint can be passed over once somebody has looked: which one it was is kept with the alarm.
    pub(super) async fn stopped(&self, journal: &Journal, stop: Stop) -> Error {
        match stop {
            Stop::Db(error) => error.into(),
            Stop::Read(error, culprit) => {
                let plain = culprit.as_ref().filter(|culprit| is_plain(&culprit.stored));
                let bad = match (&error, plain) {
                    (
                        ReadError::Refused {
                            by: Fault::Member, ..
                        },
                        Some(culprit),
                    ) => Some(Hash::of(labels::HEADER, &culprit.stored.entry.header)),
                    _ => None,
                };
                if let (ReadError::Refused { check, .. }, Some(culprit)) = (&error, culprit) {
                    self.keep_entry(journal, *check, *culprit).await;
                }
                let refusal = refused(&self.name_of(&journal.id), error);
                self.alarm_by(&journal.id, refusal, bad).await
            }
        }
    }
}

fn is_plain(stored: &Stored) -> bool {
    let header = decode::<Header>(&stored.entry.header);
    header.is_ok_and(|header| matches!(header.kind, Kind::Change | Kind::Checkpoint { .. }))
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

/// Whether newer secrets may read the entry: an envelope that does not open may be sealed to a generation of which this device has not heard.
fn may_lack_secrets(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::NeedsSecrets { .. }
            | ReadError::Refused {
                check: Check::Seal,
                ..
            }
    )
}

/// Whether another token may do better.
fn opens_nothing_here(error: &Error) -> bool {
    matches!(error, Error::Transport(error) if error.is_gap())
        || matches!(
            error.server_code(),
            Some(ErrorCode::Forbidden | ErrorCode::NotFound)
        )
}

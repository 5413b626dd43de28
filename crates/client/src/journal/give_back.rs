//! What a restored server lost of a journal goes back to it, byte for byte and in order (`docs/spec/journal.md`, Healing).
//!
//! The chain of heads is a function of the entries, so nothing here has to be believed: what comes back makes the very chain that
//! everybody knows, or it is refused.

use std::sync::Arc;

use bytes::Bytes;
use crannog_core::check::Check;
use crannog_core::journal::{JournalState, check_receipt};
use crannog_proto::api::AppendResult;
use crannog_proto::{BlobId, Entry, ErrorCode, Header, Kind, Place, Receipt, decode, limits};

use super::Journal;
use crate::db::{Journals, RawEntries, RawEntry};
use crate::error::{Error, Result};
use crate::ops::may_cite;
use crate::shared::Shared;
use crate::transport::TransportError;

/// About so many bytes go in one request.
const BYTES: usize = limits::APPEND_MAX / 2;
/// Read tokens of one request.
const TOKENS: usize = 16;

/// Where the server stands in a journal, held against what this device has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has no less, up to this entry; none where it is not asked.
    Level { end: Option<u64> },
    /// It lacks what begins with this entry.
    Behind { from: u64 },
    /// It has nothing of it that the tokens known here open.
    Gone,
}

impl Shared {
    /// Asks where the server's end is. Behind is only who stands on the chain that was read: another past is an alarm.
    pub(crate) async fn standing(&self, journal: &Arc<Journal>) -> Result<Standing> {
        let state = journal.state();
        let Some(last) = state.last().filter(|_| !state.is_closed() && !state.is_removed()) else {
            return Ok(Standing::Level { end: None });
        };
        let Some(receipt) = self.server_end(journal, &state, last.seq).await? else {
            return Ok(Standing::Gone);
        };
        let known = check_receipt(&receipt, &self.identity.receipt_key, &journal.id, None);
        self.check(&journal.id, known).await?;
        let (row, seq) = (journal.row, receipt.seq);
        let own = self.db.read(move |c| Journals(c).head_at(row, seq)).await?;
        match own {
            Some(own) if own != receipt.head => Err(self.forked(journal, Check::Head, &receipt).await),
            _ if receipt.seq >= last.seq => Ok(Standing::Level {
                end: Some(receipt.seq),
            }),
            Some(_) => Ok(Standing::Behind { from: seq + 1 }),
            None => Err(self.forked(journal, Check::Head, &receipt).await),
        }
    }

    /// A server that went back knows the tokens of the epoch that it went back to.
    async fn server_end(
        &self,
        journal: &Arc<Journal>,
        state: &JournalState,
        last: u64,
    ) -> Result<Option<Receipt>> {
        let mut tokens = self.read_tokens(journal);
        for epoch in (0..=state.epoch().unwrap_or(0)).rev() {
            let token = state
                .secrets(epoch)
                .map(|secrets| *secrets.read_token().expose_to_server());
            if let Some(token) = token.filter(|token| !tokens.contains(token)) {
                tokens.push(token);
            }
        }
        for token in tokens {
            let page = self.retry(|| self.transport.entries(&journal.id, &token, Some(last), 1));
            match page.await {
                Ok(page) => return Ok(Some(page.last)),
                Err(error)
                    if matches!(
                        error.server_code(),
                        Some(ErrorCode::NotFound | ErrorCode::Forbidden)
                    ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Makes a journal again that the server lost as a whole; only its creator pays for it, and so can.
    pub(crate) async fn create_back(&self, journal: &Arc<Journal>) -> Result<bool> {
        let row = journal.row;
        let first = self.db.read(move |c| RawEntries(c).run(row, 0, 1, BYTES)).await?;
        let (Some(genesis), Some(key)) = (first.into_iter().next(), journal.grant_of_maker()) else {
            return Ok(false);
        };
        let receipt = self
            .retry(|| self.transport.create_back(&genesis.entry, &key))
            .await?;
        self.stands(journal, &receipt, 0).await?;
        Ok(true)
    }

    /// Gives back what begins with `from`, as far as this device kept it; says how many entries the server then has again.
    pub(crate) async fn give_back(&self, journal: &Arc<Journal>, from: u64) -> Result<u64> {
        let (row, mut next) = (journal.row, from);
        loop {
            let run = self
                .db
                .read(move |c| RawEntries(c).run(row, next, limits::APPEND_ENTRIES, BYTES))
                .await?;
            let run = of_one_hand(through_rekey(run));
            let Some(first) = run.first() else {
                return Ok(next - from);
            };
            let tokens = match first.own {
                true => self.other_tokens(journal),
                false => Vec::new(),
            };
            for raw in &run {
                self.put_pieces(journal, raw).await?;
            }
            let entries: Vec<Entry> = run.into_iter().map(|raw| raw.entry).collect();
            let results = self
                .retry(|| self.transport.append_back(&journal.id, &entries, &tokens))
                .await?;
            for result in results {
                match result {
                    AppendResult::Done(receipt) => {
                        self.stands(journal, &receipt, next).await?;
                        next += 1;
                    }
                    AppendResult::Missing(ids) => {
                        let code = ErrorCode::NotFound;
                        return Err(refusal(code, ids));
                    }
                    AppendResult::Refused { code } => {
                        let code = code.parse().unwrap_or(ErrorCode::Internal);
                        return Err(refusal(code, Vec::new()));
                    }
                }
            }
        }
    }

    /// What was given back stands where it stood: signed (CHK-019), with the head that everybody knows (CHK-011).
    async fn stands(&self, journal: &Arc<Journal>, receipt: &Receipt, seq: u64) -> Result<()> {
        let row = journal.row;
        let own = self.db.read(move |c| Journals(c).head_at(row, seq)).await?;
        let known = check_receipt(receipt, &self.identity.receipt_key, &journal.id, None);
        self.check(&journal.id, known).await?;
        if receipt.seq != seq || own != Some(receipt.head) {
            return Err(self.forked(journal, Check::Head, receipt).await);
        }
        Ok(())
    }

    /// A body that travelled in blobs is staged again. Whoever only reads holds no key for that, and says so by the server's answer.
    async fn put_pieces(&self, journal: &Arc<Journal>, raw: &RawEntry) -> Result<()> {
        let (Some(body), Ok(header)) = (&raw.body, decode::<Header>(&raw.entry.header)) else {
            return Ok(());
        };
        let (Place::Blobs(ids), Some(grant)) = (&header.body.place, journal.grant_of(header.epoch)) else {
            return Ok(());
        };
        for (id, piece) in ids.iter().zip(body.chunks(limits::CHUNK)) {
            let bytes = Bytes::copy_from_slice(piece);
            self.retry(|| self.transport.put_back(&journal.id, &grant, id, bytes.clone()))
                .await?;
        }
        Ok(())
    }

    /// Journals that may hold what an entry of this account took over from them.
    fn other_tokens(&self, journal: &Journal) -> Vec<[u8; 32]> {
        let (others, target) = (self.all_journals(), journal.state());
        let others = others.iter().filter(|other| {
            other.id != journal.id && other.id != self.identity.home && may_cite(&other.state(), &target)
        });
        others
            .filter_map(|other| self.read_token(other))
            .take(TOKENS)
            .collect()
    }
}

/// The keys of an epoch are the server's only once the rekey stands.
fn through_rekey(mut run: Vec<RawEntry>) -> Vec<RawEntry> {
    let rekey = |raw: &RawEntry| {
        let header = decode::<Header>(&raw.entry.header);
        header.is_ok_and(|header| matches!(header.kind, Kind::Rekey { .. }))
    };
    if let Some(at) = run.iter().position(rekey) {
        run.truncate(at + 1);
    }
    run
}

/// What others wrote goes apart from what this account wrote: only the latter may take over from its drives.
fn of_one_hand(mut run: Vec<RawEntry>) -> Vec<RawEntry> {
    let own = run.first().is_some_and(|first| first.own);
    if let Some(at) = run.iter().position(|raw| raw.own != own) {
        run.truncate(at);
    }
    run
}

fn refusal(code: ErrorCode, ids: Vec<BlobId>) -> Error {
    TransportError::Server {
        code,
        ids,
        retry_after: None,
    }
    .into()
}

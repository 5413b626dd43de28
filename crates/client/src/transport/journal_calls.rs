//! Calls about journals: create, read, append.

use crannog_core::check::Check;
use crannog_proto::api::{AppendResult, Appended, Page, READ_HEADER};
use crannog_proto::chain::next_head;
use crannog_proto::{BlobId, Entry, Hash, Header, JournalId, Receipt, decode, encode, limits};
use data_encoding::HEXLOWER;
use http::HeaderName;
use zeroize::Zeroizing;

use super::Transport;
use super::error::TransportError;
use super::exchange::{Answer, Call};
use super::session::Live;

/// A page may begin with its largest entry just below the limit.
const PAGE_ANSWER_MAX: usize = limits::PAGE_MAX + limits::HEADER_MAX + 64 * 1024;
/// One `Missing` of all that an entry can name, and receipts.
const APPEND_ANSWER_MAX: usize = limits::IDS_MAX * 32 + 64 * 1024;

impl Transport {
    /// `POST /v1/journals`: creates the journal of this genesis. The receipt names it, place 0 and its head; its
    /// signature is for the caller to check.
    pub async fn create_journal(&self, genesis: &Entry) -> Result<Receipt, TransportError> {
        let call = Call::post("/v1/journals", encode(genesis), 1024);
        self.create(genesis, &call, |call, _| call).await
    }

    pub(super) async fn create(
        &self,
        genesis: &Entry,
        call: &Call,
        finish: impl Fn(Call, &Live) -> Call + Send + Sync,
    ) -> Result<Receipt, TransportError> {
        let answer = self.with_session(|live| finish(call.clone(), live)).await?;
        let receipt: Receipt = answer.decode(call)?;
        check_genesis_receipt(genesis, &receipt, call, &answer)?;
        Ok(receipt)
    }

    /// `GET …/entries`: up to `limit` entries after place `after` (absent: from genesis), gapless and in order, and the
    /// receipt of the last entry of all. Whether heads and signatures are true is for the caller to check.
    pub async fn entries(
        &self,
        journal: &JournalId,
        read_token: &[u8; 32],
        after: Option<u64>,
        limit: usize,
    ) -> Result<Page, TransportError> {
        if limit == 0 || limit > limits::PAGE_ENTRIES {
            return Err(TransportError::Misuse("a page has 1 to 512 entries"));
        }
        let path = match after {
            Some(seq) => format!("/v1/journals/{journal}/entries?after={seq}&limit={limit}"),
            None => format!("/v1/journals/{journal}/entries?limit={limit}"),
        };
        let call = with_read(Call::get(path, PAGE_ANSWER_MAX), &[*read_token]);
        let answer = self.with_session(|_| call.clone()).await?;
        let page: Page = answer.decode(&call)?;
        check_page(&page, journal, after, limit)
            .map_err(|check| TransportError::misbehaved(check, call.object(), answer.bytes.as_ref()))?;
        Ok(page)
    }

    /// `POST …/entries`: appends entries in order, at most 64 and 8 MiB together. One result per entry that was tried;
    /// only the last can be other than `Done`. `extra_tokens` are read tokens of journals that hold blobs named here.
    /// The receipts' signatures are for the caller to check.
    pub async fn append(
        &self,
        journal: &JournalId,
        entries: &[Entry],
        extra_tokens: &[[u8; 32]],
    ) -> Result<Vec<AppendResult>, TransportError> {
        let call = append_call(journal, entries, extra_tokens)?;
        self.send_append(journal, entries, call).await
    }

    pub(super) async fn send_append(
        &self,
        journal: &JournalId,
        entries: &[Entry],
        call: Call,
    ) -> Result<Vec<AppendResult>, TransportError> {
        let answer = self.with_session(|_| call.clone()).await?;
        let Appended { results } = answer.decode(&call)?;
        check_results(&results, journal, entries)
            .map_err(|check| TransportError::misbehaved(check, call.object(), answer.bytes.as_ref()))?;
        Ok(results)
    }
}

pub(super) fn append_call(
    journal: &JournalId,
    entries: &[Entry],
    extra_tokens: &[[u8; 32]],
) -> Result<Call, TransportError> {
    let body = encode(&entries);
    if entries.is_empty() || entries.len() > limits::APPEND_ENTRIES || body.len() > limits::APPEND_MAX {
        return Err(TransportError::Misuse(
            "an append has 1 to 64 entries and at most 8 MiB",
        ));
    }
    let call = Call::post(format!("/v1/journals/{journal}/entries"), body, APPEND_ANSWER_MAX);
    Ok(if extra_tokens.is_empty() {
        call
    } else {
        with_read(call, extra_tokens)
    })
}

/// Adds read tokens.
pub(super) fn with_read(call: Call, tokens: &[[u8; 32]]) -> Call {
    let mut value = Zeroizing::new(String::with_capacity(tokens.len() * 65));
    for token in tokens {
        if !value.is_empty() {
            value.push(',');
        }
        HEXLOWER.encode_append(token, &mut value);
    }
    call.secret(HeaderName::from_static(READ_HEADER), &value)
}

/// CHK-019: what was created is what was sent.
pub(super) fn check_genesis_receipt(
    genesis: &Entry,
    receipt: &Receipt,
    call: &Call,
    answer: &Answer,
) -> Result<(), TransportError> {
    let journal = JournalId::of_genesis(&genesis.header);
    let head = next_head(&Hash::ZERO, 0, &genesis.header);
    if (receipt.journal, receipt.seq, receipt.head) != (journal, 0, head) {
        return Err(TransportError::misbehaved(
            Check::Receipt,
            call.object(),
            answer.bytes.as_ref(),
        ));
    }
    Ok(())
}

/// No more than was asked for, without gap, and not contradicting its own receipt.
fn check_page(page: &Page, journal: &JournalId, after: Option<u64>, limit: usize) -> Result<(), Check> {
    if page.entries.len() > limit {
        return Err(Check::Bounds);
    }
    if page.last.journal != *journal {
        return Err(Check::Receipt);
    }
    // A token that died with its epoch begins there, wherever that is; who reads from the genesis misses it (CHK-011).
    let first = page.entries.first().map(|stored| stored.seq);
    let mut expected = after.map_or(first, |seq| seq.checked_add(1));
    for stored in &page.entries {
        if Some(stored.seq) != expected {
            return Err(Check::Head);
        }
        expected = stored.seq.checked_add(1);
    }
    match page.entries.last() {
        Some(stored) if stored.seq > page.last.seq => Err(Check::Head),
        Some(stored) if stored.seq == page.last.seq && stored.head != page.last.head => Err(Check::Head),
        _ => Ok(()),
    }
}

/// At least one result, none after the first that is not Done, no receipt of another journal, nothing missing that was
/// not named.
fn check_results(results: &[AppendResult], journal: &JournalId, entries: &[Entry]) -> Result<(), Check> {
    let (Some(last), Some(before)) = (results.last(), results.len().checked_sub(1)) else {
        return Err(Check::Bounds);
    };
    let done = |result: &AppendResult| matches!(result, AppendResult::Done(_));
    let stopped = !done(last);
    if !results.iter().take(before).all(done) || results.len() > entries.len() {
        return Err(Check::Bounds);
    }
    if results.len() < entries.len() && !stopped {
        return Err(Check::Bounds);
    }
    let foreign =
        |result: &AppendResult| matches!(result, AppendResult::Done(receipt) if receipt.journal != *journal);
    if results.iter().any(foreign) {
        return Err(Check::Receipt);
    }
    match (last, entries.get(before)) {
        (AppendResult::Missing(ids), Some(entry)) => check_missing(ids, entry),
        _ => Ok(()),
    }
}

fn check_missing(ids: &[BlobId], entry: &Entry) -> Result<(), Check> {
    let header: Header = decode(&entry.header).map_err(|_| Check::Bounds)?;
    let mut named: Vec<&BlobId> = header.held_blobs().collect();
    named.sort_unstable();
    let known = |id: &BlobId| named.binary_search(&id).is_ok();
    if ids.is_empty() || ids.len() > named.len() || !ids.iter().all(known) {
        return Err(Check::Bounds);
    }
    Ok(())
}

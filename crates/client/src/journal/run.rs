//! One entry after another into the local state: opened, folded, recorded, told.

use std::collections::HashMap;
use std::sync::Arc;

use crannog_agent_api::answer::NewsKind;
use crannog_core::check::Check;
use crannog_core::drive::{Applied, DriveOp, Manifest, check_manifest};
use crannog_core::identity::{HomeState, Vouch};
use crannog_core::journal::{
    Author, Content, EpochGrant, Fault, JournalKind, JournalState, Keys, Member, OpenedEntry, ReadError,
    Sources, StateChange,
};
use crannog_proto::api::Stored;
use crannog_proto::{AccountId, EntryId, Hash, Header, Kind, SeqRange, labels};
use crannog_seal::schedule::ReadSecret;
use rusqlite::Connection;

use super::batch::Batch;
use super::checkpoint::next_through;
use super::ingest::{Arrived, Culprit, Ingested, Own, Stop};
use super::segments::suspects;
use crate::account::Account;
use crate::clock;
use crate::db::{
    Checkpoints, DbError, DriveStore, EntryRow, Heard, History, Journals, Known, Meta, MetaKey, People,
    RawEntries, RawEntry, Refusal, Segments, blobs_of_checkpoint, cited,
};
use crate::people::{Chains, Happened, deed_of};
use crate::shared::Shared;

/// An entry of which everything was checked, and what it changes.
type Opened = Result<(OpenedEntry, StateChange), ReadError>;

/// Entries being read in, inside one transaction.
pub(super) struct Run<'a> {
    pub(super) tx: &'a Connection,
    pub(super) row: i64,
    pub(super) account: Arc<Account>,
    pub(super) chains: Chains,
    pub(super) shared: &'a Shared,
    pub(super) state: JournalState,
    pub(super) home: HomeState,
    pub(super) walked: HashMap<u64, ReadSecret>,
    /// The checkpoint with which the fold begins; nothing is folded up to its entry.
    pub(super) start: Option<Vouch>,
    pub(super) ingested: Ingested,
}

impl Run<'_> {
    pub(super) fn entry(&mut self, arrived: &Arrived) -> Result<(), Stop> {
        if arrived.stored.seq < self.state.next_seq() {
            return self.read_before(&arrived.stored);
        }
        let opened = self.with_sources(|sources| self.open(arrived, sources));
        let (opened, change) = self
            .blame(opened)?
            .map_err(|error| Stop::Read(error, Some(Box::new(self.culprit(arrived)))))?;
        let before = self.state.members().to_vec();
        let vouch = self.home.vouch(self.state.id()).copied();
        if let Some(vouch) = self.start.or(vouch).filter(|vouch| vouch.at.seq == opened.seq) {
            is_vouched(&opened, &vouch)?;
        }
        self.ingested.applied = self.fold(&opened, arrived)?;
        self.record(&opened, &change, arrived)?;
        self.state
            .commit(change)
            .map_err(|_| DbError::Damaged("the order of a journal's entries"))?;
        self.keep_raw(arrived, opened.author)?;
        self.tell(&opened, &before)
    }

    /// While a body is gone and no Prune was read that says why, the one that introduced a device may be what is kept back: an author who is
    /// not known is the server's fault then (CHK-017), and nothing is passed over for it.
    fn blame(&self, opened: Opened) -> Result<Opened, DbError> {
        let seq = match &opened {
            Ok((opened, _)) if opened.passed_over == Some(Check::Author) => opened.seq,
            Err(ReadError::Refused {
                check: Check::Author,
                seq,
                by: Fault::Member,
            }) => *seq,
            _ => return Ok(opened),
        };
        Ok(match Journals(self.tx).lacks_a_prune(self.row)? {
            true => Err(ReadError::Refused {
                check: Check::Author,
                seq,
                by: Fault::Server,
            }),
            false => opened,
        })
    }

    fn record(&self, opened: &OpenedEntry, change: &StateChange, arrived: &Arrived) -> Result<(), DbError> {
        let payload = opened.payload.as_ref();
        let plain = matches!(
            opened.header.kind,
            Kind::Change | Kind::Append | Kind::Checkpoint { .. }
        );
        let row = EntryRow {
            at: change.last(),
            id: change.entry(),
            header: &Hash::of(labels::HEADER, &arrived.stored.entry.header),
            time: payload.map(|payload| payload.time.min(clock::now_ms())),
            prunable: plain && payload.is_some_and(|payload| payload.cites.is_empty()),
            withheld: arrived.stored.body_gone,
        };
        Journals(self.tx).add_head(self.row, &row)?;
        if let Kind::Prune { ranges } = &opened.header.kind {
            for range in ranges {
                Journals(self.tx).pruned(self.row, range)?;
            }
        }
        Ok(())
    }

    /// For a server that loses it. Of a journal that has ended nothing has to come back.
    fn keep_raw(&self, arrived: &Arrived, author: Option<Author>) -> Result<(), DbError> {
        let kept = RawEntries(self.tx);
        if self.state.is_closed() || self.state.is_removed() {
            return kept.drop_all(self.row);
        }
        if arrived.stored.body_gone {
            return Ok(());
        }
        let raw = RawEntry {
            seq: arrived.stored.seq,
            entry: arrived.stored.entry.clone(),
            body: arrived.body.clone(),
            own: author.is_some_and(|author| author.account == self.shared.identity.account),
        };
        kept.keep(self.row, &raw, clock::now_ms())
    }

    /// A member's bad entry that somebody has looked at counts for the chain alone.
    fn open(&self, arrived: &Arrived, sources: &Sources<'_>) -> Opened {
        let header = Hash::of(labels::HEADER, &arrived.stored.entry.header);
        if Journals(self.tx).is_skipped(self.row, &header).unwrap_or(false) {
            return self.state.skip(&arrived.stored, sources);
        }
        self.state.open(&arrived.stored, arrived.body.as_deref(), sources)
    }

    fn culprit(&self, arrived: &Arrived) -> Culprit {
        let said =
            self.with_sources(|sources| self.state.said(&arrived.stored, arrived.body.as_deref(), sources));
        Culprit {
            stored: arrived.stored.clone(),
            before: self.state.last().map_or(Hash::ZERO, |last| last.head),
            said: said.map(|(author, said)| (author, said.to_vec())),
            receipt: None,
        }
    }

    fn with_sources<T>(&self, job: impl FnOnce(&Sources<'_>) -> T) -> T {
        let journals = Journals(self.tx);
        let head_at = |seq| -> Option<Hash> { journals.head_at(self.row, seq).ok().flatten() };
        let entry_known = |entry: &EntryId| journals.knows_entry(self.row, entry).unwrap_or(true);
        let chain = |account: &AccountId| self.chains.state(account);
        let given = |epoch| {
            let walked = || self.walked.get(&epoch).cloned().map(EpochGrant::of_reader);
            self.home.secrets(self.state.id(), epoch).cloned().or_else(walked)
        };
        job(&Sources {
            head_at: &head_at,
            entry_known: &entry_known,
            chain: &chain,
            keys: Keys {
                account: &self.account.secrets,
                given: &given,
            },
            floor: self.start.map(|start| start.through),
        })
    }

    /// What the entry did, for the log and for whoever watches.
    fn tell(&mut self, opened: &OpenedEntry, before: &[Member]) -> Result<(), Stop> {
        let id = *self.state.id();
        if self.state.kind() != JournalKind::Drive {
            return Ok(());
        }
        if self.state.is_removed() {
            let text = "you are no longer a member".to_owned();
            self.ingested
                .news
                .push(Happened::new(NewsKind::Removed, Some(id), text));
            return Ok(());
        }
        let time = opened
            .payload
            .as_ref()
            .map_or(0, |payload| payload.time.min(clock::now_ms()));
        if let Some(check) = opened.passed_over {
            return self.passed_over(opened, check);
        }
        let plain = matches!(
            opened.payload.as_ref().map(|payload| &payload.content),
            Some(Content::Drive(_))
        );
        if plain && self.start.is_some() {
            return Ok(());
        }
        let drive = DriveStore::new(self.tx, self.row);
        let name = |account: &AccountId| self.shared.name_of_person(account);
        let applied = &self.ingested.applied;
        let Some(deed) = deed_of(opened, before, &drive, applied, time, &name)? else {
            return Ok(());
        };
        History(self.tx).note(self.row, &deed)?;
        let kind = match opened.payload.as_ref().map(|payload| &payload.content) {
            Some(Content::Rekey(_)) => {
                self.ingested.members_changed = true;
                NewsKind::Members
            }
            Some(Content::Close) => NewsKind::Removed,
            _ => NewsKind::Change,
        };
        if self.shared.news.is_heard() {
            self.ingested.news.push(Happened::deed(kind, id, &deed));
        }
        Ok(())
    }

    /// A bad append stops nobody, but nobody shall overlook it: `doctor` lists it, and who watches is told.
    fn passed_over(&mut self, opened: &OpenedEntry, check: Check) -> Result<(), Stop> {
        let who = match &opened.author {
            Some(author) => self.shared.name_of_person(&author.account),
            None => "somebody who may add".to_owned(),
        };
        let (id, seq) = (*self.state.id(), opened.seq);
        let drive = self.shared.drive_name(&id);
        let text = format!("entry {seq} of {drive}, by {who}: passed over");
        tracing::warn!(%check, %text, "a bad append");
        let refusal = Refusal {
            time: clock::now_ms(),
            check: format!("CHK-{:03}", check.number()),
            text: text.clone(),
        };
        People(self.tx).refuse(&refusal)?;
        let mut happened = Happened::new(NewsKind::Refused, Some(id), text);
        happened.check = Some(check);
        self.ingested.news.push(happened);
        Ok(())
    }

    /// A task that was aborted after its transaction leaves the database ahead of the published state: such an entry is only
    /// compared (CHK-011), and what it changed is published now.
    fn read_before(&mut self, stored: &Stored) -> Result<(), Stop> {
        let own = Journals(self.tx).head_at(self.row, stored.seq)?;
        if own != Some(stored.head) {
            let error = ReadError::Refused {
                check: Check::Head,
                seq: stored.seq,
                by: Fault::Server,
            };
            return Err(Stop::Read(
                error,
                Some(Box::new(Culprit {
                    stored: stored.clone(),
                    before: Hash::ZERO,
                    said: None,
                    receipt: None,
                })),
            ));
        }
        self.ingested.home_changed |= self.state.kind() == JournalKind::Home;
        Ok(())
    }

    /// CHK-019: a receipt is for what was sent. One of another entry, or of a place that the server does not show, acknowledges nothing.
    pub(super) fn check_own(&self, own: &Own) -> Result<(), Stop> {
        let (journals, seq) = (Journals(self.tx), own.at.seq);
        let there = journals.head_at(self.row, seq)? == Some(own.at.head)
            && journals.entry_at(self.row, seq)? == Some(own.entry);
        if there {
            Ok(())
        } else {
            let error = ReadError::Refused {
                check: Check::Receipt,
                seq,
                by: Fault::Server,
            };
            Err(Stop::Read(error, None))
        }
    }

    fn fold(&mut self, opened: &OpenedEntry, arrived: &Arrived) -> Result<Vec<Applied>, Stop> {
        let (Some(author), Some(payload)) = (opened.author, &opened.payload) else {
            return Ok(Vec::new());
        };
        let time = payload.time.min(clock::now_ms());
        Heard(self.tx).note(&author.account, &author.device, time)?;
        Checkpoints(self.tx).dropped(self.row, opened.header.drops.iter())?;
        DriveStore::new(self.tx, self.row).dropped(opened.header.drops.iter())?;
        match &payload.content {
            Content::Home(ops) => {
                for op in ops {
                    self.home.apply(&author.device, op);
                }
                Meta(self.tx).write(MetaKey::HomeTime, &payload.time)?;
                self.ingested.home_changed = true;
                Ok(Vec::new())
            }
            Content::Drive(batch) => {
                let batch = Batch {
                    seen_seq: opened.header.seen.seq,
                    time: payload.time,
                    author,
                    device_name: payload.device_name.clone(),
                    ops: batch.ops.as_slice(),
                };
                self.take_batch(opened.seq, batch)
            }
            Content::Checkpoint(manifest) => {
                if let Err(check) = is_sound(manifest, &opened.header) {
                    let error = ReadError::Refused {
                        check,
                        seq: opened.seq,
                        by: Fault::Member,
                    };
                    return Err(Stop::Read(error, Some(Box::new(self.culprit(arrived)))));
                }
                self.checkpoint(opened, manifest, author, arrived)?;
                Ok(Vec::new())
            }
            Content::Reset => {
                if let Kind::Reset { through, lost } = &opened.header.kind {
                    let end = opened.seq.saturating_sub(1).min(*through);
                    let before = |range: &SeqRange| SeqRange {
                        from: range.from,
                        to: range.to.min(end),
                    };
                    let lost: Vec<SeqRange> = lost.iter().map(before).collect();
                    RawEntries(self.tx).lose(self.row, &lost)?;
                }
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// One whose author had not seen the last one lost a race, and one that follows it too closely only costs: everybody passes over both.
    fn checkpoint(
        &mut self,
        opened: &OpenedEntry,
        manifest: &Manifest,
        author: Author,
        arrived: &Arrived,
    ) -> Result<(), DbError> {
        let checkpoints = Checkpoints(self.tx);
        let own = author.account == self.shared.identity.account;
        if self.start.is_some() {
            self.note_writer(manifest, &author, own)?;
            return checkpoints.replace(self.row, opened.seq, &author.device, manifest);
        }
        match checkpoints.newest(self.row)? {
            Some((seq, newest)) if manifest.through < seq.max(next_through(&newest)) => {
                checkpoints.outdate(self.row, manifest, &newest)
            }
            _ => {
                checkpoints.replace(self.row, opened.seq, &author.device, manifest)?;
                let said = (opened.seq, manifest);
                let more = suspects(self.tx, self.row, said, author, own, || self.culprit(arrived))?;
                self.ingested.suspects.extend(more);
                self.ingested.checkpoint = true;
                Ok(())
            }
        }
    }

    /// Whose a segment is that cannot be compared yet: whoever names it first wrote it. Where bodies are gone nobody can say who that was, but
    /// in the default drive, where nobody else writes.
    fn note_writer(&self, manifest: &Manifest, author: &Author, own: bool) -> Result<(), DbError> {
        let alone = self.home.default_drive() == Some(self.state.id());
        let own = own && (alone || !Journals(self.tx).lacks_bodies(self.row)?);
        cited(manifest)
            .try_for_each(|cited| Segments(self.tx).note_by(self.row, cited, Known::seen(own), author))
    }

    /// Whether everything was read that comes before the fold.
    pub(super) fn is_at_start(&self) -> bool {
        self.start
            .is_some_and(|start| self.state.next_seq() > start.at.seq)
    }

    /// Folds a batch; later, if a checkpoint comes first.
    fn take_batch(&self, seq: u64, batch: Batch<&[DriveOp]>) -> Result<Vec<Applied>, Stop> {
        match self.start {
            None => Ok(batch.fold(&mut DriveStore::new(self.tx, self.row), seq)?),
            Some(start) => {
                if seq > start.through {
                    let bytes = zeroize::Zeroizing::new(crannog_proto::encode(&batch));
                    Checkpoints(self.tx).defer(self.row, seq, &bytes)?;
                }
                Ok(Vec::new())
            }
        }
    }
}

/// Whether a manifest can be one. What its entry does not make the journal hold nobody fetches (CHK-030).
fn is_sound(manifest: &Manifest, header: &Header) -> Result<(), Check> {
    check_manifest(manifest)?;
    let blobs = blobs_of_checkpoint(manifest);
    let held = blobs.iter().all(|id| header.adds.binary_search(id).is_ok());
    match held {
        true => Ok(()),
        false => Err(Check::Segment),
    }
}

/// What stands at the place that home vouches for is that checkpoint.
fn is_vouched(opened: &OpenedEntry, start: &Vouch) -> Result<(), Stop> {
    let refuse = |check, by| {
        let seq = opened.seq;
        Err(Stop::Read(ReadError::Refused { check, seq, by }, None))
    };
    if opened.head != start.at.head {
        return refuse(Check::HeadsMeet, Fault::Server);
    }
    match opened.header.kind {
        Kind::Checkpoint { through } if through == start.through => Ok(()),
        _ => refuse(Check::Segment, Fault::Member),
    }
}

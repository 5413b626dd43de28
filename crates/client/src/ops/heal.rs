//! After a restore: what the server lost and this device holds goes back to it; what is lost is named.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crannog_agent_api::answer::{Healed, HealedJournal, LostVersion};
use crannog_agent_api::{Answer, Code, Failure};
use crannog_core::content::blobs_of;
use crannog_core::drive::{NodeId, Version};
use crannog_core::journal::{Content, JournalKind, Role};
use crannog_proto::{BlobId, Header, Kind, SeqRange, decode, limits};

use crate::background::stays_behind;
use crate::db::{DbError, Journals, Meta, MetaKey, RawEntries};
use crate::error::{Error, Result};
use crate::journal::{Draft, Journal, Standing};
use crate::shared::Shared;

/// Ranges of one header.
const RANGES: usize = limits::PAGE_ENTRIES;

impl Shared {
    /// Gives back what this device holds, once its person wants it: an old state is what a hostile server shows as well.
    pub(crate) async fn heal(self: &Arc<Self>, dry_run: bool) -> Result<Answer> {
        let Some(healing) = self.retry(|| self.transport.healing()).await? else {
            let failure = Failure::new(
                Code::Conflict,
                "the server does not say that it was restored from a backup",
            );
            return Err(Error::User(
                failure.hint("if it was, the operator begins with it: crannogd healing begin"),
            ));
        };
        let mut healed = Healed {
            taken: healing.taken.saturating_mul(1000),
            dry_run,
            journals: Vec::new(),
            lost: Vec::new(),
        };
        for journal in self.in_order() {
            healed.journals.extend(self.heal_one(&journal, dry_run).await?);
        }
        if !dry_run {
            self.db
                .write(|tx| Meta(tx).write(MetaKey::Healing, &true))
                .await?;
            for journal in self.in_order() {
                healed.lost.extend(self.lost_in(&journal).await?);
            }
            self.reconnect.notify_one();
        }
        Ok(Answer::Healed(healed))
    }

    /// Home tells of all others, and what was made later may have taken over what lies in an earlier one.
    fn in_order(&self) -> Vec<Arc<Journal>> {
        let mut all = self.all_journals();
        all.sort_unstable_by_key(|journal| (journal.id != self.identity.home, journal.row));
        all
    }

    /// One journal that stays behind holds up no other.
    async fn heal_one(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        dry_run: bool,
    ) -> Result<Option<HealedJournal>> {
        let row = journal.row;
        let standing = self.standing(journal).await?;
        let from = match standing {
            Standing::Level if dry_run => return Ok(None),
            Standing::Level => {
                self.unfreeze(journal).await?;
                return Ok(None);
            }
            Standing::Behind { from } => from,
            Standing::Gone => 0,
        };
        let held = self.db.read(move |c| RawEntries(c).count(row, from)).await?;
        let lost = journal.state().next_seq().saturating_sub(from);
        let mut one = HealedJournal {
            name: self.name_of(&journal.id),
            entries: held,
            missing: lost.saturating_sub(held),
            note: None,
        };
        let mine = journal.state().creator() == Some(self.identity.account);
        if standing == Standing::Gone && !mine {
            one.entries = 0;
            one.missing = lost;
            one.note = Some("the server lost all of it: its creator gives it back first".to_owned());
            return Ok(Some(one));
        }
        if dry_run {
            return Ok(Some(one));
        }
        match self.restore_to_server(journal, standing, from).await {
            Ok(given) => {
                one.entries = given;
                one.missing = lost.saturating_sub(given);
            }
            // Whoever lies is no reason to go on.
            Err(error @ Error::Lied { .. }) => return Err(error),
            Err(error) => {
                one.entries = 0;
                one.missing = lost;
                one.note = Some(Failure::from(error).to_string());
            }
        }
        if one.missing == 0 {
            self.unfreeze(journal).await?;
        } else if one.note.is_none() {
            one.note = Some("another device may hold the rest: run crannog heal there".to_owned());
        }
        Ok(Some(one))
    }

    async fn restore_to_server(&self, journal: &Arc<Journal>, standing: Standing, from: u64) -> Result<u64> {
        match standing {
            Standing::Gone if !self.create_back(journal).await? => Ok(0),
            Standing::Gone => Ok(1 + self.give_back(journal, 1).await?),
            _ => self.give_back(journal, from).await,
        }
    }

    /// The server has again what it had: the alarm that it had less is over, and reading on tells whether it is true.
    async fn unfreeze(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let id = journal.id;
        let row = self.db.read(move |c| Journals(c).find(&id)).await?;
        match row.and_then(|row| row.alarm) {
            None => {}
            Some(alarm) if alarm.starts_with("CHK-012") => {
                self.db.write(move |tx| Journals(tx).dismiss_alarm(&id)).await?;
            }
            Some(_) => return Ok(()),
        }
        self.catch_up(journal).await
    }

    /// When the server takes new changes again, an admin's device says in its drives what is lost, for everybody who has not asked.
    pub(crate) async fn name_what_is_lost(self: &Arc<Self>) -> Result<()> {
        let owed = self.db.read(|c| Meta(c).read::<bool>(MetaKey::Healing)).await?;
        if owed != Some(true) || self.retry(|| self.transport.healing()).await?.is_some() {
            return Ok(());
        }
        for journal in self.in_order() {
            if journal.state().role() == Some(Role::Admin)
                && let Err(error) = self.reset(&journal).await
            {
                stays_behind(&self.name_of(&journal.id), error)?;
            }
        }
        Ok(self
            .db
            .write(|tx| Meta(tx).write(MetaKey::Healing, &false))
            .await?)
    }

    async fn reset(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let lacking = self.lacking(journal).await?;
        let row = journal.row;
        let unnamed: BTreeSet<u64> = self
            .db
            .read(move |c| {
                let mut unnamed = BTreeSet::new();
                for (id, seq) in &lacking {
                    if !RawEntries(c).is_lost(row, id)? {
                        unnamed.insert(*seq);
                    }
                }
                Ok(unnamed)
            })
            .await?;
        let Some(through) = journal
            .state()
            .last()
            .map(|last| last.seq)
            .filter(|_| !unnamed.is_empty())
        else {
            return Ok(());
        };
        for some in ranges(&unnamed).chunks(RANGES) {
            let lost = some.to_vec();
            let draft = Draft {
                kind: Kind::Reset { through, lost },
                ..Draft::change(Content::Reset)
            };
            self.append(journal, draft).await?;
        }
        Ok(())
    }

    /// Of the blobs that kept entries brought: those that the server does not hold, with their entries.
    async fn lacking(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<BTreeMap<BlobId, u64>> {
        let state = journal.state();
        let token = self.read_token(journal);
        let (JournalKind::Drive, false, false, Some(token)) =
            (state.kind(), state.is_closed(), state.is_removed(), token)
        else {
            return Ok(BTreeMap::new());
        };
        let row = journal.row;
        let mut added = self.db.read(move |c| added(&RawEntries(c), row)).await?;
        let ids: Vec<BlobId> = added.keys().copied().collect();
        let mut lacking = HashSet::new();
        for some in ids.chunks(limits::IDS_MAX) {
            let asked = self.retry(|| self.transport.lacking(&journal.id, &token, some));
            lacking.extend(asked.await?);
        }
        added.retain(|id, _| lacking.contains(id));
        Ok(added)
    }

    /// The versions of a drive whose blobs the server does not hold any more.
    async fn lost_in(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<Vec<LostVersion>> {
        let lacking = match self.lacking(journal).await {
            // What is not there as a whole was named already.
            Err(error) if error.server_code().is_some() => return Ok(Vec::new()),
            lacking => lacking?,
        };
        if lacking.is_empty() {
            return Ok(Vec::new());
        }
        let entries: HashSet<u64> = lacking.values().copied().collect();
        let versions = self
            .with_drive(journal, move |drive| {
                let mut found = Vec::new();
                drive.all_versions(&mut |node, version| -> Result<(), DbError> {
                    if is_lost(&version, &lacking, &entries) {
                        let current = drive.current(node)?;
                        let current = current.is_some_and(|current| current.version == version.version);
                        found.push((drive.names_of(node)?, node, version, current));
                    }
                    Ok(())
                })?;
                Ok(found)
            })
            .await?;
        let told = |(names, _, version, current): (Vec<String>, NodeId, Version, bool)| LostVersion {
            drive: self.name_of(&journal.id),
            path: format!("/{}", names.join("/")),
            version: version.version.to_string(),
            current,
            size: version.content.size,
            time: version.time,
            by: self.name_of_person(&version.account),
        };
        Ok(versions.into_iter().map(told).collect())
    }
}

/// The blobs that kept entries brought and none of them took away, each with its entry.
fn added(kept: &RawEntries<'_>, row: i64) -> Result<BTreeMap<BlobId, u64>, DbError> {
    let mut added = BTreeMap::new();
    kept.each(row, |seq, entry| {
        let header: Header = decode(&entry.header).map_err(|_| DbError::Damaged("a kept entry"))?;
        for id in header.adds.iter() {
            added.insert(*id, seq);
        }
        for id in header.drops.iter() {
            added.remove(id);
        }
        Ok(())
    })?;
    Ok(added)
}

/// Neighbours together.
fn ranges(entries: &BTreeSet<u64>) -> Vec<SeqRange> {
    let mut ranges: Vec<SeqRange> = Vec::new();
    for seq in entries {
        match ranges.last_mut() {
            Some(last) if last.to + 1 == *seq => last.to = *seq,
            _ => ranges.push(SeqRange { from: *seq, to: *seq }),
        }
    }
    ranges
}

/// A long file names its lists only; where one of its entry's blobs is lost it counts as lost.
fn is_lost(version: &Version, lacking: &BTreeMap<BlobId, u64>, entries: &HashSet<u64>) -> bool {
    let lists = matches!(version.content.chunks, crannog_core::content::Chunks::Leaves(_));
    blobs_of(&version.content).any(|id| lacking.contains_key(&id))
        || (lists && entries.contains(&version.seq))
}

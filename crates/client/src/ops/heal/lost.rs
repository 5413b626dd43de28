//! What is lost with a server's disk is named, and what another drive still holds is taken over from there.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crannog_agent_api::answer::LostVersion;
use crannog_core::content::blobs_of;
use crannog_core::drive::{DriveBatch, Version, VersionId};
use crannog_core::journal::{Content, JournalKind, Role};
use crannog_proto::{AccountId, BlobId, ErrorCode, Header, Kind, SeqRange, decode, limits};

use super::super::room::Room;
use crate::background::stays_behind;
use crate::db::{DbError, Journals, Meta, MetaKey, RawEntries};
use crate::error::{Error, Result};
use crate::journal::{Draft, Journal};
use crate::ops::may_cite;
use crate::shared::Shared;

/// Ranges of one header.
const RANGES: usize = limits::PAGE_ENTRIES;

/// A blob that the server lacks.
#[derive(Debug, Clone, Copy)]
struct Lacking {
    /// The last kept entry that brought it.
    seq: u64,
    /// Whether an entry of this account brought it. What others name may lie in a drive that they may not read.
    own: bool,
}

/// What is told of a lost version.
struct Lost {
    version: VersionId,
    size: u64,
    time: i64,
    account: AccountId,
}

impl Lost {
    fn of(version: &Version) -> Self {
        Self {
            version: version.version,
            size: version.content.size,
            time: version.time,
            account: version.account,
        }
    }
}

impl Shared {
    /// When the server takes new changes again, an admin's device says in its drives what is lost, for everybody who has not asked.
    pub(crate) async fn name_what_is_lost(self: &Arc<Self>) -> Result<()> {
        let owed = self.db.read(|c| Meta(c).read::<bool>(MetaKey::Healing)).await?;
        if owed != Some(true) || self.retry(|| self.transport.healing()).await?.is_some() {
            return Ok(());
        }
        let mut owed = false;
        for journal in self.in_order() {
            if journal.state().role() == Some(Role::Admin)
                && let Err(error) = self.reset(&journal).await
            {
                owed |= !self.is_beyond_help(&journal, &error).await?;
                stays_behind(&self.name_of(&journal.id), error)?;
            }
        }
        Ok(self
            .db
            .write(move |tx| Meta(tx).write(MetaKey::Healing, &owed))
            .await?)
    }

    /// Whether nothing will ever be said in a journal: the server has it no more, or its past is not the one that was read.
    async fn is_beyond_help(&self, journal: &Journal, error: &Error) -> Result<bool> {
        let id = journal.id;
        let row = self.db.read(move |c| Journals(c).find(&id)).await?;
        let alarm = row.and_then(|row| row.alarm);
        let code = error.server_code().filter(|_| !error.is_missing_blobs());
        let gone = matches!(code, Some(ErrorCode::NotFound | ErrorCode::JournalClosed));
        Ok(gone || alarm.is_some_and(|alarm| !alarm.starts_with("CHK-012")))
    }

    async fn reset(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let row = journal.row;
        let lacking = self.lacking(journal).await?;
        let mut unnamed = self
            .db
            .read(move |c| {
                let mut unnamed = BTreeMap::new();
                for (id, one) in lacking {
                    if !RawEntries(c).is_lost(row, &id)? {
                        unnamed.insert(id, one);
                    }
                }
                Ok(unnamed)
            })
            .await?;
        for (other, held) in self.held_elsewhere(journal, &mut unnamed).await? {
            self.take_over(journal, other, held).await?;
        }
        let unnamed: BTreeSet<u64> = unnamed.into_values().map(|one| one.seq).collect();
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

    /// What this account moved or copied here from another of its drives lies there still. Whoever gave the entry back first may know
    /// nothing of that drive, and could not say so.
    async fn take_over(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        from: Arc<Journal>,
        held: Vec<BlobId>,
    ) -> Result<()> {
        for some in held.chunks(limits::IDS_MAX) {
            let nothing = DriveBatch {
                ops: Vec::new(),
                filler: Vec::new(),
            };
            let draft = Draft {
                adds: some.to_vec(),
                from: vec![Arc::clone(&from)],
                ..Draft::change(Content::Drive(nothing))
            };
            self.append(journal, draft).await?;
        }
        Ok(())
    }

    /// Takes out of `lacking` what other drives hold from which a journal may take over, and says which drive holds what, in order. Only
    /// what this account's own entries brought: it was hers to give.
    async fn held_elsewhere(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        lacking: &mut BTreeMap<BlobId, Lacking>,
    ) -> Result<Vec<(Arc<Journal>, Vec<BlobId>)>> {
        let target = journal.state();
        let mut found = Vec::new();
        for other in self.in_order() {
            let own = lacking.iter().filter(|(_, one)| one.own);
            let mut held: Vec<BlobId> = own.map(|(id, _)| *id).collect();
            if held.is_empty() || other.id == journal.id || !may_cite(&other.state(), &target) {
                continue;
            }
            match self.not_held(&other, &held).await {
                Ok(Some(not_held)) => held.retain(|id| !not_held.contains(id)),
                Ok(None) => continue,
                // A drive that the server does not show holds nothing up.
                Err(error) if error.server_code().is_some() => continue,
                Err(error) => return Err(error),
            }
            for id in &held {
                lacking.remove(id);
            }
            if !held.is_empty() {
                found.push((other, held));
            }
        }
        Ok(found)
    }

    /// Of the blobs that kept entries brought: those that the server does not hold, with their entries.
    async fn lacking(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<BTreeMap<BlobId, Lacking>> {
        let row = journal.row;
        let mut added = self.db.read(move |c| added(&RawEntries(c), row)).await?;
        let ids: Vec<BlobId> = added.keys().copied().collect();
        let lacking = self.not_held(journal, &ids).await?.unwrap_or_default();
        added.retain(|id, _| lacking.contains(id));
        Ok(added)
    }

    /// Of these blobs, those that the server does not hold for a drive that can be read.
    async fn not_held(&self, journal: &Arc<Journal>, ids: &[BlobId]) -> Result<Option<HashSet<BlobId>>> {
        let state = journal.state();
        let token = self.read_token(journal);
        let (JournalKind::Drive, false, false, Some(token)) =
            (state.kind(), state.is_closed(), state.is_removed(), token)
        else {
            return Ok(None);
        };
        let mut lacking = HashSet::new();
        for some in ids.chunks(limits::IDS_MAX) {
            let asked = self.retry(|| self.transport.lacking(&journal.id, &token, some));
            lacking.extend(asked.await?);
        }
        Ok(Some(lacking))
    }

    /// The versions of a drive whose blobs the server does not hold any more, and how many there are beside those that there is room for.
    pub(super) async fn lost_in(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        room: &mut Room,
    ) -> Result<(Vec<LostVersion>, u64)> {
        let mut lacking = match self.lacking(journal).await {
            // What is not there as a whole was named already.
            Err(error) if error.server_code().is_some() => return Ok((Vec::new(), 0)),
            lacking => lacking?,
        };
        self.held_elsewhere(journal, &mut lacking).await?;
        if lacking.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let mut left = std::mem::replace(room, Room::none());
        let entries: HashSet<u64> = lacking.values().map(|one| one.seq).collect();
        let found = self
            .with_drive(journal, move |drive| {
                let (mut found, mut more) = (Vec::new(), 0);
                drive.all_versions(&mut |node, version| -> Result<(), DbError> {
                    if is_lost(&version, &lacking, &entries) {
                        let current = drive.current(node)?;
                        let current = current.is_some_and(|current| current.version == version.version);
                        let path = format!("/{}", drive.names_of(node)?.join("/"));
                        match left.take(path.len()) {
                            Ok(()) => found.push((path, Lost::of(&version), current)),
                            Err(_) => more += 1,
                        }
                    }
                    Ok(())
                })?;
                Ok((found, more, left))
            })
            .await?;
        let (versions, more, left) = found;
        *room = left;
        let told = |(path, lost, current): (String, Lost, bool)| LostVersion {
            drive: self.name_of(&journal.id),
            path,
            version: lost.version.to_string(),
            current,
            size: lost.size,
            time: lost.time,
            by: self.name_of_person(&lost.account),
        };
        Ok((versions.into_iter().map(told).collect(), more))
    }
}

/// The blobs that kept entries brought and none of them took away, each with its entry.
fn added(kept: &RawEntries<'_>, row: i64) -> Result<BTreeMap<BlobId, Lacking>, DbError> {
    let mut added: BTreeMap<BlobId, Lacking> = BTreeMap::new();
    kept.each(row, |raw| {
        let header: Header = decode(&raw.entry.header).map_err(|_| DbError::Damaged("a kept entry"))?;
        for id in header.adds.iter() {
            let own = raw.own || added.get(id).is_some_and(|before| before.own);
            added.insert(*id, Lacking { seq: raw.seq, own });
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
fn is_lost(version: &Version, lacking: &BTreeMap<BlobId, Lacking>, entries: &HashSet<u64>) -> bool {
    let lists = matches!(version.content.chunks, crannog_core::content::Chunks::Leaves(_));
    blobs_of(&version.content).any(|id| lacking.contains_key(&id))
        || (lists && entries.contains(&version.seq))
}

//! Checking a data directory against itself: rows and files, hashes, chains and signatures.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crannog_proto::chain::next_head;
use crannog_proto::entry::EntryIn;
use crannog_proto::{EpochPublic, Hash, JournalId, Kind, limits};
use serde::{Deserialize, Serialize};

use crate::blobs::BlobDir;
use crate::store::{FileName, Row, Store, StoreError};

/// What was looked at, and what was wrong.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Journals whose chain was recomputed.
    pub(crate) journals: u64,
    /// Entries whose signature was verified.
    pub(crate) entries: u64,
    /// Files of blobs that were looked at.
    pub(crate) files: u64,
    /// Files that no row names: of uploads and removals under way, or of a sudden end. The hourly sweep removes them.
    pub(crate) leftovers: u64,
    /// Whether their bytes were hashed too.
    pub(crate) full: bool,
    /// Each thing that is wrong, for people.
    pub(crate) problems: Vec<String>,
}

/// Checks everything; with `full` every byte.
pub(crate) async fn check(store: &dyn Store, blobs: &Arc<BlobDir>, full: bool) -> Result<Report, StoreError> {
    let mut report = Report {
        full,
        problems: store.check().await?,
        ..Report::default()
    };
    // What is staged and not synced is promised to nobody: a power cut may leave it in any state, and its hash is asked for when
    // an entry names it.
    let staged = store.staged().await?;
    let staged: Arc<HashSet<FileName>> = Arc::new(staged.into_iter().map(|(_, file)| file.name).collect());
    for shard in 0..=u8::MAX {
        check_shard(store, blobs, shard, &staged, &mut report).await?;
    }
    let mut after = None;
    loop {
        let ids = store.journals(after).await?;
        let Some(last) = ids.last().copied() else {
            return Ok(report);
        };
        for id in ids {
            check_journal(store, id, &mut report).await?;
        }
        after = Some(last);
    }
}

async fn check_shard(
    store: &dyn Store,
    blobs: &Arc<BlobDir>,
    shard: u8,
    staged: &Arc<HashSet<FileName>>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let folder = Arc::clone(blobs);
    let on_disk = tokio::task::spawn_blocking(move || folder.list(shard))
        .await
        .map_err(|_| StoreError::Closed)?;
    let on_disk: HashSet<_> = match on_disk {
        Ok(names) => names.into_iter().collect(),
        Err(error) => {
            report
                .problems
                .push(format!("the folder blobs/{shard:02x} cannot be read: {error}"));
            return Ok(());
        }
    };
    let rows = store.files(shard).await?;
    let named: HashSet<_> = rows.iter().map(|row| row.name).collect();
    report.leftovers += on_disk.difference(&named).count() as u64;
    let (folder, full, staged) = (Arc::clone(blobs), report.full, Arc::clone(staged));
    let found = tokio::task::spawn_blocking(move || {
        let (mut problems, mut missing) = (Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| !staged.contains(&row.name)) {
            match folder.length(&row.name) {
                Ok(Some(length)) if length == row.size => {}
                Ok(Some(length)) => problems.push(format!(
                    "the file {} has {length} bytes, not {}",
                    row.name, row.size
                )),
                Ok(None) => missing.push(*row),
                Err(error) => problems.push(format!("the file {} cannot be read: {error}", row.name)),
            }
            if full && folder.hash(&row.name).is_ok_and(|hash| hash != row.blob.0) {
                problems.push(format!(
                    "the file {} does not hash to the blob {}",
                    row.name, row.blob
                ));
            }
        }
        (rows.len() as u64, problems, missing)
    });
    let (count, problems, missing) = found.await.map_err(|_| StoreError::Closed)?;
    report.files += count;
    report.problems.extend(problems);
    if !missing.is_empty() {
        // Rows go before files: what still has its row now was not removed in between.
        let still: HashSet<_> = store.files(shard).await?.iter().map(|row| row.name).collect();
        let lost = missing.iter().filter(|row| still.contains(&row.name));
        report
            .problems
            .extend(lost.map(|row| format!("the file {} of the blob {} is missing", row.name, row.blob)));
    }
    Ok(())
}

/// A journal under recomputation.
struct Fold {
    id: JournalId,
    seq: u64,
    head: Hash,
    epoch: u64,
    keys: HashMap<u64, EpochPublic>,
}

async fn check_journal(store: &dyn Store, id: JournalId, report: &mut Report) -> Result<(), StoreError> {
    report.journals += 1;
    let Some(view) = store.journal(id).await? else {
        return Ok(());
    };
    let mut fold = Fold {
        id,
        seq: 0,
        head: Hash::ZERO,
        epoch: 0,
        keys: HashMap::new(),
    };
    while fold.seq <= view.last.seq {
        let rows = store
            .entries(id, fold.seq, view.last.seq, limits::PAGE_ENTRIES)
            .await?;
        if rows.is_empty() {
            report
                .problems
                .push(format!("the journal {id} has no entry {}", fold.seq));
            return Ok(());
        }
        for row in rows {
            report.entries += 1;
            if let Err(problem) = fold.step(row) {
                report
                    .problems
                    .push(format!("the journal {id}, entry {}: {problem}", fold.seq));
                return Ok(());
            }
        }
    }
    if fold.head != view.last.head || fold.epoch != view.epoch {
        report
            .problems
            .push(format!("the journal {id} does not end where its row says"));
    }
    Ok(())
}

impl Fold {
    fn step(&mut self, row: Row) -> Result<(), &'static str> {
        let head = next_head(&self.head, self.seq, &row.entry.header);
        if row.placed.seq != self.seq || row.placed.head != head {
            return Err("the head is not the computed one");
        }
        let mut entry = row.entry;
        let header: crannog_proto::Header =
            crannog_proto::decode(&entry.header).map_err(|_| "the header does not decode")?;
        let keys = match &header.kind {
            Kind::Genesis(keys) if self.seq == 0 => *keys,
            _ => *self.keys.get(&self.epoch).ok_or("its epoch was never opened")?,
        };
        if self.seq == 0 && JournalId::of_genesis(&entry.header) != self.id {
            return Err("the genesis is another journal's");
        }
        if header.epoch != self.epoch {
            return Err("the epoch is not the current one");
        }
        self.keys.insert(self.epoch, keys);
        if row.body_gone {
            entry.body.clear();
            let key = match &header.kind {
                Kind::Append => keys.append_key,
                Kind::Change | Kind::Checkpoint { .. } => keys.write_key,
                Kind::Rekey {
                    signer: crannog_proto::Signer::Writer,
                    ..
                } => keys.write_key,
                _ => keys.admin_key,
            };
            key.verify(crannog_proto::labels::ENTRY, &entry.header, &entry.signature)
                .map_err(|_| "the signature is wrong")?;
        } else {
            let entry = EntryIn::new(entry).map_err(|_| "the body is not the one of the header")?;
            entry.verify(&keys).map_err(|_| "the signature is wrong")?;
        }
        if let Kind::Rekey { next, .. } = &header.kind {
            self.epoch += 1;
            self.keys.insert(self.epoch, *next);
        }
        (self.seq, self.head) = (self.seq + 1, head);
        Ok(())
    }
}

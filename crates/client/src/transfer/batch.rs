//! One entry in the making: its operations, its packs, its lists.

use std::sync::Arc;

use crannog_core::content::{
    Blob, Chunk, Content, ContentDraft, INLINE_MAX, Leaf, PackBuilder, SealedChunk, SealedPiece,
    build_content, plan_filler, seal_filler,
};
use crannog_core::drive::{DriveBatch, DriveOp, VersionId};
use crannog_core::journal::Content as EntryContent;
use crannog_proto::{BlobId, Kind, limits};

use super::Flow;
use super::file::{FileHead, Target};
use super::seal::{Ready, ReadyChunk, internal};
use super::uploads::Uploads;
use crate::db::{ChunkHash, FileStamp, StagedPiece, Transfers};
use crate::error::{Error, Result};
use crate::journal::{Draft, Ingested, Journal};
use crate::shared::Shared;

/// An entry is closed at so many bytes of content.
const BATCH_BYTES: u64 = 64 * 1024 * 1024;
/// So many blobs are listed at most before an entry that only holds them is appended.
const HOLD_AT: usize = limits::IDS_MAX - 4 * 1024;

#[derive(Debug)]
struct PendingFile {
    head: FileHead,
    hashes: Vec<ChunkHash>,
    chunks: Vec<Placed>,
}

#[derive(Debug)]
enum Placed {
    At(Chunk),
    InPack { pack: usize, index: usize },
}

#[derive(Debug)]
enum Slot {
    Op(DriveOp),
    File(Box<PendingFile>),
}

/// A piece of a local file.
struct Owner {
    path: Vec<u8>,
    stamp: FileStamp,
    place: u64,
    hash: ChunkHash,
}

/// The entry that is being filled.
pub(crate) struct Batch {
    shared: Arc<Shared>,
    journal: Arc<Journal>,
    slots: Vec<Slot>,
    file: Option<Box<PendingFile>>,
    pack: PackBuilder,
    /// One per piece in the open pack; none if its file is not on this disk.
    owners: Vec<Option<Owner>>,
    packs: Vec<(Vec<Chunk>, Vec<Leaf>)>,
    plain: u64,
    adds: Vec<BlobId>,
    /// Blobs that were there before: until the entry that names them, others may find that nothing needs them, and drop them.
    cites: Vec<BlobId>,
    /// Blobs of the file that was begun: the entry names them only if it is finished.
    file_adds: Vec<BlobId>,
    /// Those of them that were there before.
    file_cites: Vec<BlobId>,
    /// Their part of `plain`.
    file_plain: u64,
    filler: Vec<BlobId>,
    uploads: Uploads,
    from: Vec<Arc<Journal>>,
}

impl Batch {
    pub(crate) fn new(shared: &Arc<Shared>, journal: &Arc<Journal>, flow: &Arc<Flow>) -> Self {
        Self {
            shared: Arc::clone(shared),
            journal: Arc::clone(journal),
            slots: Vec::new(),
            file: None,
            pack: PackBuilder::new(),
            owners: Vec::new(),
            packs: Vec::new(),
            plain: 0,
            adds: Vec::new(),
            cites: Vec::new(),
            file_adds: Vec::new(),
            file_cites: Vec::new(),
            file_plain: 0,
            filler: Vec::new(),
            uploads: Uploads::new(shared, journal, flow),
            from: Vec::new(),
        }
    }

    /// Whether it holds as much as an entry should. A file that was begun is never torn apart.
    pub(crate) fn is_full_between_files(&self) -> bool {
        self.file.is_none() && self.is_full()
    }

    fn is_full(&self) -> bool {
        self.slots.len() >= limits::OPS_MAX
            || self.plain >= BATCH_BYTES
            || self.adds.len() + self.cites.len() >= HOLD_AT / 2
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// An operation without new content.
    pub(crate) fn op(&mut self, op: DriveOp) {
        self.slots.push(Slot::Op(op));
    }

    /// An operation that refers to blobs which this journal, or `from`, already holds.
    pub(crate) fn op_with(&mut self, op: DriveOp, blobs: Vec<BlobId>, from: Option<&Arc<Journal>>) {
        self.cites.extend(blobs);
        if let Some(from) = from.filter(|from| !self.from.iter().any(|known| known.id == from.id)) {
            self.from.push(Arc::clone(from));
        }
        self.slots.push(Slot::Op(op));
    }

    /// Begins a file; its chunks follow in order.
    pub(crate) fn begin(&mut self, head: FileHead) {
        self.file = Some(Box::new(PendingFile {
            head,
            hashes: Vec::new(),
            chunks: Vec::new(),
        }));
    }

    /// The next chunk of the file that was begun.
    pub(crate) async fn chunk(&mut self, ready: ReadyChunk) -> Result<()> {
        if self.named().count() >= HOLD_AT {
            self.hold().await?;
        }
        let mut file = self
            .file
            .take()
            .ok_or_else(|| internal("a chunk without a file"))?;
        let (place, hash) = (file.chunks.len() as u64, ready.hash);
        file.hashes.push(hash);
        let owner = file.head.local.clone().map(|(path, stamp)| Owner {
            path,
            stamp,
            place,
            hash,
        });
        let placed = match ready.at {
            Ready::Known(chunk) => {
                self.file_cites.push(chunk.blob);
                Placed::At(chunk)
            }
            Ready::Sealed(SealedChunk::Whole { chunk, blob }) => {
                self.file_adds.push(chunk.blob);
                let plain = blob.plain_len();
                self.upload(blob, pieces(vec![(owner, chunk.clone())])).await?;
                self.file_plain += plain;
                Placed::At(chunk)
            }
            Ready::Sealed(SealedChunk::Piece(piece)) => {
                let index = self.add_piece(piece).await?;
                self.owners.push(owner);
                Placed::InPack {
                    pack: self.packs.len(),
                    index,
                }
            }
        };
        file.chunks.push(placed);
        self.file = Some(file);
        Ok(())
    }

    /// A version whose pieces go into other packs: each chunk as it was, or its piece taken out.
    pub(crate) async fn repack(
        &mut self,
        head: FileHead,
        parts: Vec<(Chunk, Option<SealedPiece>)>,
    ) -> Result<()> {
        let mut chunks = Vec::with_capacity(parts.len());
        for (chunk, piece) in parts {
            chunks.push(match piece {
                Some(piece) => {
                    let index = self.add_piece(piece).await?;
                    self.owners.push(None);
                    Placed::InPack {
                        pack: self.packs.len(),
                        index,
                    }
                }
                None => {
                    self.cites.push(chunk.blob);
                    Placed::At(chunk)
                }
            });
        }
        self.slots.push(Slot::File(Box::new(PendingFile {
            head,
            hashes: Vec::new(),
            chunks,
        })));
        Ok(())
    }

    /// The file that was begun is complete; a file of unknown size is told its size now.
    pub(crate) fn end(&mut self, size: u64) {
        if let Some(mut file) = self.file.take() {
            file.head.size = size;
            self.adds.append(&mut self.file_adds);
            self.cites.append(&mut self.file_cites);
            self.file_plain = 0;
            self.slots.push(Slot::File(file));
        }
    }

    /// The file that was begun cannot be finished; what was sent of it serves the next attempt, or expires on the server.
    pub(crate) fn abandon(&mut self) {
        self.file = None;
        self.file_adds.clear();
        self.file_cites.clear();
        self.plain -= std::mem::take(&mut self.file_plain);
    }

    async fn add_piece(&mut self, mut piece: SealedPiece) -> Result<usize> {
        loop {
            match self.pack.add(piece) {
                Ok(index) => return Ok(index),
                Err(back) => {
                    piece = back;
                    self.close_pack(0).await?;
                }
            }
        }
    }

    async fn close_pack(&mut self, extra: u64) -> Result<()> {
        if self.pack.is_empty() {
            return Ok(());
        }
        let sealed = std::mem::take(&mut self.pack).finish(extra, &mut rand::rng());
        let owners = std::mem::take(&mut self.owners);
        let staged = pieces(owners.into_iter().zip(sealed.chunks.iter().cloned()).collect());
        self.packs.push((sealed.chunks, sealed.leaves));
        self.adds.push(sealed.blob.id());
        self.upload(sealed.blob, staged).await
    }

    async fn upload(&mut self, blob: Blob, staged: Vec<StagedPiece>) -> Result<()> {
        let plain = blob.plain_len();
        self.uploads.send(blob, staged).await?;
        self.plain += plain;
        Ok(())
    }

    /// All blobs that the entry names so far.
    fn named(&self) -> impl Iterator<Item = &BlobId> {
        let Self {
            adds,
            cites,
            file_adds,
            file_cites,
            ..
        } = self;
        adds.iter().chain(cites).chain(file_adds).chain(file_cites)
    }

    /// Waits for what the entry will name: what was sent of a file that was abandoned may have failed.
    async fn join_uploads(&mut self) -> Result<()> {
        let (adds, file_adds) = (&self.adds, &self.file_adds);
        self.uploads
            .join(|id| adds.contains(id) || file_adds.contains(id))
            .await
    }

    /// A file with very many chunks: an entry that only holds what was sent so far.
    async fn hold(&mut self) -> Result<()> {
        self.join_uploads().await?;
        let draft = Draft {
            adds: self.named().copied().collect(),
            ..Draft::change(EntryContent::Drive(DriveBatch::default()))
        };
        self.append(draft, Vec::new()).await?;
        // Not before: finished files need theirs in the next entry, if this one did not arrive. What they cite they need in it anyway.
        self.adds.clear();
        self.file_adds.clear();
        self.file_cites.clear();
        self.file_plain = 0;
        Ok(())
    }

    /// Appends. Where the server no longer has a blob, because a lease ran out or it was lost, what is remembered of the blobs and of
    /// the `cited` versions is forgotten: the next try sends them again.
    async fn append(&self, draft: Draft, cited: Vec<VersionId>) -> Result<Ingested> {
        let (row, staged) = (self.journal.row, draft.adds.clone());
        let result = self.shared.append(&self.journal, draft).await;
        if result.as_ref().is_err_and(Error::is_missing_blobs) {
            let forget = move |tx: &rusqlite::Transaction<'_>| {
                let transfers = Transfers(tx);
                cited
                    .iter()
                    .try_for_each(|version| transfers.forget_hashes(version))?;
                transfers.forget_staged(row, &staged)
            };
            self.shared.db.write(forget).await?;
        }
        result
    }

    /// Lists, filler, uploads, append. What the server acknowledged is in the local state when this returns.
    pub(crate) async fn finish(mut self) -> Result<Ingested> {
        self.abandon();
        let drafts = self.lists().await?;
        self.fill().await?;
        self.join_uploads().await?;
        let (mut hashes, mut cited) = (Vec::new(), Vec::new());
        let mut ops = Vec::with_capacity(self.slots.len());
        let mut drafts = drafts.into_iter();
        for slot in std::mem::take(&mut self.slots) {
            match slot {
                Slot::Op(op) => ops.push(op),
                Slot::File(file) => {
                    let (draft, leaves) = drafts.next().ok_or_else(|| internal("a file without its list"))?;
                    let stored = leaves
                        .into_iter()
                        .map(|place| self.leaf(place))
                        .collect::<Result<_>>()?;
                    let content = match draft {
                        Some(draft) => draft.finish(stored),
                        None => self.inline(&file),
                    };
                    let content = content.map_err(|_| internal("a content that does not fit its size"))?;
                    // A version that only moved keeps those it has.
                    if !matches!(file.head.target, Target::Repack { .. }) {
                        hashes.push((file.head.version, file.hashes));
                    }
                    cited.extend(file.head.previous);
                    ops.push(file.head.citing(content));
                }
            }
        }
        let (row, adds) = (self.journal.row, self.adds.clone());
        let extra = Box::new(move |tx: &rusqlite::Connection| {
            let transfers = Transfers(tx);
            for (version, hashes) in &hashes {
                transfers.save_hashes(version, hashes)?;
            }
            transfers.forget_staged(row, &adds)
        });
        let content = EntryContent::Drive(DriveBatch {
            ops,
            filler: std::mem::take(&mut self.filler),
        });
        let draft = Draft {
            kind: Kind::Change,
            adds: self.named().copied().collect(),
            drops: Vec::new(),
            content,
            from: std::mem::take(&mut self.from),
            extra: Some(extra),
            on: None,
        };
        self.append(draft, cited).await
    }

    /// Lists of the files with many chunks go into packs of their own. Per file: the draft, and where its new leaves lie.
    async fn lists(&mut self) -> Result<Vec<(Option<ContentDraft>, Vec<(usize, usize)>)>> {
        let long = |slot: &Slot| matches!(slot, Slot::File(file) if file.chunks.len() as u64 > INLINE_MAX);
        if self.slots.iter().any(long) {
            self.close_pack(0).await?;
        }
        let mut drafts = Vec::new();
        for at in 0..self.slots.len() {
            let Some(Slot::File(file)) = self.slots.get(at) else {
                continue;
            };
            if file.chunks.len() as u64 <= INLINE_MAX {
                drafts.push((None, Vec::new()));
                continue;
            }
            let chunks = self.resolve(file)?;
            let mut draft = build_content(file.head.size, chunks, &file.head.leaves, &mut rand::rng())
                .map_err(|_| internal("a content that does not fit its size"))?;
            let mut places = Vec::new();
            for piece in draft.take_pieces() {
                let index = self.add_piece(piece).await?;
                places.push((self.packs.len(), index));
            }
            self.cites.extend(self.kept_leaves(at));
            drafts.push((Some(draft), places));
        }
        Ok(drafts)
    }

    fn kept_leaves(&self, at: usize) -> Vec<BlobId> {
        match self.slots.get(at) {
            Some(Slot::File(file)) => file.head.leaves.iter().map(|leaf| leaf.leaf.blob).collect(),
            _ => Vec::new(),
        }
    }

    async fn fill(&mut self) -> Result<()> {
        let open = (!self.pack.is_empty()).then(|| self.pack.padded_len());
        let total = self.plain + open.unwrap_or(0);
        if total == 0 {
            return Ok(());
        }
        let filler = plan_filler(total, open);
        self.close_pack(filler.last_pack).await?;
        for len in filler.blobs {
            let blob = seal_filler(len, &mut rand::rng());
            self.filler.push(blob.id());
            self.adds.push(blob.id());
            self.upload(blob, Vec::new()).await?;
        }
        Ok(())
    }

    fn resolve(&self, file: &PendingFile) -> Result<Vec<Chunk>> {
        let place = |placed: &Placed| match placed {
            Placed::At(chunk) => Ok(chunk.clone()),
            Placed::InPack { pack, index } => {
                let chunk = self.packs.get(*pack).and_then(|(chunks, _)| chunks.get(*index));
                chunk.cloned().ok_or_else(|| internal("a piece without its pack"))
            }
        };
        file.chunks.iter().map(place).collect()
    }

    fn inline(&self, file: &PendingFile) -> Result<Content, crannog_core::content::ContentError> {
        let chunks = self
            .resolve(file)
            .map_err(|_| crannog_core::content::ContentError::Chunks)?;
        build_content(file.head.size, chunks, &[], &mut rand::rng())?.finish(Vec::new())
    }

    fn leaf(&self, (pack, index): (usize, usize)) -> Result<Leaf> {
        let leaf = self.packs.get(pack).and_then(|(_, leaves)| leaves.get(index));
        leaf.cloned().ok_or_else(|| internal("a list without its pack"))
    }
}

fn pieces(owned: Vec<(Option<Owner>, Chunk)>) -> Vec<StagedPiece> {
    let piece = |(owner, chunk): (Option<Owner>, Chunk)| {
        owner.map(|owner| StagedPiece {
            path: owner.path,
            stamp: owner.stamp,
            place: owner.place,
            hash: owner.hash,
            chunk,
        })
    };
    owned.into_iter().filter_map(piece).collect()
}

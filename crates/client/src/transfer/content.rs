//! From records to bytes: fetch, open, and keep the packs that neighbours need.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crannog_core::check::Check;
use crannog_core::content::{
    Blob, Chunk, Chunks, Content, LEAF_MAX, Leaf, OpenedLeaf, OpenedPack, chunk_count, open_chunk,
};
use crannog_proto::{BlobId, ErrorCode, limits};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

use super::{Flow, Task};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;

/// Opened packs that are kept: neighbours in a folder mostly lie in one pack. At 1 MiB each.
const PACKS: usize = 24;

/// Chunks fetched ahead of a stream.
const AHEAD: usize = 3;

type PackCell = Arc<OnceCell<Arc<OpenedPack>>>;

/// Reads contents of one drive; clones share the cache.
#[derive(Clone)]
pub(crate) struct Fetcher {
    shared: Arc<Shared>,
    journal: Arc<Journal>,
    /// Whether to read the journal on where a token has died.
    reads_on: bool,
    flow: Arc<Flow>,
    packs: Arc<Mutex<Packs>>,
}

#[derive(Default)]
struct Packs {
    cells: HashMap<BlobId, PackCell>,
    order: VecDeque<BlobId>,
}

impl Fetcher {
    pub(crate) fn new(shared: &Arc<Shared>, journal: &Arc<Journal>) -> Self {
        Self::over(shared, journal, &Flow::plain(shared))
    }

    /// The same for a transfer.
    pub(crate) fn over(shared: &Arc<Shared>, journal: &Arc<Journal>, flow: &Arc<Flow>) -> Self {
        Self {
            shared: Arc::clone(shared),
            journal: Arc::clone(journal),
            reads_on: true,
            flow: Arc::clone(flow),
            packs: Arc::default(),
        }
    }

    /// For whoever is reading the journal and holds its lock: a token that has died and a blob that is not there are plain refusals.
    pub(crate) fn of_reader(shared: &Arc<Shared>, journal: &Arc<Journal>) -> Self {
        Self {
            reads_on: false,
            ..Self::new(shared, journal)
        }
    }

    /// A blob whose bytes hash to its id (CHK-001). What the server acknowledged and cannot give is a lie (CHK-026).
    pub(crate) async fn blob(&self, id: BlobId) -> Result<Blob> {
        let mut fetched = self.fetch(&id).await;
        let died = |error: &Error| error.server_code() == Some(ErrorCode::Forbidden);
        if self.reads_on && fetched.as_ref().is_err_and(died) {
            // The epoch ended, and its token with it: who is still a member finds another in the journal.
            self.shared.catch_up(&self.journal).await?;
            fetched = self.fetch(&id).await;
        }
        match fetched {
            Err(error) if self.reads_on && error.server_code() == Some(ErrorCode::NotFound) => {
                Err(self.shared.missing_content(&self.journal, &id).await)
            }
            fetched => fetched,
        }
    }

    async fn fetch(&self, id: &BlobId) -> Result<Blob> {
        let none = || super::seal::internal("a drive without keys");
        if self.reads_on {
            let token = self.shared.read_token(&self.journal).ok_or_else(none)?;
            return self.fetch_with(&token, id).await;
        }
        // Its epoch may have ended further on: a newer token than the state's reads the blobs then.
        let mut refusal = none();
        for token in self.shared.read_tokens(&self.journal) {
            match self.fetch_with(&token, id).await {
                Err(error) if error.server_code() == Some(ErrorCode::Forbidden) => refusal = error,
                fetched => return fetched,
            }
        }
        Err(refusal)
    }

    async fn fetch_with(&self, token: &[u8; 32], id: &BlobId) -> Result<Blob> {
        let transport = &self.flow.transport;
        self.flow.pass().await;
        self.shared
            .retry(|| transport.get_blob(&self.journal.id, token, id, limits::BLOB_MAX))
            .await
    }

    /// All chunks of a content in order, with their numbers. A list is fetched when its turn comes and then forgotten: a short record can
    /// claim more chunks than fit into memory (CHK-024).
    pub(crate) fn chunks(
        &self,
        content: &Content,
    ) -> impl Stream<Item = Result<(u64, Chunk)>> + Send + use<> {
        let (inline, leaves) = match &content.chunks {
            Chunks::Inline(chunks) => (chunks.clone(), Vec::new()),
            Chunks::Leaves(leaves) => (Vec::new(), leaves.clone()),
        };
        let (fetcher, size) = (self.clone(), content.size);
        let listed = stream::iter((0..).zip(leaves)).then(move |(index, leaf)| {
            let fetcher = fetcher.clone();
            // A task of its own: half fetched it would keep a connection from others while the taker waits.
            let task = Task::new(tokio::spawn(
                async move { fetcher.leaf(&leaf, size, index).await },
            ));
            async move { task.end().await.flatten().map(|leaf| leaf.chunks) }
        });
        stream::iter([Ok(inline)])
            .chain(listed)
            .map_ok(|chunks| stream::iter(chunks.into_iter().map(Ok)))
            .try_flatten()
            .enumerate()
            .map(|(index, chunk)| chunk.map(|chunk| (index as u64, chunk)))
    }

    /// The leaves of a content, opened; none if it names its chunks itself.
    pub(crate) async fn leaves(&self, content: &Content) -> Result<Vec<OpenedLeaf>> {
        let Chunks::Leaves(leaves) = &content.chunks else {
            return Ok(Vec::new());
        };
        let mut opened = Vec::with_capacity(leaves.len());
        for (index, leaf) in (0..).zip(leaves) {
            opened.push(self.leaf(leaf, content.size, index).await?);
        }
        Ok(opened)
    }

    async fn leaf(&self, leaf: &Leaf, size: u64, index: u64) -> Result<OpenedLeaf> {
        let pack = self.pack(leaf.blob, &leaf.slot.key).await?;
        let chunks = pack
            .leaf(leaf, size, index)
            .map_err(|check| lied(check, leaf.blob))?;
        Ok(OpenedLeaf {
            leaf: leaf.clone(),
            chunks,
        })
    }

    /// A pack, fetched and opened once for all that ask meanwhile.
    pub(crate) async fn pack(
        &self,
        id: BlobId,
        key: &crannog_seal::content::PackKey,
    ) -> Result<Arc<OpenedPack>> {
        let cell = self.cell(id);
        let opened = cell
            .get_or_try_init(|| async {
                let (blob, key) = (self.blob(id).await?, key.clone());
                let opened = tokio::task::spawn_blocking(move || OpenedPack::open(&blob, &key));
                let pack = opened
                    .await
                    .map_err(Error::task)?
                    .map_err(|check| lied(check, id))?;
                Ok::<_, Error>(Arc::new(pack))
            })
            .await?;
        Ok(Arc::clone(opened))
    }

    fn cell(&self, id: BlobId) -> PackCell {
        let mut packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = packs.cells.get(&id) {
            return Arc::clone(cell);
        }
        if packs.order.len() >= PACKS
            && let Some(oldest) = packs.order.pop_front()
        {
            packs.cells.remove(&oldest);
        }
        packs.order.push_back(id);
        Arc::clone(packs.cells.entry(id).or_default())
    }

    /// The plaintext of chunk `index` of a file of `size` bytes.
    pub(crate) async fn chunk(&self, chunk: &Chunk, size: u64, index: u64) -> Result<Vec<u8>> {
        if let Some(slot) = &chunk.slot {
            let pack = self.pack(chunk.blob, &slot.key).await?;
            return pack
                .chunk(chunk, size, index)
                .map_err(|check| lied(check, chunk.blob));
        }
        let (blob, chunk) = (self.blob(chunk.blob).await?, chunk.clone());
        let id = chunk.blob;
        let opened = tokio::task::spawn_blocking(move || open_chunk(&chunk, size, index, &blob));
        opened
            .await
            .map_err(Error::task)?
            .map_err(|check| lied(check, id))
    }

    /// Every blob of a content, its lists and what they name.
    pub(crate) async fn all_blobs(&self, content: &Content) -> Result<Vec<BlobId>> {
        let mut blobs: BTreeSet<BlobId> = crannog_core::content::blobs_of(content).collect();
        if let Chunks::Leaves(_) = content.chunks {
            let mut chunks = Box::pin(self.chunks(content));
            while let Some((_, chunk)) = chunks.try_next().await? {
                blobs.insert(chunk.blob);
            }
        }
        Ok(blobs.into_iter().collect())
    }

    /// A record that names more or fewer chunks than its size has is refused before anything is fetched (CHK-003, CHK-024).
    pub(crate) fn check_shape(content: &Content) -> Result<()> {
        let named = match &content.chunks {
            Chunks::Inline(chunks) => chunks.len() as u64 == chunk_count(content.size),
            Chunks::Leaves(leaves) => leaves.len() as u64 == chunk_count(content.size).div_ceil(LEAF_MAX),
        };
        if named {
            Ok(())
        } else {
            Err(Error::lied(Check::Length, "a file's record"))
        }
    }
}

/// The chunks of a content in order, opened, a few fetched ahead.
pub(crate) fn pieces(
    fetcher: &Fetcher,
    content: &Content,
) -> Result<impl Stream<Item = Result<Vec<u8>>> + use<>> {
    Fetcher::check_shape(content)?;
    let (size, chunks) = (content.size, fetcher.chunks(content));
    let fetcher = fetcher.clone();
    // Tasks of their own: nobody polls them here while the taker waits, and half fetched they would keep a connection from others.
    let fetch = move |found: Result<(u64, Chunk)>| {
        let fetcher = fetcher.clone();
        let task = found.map(|(index, chunk)| {
            Task::new(tokio::spawn(
                async move { fetcher.chunk(&chunk, size, index).await },
            ))
        });
        async move { task?.end().await.flatten() }
    };
    Ok(chunks.map(fetch).buffered(AHEAD))
}

/// The bytes of a content in order; false when the taker wants no more.
pub(crate) async fn stream<F: Future<Output = bool>>(
    fetcher: &Fetcher,
    content: &Content,
    mut take: impl FnMut(Vec<u8>) -> F,
) -> Result<bool> {
    let mut pieces = Box::pin(pieces(fetcher, content)?);
    while let Some(piece) = pieces.next().await {
        if !take(piece?).await {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(crate) fn lied(check: Check, blob: BlobId) -> Error {
    Error::lied(check, format!("blob {blob}"))
}

//! The list of a file's chunks: in the record itself, or in sealed leaves of which only changed ones are stored again.

use crannog_proto::BlobId;
use rand_core::CryptoRng;

use super::seal::seal_leaf;
use super::{
    Chunk, Chunks, Content, ContentError, INLINE_MAX, LEAF_MAX, Leaf, SealedPiece, chunk_count, cut,
};

/// A leaf of a file's previous version, with what it says.
#[derive(Debug, Clone)]
pub struct OpenedLeaf {
    /// How the record names it.
    pub leaf: Leaf,
    /// What it says.
    pub chunks: Vec<Chunk>,
}

/// A content whose new leaves still have to be stored.
#[derive(Debug)]
pub struct ContentDraft {
    size: u64,
    list: List,
    pieces: Vec<SealedPiece>,
}

#[derive(Debug)]
enum List {
    Inline(Vec<Chunk>),
    /// None: one that is stored anew.
    Leaves(Vec<Option<Leaf>>),
}

/// Lists the chunks of a file. `previous` are the leaves of its version before, in order (empty if there is none or it
/// has none); those that did not change are named again.
pub fn build_content(
    size: u64,
    chunks: Vec<Chunk>,
    previous: &[OpenedLeaf],
    rng: &mut impl CryptoRng,
) -> Result<ContentDraft, ContentError> {
    if chunks.len() as u64 != chunk_count(size) {
        return Err(ContentError::Chunks);
    }
    (0..)
        .zip(&chunks)
        .try_for_each(|(index, chunk)| cut::check_chunk(chunk, size, index).map(drop))
        .map_err(|_| ContentError::Chunks)?;
    if chunks.len() as u64 <= INLINE_MAX {
        return Ok(ContentDraft {
            size,
            list: List::Inline(chunks),
            pieces: Vec::new(),
        });
    }
    let mut pieces = Vec::new();
    let mut previous = previous.iter();
    let leaves = chunks
        .chunks(LEAF_MAX as usize)
        .map(|chunks| match previous.next() {
            Some(old) if same_places(&old.chunks, chunks) => Some(old.leaf.clone()),
            _ => {
                pieces.push(seal_leaf(chunks, rng));
                None
            }
        });
    let list = List::Leaves(leaves.collect());
    Ok(ContentDraft { size, list, pieces })
}

/// The same places mean the same keys: a box opens under one key only (FLOE commits to it).
fn same_places(a: &[Chunk], b: &[Chunk]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.place() == b.place())
}

impl ContentDraft {
    /// The new leaves, to be put into packs in this order. The second call gives none.
    pub fn take_pieces(&mut self) -> Vec<SealedPiece> {
        std::mem::take(&mut self.pieces)
    }

    /// The content, given the places of the new leaves, in order.
    pub fn finish(self, stored: Vec<Leaf>) -> Result<Content, ContentError> {
        let mut stored = stored.into_iter();
        let chunks = match self.list {
            List::Inline(chunks) => Chunks::Inline(chunks),
            List::Leaves(leaves) => {
                let leaves = leaves.into_iter().map(|leaf| leaf.or_else(|| stored.next()));
                Chunks::Leaves(leaves.collect::<Option<_>>().ok_or(ContentError::Leaves)?)
            }
        };
        let content = Content {
            size: self.size,
            chunks,
        };
        if stored.next().is_some() || content.check_shape().is_err() {
            return Err(ContentError::Leaves);
        }
        Ok(content)
    }
}

/// The blobs that a record names itself: leaves, or chunks. One may come more than once.
pub fn blobs_of(content: &Content) -> impl Iterator<Item = BlobId> + '_ {
    places_of(content).map(|(blob, _)| blob)
}

/// The same, each with the slot in it, if it is a pack: offset and length, bytes.
pub fn places_of(content: &Content) -> impl Iterator<Item = (BlobId, Option<(u32, u32)>)> + '_ {
    let (chunks, leaves): (&[Chunk], &[Leaf]) = match &content.chunks {
        Chunks::Inline(chunks) => (chunks, &[]),
        Chunks::Leaves(leaves) => (&[], leaves),
    };
    let chunks = chunks.iter().map(Chunk::place);
    chunks.chain(leaves.iter().map(Leaf::place))
}

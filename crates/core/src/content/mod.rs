//! File bytes to blobs and back (`docs/spec/drive.md`, Content).
//!
//! ```text
//!  piece of a file ─seal_chunk─▶ blob of its own                                  ─▶ Chunk ─build_content─▶ Content
//!                          └───▶ SealedPiece ─PackBuilder─▶ pack, a blob as well ─▶ Chunk ─┘
//!
//!  bytes ─Blob::check─▶ Blob ─open_chunk / OpenedPack─▶ the piece's plaintext
//! ```
//! All of it is pure and shares nothing, so a caller may seal and open as many pieces at once as it has cores. Plaintext
//! comes out only of a [`Blob`], whose bytes hash to its id, under the record's keys and with the record's length.

mod blob;
mod cut;
mod filler;
mod list;
mod open;
mod pack;
mod record;
mod seal;

#[cfg(test)]
pub(crate) mod test_rng;
#[cfg(test)]
mod tests;

pub use self::blob::Blob;
pub use self::cut::{
    CHUNK, INLINE_MAX, LEAF_MAX, PACK_MAX, PIECE_MAX, chunk_count, chunk_len, is_packed, leaf_count,
};
pub use self::filler::{Filler, plan_filler, seal_filler};
pub use self::list::{ContentDraft, OpenedLeaf, blobs_of, build_content, places_of};
pub use self::open::{OpenedPack, open_chunk, open_leaf};
pub use self::pack::{PackBuilder, SealedPack};
pub use self::record::{Chunk, Chunks, Content, Leaf, Slot};
pub use self::seal::{SealedChunk, SealedPiece, seal_chunk};

/// The caller asked for what cannot be; nobody else is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// A piece has 1 to 4,194,304 bytes.
    #[error("a piece of a file has 1 byte to 4 MiB")]
    PieceLength,
    /// The chunks are not those of a file of this size.
    #[error("the chunks do not fit the file's size")]
    Chunks,
    /// The leaves are not those that the draft asked to be stored.
    #[error("the stored leaves are not those of the draft")]
    Leaves,
}

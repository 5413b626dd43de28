//! Checkpoints: the state as sealed segments, of which only what changed is written again.

mod compare;
mod load;
mod plan;
mod segment;

pub use self::compare::{Compared, compare};
pub use self::load::Loader;
pub use self::plan::{
    Changes, Piece, SEGMENT_BYTES, SEGMENT_RECORDS, check_manifest, is_to_forget, plan_checkpoint,
};
pub use self::segment::{SegmentRecords, open_segment, segment_of, segment_plaintext};

use crate::check::Check;

/// Why a checkpoint was not compared or loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The checkpoint is wrong: its author is at fault.
    #[error(transparent)]
    Check(#[from] Check),
    /// The own state could not be read or written.
    #[error("the drive's state failed")]
    State(#[source] E),
}

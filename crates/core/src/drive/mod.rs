//! The drive: the deterministic fold, checkpoints (`docs/spec/drive.md`).
//!
//! ```text
//!  DriveBatch ─ops, in order─▶ apply(&mut impl DriveState) ─▶ Applied: what became of each
//!  DriveState ─plan_checkpoint, encode_segment─▶ Manifest ─open_segment─▶ compare (every member)
//!                                                                  └────▶ Loader  (who starts from it)
//! ```
//! The server's order is the only order: the same entries give the same state everywhere, whatever the clocks say.

mod applied;
mod checkpoint;
mod fold;
mod id;
mod liveness;
mod memory;
mod name;
mod place;
mod purge;
mod record;
mod state;

#[cfg(test)]
mod tests;

pub use self::applied::{Applied, EntryMeta, Ignored, Landing, Outcome};
pub use self::checkpoint::{
    Changes, Compared, LoadError, Loader, Piece, SEGMENT_BYTES, SEGMENT_RECORDS, SegmentRecords,
    check_manifest, compare, is_to_forget, open_segment, plan_checkpoint, segment_of, segment_plaintext,
};
pub use self::fold::apply;
pub use self::id::{NodeId, VersionId};
pub use self::liveness::{MAX_DEPTH, is_live, is_live_directory};
pub use self::memory::MemoryDrive;
pub use self::name::{NAME_MAX, NameError, RECOVERED_NAME, check_name};
pub use self::record::{
    Attrs, DriveBatch, DriveOp, Frame, Manifest, NewNode, Node, Record, RecordKind, Segment, Version,
};
pub use self::state::{DriveState, Head, HeadKind};

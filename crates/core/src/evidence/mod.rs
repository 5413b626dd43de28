//! What a client keeps of a lie, for people who believe nobody (`docs/spec/membership.md`, Evidence).
//!
//! ```text
//!  alarm ──▶ Evidence ──to_text──▶ a file ──from_text──▶ Evidence ──audit──▶ Verdict
//! ```

mod audit;
mod branch;
mod case;
mod entry;
#[cfg(test)]
mod tests;
mod text;

pub use self::audit::{Convicted, Verdict, audit};
pub use self::case::{Branch, Case, EntryCase, Evidence, ServerProof};
pub use self::text::EvidenceError;

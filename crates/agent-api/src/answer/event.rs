//! What is said while a request runs.

use serde::{Deserialize, Serialize};

use super::account::RecoverySummary;
use super::history::News;
use crate::Failure;

/// While a request runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Join: the sheet to keep, as text with the twelve words. Secret. Nothing is registered before the Confirm.
    Sheet {
        /// The twelve words.
        words: crate::Secret,
        /// The whole sheet: words, root, server, sigchain head.
        sheet: crate::Secret,
    },
    /// Recover: what the words found; goes on after the Confirm.
    Recovery(RecoverySummary),
    /// How far a long work is.
    Progress(Progress),
    /// Something about one file that the user should see (skipped, conflict, renamed).
    Note(Note),
    /// One file that failed; the work goes on.
    Failed(Failure),
    /// To Watch: something happened.
    News(News),
}

/// How far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done: scanning, uploading, downloading, verifying, syncing.
    pub phase: String,
    /// Files done.
    pub files: u64,
    /// Files in all, as far as known.
    pub files_total: u64,
    /// Bytes done.
    pub bytes: u64,
    /// Bytes in all, as far as known.
    pub bytes_total: u64,
}

/// A remark on one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Path or name.
    pub object: String,
    /// What there is to say.
    pub text: String,
}

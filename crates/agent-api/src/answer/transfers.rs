//! Transfers.

use serde::{Deserialize, Serialize};

/// A transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferInfo {
    /// Its number on this device.
    pub id: u64,
    /// What it is: `put`, `get`, `cat`, `export`, `verify-store`.
    pub kind: String,
    /// Which way.
    pub direction: Direction,
    /// From where: paths; of a `put` on this device.
    pub from: Vec<String>,
    /// Where to; empty where nothing is kept.
    pub to: String,
    /// How it is.
    pub state: TransferState,
    /// Bytes done, as in [`Progress`](super::Progress); of an unfinished one, at least so many.
    pub bytes: u64,
    /// Bytes in all, as far as known.
    pub bytes_total: u64,
    /// Bytes a second, over the last ten.
    pub rate: u64,
    /// When it was begun first, milliseconds since 1970.
    pub since: i64,
}

/// How a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// Under way.
    Running,
    /// Its command waits; nothing new is sent or fetched.
    Paused,
    /// It was cut; the same command, or a resume, goes on where it stopped.
    Unfinished,
}

/// Which way the bytes of a transfer go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the server.
    Up,
    /// From the server.
    Down,
}

//! The first words on a connection, both ways.

use serde::{Deserialize, Serialize};

use crate::Failure;

/// The version of frames and words. Another number is not understood.
pub const PROTOCOL: u32 = 1;

/// What a command says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] of the command.
    pub protocol: u32,
    /// Which program file the command is ([`crate::build`]).
    pub build: String,
    /// The caller's umask.
    pub umask: u32,
}

/// What the agent answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// [`PROTOCOL`] of the agent.
    pub protocol: u32,
    /// Which program file the agent runs.
    pub build: String,
    /// Its process.
    pub pid: u32,
    /// What now.
    pub next: Next,
}

/// What a command does after [`Welcome`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "next", content = "why", rename_all = "snake_case")]
pub enum Next {
    /// Ask.
    Ready,
    /// The agent finishes what it does and runs the new program: wait until this connection ends, and connect again.
    Moving,
    /// This agent does not serve you.
    Refused(Failure),
}

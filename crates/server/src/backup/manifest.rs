//! `snapshots/ID.json`: what a snapshot is, signed by the server's CA key.

use borsh::BorshSerialize;
use crannog_proto::Fingerprint;
use crannog_proto::sign::{Signature, VerifyingKey};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::BackupError;
use super::key::Recipient;
use super::sealed::Extent;
use super::server_keys::ServerKeys;

const LABEL: &str = "crannogd 2026 backup snapshot.";

/// A snapshot without its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize)]
pub(super) struct Facts {
    /// Seconds since 1970: when the database was taken.
    pub(super) taken: i64,
    /// How many blobs the list has.
    pub(super) blobs: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Blobs that were damaged or missing on the server already; they are not in the list.
    pub(super) lost: u64,
    /// BLAKE3 of the list, and its length.
    pub(super) list: ([u8; 32], u64),
    /// BLAKE3 of the sealed file, and its length.
    pub(super) sealed: ([u8; 32], u64),
}

#[derive(BorshSerialize)]
struct Statement<'a> {
    format: u32,
    server: [u8; 32],
    recipient: [u8; 32],
    id: &'a str,
    facts: Facts,
}

/// As it stands in the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: u32,
    id: String,
    taken: i64,
    blobs: u64,
    bytes: u64,
    lost: u64,
    list: String,
    list_bytes: u64,
    sealed: String,
    sealed_bytes: u64,
    signature: String,
}

impl Facts {
    pub(super) fn new(
        taken: i64,
        (blobs, bytes, lost): (u64, u64, u64),
        list: Extent,
        sealed: Extent,
    ) -> Self {
        Self {
            taken,
            blobs,
            bytes,
            lost,
            list: (list.hash, list.length),
            sealed: (sealed.hash, sealed.length),
        }
    }
}

impl Manifest {
    pub(super) fn sign(
        id: &str,
        facts: &Facts,
        recipient: Recipient,
        keys: &ServerKeys,
    ) -> Result<Self, BackupError> {
        let statement = statement(id, *facts, keys.fingerprint(), recipient)?;
        let signature = keys.sign(LABEL, &statement)?;
        Ok(Self {
            format: 1,
            id: id.to_owned(),
            taken: facts.taken,
            blobs: facts.blobs,
            bytes: facts.bytes,
            lost: facts.lost,
            list: HEXLOWER.encode(&facts.list.0),
            list_bytes: facts.list.1,
            sealed: HEXLOWER.encode(&facts.sealed.0),
            sealed_bytes: facts.sealed.1,
            signature: HEXLOWER.encode(&signature.0),
        })
    }

    /// The facts, if this server's key signed them for this recipient under this id.
    pub(super) fn verify(
        &self,
        id: &str,
        key: VerifyingKey,
        server: Fingerprint,
        recipient: Recipient,
    ) -> Option<Facts> {
        let facts = Facts {
            taken: self.taken,
            blobs: self.blobs,
            bytes: self.bytes,
            lost: self.lost,
            list: (array(&self.list)?, self.list_bytes),
            sealed: (array(&self.sealed)?, self.sealed_bytes),
        };
        let statement = statement(id, facts, server, recipient).ok()?;
        let signature = Signature(array(&self.signature)?);
        let whole = self.format == 1 && self.id == id;
        (whole && key.verify(LABEL, &statement, &signature).is_ok()).then_some(facts)
    }
}

/// Hex digits of so many bytes.
pub(super) fn array<const N: usize>(text: &str) -> Option<[u8; N]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

fn statement(
    id: &str,
    facts: Facts,
    server: Fingerprint,
    recipient: Recipient,
) -> Result<Vec<u8>, BackupError> {
    let statement = Statement {
        format: 1,
        server: server.0,
        recipient: recipient.0,
        id,
        facts,
    };
    borsh::to_vec(&statement).map_err(|_| BackupError::Seal)
}

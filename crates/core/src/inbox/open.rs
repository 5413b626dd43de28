//! The first half of the ladder: out of the box, decoded, not yet believed (CHK-031).

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::sign::Signature;
use crannog_proto::{AccountId, decode};
use crannog_seal::asym::unwrap;
use zeroize::Zeroize;

use super::error::NoteRefused;
use super::note::{Note, VERSION};
use super::seal::{LENGTHS, info};
use crate::identity::AccountSecrets;

/// A note's bytes and its device's signature over them.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct SignedNote {
    pub(super) note: Vec<u8>,
    pub(super) signature: Signature,
}

/// The plaintext of a drop.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct Padded {
    pub(super) signed: SignedNote,
    pub(super) padding: Vec<u8>,
}

impl Drop for SignedNote {
    fn drop(&mut self) {
        self.note.zeroize();
    }
}

/// A note that decodes and is addressed to the reader; who wrote it is not known yet.
pub struct NoteIn {
    pub(super) signed: SignedNote,
    pub(super) note: Note,
}

impl NoteIn {
    /// Opens a drop for `me`, with any generation's key: its length, the box, decoding, padding, version, recipient (CHK-031, CHK-010).
    pub fn open(drop: &[u8], me: &AccountId, secrets: &AccountSecrets) -> Result<Self, NoteRefused> {
        if !LENGTHS.contains(&drop.len()) {
            return Err(NoteRefused::Length);
        }
        let mut opened = secrets.kem_keys().map(|key| unwrap(&key, info(me), b"", drop));
        let plain = opened.find_map(Result::ok).ok_or(NoteRefused::Sealed)?;
        let padded: Padded = decode(&plain).map_err(|_| NoteRefused::Decode)?;
        if padded.padding.iter().any(|byte| *byte != 0) {
            return Err(NoteRefused::Padding);
        }
        Self::decode(padded.signed, me)
    }

    /// Reads what home recorded of a note that was verified before ([`VerifiedNote::signed_bytes`](super::VerifiedNote::signed_bytes)).
    pub fn recorded(bytes: &[u8], me: &AccountId) -> Result<Self, NoteRefused> {
        Self::decode(decode(bytes).map_err(|_| NoteRefused::Decode)?, me)
    }

    fn decode(signed: SignedNote, me: &AccountId) -> Result<Self, NoteRefused> {
        match signed.note.first() {
            Some(&VERSION) => {}
            Some(version) => return Err(NoteRefused::Version(*version)),
            None => return Err(NoteRefused::Decode),
        }
        let note: Note = decode(&signed.note).map_err(|_| NoteRefused::Decode)?;
        if note.recipient != *me {
            return Err(NoteRefused::Recipient);
        }
        Ok(Self { signed, note })
    }

    /// Who claims to speak: whose sigchain is needed next. Nothing is proved yet.
    pub fn claimed_sender(&self) -> &AccountId {
        &self.note.sender.account
    }
}

impl fmt::Debug for NoteIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoteIn")
    }
}

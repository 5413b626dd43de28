//! The second half of the ladder: the sender's sigchain proves the note (CHK-031).

use crannog_proto::sigchain::SigchainState;
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{encode, labels};

use super::error::NoteRefused;
use super::note::{DAY, Note};
use super::open::{NoteIn, SignedNote};
use super::recorded::RecordedNote;

/// A note that a valid device of the named sender signed for this very account. Whether it was taken before is home's knowledge.
#[derive(Debug)]
pub struct VerifiedNote {
    signed: RecordedNote,
    note: Note,
}

impl NoteIn {
    /// Checks a note against the sender's and the reader's own sigchain, both verified and asked for just now, and the reader's clock
    /// in milliseconds since 1970.
    pub fn verify(
        self,
        sender: &SigchainState,
        me: &SigchainState,
        now_ms: i64,
    ) -> Result<VerifiedNote, NoteRefused> {
        let verified = self.verify_recorded(sender, me)?;
        if verified.note.time > now_ms.saturating_add(DAY) {
            return Err(NoteRefused::Future);
        }
        if verified.note.expires < now_ms {
            return Err(NoteRefused::Expired);
        }
        Ok(verified)
    }

    /// The same for a note that home recorded after it had been verified: no clock is asked.
    pub fn verify_recorded(
        self,
        sender: &SigchainState,
        me: &SigchainState,
    ) -> Result<VerifiedNote, NoteRefused> {
        let Self { signed, note } = self;
        check_recipient(&note, me)?;
        let key = sender_key(&note, sender)?;
        key.verify(labels::NOTE, &signed.note, &signed.signature)
            .map_err(|_| NoteRefused::Signature)?;
        note.check()?;
        Ok(VerifiedNote {
            signed: recorded(&signed),
            note,
        })
    }
}

impl VerifiedNote {
    /// What it says.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Its one-use id.
    pub fn id(&self) -> &[u8; 16] {
        &self.note.id
    }

    /// The SignedNote, for home's `Invited`.
    pub fn signed_bytes(&self) -> &RecordedNote {
        &self.signed
    }
}

fn recorded(signed: &SignedNote) -> RecordedNote {
    RecordedNote::from(encode(signed))
}

/// The account is the reader's, and the root one that she has or had.
fn check_recipient(note: &Note, me: &SigchainState) -> Result<(), NoteRefused> {
    let mut roots = me
        .generations
        .iter()
        .filter_map(|generation| me.root_of_generation(generation.number));
    if note.recipient == me.account && roots.any(|root| root == note.recipient_root) {
        Ok(())
    } else {
        Err(NoteRefused::Recipient)
    }
}

/// The key of the sending device, which is valid at the cited link and at the newest one that the reader knows.
fn sender_key(note: &Note, sender: &SigchainState) -> Result<VerifyingKey, NoteRefused> {
    // A new root always brings a new generation, so the generation at a link tells the root there.
    let root = sender
        .generation_at(&note.chain)
        .and_then(|generation| sender.root_of_generation(generation.number));
    let named = [note.sender.account, note.chain.account]
        .iter()
        .all(|account| *account == sender.account);
    if !named || root != Some(note.sender_root) {
        return Err(NoteRefused::Sender);
    }
    let device = &note.sender.device;
    let there = sender.device_at(&note.chain, device);
    let now = sender.device(device);
    match (there, now) {
        (Some(_), Some(device)) => Ok(device.sign),
        _ => Err(NoteRefused::Device),
    }
}

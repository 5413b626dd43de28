//! Sealing an entry: sign, pad, seal, cut, sign again.

use crannog_proto::entry::VERSION;
use crannog_proto::sign::{Signature, message};
use crannog_proto::{
    BlobId, Body, Entry, EntryId, Hash, Header, JournalId, Kind, Place, Seen, Signer, encode, labels, limits,
};
use crannog_seal::schedule::EpochSecrets;
use crannog_seal::sign::{DeviceSigningKey, EpochAdminKey};
use rand_core::CryptoRng;

use super::error::WriteError;
use super::payload::{Author, Content, Payload};
use super::signed::seal_signed;

/// Where and by whom an entry is written. [`JournalState::ground`](super::JournalState::ground) makes it.
#[derive(Debug)]
pub struct Ground<'a> {
    /// The journal; zero while it is being created.
    pub journal: JournalId,
    /// The current epoch's secrets.
    pub secrets: EpochSecrets,
    /// The key behind the current epoch's admin key, if held. After a refresh it comes from an earlier epoch's `A`.
    pub admin: Option<EpochAdminKey>,
    /// What the author has read.
    pub seen: Seen,
    /// Who.
    pub author: Author,
    /// Her device's key.
    pub device_key: &'a DeviceSigningKey,
}

/// What is to be written.
#[derive(Debug)]
pub struct EntryDraft<'a> {
    /// Random; kept by the caller so that a repeated append gets the first answer.
    pub entry: EntryId,
    /// What it is for.
    pub kind: Kind,
    /// Every blob that the content refers to anew; in any order.
    pub adds: Vec<BlobId>,
    /// Blobs no longer referred to; in any order.
    pub drops: Vec<BlobId>,
    /// What it says.
    pub payload: &'a Payload,
}

/// An entry ready to be appended.
#[derive(Debug, Clone)]
pub struct SealedEntry {
    /// To append.
    pub entry: Entry,
    /// To put first; empty when the body is inline.
    pub body_blobs: Vec<(BlobId, Vec<u8>)>,
    /// What `entry.header` says.
    pub header: Header,
}

/// Seals one entry under the ground's epoch (`docs/spec/journal.md`, Body). Rekeys are sealed by
/// [`seal_rekey`](super::seal_rekey). Fails when the epoch's key is not held or a limit would be broken.
pub fn seal_entry(
    ground: &Ground<'_>,
    draft: EntryDraft<'_>,
    rng: &mut impl CryptoRng,
) -> Result<SealedEntry, WriteError> {
    let mut header = ground.header(draft.entry, draft.kind, draft.adds, draft.drops);
    let key = ground.secrets.body_key();
    let sealed = seal_signed(
        &key,
        &header,
        draft.payload,
        ground.author,
        ground.device_key,
        rng,
    );
    let body = place_body(&mut header, sealed);
    ground.finish(header, body)
}

/// Seals the last entry: after it the server drops every blob and body.
pub fn seal_close(
    ground: &Ground<'_>,
    entry: EntryId,
    time: i64,
    device_name: String,
    rng: &mut impl CryptoRng,
) -> Result<SealedEntry, WriteError> {
    let payload = Payload {
        time,
        device_name,
        cites: Vec::new(),
        content: Content::Close,
    };
    let draft = EntryDraft {
        entry,
        kind: Kind::Close,
        adds: Vec::new(),
        drops: Vec::new(),
        payload: &payload,
    };
    seal_entry(ground, draft, rng)
}

impl Ground<'_> {
    /// A header without its body; `adds` and `drops` become sets.
    pub(super) fn header(
        &self,
        entry: EntryId,
        kind: Kind,
        mut adds: Vec<BlobId>,
        mut drops: Vec<BlobId>,
    ) -> Header {
        for ids in [&mut adds, &mut drops] {
            ids.sort_unstable();
            ids.dedup();
        }
        let body = Body {
            hash: Hash::ZERO,
            len: 0,
            place: Place::Inline,
        };
        let epoch = self.secrets.epoch();
        Header {
            version: VERSION,
            journal: self.journal,
            epoch,
            entry,
            seen: self.seen,
            kind,
            adds,
            drops,
            body,
        }
    }

    /// Checks the limits and signs with the key that the kind demands.
    pub(super) fn finish(&self, header: Header, body: PlacedBody) -> Result<SealedEntry, WriteError> {
        let bytes = encode(&header);
        let ids = header.adds.len() + header.drops.len();
        if body.too_large || bytes.len() > limits::HEADER_MAX || ids > limits::IDS_MAX {
            return Err(WriteError::TooLarge);
        }
        let message = message(labels::ENTRY, &bytes);
        let signature = match header.kind {
            Kind::Append => self.secrets.append_key().map(|key| key.sign(&message)),
            Kind::Change
            | Kind::Checkpoint { .. }
            | Kind::Rekey {
                signer: Signer::Writer,
                ..
            } => self.secrets.write_key().map(|key| key.sign(&message)),
            Kind::Genesis(_)
            | Kind::Rekey {
                signer: Signer::Admin,
                ..
            }
            | Kind::Reset { .. }
            | Kind::Prune { .. }
            | Kind::Close => self.admin.as_ref().map(|key| key.sign(&message)),
        };
        let signature = Signature(signature.ok_or(WriteError::NoKey)?);
        let entry = Entry {
            header: bytes,
            signature,
            body: body.inline,
        };
        Ok(SealedEntry {
            entry,
            body_blobs: body.blobs,
            header,
        })
    }
}

/// A sealed body where it belongs.
pub(super) struct PlacedBody {
    inline: Vec<u8>,
    blobs: Vec<(BlobId, Vec<u8>)>,
    too_large: bool,
}

/// Leaves a short body inline and cuts a long one into blobs; says so in the header.
pub(super) fn place_body(header: &mut Header, sealed: Vec<u8>) -> PlacedBody {
    let too_large = sealed.len() > limits::BODY_MAX;
    header.body.hash = Hash::plain(&sealed);
    header.body.len = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
    if sealed.len() <= limits::INLINE_BODY_MAX {
        return PlacedBody {
            inline: sealed,
            blobs: Vec::new(),
            too_large,
        };
    }
    let blobs: Vec<(BlobId, Vec<u8>)> = sealed
        .chunks(limits::CHUNK)
        .map(|piece| (BlobId::of(piece), piece.to_vec()))
        .collect();
    header.body.place = Place::Blobs(blobs.iter().map(|(id, _)| *id).collect());
    PlacedBody {
        inline: Vec::new(),
        blobs,
        too_large,
    }
}

//! The first entry of a journal.

use crannog_proto::{EntryId, JournalId, Kind, Seen};
use crannog_seal::schedule::EpochSecrets;
use crannog_seal::sign::DeviceSigningKey;
use rand_core::CryptoRng;

use super::error::WriteError;
use super::grant::public_halves;
use super::payload::{Author, Content, Payload, Role};
use super::seal::{EntryDraft, Ground, SealedEntry, seal_entry};

/// Seals a genesis under `secrets`, which are those of epoch 0 and complete, and says which journal it begins.
/// `payload.content` is [`Content::Genesis`]; the first of its list is the author, an admin.
pub fn seal_genesis(
    secrets: &EpochSecrets,
    payload: &Payload,
    author: Author,
    device_key: &DeviceSigningKey,
    entry: EntryId,
    rng: &mut impl CryptoRng,
) -> Result<(JournalId, SealedEntry), WriteError> {
    let Content::Genesis { members, .. } = &payload.content else {
        return Err(WriteError::Members);
    };
    let creator = members.first().filter(|first| first.account == author.account);
    if creator.is_none_or(|creator| creator.role != Role::Admin) {
        return Err(WriteError::Members);
    }
    let public = public_halves(secrets).ok_or(WriteError::NoKey)?;
    let ground = Ground {
        journal: JournalId::ZERO,
        secrets: secrets.clone(),
        admin: secrets.admin_key(),
        seen: Seen::default(),
        author,
        device_key,
    };
    let kind = Kind::Genesis(public);
    let draft = EntryDraft {
        entry,
        kind,
        adds: Vec::new(),
        drops: Vec::new(),
        payload,
    };
    let sealed = seal_entry(&ground, draft, rng)?;
    Ok((JournalId::of_genesis(&sealed.entry.header), sealed))
}

//! Notes between people, and everything that can be wrong with one.

mod attacks;
mod honest;
mod vectors;

use crannog_proto::sigchain::SigchainState;
use crannog_proto::{Hash, JournalId, Seen};
use crannog_seal::asym::KemPublicKey;
use crannog_seal::schedule::EpochSecrets;

use super::*;
use crate::identity::NewAccount;
use crate::journal::tests::world::{TestRng, author, random};
use crate::journal::{EpochGrant, JournalKind, Role};

pub(crate) const NOW: i64 = 1_700_000_000_000;
pub(crate) const DAY: i64 = 86_400_000;

/// Alice's invite for Bob.
pub(crate) fn note(from: &NewAccount, to: &NewAccount, rng: &mut TestRng) -> Note {
    let secrets = EpochSecrets::generate(&[5; 32], 3, rng);
    Note {
        version: 1,
        id: random(rng),
        sender: author(from),
        chain: from.chain.cite(),
        sender_root: from.chain.root,
        recipient: to.account,
        recipient_root: to.chain.root,
        time: NOW,
        expires: NOW + 7 * DAY,
        heads: Vec::new(),
        purpose: Purpose::Invite(Invite {
            journal: JournalId([5; 32]),
            kind: JournalKind::Drive,
            name: "Holidays".into(),
            form: Form::Folder,
            epoch: 3,
            role: Role::Writer,
            grant: EpochGrant::for_role(&secrets, Role::Writer),
            at: Seen {
                seq: 9,
                head: Hash([9; 32]),
            },
            inside: None,
        }),
    }
}

pub(crate) fn kem(chain: &SigchainState) -> KemPublicKey {
    KemPublicKey::from_bytes(&chain.generation().unwrap().kem).unwrap()
}

pub(crate) fn sealed(note: &Note, from: &NewAccount, to: &NewAccount, rng: &mut TestRng) -> Vec<u8> {
    seal_note(note, &from.device_keys.signing, &kem(&to.chain), rng).unwrap()
}

/// What the reader says of a drop from a sender with this sigchain.
pub(crate) fn take(
    drop: &[u8],
    to: &NewAccount,
    sender: &SigchainState,
    now: i64,
) -> Result<VerifiedNote, NoteRefused> {
    NoteIn::open(drop, &to.account, &to.secrets)?.verify(sender, &to.chain, now)
}

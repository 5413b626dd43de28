//! Sealing a note: sign, pad to one of three lengths, seal to the recipient.

use crannog_proto::sign::{Signature, message};
use crannog_proto::{AccountId, encode, labels};
use crannog_seal::asym::{Info, KemPublicKey, WRAP_OVERHEAD, wrap};
use crannog_seal::labels::WRAP_INBOX_DROP;
use crannog_seal::sign::DeviceSigningKey;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::note::{Note, NoteUnfit};
use super::open::{Padded, SignedNote};

/// The lengths of a drop in bytes.
pub(super) const LENGTHS: [usize; 3] = [4_096, 16_384, 65_536];

/// To whom a drop is sealed.
pub(super) fn info(recipient: &AccountId) -> Info<'_> {
    Info::new(WRAP_INBOX_DROP, &recipient.0)
}

/// Signs a note as `note.sender.device`, pads it, and seals it to the recipient's account key of the current generation
/// (`docs/spec/inbox.md`, Sealing). Refuses a note that its reader would refuse whoever signs it.
pub fn seal_note(
    note: &Note,
    device_key: &DeviceSigningKey,
    to: &KemPublicKey,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, NoteUnfit> {
    note.check()?;
    let bytes = Zeroizing::new(encode(note));
    let signature = Signature(device_key.sign(&Zeroizing::new(message(labels::NOTE, &bytes))));
    let signed = SignedNote {
        note: bytes.to_vec(),
        signature,
    };
    seal_signed(signed, &note.recipient, to, rng)
}

/// Pads and seals what is signed.
pub(super) fn seal_signed(
    signed: SignedNote,
    recipient: &AccountId,
    to: &KemPublicKey,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, NoteUnfit> {
    let mut padded = Padded {
        signed,
        padding: Vec::new(),
    };
    let bare = WRAP_OVERHEAD + Zeroizing::new(encode(&padded)).len();
    let length = LENGTHS.iter().find(|length| bare <= **length);
    padded.padding = vec![0; length.ok_or(NoteUnfit::TooLarge)? - bare];
    let plain = Zeroizing::new(encode(&padded));
    Ok(wrap(to, info(recipient), b"", &plain, rng))
}

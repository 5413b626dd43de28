//! The plaintext of a body: payload, author's signature, padding (`docs/spec/journal.md`, Body).

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::padme::padme;
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{Hash, Header, decode, encode, labels};
use crannog_seal::schedule::BodyKey;
use crannog_seal::sign::DeviceSigningKey;
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::payload::{Author, Payload};
use crate::check::Check;

/// No plain body is shorter.
const SHORTEST: u64 = 1 << 10;
/// Up to here the lengths of plain bodies are powers of two: Padmé's steps there are shorter than what one file adds.
const COARSE: u64 = 1 << 16;

/// What is sealed as a body, or as the sealed part of a rekey's.
#[derive(BorshSerialize, BorshDeserialize)]
pub(crate) struct Signed {
    pub(crate) author: Author,
    signature: Signature,
    pub(crate) payload: Vec<u8>,
    padding: Vec<u8>,
}

impl Drop for Signed {
    fn drop(&mut self) {
        self.payload.zeroize();
    }
}

/// A body that opened, is padded as prescribed and decodes; whether the author may and did say it is not known yet.
pub(super) struct SignedIn {
    signed: Signed,
    payload: Payload,
}

/// What the author's device signs: everything that the server sees but for the body, and the payload's hash.
fn statement(header: &Header, payload: &[u8], author: &Author) -> Vec<u8> {
    let payload = Hash::of(labels::PAYLOAD, payload);
    let Header {
        journal,
        epoch,
        entry,
        seen,
        kind,
        adds,
        drops,
        ..
    } = header;
    encode(&(
        journal,
        epoch,
        entry,
        seen,
        kind,
        adds,
        drops,
        payload,
        &author.account,
        &author.device,
    ))
}

/// Signs and pads `payload` for this header (whose body does not matter) and seals it.
pub(super) fn seal_signed(
    key: &BodyKey,
    header: &Header,
    payload: &Payload,
    author: Author,
    device_key: &DeviceSigningKey,
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let payload = encode(payload);
    let signature =
        Signature(device_key.sign(&message(labels::AUTHOR, &statement(header, &payload, &author))));
    let mut signed = Signed {
        author,
        signature,
        payload,
        padding: Vec::new(),
    };
    signed.padding = vec![0; padding_len(Zeroizing::new(encode(&signed)).len())];
    key.seal(&header.associated_data(), &Zeroizing::new(encode(&signed)), rng)
}

/// Opens a body under exactly this key and header. Whatever is wrong with the box is one and the same [`Check::Seal`].
pub(super) fn open_signed(key: &BodyKey, header: &Header, sealed: &[u8]) -> Result<SignedIn, Check> {
    let plain = open_plain(key, header, sealed)?;
    let signed: Signed = decode(&plain).map_err(|_| Check::Decode)?;
    if !signed.is_padded() {
        return Err(Check::Body);
    }
    let payload = decode(&signed.payload).map_err(|_| Check::Decode)?;
    Ok(SignedIn { signed, payload })
}

/// Only the box.
pub(super) fn open_plain(key: &BodyKey, header: &Header, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Check> {
    key.open(&header.associated_data(), sealed)
        .map(Zeroizing::new)
        .map_err(|_| Check::Seal)
}

/// How many zero bytes bring `bare` bytes to the next length of a body.
fn padding_len(bare: usize) -> usize {
    let len = (bare as u64).max(SHORTEST);
    let total = if len <= COARSE {
        len.next_power_of_two()
    } else {
        padme(len)
    };
    usize::try_from(total).unwrap_or(bare).saturating_sub(bare)
}

impl Signed {
    /// CHK-018: as many zero bytes as prescribed.
    fn is_padded(&self) -> bool {
        let (fields, lengths) = (32 + 16 + 64, 4 + 4);
        let bare = fields + lengths + self.payload.len();
        self.padding.len() == padding_len(bare) && self.padding.iter().all(|byte| *byte == 0)
    }

    /// CHK-017: the device with this key said this, with this header.
    pub(crate) fn verify(&self, header: &Header, key: &VerifyingKey) -> Result<(), Check> {
        let data = statement(header, &self.payload, &self.author);
        key.verify(labels::AUTHOR, &data, &self.signature)
            .map_err(|_| Check::Author)
    }
}

impl SignedIn {
    /// Who claims to speak.
    pub(super) fn author(&self) -> Author {
        self.signed.author
    }

    /// What is claimed; for finding the author's key only.
    pub(super) fn claimed(&self) -> &Payload {
        &self.payload
    }

    /// CHK-017: the device with this key said this, with this header.
    pub(super) fn verify(self, header: &Header, key: &VerifyingKey) -> Result<(Author, Payload), Check> {
        self.signed.verify(header, key)?;
        Ok((self.signed.author, self.payload))
    }
}

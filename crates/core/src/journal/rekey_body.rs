//! The unsealed frame of a rekey: the sealed part, one envelope per member among dummies, the notice.

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::padme::padme;
use crannog_proto::{AccountId, Entry, Header, JournalId, Kind, decode, encode};
use crannog_seal::asym::{Info, KemPublicKey, KemSecretKey, unwrap, wrap};
use crannog_seal::labels::WRAP_EPOCH_GRANT;
use crannog_seal::schedule::{
    AdminSecret, AppendSecret, EnvelopeTagKey, EpochSecrets, ReadSecret, WriteSecret,
};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::grant::EpochGrant;
use super::payload::Content;
use super::signed::open_signed;
use crate::check::Check;
use crate::identity::AccountSecrets;

/// `read (32)`, then of append, write and admin each `present (1) || secret or zeros (32)`.
const GRANT_LEN: usize = 131;
/// A notice is never shorter.
const NOTICE_SHORTEST: usize = 256;

/// The plain body of a Rekey entry.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct RekeyBody {
    pub(super) sealed: Vec<u8>,
    pub(super) envelopes: Vec<Envelope>,
    pub(super) notice: Vec<u8>,
}

/// An epoch's secrets for one member, or a dummy.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct Envelope {
    pub(super) tag: [u8; 16],
    wrapped: Vec<u8>,
}

/// Who was removed; read by those who were.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct Notice {
    removed: Vec<AccountId>,
    padding: Vec<u8>,
}

/// By which a member of epoch e finds her envelope in the rekey to `next`.
pub(super) fn envelope_tag(key: &EnvelopeTagKey, account: &AccountId, next: u64) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(key.expose_to_hash());
    hasher.update(&account.0).update(&next.to_le_bytes());
    let mut tag = [0; 16];
    hasher.finalize_xof().fill(&mut tag);
    tag
}

fn context(journal: &JournalId, epoch: u64, account: &AccountId) -> Vec<u8> {
    encode(&(journal, epoch, account))
}

impl Envelope {
    /// Seals a grant of `epoch` to a member's account key.
    pub(super) fn seal(
        tag: [u8; 16],
        to: &KemPublicKey,
        journal: &JournalId,
        epoch: u64,
        account: &AccountId,
        grant: &EpochGrant,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let context = context(journal, epoch, account);
        let wrapped = wrap(
            to,
            Info::new(WRAP_EPOCH_GRANT, &context),
            b"",
            &grant_bytes(grant),
            rng,
        );
        Self { tag, wrapped }
    }

    /// One that nobody can open: zeros to a key that is thrown away. Random bytes would not look like a box (X25519's top bit, the range of
    /// ML-KEM's coefficients).
    pub(super) fn dummy(rng: &mut impl CryptoRng) -> Self {
        let (mut tag, mut seed) = ([0; 16], Zeroizing::new([0; 32]));
        rng.fill_bytes(&mut tag);
        rng.fill_bytes(seed.as_mut());
        let nobody = KemSecretKey::from_seed(&seed).public();
        let wrapped = wrap(
            &nobody,
            Info::new(WRAP_EPOCH_GRANT, &[]),
            b"",
            &[0; GRANT_LEN],
            rng,
        );
        Self { tag, wrapped }
    }

    /// CHK-002: opens under exactly this key, journal, epoch and account.
    pub(super) fn open(
        &self,
        key: &KemSecretKey,
        journal: &JournalId,
        epoch: u64,
        account: &AccountId,
    ) -> Result<EpochGrant, Check> {
        let context = context(journal, epoch, account);
        let info = Info::new(WRAP_EPOCH_GRANT, &context);
        let plain = unwrap(key, info, b"", &self.wrapped).map_err(|_| Check::Seal)?;
        grant_from(&plain).ok_or(Check::Seal)
    }
}

/// One length whatever is absent: an absent secret is a 0 byte and 32 zero bytes.
fn grant_bytes(grant: &EpochGrant) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(GRANT_LEN + 8));
    bytes.extend_from_slice(&Zeroizing::new(encode(&grant.read)));
    for secret in [
        Zeroizing::new(encode(&grant.append)),
        Zeroizing::new(encode(&grant.write)),
        Zeroizing::new(encode(&grant.admin)),
    ] {
        let absent = 33usize.saturating_sub(secret.len());
        bytes.extend_from_slice(&secret);
        bytes.extend(std::iter::repeat_n(0, absent));
    }
    bytes
}

fn grant_from(bytes: &[u8]) -> Option<EpochGrant> {
    let bytes: &[u8; GRANT_LEN] = bytes.try_into().ok()?;
    let (read, rest) = bytes.split_first_chunk::<32>()?;
    let (append, rest) = rest.split_at_checked(33)?;
    let (write, admin) = rest.split_at_checked(33)?;
    Some(EpochGrant {
        read: ReadSecret::from_bytes(read),
        append: optional(append)?.map(AppendSecret::from_bytes),
        write: optional(write)?.map(WriteSecret::from_bytes),
        admin: optional(admin)?.map(AdminSecret::from_bytes),
    })
}

fn optional(bytes: &[u8]) -> Option<Option<&[u8; 32]>> {
    let (present, secret) = bytes.split_first()?;
    let secret: &[u8; 32] = secret.try_into().ok()?;
    match present {
        0 if *secret == [0; 32] => Some(None),
        1 => Some(Some(secret)),
        _ => None,
    }
}

impl Notice {
    pub(super) fn seal(
        removed: Vec<AccountId>,
        ending: &EpochSecrets,
        aad: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Vec<u8> {
        let mut notice = Self {
            removed,
            padding: Vec::new(),
        };
        let bare = encode(&notice).len();
        let total = usize::try_from(padme(bare.max(NOTICE_SHORTEST) as u64)).unwrap_or(bare);
        notice.padding = vec![0; total.saturating_sub(bare)];
        ending.notice_key().seal(aad, &encode(&notice), rng)
    }

    /// Whether the notice names `account`.
    pub(super) fn names(
        account: &AccountId,
        ending: &EpochSecrets,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<bool, Check> {
        let plain = ending.notice_key().open(aad, sealed).map_err(|_| Check::Seal)?;
        let notice: Self = decode(&plain).map_err(|_| Check::Decode)?;
        Ok(notice.removed.contains(account))
    }
}

/// `K_e` out of the rekey that opened `secrets`' epoch e+1: how a new member walks back to the genesis before she reads forward.
/// Nothing but the box is checked here; reading forward compares every secret with its epoch's public halves.
pub fn previous_read_secret(
    entry: &Entry,
    body: Option<&[u8]>,
    secrets: &EpochSecrets,
) -> Result<Option<ReadSecret>, Check> {
    let header: Header = decode(&entry.header).map_err(|_| Check::Decode)?;
    if !matches!(header.kind, Kind::Rekey { .. }) {
        return Err(Check::Rekey);
    }
    let body: RekeyBody = decode(body.unwrap_or(&entry.body)).map_err(|_| Check::Decode)?;
    let signed = open_signed(&secrets.body_key(), &header, &body.sealed)?;
    match &signed.claimed().content {
        Content::Rekey(content) => Ok(content.previous.clone()),
        _ => Err(Check::Rekey),
    }
}

/// The grant that a rekey has for an account, with the secrets of the epoch that it ends: how one whose invite is older than the current
/// epoch walks forward. `None`: it has none for her. Nothing but the boxes is checked here; reading forward compares every secret with its
/// epoch's public halves.
pub fn grant_of_rekey(
    entry: &Entry,
    body: Option<&[u8]>,
    ending: &EpochSecrets,
    account: &AccountSecrets,
    me: &AccountId,
) -> Result<Option<EpochGrant>, Check> {
    let header: Header = decode(&entry.header).map_err(|_| Check::Decode)?;
    if !matches!(header.kind, Kind::Rekey { .. }) || header.epoch != ending.epoch() {
        return Err(Check::Rekey);
    }
    let body: RekeyBody = decode(body.unwrap_or(&entry.body)).map_err(|_| Check::Decode)?;
    let epoch = header.epoch.saturating_add(1);
    let tag = envelope_tag(&ending.envelope_tag_key(), me, epoch);
    let Some(envelope) = body.envelopes.iter().find(|envelope| envelope.tag == tag) else {
        return Ok(None);
    };
    let mut opened = account
        .kem_keys()
        .map(|key| envelope.open(&key, &header.journal, epoch, me));
    opened.find_map(Result::ok).map(Some).ok_or(Check::Seal)
}

//! The secrets of one epoch of a journal, and the keys that follow from them.

use rand_core::CryptoRng;

use super::secret_from;
use crate::OpenError;
use crate::floe::{self, Aad, FloeKey};
use crate::kdf::derive;
use crate::labels::{self, Label};
use crate::secret::{Secret32, carried, secret32};
use crate::sign::{EpochAdminKey, EpochAppendKey, EpochWriteKey, SigningSeed};

secret32! {
    /// `K_e`: what every member of an epoch has.
    pub ReadSecret
}
carried!(ReadSecret);

secret32! {
    /// `W_e`: what writers have besides.
    pub WriteSecret
}
carried!(WriteSecret);

secret32! {
    /// `P_e`: what append members have besides `K_e`. It follows from `W_e`, never the other way.
    pub AppendSecret
}
carried!(AppendSecret);

secret32! {
    /// `A_e`: what admins have besides.
    pub AdminSecret
}
carried!(AdminSecret);

/// The secrets that a member holds for one epoch. A reader has no `W`, a writer no `A`. An append member has `P` in place of `W`;
/// who has `W` has `P` as well.
///
/// They open the server's gate and the bodies; **rights** follow from the member list and device signatures alone.
#[derive(Clone)]
pub struct EpochSecrets {
    context: [u8; 40],
    epoch: u64,
    read: ReadSecret,
    append: Option<AppendSecret>,
    write: Option<WriteSecret>,
    admin: Option<AdminSecret>,
}

impl EpochSecrets {
    /// The secrets of `epoch` in `journal`. In epoch 0 the journal's id is not used (32 zero bytes stand for it), because the id is the
    /// hash of a header that contains the public halves; so the creator may pass anything there.
    pub fn new(
        journal: &[u8; 32],
        epoch: u64,
        read: ReadSecret,
        write: Option<WriteSecret>,
        admin: Option<AdminSecret>,
    ) -> Self {
        let mut context = [0; 40];
        if epoch > 0 {
            context[..32].copy_from_slice(journal);
        }
        context[32..].copy_from_slice(&epoch.to_le_bytes());
        Self {
            context,
            epoch,
            read,
            append: None,
            write,
            admin,
        }
    }

    /// The same, of an append member: with `P`, which she was given.
    #[must_use]
    pub fn with_append(self, append: Option<AppendSecret>) -> Self {
        Self { append, ..self }
    }

    /// Fresh random `K`, `W` and `A`.
    pub fn generate(journal: &[u8; 32], epoch: u64, rng: &mut impl CryptoRng) -> Self {
        let read = ReadSecret::generate(rng);
        let write = WriteSecret::generate(rng);
        let admin = AdminSecret::generate(rng);
        Self::new(journal, epoch, read, Some(write), Some(admin))
    }

    /// The epoch's number.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// `K`, to be put into a grant or under the next epoch's `K`.
    pub fn read(&self) -> &ReadSecret {
        &self.read
    }

    /// `W`, if held.
    pub fn write(&self) -> Option<&WriteSecret> {
        self.write.as_ref()
    }

    /// `P`, as it was given or as it follows from `W`.
    pub fn append(&self) -> Option<AppendSecret> {
        let derived = |w| derive::<AppendSecret>(w, labels::DERIVE_APPEND_SECRET, &self.context);
        self.append.clone().or_else(|| self.write.as_ref().map(derived))
    }

    /// `A`, if held.
    pub fn admin(&self) -> Option<&AdminSecret> {
        self.admin.as_ref()
    }

    /// The bearer token that reads this epoch at the server.
    pub fn read_token(&self) -> ReadToken {
        self.derive_from_read(labels::DERIVE_READ_TOKEN)
    }

    /// The key of bodies.
    pub fn body_key(&self) -> BodyKey {
        self.derive_from_read(labels::DERIVE_BODY_KEY)
    }

    /// The key of the notice that ends this epoch.
    pub fn notice_key(&self) -> NoticeKey {
        self.derive_from_read(labels::DERIVE_NOTICE_KEY)
    }

    /// The key that wraps `K` of the epoch before.
    pub fn previous_epoch_key(&self) -> PreviousEpochKey {
        self.derive_from_read(labels::DERIVE_PREVIOUS_EPOCH_KEY)
    }

    /// The key of the keyed hash by which members of this epoch find their envelope in the rekey that ends it.
    pub fn envelope_tag_key(&self) -> EnvelopeTagKey {
        self.derive_from_read(labels::DERIVE_ENVELOPE_TAG_KEY)
    }

    /// The epoch's write key, if `W` is held.
    pub fn write_key(&self) -> Option<EpochWriteKey> {
        let seed = |w| derive::<SigningSeed>(w, labels::DERIVE_WRITE_KEY, &self.context);
        self.write.as_ref().map(|w| EpochWriteKey::from_derived(&seed(w)))
    }

    /// The epoch's append key, if `P` or `W` is held.
    pub fn append_key(&self) -> Option<EpochAppendKey> {
        let seed = |p: &AppendSecret| derive::<SigningSeed>(p, labels::DERIVE_APPEND_KEY, &self.context);
        self.append().map(|p| EpochAppendKey::from_derived(&seed(&p)))
    }

    /// The epoch's admin key, if `A` is held.
    pub fn admin_key(&self) -> Option<EpochAdminKey> {
        let seed = |a| derive::<SigningSeed>(a, labels::DERIVE_ADMIN_KEY, &self.context);
        self.admin.as_ref().map(|a| EpochAdminKey::from_derived(&seed(a)))
    }

    fn derive_from_read<T: Secret32>(&self, label: Label) -> T {
        derive(&self.read, label, &self.context)
    }
}

impl core::fmt::Debug for EpochSecrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("EpochSecrets")
    }
}

secret32! {
    /// The bearer token of an epoch. The server keeps its hash only.
    pub ReadToken
}

impl ReadToken {
    /// The bytes that go to the server and to nobody else.
    pub fn expose_to_server(&self) -> &[u8; 32] {
        self.expose()
    }
}

secret32! {
    /// The key of keyed BLAKE3 for envelope tags.
    pub EnvelopeTagKey
}

impl EnvelopeTagKey {
    /// The bytes that key the hash.
    pub fn expose_to_hash(&self) -> &[u8; 32] {
        self.expose()
    }
}

macro_rules! body_like_key {
    ($(#[$meta:meta])* $name:ident, $label:expr) => {
        secret32! { $(#[$meta])* pub $name }
        impl FloeKey for $name {}

        impl $name {
            /// Seals; `header` is the part of the entry's header that the box is bound to.
            pub fn seal(&self, header: &[u8], plaintext: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
                floe::seal(self, Aad::new($label, header), plaintext, rng)
            }

            /// Opens what [`seal`](Self::seal) made for the same header.
            pub fn open(&self, header: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
                floe::open(self, Aad::new($label, header), sealed)
            }
        }
    };
}

body_like_key! {
    /// The FLOE key of an epoch's bodies.
    BodyKey, labels::SEAL_BODY
}

body_like_key! {
    /// The FLOE key of the notice of removal.
    NoticeKey, labels::SEAL_NOTICE
}

secret32! {
    /// The FLOE key that wraps `K` of the epoch before.
    pub PreviousEpochKey
}
impl FloeKey for PreviousEpochKey {}

impl PreviousEpochKey {
    const AAD: Aad<'static> = Aad::suite(labels::SEAL_PREVIOUS_EPOCH);

    /// Wraps the previous epoch's `K`.
    pub fn wrap(&self, previous: &ReadSecret, rng: &mut impl CryptoRng) -> Vec<u8> {
        floe::seal(self, Self::AAD, previous.expose(), rng)
    }

    /// Unwraps it. The caller then checks that its public halves are those of the epoch before.
    pub fn unwrap(&self, wrapped: &[u8]) -> Result<ReadSecret, OpenError> {
        secret_from(floe::open(self, Self::AAD, wrapped)?)
    }
}

#[cfg(test)]
mod tests {
    use subtle::ConstantTimeEq;

    use super::*;
    use crate::test_rng::CountingRng;

    fn secrets(journal: u8, epoch: u64) -> EpochSecrets {
        EpochSecrets::generate(&[journal; 32], epoch, &mut CountingRng::default())
    }

    #[test]
    fn keys_differ_by_journal_epoch_and_purpose() {
        let token = |s: EpochSecrets| *s.read_token().expose();
        assert_ne!(token(secrets(1, 1)), token(secrets(2, 1)));
        assert_ne!(token(secrets(1, 1)), token(secrets(1, 2)));
        assert_eq!(
            token(secrets(1, 0)),
            token(secrets(2, 0)),
            "epoch 0 cannot know the journal's id"
        );
        let s = secrets(1, 1);
        assert_ne!(s.read_token().expose(), s.body_key().expose());
        assert_ne!(s.write_key().unwrap().public(), s.admin_key().unwrap().public());
    }

    #[test]
    fn a_reader_has_no_write_or_admin_key() {
        let all = secrets(1, 1);
        let reader = EpochSecrets::new(&[1; 32], 1, all.read().clone(), None, None);
        assert!(reader.write_key().is_none() && reader.admin_key().is_none());
        let header = b"header";
        let sealed = all.body_key().seal(header, b"body", &mut CountingRng::default());
        assert_eq!(reader.body_key().open(header, &sealed), Ok(b"body".to_vec()));
        assert_eq!(reader.body_key().open(b"other", &sealed), Err(OpenError));
        assert_eq!(reader.notice_key().open(header, &sealed), Err(OpenError));
    }

    #[test]
    fn an_append_member_has_the_append_key_of_the_writers_and_no_other() {
        let all = secrets(1, 1);
        let member = EpochSecrets::new(&[1; 32], 1, all.read().clone(), None, None).with_append(all.append());
        let key = member.append_key().unwrap().public();
        assert_eq!(key, all.append_key().unwrap().public());
        assert_ne!(key, all.write_key().unwrap().public());
        assert!(member.write_key().is_none() && member.admin_key().is_none());
        assert_ne!(key, secrets(2, 1).append_key().unwrap().public());
    }

    #[test]
    fn the_previous_read_secret_comes_back() {
        let (old, new) = (secrets(1, 1), secrets(1, 2));
        let wrapped = new
            .previous_epoch_key()
            .wrap(old.read(), &mut CountingRng::default());
        let back = new.previous_epoch_key().unwrap(&wrapped).unwrap();
        assert!(bool::from(back.ct_eq(old.read())));
        assert!(old.previous_epoch_key().unwrap(&wrapped).is_err());
        let long = floe::seal(
            &new.previous_epoch_key(),
            PreviousEpochKey::AAD,
            &[0; 33],
            &mut CountingRng::default(),
        );
        assert!(
            new.previous_epoch_key().unwrap(&long).is_err(),
            "exactly 32 bytes"
        );
    }
}

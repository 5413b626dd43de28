//! Every domain-separation label of this crate, in one place.
//!
//! `derive` labels go into [key derivation](crate::schedule), `seal` labels into FLOE's associated data, `wrap` labels into
//! HPKE's info. A label is always followed by `0x00`.

use core::fmt;

/// A domain-separation label. Only this file makes them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label(&'static str);

impl Label {
    /// The label as text, `crannog/1 <purpose>`.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The label's ASCII bytes, without the `0x00` that follows it.
    pub const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $purpose:literal;)*) => {
        $($(#[$doc])* pub const $name: Label = Label(concat!("crannog/1 ", $purpose));)*

        /// All labels of this file, so that other crates can check theirs against them.
        pub const ALL: &[Label] = &[$($name),*];
    };
}

labels! {
    /// `K` → the bearer token that reads a journal.
    DERIVE_READ_TOKEN = "derive read token";
    /// `K` → the FLOE key of entry bodies.
    DERIVE_BODY_KEY = "derive body key";
    /// `K` → the FLOE key of notices of removal.
    DERIVE_NOTICE_KEY = "derive notice key";
    /// `K` → the FLOE key that wraps the previous epoch's `K`.
    DERIVE_PREVIOUS_EPOCH_KEY = "derive previous epoch key";
    /// `K` → the key of the hash that tags a rekey's envelopes.
    DERIVE_ENVELOPE_TAG_KEY = "derive envelope tag key";
    /// `W` → the epoch's Ed25519 write key.
    DERIVE_WRITE_KEY = "derive write key";
    /// `W` → `P`, which appends and does nothing else that `W` does.
    DERIVE_APPEND_SECRET = "derive append secret";
    /// `P` → the epoch's Ed25519 append key.
    DERIVE_APPEND_KEY = "derive append key";
    /// `A` → the epoch's Ed25519 admin key.
    DERIVE_ADMIN_KEY = "derive admin key";
    /// Account secret → the account's Ed25519 key.
    DERIVE_ACCOUNT_SIGNING = "derive account signing";
    /// Account secret → the account's X-Wing key.
    DERIVE_ACCOUNT_KEM = "derive account kem";
    /// Account secret → `K` of home.
    DERIVE_HOME_READ = "derive home read";
    /// Account secret → `W` of home.
    DERIVE_HOME_WRITE = "derive home write";
    /// Account secret → `A` of home.
    DERIVE_HOME_ADMIN = "derive home admin";
    /// Account secret → the FLOE key that wraps the previous generation's account secret.
    DERIVE_PREVIOUS_GENERATION_KEY = "derive previous generation key";
    /// Device seed → the device's Ed25519 key.
    DERIVE_DEVICE_SIGNING = "derive device signing";
    /// Device seed → the device's X-Wing key.
    DERIVE_DEVICE_KEM = "derive device kem";
    /// Recovery words → the root's Ed25519 key.
    DERIVE_ROOT_SIGNING = "derive root signing";
    /// Recovery words → the recovery X-Wing key.
    DERIVE_RECOVERY_KEM = "derive recovery kem";

    /// Key service: store key → the FLOE key of one kind of records.
    DERIVE_KEYD_RECORD_KEY = "derive keyd record key";
    /// Key service: bytes of a key file → the FLOE key of a slot.
    DERIVE_KEYD_SLOT_KEY = "derive keyd slot key";
    /// Key service: recovery key → the FLOE key of the recovery slot.
    DERIVE_KEYD_RECOVERY_SLOT_KEY = "derive keyd recovery slot key";
    /// Key service: store key → the FLOE key of backups.
    DERIVE_KEYD_BACKUP_KEY = "derive keyd backup key";
    /// Key service: store key → the key of the hash that makes tokens genuine.
    DERIVE_KEYD_TOKEN_KEY = "derive keyd token key";
    /// Key service: audit root → the Ed25519 key of the log.
    DERIVE_KEYD_AUDIT_SIGNING = "derive keyd audit signing";
    /// Key service: audit root → the key of the hashes of values in the log.
    DERIVE_KEYD_AUDIT_VALUE_KEY = "derive keyd audit value key";

    /// FLOE: an entry's body.
    SEAL_BODY = "seal body";
    /// FLOE: a notice of removal beside a rekey.
    SEAL_NOTICE = "seal notice";
    /// FLOE: `K` of the previous epoch.
    SEAL_PREVIOUS_EPOCH = "seal previous epoch";
    /// FLOE: the account secret of the previous generation.
    SEAL_PREVIOUS_GENERATION = "seal previous generation";
    /// FLOE: a chunk of a file, or a piece inside a pack.
    SEAL_CHUNK = "seal chunk";
    /// FLOE: a pack.
    SEAL_PACK = "seal pack";
    /// FLOE: a leaf of a chunk list.
    SEAL_LIST_LEAF = "seal list leaf";
    /// FLOE: filler.
    SEAL_FILLER = "seal filler";
    /// FLOE: the local database key under the password.
    SEAL_LOCAL_KEY = "seal local key";

    /// FLOE, key service: what a store holds.
    SEAL_KEYD_HEAD = "seal keyd head";
    /// FLOE, key service: a key's settings and list of versions.
    SEAL_KEYD_KEY = "seal keyd key";
    /// FLOE, key service: the secret of one version.
    SEAL_KEYD_VERSION = "seal keyd version";
    /// FLOE, key service: the audit root.
    SEAL_KEYD_AUDIT_ROOT = "seal keyd audit root";
    /// FLOE, key service: how far the audit log had come.
    SEAL_KEYD_ANCHOR = "seal keyd anchor";
    /// FLOE, key service: the store key, in a slot.
    SEAL_KEYD_STORE_KEY = "seal keyd store key";
    /// FLOE, key service: the backup of a key.
    SEAL_KEYD_BACKUP = "seal keyd backup";
    /// FLOE, key service: a file that the command line encrypts.
    SEAL_KEYD_STREAM = "seal keyd stream";

    /// HPKE: an epoch's secrets to a member.
    WRAP_EPOCH_GRANT = "wrap epoch grant";
    /// HPKE: the account secret to a device or to the recovery key.
    WRAP_ACCOUNT_SECRET = "wrap account secret";
    /// HPKE: a signed drop in an inbox.
    WRAP_INBOX_DROP = "wrap inbox drop";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_ascii_unique_and_prefix_free() {
        for (i, a) in ALL.iter().enumerate() {
            assert!(a.as_str().starts_with("crannog/1 "));
            assert!(a.as_bytes().iter().all(|b| (b' '..=b'~').contains(b)), "{a:?}");
            for (j, b) in ALL.iter().enumerate() {
                assert!(
                    i == j || !b.as_str().starts_with(a.as_str()),
                    "{a:?} is a prefix of {b:?}"
                );
            }
        }
    }
}

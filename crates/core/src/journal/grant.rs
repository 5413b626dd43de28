//! What a member is given of an epoch's secrets (`docs/spec/journal.md`, Rekey).

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{EpochPublic, Hash, JournalId, labels};
use crannog_seal::schedule::{AdminSecret, AppendSecret, EpochSecrets, ReadSecret, WriteSecret};

use super::payload::Role;

/// The secrets of one epoch, as far as a role has them.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct EpochGrant {
    /// `K`: every member.
    pub read: ReadSecret,
    /// `P`: append members; for writers it follows from `W`.
    pub append: Option<AppendSecret>,
    /// `W`: writers.
    pub write: Option<WriteSecret>,
    /// `A`: admins; absent after a refresh, which keeps the admin key of the epoch before.
    pub admin: Option<AdminSecret>,
}

impl EpochGrant {
    /// What `role` gets of these secrets.
    pub fn for_role(secrets: &EpochSecrets, role: Role) -> Self {
        Self {
            read: secrets.read().clone(),
            append: secrets.append().filter(|_| role == Role::Append),
            write: secrets.write().filter(|_| role >= Role::Writer).cloned(),
            admin: secrets.admin().filter(|_| role >= Role::Admin).cloned(),
        }
    }

    /// The secrets, bound to journal and epoch.
    pub fn secrets(&self, journal: &JournalId, epoch: u64) -> EpochSecrets {
        EpochSecrets::new(
            &journal.0,
            epoch,
            self.read.clone(),
            self.write.clone(),
            self.admin.clone(),
        )
        .with_append(self.append.clone())
    }

    /// `K` alone.
    pub fn of_reader(read: ReadSecret) -> Self {
        Self {
            read,
            append: None,
            write: None,
            admin: None,
        }
    }

    /// CHK-004: every secret that is here gives its public half.
    pub(super) fn gives(&self, journal: &JournalId, epoch: u64, public: &EpochPublic) -> bool {
        let secrets = self.secrets(journal, epoch);
        read_token_hash(&secrets) == public.read_token_hash
            && secrets
                .append_key()
                .is_none_or(|key| VerifyingKey(key.public()) == public.append_key)
            && secrets
                .write_key()
                .is_none_or(|key| VerifyingKey(key.public()) == public.write_key)
            && secrets
                .admin_key()
                .is_none_or(|key| VerifyingKey(key.public()) == public.admin_key)
    }
}

/// The public halves of an epoch's secrets; `None` unless all are held.
pub fn public_halves(secrets: &EpochSecrets) -> Option<EpochPublic> {
    Some(EpochPublic {
        read_token_hash: read_token_hash(secrets),
        append_key: VerifyingKey(secrets.append_key()?.public()),
        write_key: VerifyingKey(secrets.write_key()?.public()),
        admin_key: VerifyingKey(secrets.admin_key()?.public()),
    })
}

fn read_token_hash(secrets: &EpochSecrets) -> Hash {
    Hash::of(labels::READ_TOKEN_HASH, secrets.read_token().expose_to_server())
}

//! Which right a request needs. The one table between the interface and the policy.

use crannog_keyd_client::{Call, ExportKind, Name};
use crannog_keyd_keys::KeyName;

use crate::policy::Op;

/// What must be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Right {
    /// An operation on a key.
    Key(Op, KeyName),
    /// Two, on two keys.
    Both((Op, KeyName), (Op, KeyName)),
    /// An operation on no key.
    Plain(Op),
    /// The operation on some key, whichever.
    Somewhere(Op),
    /// Whoever may connect, and it is recorded.
    Anyone,
    /// Whoever may connect, and it is not recorded: the service's pulse.
    Pulse,
    /// An administrator's connection, whatever rules say.
    Admin,
}

impl Right {
    pub(super) fn of(call: &Call) -> Self {
        use Call::*;
        match call {
            CreateKey(name, _) => Self::key(Op::Create, name),
            ReadKey(name, _) => Self::key(Op::Read, name),
            DeleteKey(name) => Self::key(Op::Delete, name),
            ConfigKey(name, _) => Self::key(Op::Config, name),
            RotateKey(name) => Self::key(Op::Rotate, name),
            TrimKey(name, _) => Self::key(Op::Trim, name),
            Encrypt(name, ..) => Self::key(Op::Encrypt, name),
            Decrypt(name, _) => Self::key(Op::Decrypt, name),
            Rewrap(name, _) => Self::key(Op::Rewrap, name),
            Translate { source, target, .. } => match (key_name(source), key_name(target)) {
                (Some(source), Some(target)) => {
                    Self::Both((Op::TranslateFrom, source), (Op::TranslateTo, target))
                }
                _ => Self::Admin,
            },
            DataKeyPlaintext(name, _) => Self::key(Op::DatakeyPlaintext, name),
            DataKeyWrapped(name, _) => Self::key(Op::DatakeyWrapped, name),
            Sign(name, _) => Self::key(Op::Sign, name),
            Verify(name, _) => Self::key(Op::Verify, name),
            Hmac(name, _) => Self::key(Op::Hmac, name),
            Export { what, key, .. } => match what {
                ExportKind::PublicKey => Self::key(Op::Read, key),
                _ => Self::key(Op::Export, key),
            },
            Backup(name) => Self::key(Op::Backup, name),
            Restore(Some(name), _) => Self::key(Op::Restore, name),
            ImportKey(name, _) | ImportVersion(name, _) => Self::key(Op::Import, name),
            Restore(None, _) => Self::Somewhere(Op::Restore),
            WrappingKey => Self::Somewhere(Op::Import),
            KeysConfig => Self::Somewhere(Op::List),
            Random(..) => Self::Plain(Op::Random),
            Hash(_) => Self::Plain(Op::Hash),
            Status => Self::Plain(Op::Status),
            ReloadPolicy | ExplainPolicy(_) => Self::Plain(Op::Policy),
            AuditCheckpoint | AuditRecords(_) | AuditHash(_) => Self::Plain(Op::Audit),
            Health(_) | SealStatus | Leader | Init => Self::Pulse,
            ListKeys | Initialize | Unseal | Mounts | Mount(_) | UiMount(_) | Login | LookupSelf
            | RenewSelf | RevokeSelf | CapabilitiesSelf(_) => Self::Anyone,
            // What a later interface asks for is nobody's right before this table says whose.
            _ => Self::Admin,
        }
    }

    fn key(op: Op, name: &Name) -> Self {
        key_name(name).map_or(Self::Admin, |name| Self::Key(op, name))
    }

    /// The policy's word, the key and the second key, as the audit log has them.
    pub(super) fn words(&self) -> (Option<Op>, Option<&KeyName>, Option<&KeyName>) {
        match self {
            Self::Key(op, key) => (Some(*op), Some(key), None),
            Self::Both((op, source), (_, target)) => (Some(*op), Some(source), Some(target)),
            Self::Plain(op) | Self::Somewhere(op) => (Some(*op), None, None),
            Self::Anyone | Self::Pulse | Self::Admin => (None, None, None),
        }
    }
}

/// The interface and the store have one pattern of names; a name that only one of them took would be nobody's to use.
pub(super) fn key_name(name: &Name) -> Option<KeyName> {
    KeyName::parse(name.as_str()).ok()
}

/// Whether it changes what is kept, so that its record comes before it and is on disk before the answer.
pub(super) fn changes(call: &Call) -> bool {
    use Call::*;
    matches!(
        call,
        CreateKey(..)
            | DeleteKey(_)
            | ConfigKey(..)
            | RotateKey(_)
            | TrimKey(..)
            | Export { .. }
            | Backup(_)
            | Restore(..)
            | ImportKey(..)
            | ImportVersion(..)
            | WrappingKey
            | ReloadPolicy
            | ExplainPolicy(_)
    )
}

/// Whether it goes on when the audit log is nearly full: whoever has data must still get it back.
pub(super) fn goes_on(call: &Call) -> bool {
    use Call::*;
    matches!(
        call,
        Decrypt(..) | Verify(..) | ReadKey(..) | ListKeys | Status | AuditRecords(_) | AuditCheckpoint
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_interface_and_the_store_have_one_pattern_of_names(text in "[A-Za-z0-9_.^/ äé-]{0,6}|[a-z]{125,130}") {
            prop_assert_eq!(Name::parse(&text).is_ok(), KeyName::parse(&text).is_ok());
        }
    }
}

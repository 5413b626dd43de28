//! Operations, and sets of them.

use std::fmt;

macro_rules! ops {
    ($($(#[$meta:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// What a request does, in the policy's word.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Op {
            $($(#[$meta])* $name,)*
        }

        impl Op {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

ops! {
    /// Encrypt.
    Encrypt = "encrypt",
    /// Decrypt.
    Decrypt = "decrypt",
    /// Decrypt and encrypt anew under the same key, inside.
    Rewrap = "rewrap",
    /// Take a ciphertext of this key to another one, inside.
    TranslateFrom = "translate-from",
    /// Take a ciphertext of another key to this one, inside.
    TranslateTo = "translate-to",
    /// Make a data key and hand it out.
    DatakeyPlaintext = "datakey-plaintext",
    /// Make a data key and hand out its ciphertext alone.
    DatakeyWrapped = "datakey-wrapped",
    /// Sign.
    Sign = "sign",
    /// Verify a signature or HMAC.
    Verify = "verify",
    /// Compute an HMAC.
    Hmac = "hmac",
    /// Read what a key is, and its public halves.
    Read = "read",
    /// See the key in the list.
    List = "list",
    /// Make a key of this name.
    Create = "create",
    /// Add a version.
    Rotate = "rotate",
    /// Change settings.
    Config = "config",
    /// Give up old versions.
    Trim = "trim",
    /// Delete.
    Delete = "delete",
    /// Hand out secrets.
    Export = "export",
    /// Make a backup.
    Backup = "backup",
    /// Bring a backup in under this name.
    Restore = "restore",
    /// Bring a key or a version in.
    Import = "import",
    /// Random bytes.
    Random = "random",
    /// Hash.
    Hash = "hash",
    /// See how the service does.
    Status = "status",
    /// Reload and explain the policy.
    Policy = "policy",
    /// Read the audit log, and make checkpoints.
    Audit = "audit",
}

impl Op {
    /// The operation of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|op| op.as_str() == word)
    }

    /// Whether it is done on a key.
    pub const fn needs_key(self) -> bool {
        !matches!(
            self,
            Self::Random | Self::Hash | Self::Status | Self::Policy | Self::Audit
        )
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of operations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ops(u32);

const USE: &[Op] = &[
    Op::Encrypt,
    Op::Decrypt,
    Op::Rewrap,
    Op::Sign,
    Op::Verify,
    Op::Hmac,
    Op::DatakeyWrapped,
    Op::Read,
];
const MANAGE: &[Op] = &[
    Op::Create,
    Op::Read,
    Op::List,
    Op::Rotate,
    Op::Config,
    Op::Trim,
    Op::Delete,
    Op::Import,
];

impl Ops {
    /// What a word of a rule stands for: an operation, or one of the words for several.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        match word {
            "use" => Some(Self::of(USE)),
            "manage" => Some(Self::of(MANAGE)),
            "all" => Some(Self::of(Op::ALL)),
            word => Op::parse(word).map(|op| Self::of(&[op])),
        }
    }

    fn of(ops: &[Op]) -> Self {
        Self(ops.iter().fold(0, |set, op| set | bit(*op)))
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, op: Op) -> bool {
        self.0 & bit(op) != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether an operation on keys is among them.
    pub(super) fn need_key(self) -> bool {
        Op::ALL.iter().any(|op| op.needs_key() && self.has(*op))
    }
}

const fn bit(op: Op) -> u32 {
    1 << op as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_several_are_those_of_the_page() {
        let words = |word| {
            let set = Ops::of_word(word).unwrap();
            let held: Vec<_> = Op::ALL
                .iter()
                .filter(|op| set.has(**op))
                .map(|op| op.as_str())
                .collect();
            held.join(" ")
        };
        assert_eq!(
            words("use"),
            "encrypt decrypt rewrap datakey-wrapped sign verify hmac read"
        );
        assert_eq!(
            words("manage"),
            "read list create rotate config trim delete import"
        );
        assert_eq!(words("all").split(' ').count(), 26);
        assert_eq!(words("audit"), "audit");
        assert_eq!(Ops::of_word("Encrypt"), None);
        assert_eq!(Ops::of_word(""), None);
    }
}

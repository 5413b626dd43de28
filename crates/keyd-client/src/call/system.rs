//! What is said to the service itself.

use crate::json::{Fields, Value};
use crate::word::{Octets, Seconds, SecretText, Word, words};
use crate::wrong::Wrong;

words! {
    /// Which statuses tell how the service is.
    #[derive(Default)]
    pub struct Health {
        /// Instead of 200.
        pub active as "activecode": Option<u16>,
        /// Instead of 503.
        pub sealed as "sealedcode": Option<u16>,
    }

    /// A question about the policy.
    pub struct Explain {
        /// Facts joined by `+`.
        pub subject: String,
        /// A key's name; absent for operations on none.
        pub key: Option<String>,
        /// The operation.
        pub op: String,
    }

    /// Lines of the audit log.
    pub struct AuditRecords {
        /// The number of the first one.
        pub from: u64 = 0,
        /// How many at most.
        pub count: u32 = 100,
        /// How long to wait for the first one; less than the client's own [`timeout`](crate::Settings::timeout).
        pub wait: Option<Seconds>,
    }

    /// A value that is looked for in the audit log.
    pub struct AuditHash {
        /// The name of its field, as `plaintext`.
        pub field: String,
        /// The value: decoded bytes, or a ciphertext's text.
        pub value: Octets,
    }

    /// The passphrase that opens the store.
    pub struct Unlock {
        /// At least 12 characters.
        pub passphrase: SecretText,
    }
}

/// The paths whose capabilities are asked for.
#[derive(Debug)]
pub struct Capabilities {
    /// At least one.
    pub paths: Vec<String>,
}

impl Capabilities {
    pub(crate) fn read(fields: &Fields<'_>) -> Result<Self, Wrong> {
        let given = |name: &'static str| match fields.value(name) {
            None => Ok(Vec::new()),
            Some(text @ Value::Text(_)) => Ok(vec![String::from_value(name, text)?]),
            Some(value) => Word::from_value(name, value),
        };
        let mut paths: Vec<String> = given("paths")?;
        paths.extend(given("path")?);
        match paths.is_empty() {
            true => Err(Wrong::Missing("paths")),
            false => Ok(Self { paths }),
        }
    }
}

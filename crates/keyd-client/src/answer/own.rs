//! What only this service says.

use crate::word::words;

words! {
    /// How the service is, for its operator.
    pub struct Status {
        /// The program's.
        pub version: String,
        /// The store's id, hex.
        pub store: String,
        /// The store is locked.
        pub sealed: bool,
        /// How many keys there are.
        pub keys: u64,
        /// How many of them are damaged.
        pub damaged_keys: u64,
        /// SHA-256 of the policy that counts, hex.
        pub policy: String,
        /// What shuts the process in.
        pub measures: Vec<String>,
        /// What this system lacks of it.
        pub missing_measures: Vec<String>,
        /// Secret bytes in locked memory.
        pub locked_bytes: u64,
        /// Secret bytes in ordinary memory, since the limit was reached.
        pub unlocked_bytes: u64,
        /// Open connections.
        pub connections: u64,
        /// The audit log.
        pub audit: AuditStatus,
    }

    /// How the audit log is.
    pub struct AuditStatus {
        /// Its origin.
        pub origin: String,
        /// What its checkpoints are verified with, as signed notes write it.
        pub verifier_key: String,
        /// How many records there are.
        pub size: u64,
        /// How many of them were dropped.
        pub dropped: u64,
        /// It takes no more.
        pub full: bool,
    }

    /// The policy that was loaded.
    pub struct PolicyLoaded {
        /// SHA-256 of its file, hex.
        pub policy: String,
        /// How many rules it has.
        pub rules: u64,
    }

    /// Why the policy decides as it does.
    pub struct Explanation {
        /// Yes or no.
        pub allowed: bool,
        /// The rule that decides; none if none matches.
        pub rule: Option<String>,
        /// Every rule that was looked at, in the file's order.
        pub rules: Vec<ExplainedRule>,
    }

    /// A rule that was looked at.
    pub struct ExplainedRule {
        /// Its name.
        pub name: String,
        /// What it came to: `allows`, `denies`, `other subject`, `other key`, `other operation`.
        pub verdict: String,
    }

    /// A checkpoint of this moment.
    pub struct Checkpoint {
        /// The signed note, with its line feeds.
        pub note: String,
    }

    /// Lines of the audit log.
    pub struct AuditLines {
        /// Without their line feeds.
        pub records: Vec<String>,
        /// The number of the record after them.
        pub next: u64,
    }

    /// How a value stands in the audit log.
    pub struct HashedValue {
        /// Hex.
        pub hash: String,
    }
}

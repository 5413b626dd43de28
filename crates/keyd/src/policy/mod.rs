//! Who may do what (docs/spec/keyd.md, *Policy*): rules of subjects, patterns of keys, and operations. What no rule allows is denied, and
//! one rule that denies outweighs all that allow (KEY-010).
//!
//! ```text
//!  policy.toml ── load: owner, mode, size ── parse: line and column of every fault ──► Policy, warnings
//!  Facts, Op, key ── decide ──► allowed or not, and the rule that says so
//! ```

mod error;
mod explain;
mod file;
mod load;
mod op;
mod pattern;
mod rule;
mod subject;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use crannog_keyd_keys::KeyName;
use crannog_keyd_os::GroupId;

pub use self::error::{LoadError, PolicyError, PolicyFault, Position, Warning, WarningKind};
pub use self::explain::{Explanation, Looked};
pub use self::load::{Loaded, load};
pub use self::op::Op;
pub use self::rule::Says;
pub(crate) use self::subject::{Fact, Subject};
pub use self::subject::{Names, SubjectError};

use self::rule::Rule;
use crate::identity::Facts;

/// The rules of one policy file. Immutable: a reload makes another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    rules: Vec<Rule>,
}

/// Yes or no, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    allowed: bool,
    rule: Option<Arc<str>>,
}

impl Decision {
    /// Whether it may be done.
    pub const fn allowed(&self) -> bool {
        self.allowed
    }

    /// The rule that decided; `None` where no rule says anything, which is a no, and where none is asked.
    pub fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }
}

impl Policy {
    /// From the text of a file. Names of users and groups are resolved now; one that is not known never holds, and is a warning.
    pub fn parse(text: &str, names: &dyn Names) -> Result<(Self, Vec<Warning>), PolicyError> {
        let (rules, warnings) = file::parse(text, names)?;
        Ok((Self { rules }, warnings))
    }

    /// How many rules it has.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether it has none: it denies everything.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether it may be done. `key` is the key's name where [`Op::needs_key`], and `None` where not: anything else is denied. An
    /// administrator's connection needs no rule for `status`, `policy` and `audit`.
    pub fn decide(&self, facts: &Facts, op: Op, key: Option<&KeyName>) -> Decision {
        if facts.is_admin() && key.is_none() && matches!(op, Op::Status | Op::Policy | Op::Audit) {
            return Decision {
                allowed: true,
                rule: None,
            };
        }
        let mut allows: Option<&Rule> = None;
        for rule in &self.rules {
            let says = rule.says(op);
            if says == Says::Nothing || !rule.is_about(op, key) {
                continue;
            }
            if says == Says::Deny {
                if rule.denies(facts) {
                    return Decision {
                        allowed: false,
                        rule: Some(rule.name.clone()),
                    };
                }
            } else if allows.is_none() && rule.is_for(facts) {
                allows = Some(rule);
            }
        }
        Decision {
            allowed: allows.is_some(),
            rule: allows.map(|rule| rule.name.clone()),
        }
    }

    /// Whether a list shows the key: anything at all may be done on it.
    pub fn shows(&self, facts: &Facts, key: &KeyName) -> bool {
        if !self.rules.iter().any(|rule| rule.is_for(facts)) {
            return false;
        }
        let mut ops = Op::ALL.iter().filter(|op| op.needs_key());
        ops.any(|op| self.decide(facts, *op, Some(key)).allowed())
    }

    /// Whether a rule allows `op` on some key, whatever others deny. For what concerns no one key and is no secret, as the public half
    /// of the wrapping key. **Never** a right to do `op` on a key.
    pub fn allows_somewhere(&self, facts: &Facts, op: Op) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| rule.says(op) == Says::Allow && rule.is_for(facts))
    }

    /// KEY-009: whether a rule names the certificate behind these facts. A connection whose certificate none names is not served.
    pub fn names_certificate(&self, facts: &Facts) -> bool {
        facts.is_remote() && self.rules.iter().any(|rule| rule.is_for(facts))
    }

    /// The groups that rules name: identity asks the directory of users for these alone.
    pub fn groups(&self) -> Vec<GroupId> {
        let subjects = self.rules.iter().flat_map(|rule| &rule.subjects);
        let mut groups: Vec<GroupId> = subjects.flat_map(Subject::groups).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

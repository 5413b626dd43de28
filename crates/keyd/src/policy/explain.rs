//! Why something is allowed or not, rule by rule.

use crannog_keyd_keys::KeyName;

use super::rule::Says;
use super::{Decision, Op, Policy};
use crate::identity::Facts;

/// A decision, and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What [`Policy::decide`] says.
    pub decision: Decision,
    /// Every rule, in the file's order.
    pub looked_at: Vec<Looked>,
}

/// What one rule has to do with it. It counts if it is for the subject, about the key, and says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The rule's name.
    pub rule: String,
    /// The subject of it that holds, as the file writes it; the first one.
    pub subject: Option<String>,
    /// The pattern of it that fits, the first one. `None` too for an operation on no key.
    pub pattern: Option<String>,
    /// What it says about the operation.
    pub says: Says,
}

impl Policy {
    /// The decision and what every rule says.
    pub fn explain(&self, facts: &Facts, op: Op, key: Option<&KeyName>) -> Explanation {
        let looked = |rule: &super::Rule| Looked {
            rule: rule.name.to_string(),
            subject: rule
                .subjects
                .iter()
                .find(|subject| match rule.says(op) {
                    Says::Deny => subject.holds_to_deny(facts),
                    _ => subject.holds(facts),
                })
                .map(ToString::to_string),
            pattern: key.and_then(|key| {
                let mut keys = rule.keys.iter();
                keys.find(|pattern| pattern.matches(key.as_str()))
                    .map(ToString::to_string)
            }),
            says: rule.says(op),
        };
        Explanation {
            decision: self.decide(facts, op, key),
            looked_at: self.rules.iter().map(looked).collect(),
        }
    }
}

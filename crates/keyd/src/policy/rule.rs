//! One rule, and what it says about one request.

use std::sync::Arc;

use crannog_keyd_keys::KeyName;

use super::op::{Op, Ops};
use super::pattern::Pattern;
use super::subject::Subject;
use crate::identity::Facts;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: Arc<str>,
    pub(super) subjects: Vec<Subject>,
    pub(super) keys: Vec<Pattern>,
    pub(super) allow: Ops,
    pub(super) deny: Ops,
}

/// What a rule says about an operation, whoever asks and on whatever key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// It allows it.
    Allow,
    /// It denies it; also if it allows it as well.
    Deny,
    /// Nothing.
    Nothing,
}

impl Rule {
    pub(super) fn is_for(&self, facts: &Facts) -> bool {
        self.subjects.iter().any(|subject| subject.holds(facts))
    }

    pub(super) fn denies(&self, facts: &Facts) -> bool {
        self.subjects.iter().any(|subject| subject.holds_to_deny(facts))
    }

    /// Whether it is about this key, or about operations on none.
    pub(super) fn is_about(&self, op: Op, key: Option<&KeyName>) -> bool {
        match key {
            Some(key) => op.needs_key() && self.keys.iter().any(|pattern| pattern.matches(key.as_str())),
            None => !op.needs_key(),
        }
    }

    pub(super) fn says(&self, op: Op) -> Says {
        if self.deny.has(op) {
            Says::Deny
        } else if self.allow.has(op) {
            Says::Allow
        } else {
            Says::Nothing
        }
    }
}

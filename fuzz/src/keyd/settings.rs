//! What the operator writes: policy and configuration.

use std::path::Path;

use crannog_keyd::config::Config;
use crannog_keyd::identity::Facts;
use crannog_keyd::policy::{Op, Policy};
use crannog_keyd_keys::KeyName;

use super::fixed::Directory;

const PEOPLE: &[&str] = &[
    "any",
    "user:www",
    "user:mallory+socket:shop",
    "uid:0+socket:admin",
    "gid:500",
    "socket:tls",
    "cert:sha256:0101010101010101010101010101010101010101010101010101010101010101",
    "account:0202020202020202020202020202020202020202020202020202020202020202+socket:tls",
];
const KEYS: &[&str] = &["shop-orders", "session", "a", "backup.archive_9"];

/// The text of a policy. A comment on its first line is also somebody of whom `explain` is asked.
pub fn policy(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let (policy, warnings) = match Policy::parse(text, &Directory) {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = error.to_string();
            return false;
        }
    };
    for warning in warnings {
        let _ = warning.to_string();
    }
    let asked = text.lines().next().and_then(|line| line.strip_prefix('#'));
    for who in PEOPLE.iter().copied().chain(asked.map(str::trim)) {
        if let Ok(facts) = Facts::supposed(who, &policy, &Directory) {
            judged(&policy, &facts);
        }
    }
    true
}

fn judged(policy: &Policy, facts: &Facts) {
    for name in KEYS {
        let key = KeyName::parse(name).expect("a name");
        let mut some = false;
        for &op in Op::ALL {
            for key in [Some(&key), None] {
                let decision = policy.decide(facts, op, key);
                assert_eq!(policy.explain(facts, op, key).decision, decision);
                let administers = facts.is_admin() && matches!(op, Op::Status | Op::Policy | Op::Audit);
                assert!(
                    decision.rule().is_some() || !decision.allowed() || administers,
                    "allowed by no rule: {op} for {facts}"
                );
                assert!(
                    !decision.allowed() || key.is_some() == op.needs_key(),
                    "{op} on a key where none belongs, or the other way round"
                );
                assert!(
                    !decision.allowed() || !facts.is_remote() || policy.names_certificate(facts),
                    "a certificate that no rule names may {op}"
                );
                some |= key.is_some() && decision.allowed();
            }
        }
        assert_eq!(policy.shows(facts, &key), some);
    }
}

/// The text of a configuration.
pub fn config(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    match Config::parse(text, Path::new("config.toml")) {
        Ok(config) => {
            assert!(config.limits.body.0 <= 32 << 20 && config.limits.batch <= 100_000);
            true
        }
        Err(error) => {
            let _ = error.to_string();
            false
        }
    }
}

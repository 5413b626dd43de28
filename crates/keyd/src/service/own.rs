//! What only this service has: status, policy, audit.

use std::time::Duration;

use crannog_keyd_audit::{Fullness, ValueHasher};
use crannog_keyd_client::{
    Answer, AuditHash, AuditLines, AuditRecords, AuditStatus, Checkpoint, Explain, ExplainedRule,
    Explanation, HashedValue, Refusal, Status,
};
use crannog_keyd_keys::KeyName;
use crannog_keyd_os::{Measures, pool_state};
use data_encoding::HEXLOWER;

use super::opened::{Opened, origin};
use super::policies::Current;
use super::refusal;
use super::work::Done;
use crate::identity::Facts;
use crate::policy::{Looked, Names, Op, Says};

/// Who waits for records longer asks again.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// More lines are not read at once.
const MOST_LINES: u32 = 10_000;

pub(super) fn status(opened: &Opened, policy: &Current, measures: &Measures, connections: usize) -> Done {
    let pool = pool_state();
    let words = |measures: &[crannog_keyd_os::Measure]| measures.iter().map(ToString::to_string).collect();
    let (store, log) = (&opened.store, &opened.log);
    Done::of(Answer::Status(Box::new(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        store: HEXLOWER.encode(&store.id().0),
        sealed: false,
        keys: store.names().len() as u64,
        damaged_keys: store.damaged().len() as u64,
        policy: HEXLOWER.encode(&policy.sha256),
        measures: words(&measures.in_force),
        missing_measures: words(&measures.missing),
        locked_bytes: pool.locked as u64,
        unlocked_bytes: pool.unlocked as u64,
        connections: connections as u64,
        audit: AuditStatus {
            origin: origin(store),
            verifier_key: log.verifier_key().to_string(),
            size: log.size(),
            dropped: log.dropped(),
            full: log.fullness() != Fullness::Room,
        },
    })))
}

/// Asks the directory of users. Blocks.
pub(super) fn explain(policy: &Current, names: &dyn Names, wanted: &Explain) -> Result<Done, Refusal> {
    let op = Op::parse(&wanted.op).ok_or_else(|| Refusal::invalid("op is no operation of the policy"))?;
    let key = match wanted.key.as_deref().filter(|key| !key.is_empty()) {
        None => None,
        Some(text) => {
            let name = KeyName::parse(text);
            Some(name.map_err(|error| Refusal::invalid(error.to_string()))?)
        }
    };
    if op.needs_key() != key.is_some() {
        let needs = if op.needs_key() {
            "needs a key"
        } else {
            "is on no key"
        };
        return Err(Refusal::invalid(format!("{op} {needs}")));
    }
    let facts = Facts::supposed(&wanted.subject, &policy.policy, names);
    let facts = facts.map_err(|error| Refusal::invalid(format!("subject: {error}")))?;
    let explained = policy.policy.explain(&facts, op, key.as_ref());
    let needs_key = op.needs_key();
    Ok(Done::of(Answer::Explanation(Explanation {
        allowed: explained.decision.allowed(),
        rule: explained.decision.rule().map(str::to_owned),
        rules: explained
            .looked_at
            .into_iter()
            .map(|looked| ExplainedRule {
                verdict: verdict(&looked, needs_key).to_owned(),
                name: looked.rule,
            })
            .collect(),
    })))
}

fn verdict(looked: &Looked, needs_key: bool) -> &'static str {
    match looked.says {
        Says::Nothing => "other operation",
        _ if looked.subject.is_none() => "other subject",
        _ if needs_key && looked.pattern.is_none() => "other key",
        Says::Allow => "allows",
        Says::Deny => "denies",
    }
}

/// Blocks.
pub(super) fn checkpoint(opened: &Opened) -> Result<Done, Refusal> {
    let note = opened.log.checkpoint().map_err(|error| refusal::of_log(&error))?;
    let note = note.to_string();
    Ok(Done::of(Answer::Checkpoint(Checkpoint { note })))
}

/// Waits for the first record no longer than it was asked to.
pub(super) async fn wait_for_records(opened: &Opened, wanted: &AuditRecords) {
    if let Some(wait) = wanted.wait {
        let wait = Duration::from_secs(wait.0).min(LONGEST_WAIT);
        // Whether they came is seen when they are read.
        let _ = tokio::time::timeout(wait, opened.log.grown(wanted.from)).await;
    }
}

/// Blocks.
pub(super) fn records(opened: &Opened, wanted: &AuditRecords) -> Result<Done, Refusal> {
    let from = wanted.from.max(opened.log.dropped());
    let count = wanted.count.clamp(1, MOST_LINES) as usize;
    let records = opened
        .log
        .read(from, count)
        .map_err(|error| refusal::of_log(&error))?;
    let next = from + records.len() as u64;
    Ok(Done::of(Answer::AuditLines(AuditLines { records, next })))
}

pub(super) fn hash_value(key: &[u8; 32], wanted: &AuditHash) -> Result<Done, Refusal> {
    if wanted.field.contains('\0') {
        return Err(Refusal::invalid("field is no name of a field"));
    }
    let mut hasher = ValueHasher::new(key);
    hasher.value(&wanted.field, wanted.value.expose());
    let hash = hasher.finish();
    Ok(Done::of(Answer::HashedValue(HashedValue { hash })))
}

//! What the audit log will say of one request, gathered while it is worked off.

use crannog_keyd_audit::{Detail, Event, Outcome, Record, Time, ValueHasher};
use crannog_keyd_client::Refusal;
use crannog_keyd_keys::{Key, KeyName};
use data_encoding::HEXLOWER;

use super::caller::Caller;
use crate::policy::Op;

/// Facts about one request. No value of it stands here but as a keyed hash.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) op: Option<Op>,
    pub(super) key: Option<KeyName>,
    pub(super) target: Option<KeyName>,
    pub(super) rule: Option<String>,
    pub(super) id: Option<String>,
    pub(super) version: Option<u32>,
    pub(super) items: Option<u64>,
    pub(super) failed: Option<u64>,
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
    pub(super) detail: Option<Detail<'static>>,
}

impl Entry {
    /// The key that it is about.
    pub(super) fn about(&mut self, key: &Key) {
        self.id = Some(HEXLOWER.encode(&key.id().0));
    }

    /// As a record. `ended` is absent before it is done.
    pub(super) fn record<'a>(
        &'a self,
        event: Event,
        caller: &'a Caller,
        request: &'a str,
        ended: Option<(Outcome, u16)>,
    ) -> Record<'a> {
        Record {
            op: self.op.map(|op| op.as_str().into()),
            key: self.key.as_ref().map(|key| key.as_str().into()),
            id: self.id.as_deref().map(Into::into),
            target: self.target.as_ref().map(|key| key.as_str().into()),
            version: self.version,
            subject: Some(caller.facts.subject()),
            pid: caller.pid,
            unit: caller.unit.as_deref().map(Into::into),
            peer: caller.address.as_deref().map(Into::into),
            request: Some(request.into()),
            rule: self.rule.as_deref().map(Into::into),
            items: self.items,
            failed: self.failed,
            result: ended.map(|(outcome, _)| outcome),
            status: ended.map(|(_, status)| status),
            input: self.input.as_deref().map(Into::into),
            output: self.output.as_deref().map(Into::into),
            detail: self.detail.clone(),
            ..Record::new(Time::now(), event)
        }
    }
}

/// How a request ended, in the log's words.
pub(super) fn outcome(refusal: Option<&Refusal>, status: u16) -> (Outcome, u16) {
    match refusal {
        None if status < 400 => (Outcome::Ok, status),
        Some(refusal) if refusal.status == 403 => (Outcome::Denied, 403),
        Some(refusal) => (Outcome::Error, refusal.status),
        None => (Outcome::Error, status),
    }
}

/// The values of a request or an answer, on their way to one keyed hash.
pub(super) struct Values {
    hasher: ValueHasher,
    any: bool,
}

impl Values {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self {
            hasher: ValueHasher::new(key),
            any: false,
        }
    }

    pub(super) fn add(&mut self, field: &str, bytes: &[u8]) {
        self.any = true;
        self.hasher.value(field, bytes);
    }

    pub(super) fn add_some(&mut self, field: &str, bytes: Option<&[u8]>) {
        if let Some(bytes) = bytes {
            self.add(field, bytes);
        }
    }

    /// The hash; none if there was no value.
    pub(super) fn finish(self) -> Option<String> {
        self.any.then(|| self.hasher.finish())
    }
}

//! What a record says, and the one line that says it.

mod detail;
mod event;
mod line;
#[cfg(test)]
mod tests;
mod time;
mod value;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use detail::{Detail, Fact};
pub use event::{Event, Outcome};
pub use line::{Line, LineError, MAX_LINE};
pub use time::Time;
pub use value::ValueHasher;

pub(crate) use line::{encode, tail};

/// A record but for its number, which is the log's to give. The fields stand in the line in this order; what is `None` is left out.
///
/// Never put a plaintext, ciphertext, token or key into any of them: values go in as [`ValueHasher`] makes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record<'a> {
    /// When, by the service's clock.
    pub time: Time,
    /// What kind of thing happened.
    pub event: Event,
    /// The policy's word for what was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub op: Option<Cow<'a, str>>,
    /// The key's name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<Cow<'a, str>>,
    /// The key's id, hex.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<Cow<'a, str>>,
    /// The second key of a translation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<Cow<'a, str>>,
    /// The key's version.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<u32>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<Subject<'a>>,
    /// The asking process, for people; decides nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pid: Option<u32>,
    /// Its unit, for people; decides nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<Cow<'a, str>>,
    /// Address and port of a client of the network.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peer: Option<Cow<'a, str>>,
    /// The request's id, as in its answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<Cow<'a, str>>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<Cow<'a, str>>,
    /// Items of a batch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub items: Option<u64>,
    /// How many of them failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failed: Option<u64>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result: Option<Outcome>,
    /// The answer's code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// Keyed hash of what came in.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none", default)]
    pub input: Option<Cow<'a, str>>,
    /// Keyed hash of what went out.
    #[serde(rename = "out", skip_serializing_if = "Option::is_none", default)]
    pub output: Option<Cow<'a, str>>,
    /// What only this kind of event has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<Detail<'a>>,
}

/// Who asked, as far as the kernel or the certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject<'a> {
    /// User, on a local socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uid: Option<u32>,
    /// Primary group, on a local socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gid: Option<u32>,
    /// The socket's name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub socket: Option<Cow<'a, str>>,
    /// Hash of the client's certificate, hex.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cert: Option<Cow<'a, str>>,
    /// The account's key, hex.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<Cow<'a, str>>,
}

impl<'a> Record<'a> {
    /// A record with nothing but time and event.
    pub fn new(time: Time, event: Event) -> Self {
        Self {
            time,
            event,
            op: None,
            key: None,
            id: None,
            target: None,
            version: None,
            subject: None,
            pid: None,
            unit: None,
            peer: None,
            request: None,
            rule: None,
            items: None,
            failed: None,
            result: None,
            status: None,
            input: None,
            output: None,
            detail: None,
        }
    }

    /// The same with a detail; for the log's own events.
    pub(crate) fn with_detail(mut self, detail: Detail<'a>) -> Self {
        self.detail = Some(detail);
        self
    }
}

//! Which records are shown, and how.

use clap::Args;
use jiff::Timestamp;
use nix::unistd::{Group, User};
use serde_json::Value;

use crate::failure::{Code, Failure};
use crate::sanitise::line;
use crate::{human, moment};

/// Which records.
#[derive(Debug, Clone, Args)]
pub(super) struct FilterOptions {
    /// Of this key, also as the second one of a translation
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Of this operation, as the policy calls it
    #[arg(long, value_name = "OP")]
    op: Option<String>,
    /// Of somebody of whom all these facts hold, joined by `+`
    #[arg(long, value_name = "uid:1000")]
    subject: Option<String>,
}

/// From when to when.
#[derive(Debug, Clone, Args)]
pub(super) struct TimeOptions {
    /// Not before: 2026-05-31, RFC 3339, or 30m, 12h, 7d ago
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: Option<Timestamp>,
    /// Not after
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    until: Option<Timestamp>,
}

/// What a record must be to be shown.
#[derive(Debug, Default)]
pub(super) struct Filter {
    key: Option<String>,
    op: Option<String>,
    /// Field of `subject`, and its value.
    subject: Vec<(&'static str, Value)>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// The keyed hash of a value.
    pub(super) hash: Option<String>,
}

impl Filter {
    pub(super) fn new(options: FilterOptions, times: Option<TimeOptions>) -> Result<Self, Failure> {
        let subject = options
            .subject
            .as_deref()
            .map(|text| text.split('+').map(fact).collect());
        let (since, until) = times.map_or((None, None), |times| (times.since, times.until));
        Ok(Self {
            key: options.key,
            op: options.op,
            subject: subject.transpose()?.unwrap_or_default(),
            since,
            until,
            hash: None,
        })
    }

    /// Whether the record is one of those.
    pub(super) fn takes(&self, record: &Value) -> bool {
        let is = |field: &str, wanted: &str| record.get(field).and_then(Value::as_str) == Some(wanted);
        let key = self
            .key
            .as_deref()
            .is_none_or(|key| is("key", key) || is("target", key));
        let op = self.op.as_deref().is_none_or(|op| is("op", op));
        let hash = self
            .hash
            .as_deref()
            .is_none_or(|hash| is("in", hash) || is("out", hash));
        let subject = record.get("subject");
        let subject = self
            .subject
            .iter()
            .all(|(field, value)| subject.and_then(|subject| subject.get(field)) == Some(value));
        key && op && hash && subject && self.is_in_time(record)
    }

    fn is_in_time(&self, record: &Value) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        let time = record
            .get("time")
            .and_then(Value::as_str)
            .and_then(|time| time.parse().ok());
        // A record without a time is odd enough to be seen.
        time.is_none_or(|time: Timestamp| {
            self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
        })
    }
}

/// A line of the log for people.
pub(super) fn describe(record: &Value) -> String {
    let text = |field: &str| record.get(field).and_then(Value::as_str).map(line);
    let n = record
        .get("n")
        .and_then(Value::as_u64)
        .map_or_else(|| "?".to_owned(), |n| n.to_string());
    let time = text("time").and_then(|time| time.parse().ok());
    let mut words = vec![n, time.map_or_else(|| "?".to_owned(), human::moment)];
    words.extend(text("event").filter(|event| event != "request"));
    words.extend(text("op"));
    words.extend(text("key"));
    words.extend(text("target").map(|target| format!("to {target}")));
    if let Some(version) = record.get("version").and_then(Value::as_u64) {
        words.push(format!("v{version}"));
    }
    if let Some(items) = record.get("items").and_then(Value::as_u64) {
        let failed = record.get("failed").and_then(Value::as_u64).unwrap_or(0);
        words.push(format!("{items} items, {failed} failed"));
    }
    words.extend(record.get("subject").map(subject));
    words.extend(text("rule").map(|rule| format!("rule {rule}")));
    words.extend(text("result"));
    if let Some(detail) = record.get("detail").and_then(Value::as_object) {
        words.extend(
            detail
                .iter()
                .map(|(name, value)| line(&format!("{name}={value}"))),
        );
    }
    words.join("  ")
}

/// A user by her name, the rest as rules write it; the primary group is left out.
fn subject(subject: &Value) -> String {
    let user = |id: &Value| {
        let uid = u32::try_from(id.as_u64()?).ok()?;
        let user = User::from_uid(uid.into()).ok().flatten();
        Some(user.map_or_else(|| format!("uid:{uid}"), |user| line(&user.name)))
    };
    let text = |field: &str| {
        let value = subject.get(field).and_then(Value::as_str)?;
        Some(line(&format!("{field}:{value}")))
    };
    let facts = [
        subject.get("uid").and_then(user),
        text("socket"),
        text("cert"),
        text("account"),
    ];
    facts.into_iter().flatten().collect::<Vec<_>>().join("+")
}

/// A fact of the policy, as it stands in a record.
fn fact(text: &str) -> Result<(&'static str, Value), Failure> {
    let wrong = || {
        Failure::new(Code::Usage, "not a fact that records have")
            .object(text)
            .hint("user:NAME, uid:NUMBER, group:NAME, gid:NUMBER, socket:NAME, cert:sha256:HEX, account:HEX")
    };
    let (kind, value) = text.split_once(':').ok_or_else(wrong)?;
    let number = || value.parse::<u32>().map_err(|_| wrong());
    let unknown = || Failure::new(Code::NotFound, "nobody has this name here").object(text);
    Ok(match kind {
        "uid" => ("uid", number()?.into()),
        "gid" => ("gid", number()?.into()),
        "user" => {
            let user = User::from_name(value).ok().flatten().ok_or_else(unknown)?;
            ("uid", user.uid.as_raw().into())
        }
        "group" => {
            let group = Group::from_name(value).ok().flatten().ok_or_else(unknown)?;
            ("gid", group.gid.as_raw().into())
        }
        "socket" => ("socket", value.into()),
        "cert" => ("cert", value.strip_prefix("sha256:").unwrap_or(value).into()),
        "account" => ("account", value.into()),
        _ => return Err(wrong()),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::{Filter, FilterOptions, TimeOptions, describe};

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        filter: FilterOptions,
        #[command(flatten)]
        times: TimeOptions,
    }

    fn filter(words: &[&str]) -> Filter {
        let options = Options::parse_from(std::iter::once(&"x").chain(words));
        Filter::new(options.filter, Some(options.times)).unwrap()
    }

    #[test]
    fn what_is_asked_for_is_shown() {
        let record = json!({
            "n": 4, "time": "2026-11-21T18:33:47.123456Z", "event": "request", "op": "translate-from", "key": "old",
            "target": "new", "subject": {"uid": 0, "gid": 0, "socket": "clients"}, "result": "ok", "in": "aa", "out": "bb",
        });
        for words in [
            &[][..],
            &["--key", "old"],
            &["--key", "new", "--op", "translate-from"],
            &["--subject", "uid:0+socket:clients"],
            &["--subject", "user:root"],
            &[
                "--since",
                "2026-11-21T18:33:47Z",
                "--until",
                "2026-11-21T18:33:48Z",
            ],
        ] {
            assert!(filter(words).takes(&record), "{words:?}");
        }
        for words in [
            &["--key", "ol"][..],
            &["--op", "encrypt"],
            &["--subject", "uid:0+socket:shop"],
            &["--subject", "cert:sha256:00"],
            &["--since", "2026-11-21T18:33:48Z"],
            &["--until", "2026-11-21T18:33:47Z"],
        ] {
            assert!(!filter(words).takes(&record), "{words:?}");
        }
        let hash = |hash: &str| Filter {
            hash: Some(hash.into()),
            ..Filter::default()
        };
        assert!(hash("aa").takes(&record) && hash("bb").takes(&record) && !hash("cc").takes(&record));
        let text = describe(&record);
        assert!(
            text.starts_with("4  ") && text.ends_with("translate-from  old  to new  root+socket:clients  ok"),
            "{text}"
        );
    }
}

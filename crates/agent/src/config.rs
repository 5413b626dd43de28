//! `agent.toml` in the profile's folder. It need not exist.

use std::path::Path;
use std::time::Duration;

use crannog_agent_api::limits::MOST_AT_ONCE;
use crannog_agent_api::{Bandwidth, Code, Failure, Limits};
use serde::Deserialize;

const FILE: &str = "agent.toml";
const DEFAULT_LOCK_AFTER: Duration = Duration::from_secs(8 * 3600);

/// What a person may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Lock when nobody asked anything for so long; `None`: never.
    pub(crate) lock_after: Option<Duration>,
    /// Of all transfers together.
    pub(crate) limits: Limits,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    lock_after: Option<Span>,
    bwlimit: Option<Rate>,
    transfers: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Rate {
    Bytes(u64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Span {
    Seconds(u64),
    Text(String),
}

impl Config {
    /// Reads it.
    pub(crate) fn load(home: &Path) -> Result<Self, Failure> {
        let path = home.join(FILE);
        let failure = |why: String| Failure::new(Code::Usage, why).object(path.display().to_string());
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(failure),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::parse("").map_err(failure),
            Err(error) => Err(failure(error.to_string())),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let lock_after = match file.lock_after {
            None => DEFAULT_LOCK_AFTER,
            Some(Span::Seconds(seconds)) => Duration::from_secs(seconds),
            Some(Span::Text(text)) => {
                span(&text).ok_or_else(|| format!("{text:?} is no time: write 30m, 8h or 0"))?
            }
        };
        Ok(Self {
            lock_after: Some(lock_after).filter(|time| !time.is_zero()),
            limits: limits(file.bwlimit, file.transfers)?,
        })
    }
}

fn limits(rate: Option<Rate>, transfers: Option<u32>) -> Result<Limits, String> {
    let text = match rate {
        None => "off".to_owned(),
        Some(Rate::Bytes(bytes)) => bytes.to_string(),
        Some(Rate::Text(text)) => text,
    };
    let bandwidth: Bandwidth = text.parse().map_err(|why| format!("bwlimit {text:?}: {why}"))?;
    if transfers.is_some_and(|number| !(1..=MOST_AT_ONCE).contains(&number)) {
        return Err(format!("transfers is a number from 1 to {MOST_AT_ONCE}"));
    }
    Ok(Limits { bandwidth, transfers })
}

/// `90`, `90s`, `30m`, `8h`, `2d`.
fn span(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits)? {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(
        digits.parse::<u64>().ok()?.checked_mul(unit)?,
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Config, DEFAULT_LOCK_AFTER};

    #[test]
    fn lock_after() {
        let after = |text: &str| Config::parse(text).map(|config| config.lock_after);
        assert_eq!(after(""), Ok(Some(DEFAULT_LOCK_AFTER)));
        assert_eq!(after("lock_after = \"30m\""), Ok(Some(Duration::from_secs(1800))));
        assert_eq!(after("lock_after = 90"), Ok(Some(Duration::from_secs(90))));
        assert_eq!(after("lock_after = 0"), Ok(None));
        assert_eq!(after("lock_after = \"0\""), Ok(None));
        for wrong in [
            "lock_after = \"8 hours\"",
            "lock_after = -1",
            "lock = 1",
            "lock_after",
        ] {
            assert!(after(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn limits() {
        let limits = |text: &str| {
            let limits = Config::parse(text).map(|config| config.limits);
            limits.map(|limits| (limits.bandwidth.to_string(), limits.transfers))
        };
        let off = "off:off".to_owned();
        assert_eq!(limits(""), Ok((off.clone(), None)));
        assert_eq!(
            limits("bwlimit = \"1M:off\"\ntransfers = 2"),
            Ok(("1048576:off".to_owned(), Some(2)))
        );
        assert_eq!(limits("bwlimit = 50000"), Ok(("50000:50000".to_owned(), None)));
        assert_eq!(limits("bwlimit = 0"), Ok((off, None)));
        for wrong in [
            "bwlimit = \"fast\"",
            "bwlimit = 1",
            "transfers = 0",
            "transfers = 33",
        ] {
            assert!(limits(wrong).is_err(), "{wrong}");
        }
    }
}

//! `agent.toml` in the profile's folder. It need not exist.

use std::path::Path;
use std::time::Duration;

use crannog_agent_api::{Code, Failure};
use serde::Deserialize;

const FILE: &str = "agent.toml";
const DEFAULT_LOCK_AFTER: Duration = Duration::from_secs(8 * 3600);

/// What a person may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Lock when nobody asked anything for so long; `None`: never.
    pub(crate) lock_after: Option<Duration>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    lock_after: Option<Span>,
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
        })
    }
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
}

//! `crannogd config` and `crannogd init`, and how `serve` comes to its settings.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crannog_proto::ServerUrl;

use super::args::{Configuration, Settings, Shown};
use super::serve::start_failure;
use super::{Failure, print};
use crate::admin::Tell;
use crate::config::{Config, ConfigError, Loaded, Setting, variable};
use crate::init::{InitError, init};

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(
            error.to_string(),
            "every setting is described in docs/operate/server.md",
        )
    }
}

/// Defaults, then the file, then variables, then options.
pub(super) fn load(settings: Settings) -> Result<Loaded, Failure> {
    // A variable that is not text is no setting of ours.
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut loaded = Loaded::new(settings.config.as_deref(), &environment)?;
    loaded.given("data", settings.data, |config, data| config.data = data);
    loaded.given("listen", settings.listen, |config, listen| config.listen = listen);
    loaded.config.check()?;
    Ok(loaded)
}

pub(super) fn show(command: Configuration) -> Result<bool, Failure> {
    match command {
        Configuration::Check(shown) => check(shown),
        Configuration::Print(shown) => {
            let settings = load(shown.settings)?.settings();
            print(&if shown.json {
                json(&settings)
            } else {
                toml(&settings)
            })?;
            Ok(true)
        }
    }
}

fn check(shown: Shown) -> Result<bool, Failure> {
    let loaded = load(shown.settings)?;
    let mut text = String::new();
    // Writing to a string cannot fail.
    for name in &loaded.unknown {
        let _ = writeln!(text, "ignored: the variable {name} is no setting");
    }
    let _ = writeln!(text, "the configuration is well");
    if shown.json {
        text = format!("{}\n", serde_json::json!({ "ignored": loaded.unknown }));
    }
    print(&text)?;
    Ok(true)
}

/// A file that would give the same settings.
fn toml(settings: &[Setting]) -> String {
    let (mut text, mut open) = (String::new(), "");
    for row in settings {
        let (section, name) = row.name.split_once('.').unwrap_or(("", row.name));
        if section != open {
            let _ = writeln!(text, "\n[{section}]");
            open = section;
        }
        // The quotes of JSON are those of TOML.
        let line = match &row.value {
            serde_json::Value::Null => format!("# {name} ="),
            value => format!("{name} = {value}"),
        };
        let origin = serde_json::to_value(row.origin).unwrap_or_default();
        let origin = origin.as_str().unwrap_or_default();
        let _ = writeln!(text, "{line:<44} # {origin}; {}", variable(row.name));
    }
    text
}

fn json(settings: &[Setting]) -> String {
    let rows = settings.iter().map(|row| {
        let value = serde_json::json!({
            "value": row.value, "origin": row.origin, "variable": variable(row.name),
        });
        (row.name.to_owned(), value)
    });
    format!("{}\n", serde_json::Value::Object(rows.collect()))
}

pub(super) fn make(
    settings: Settings,
    expires: u64,
    quota: Option<u64>,
    json: bool,
) -> Result<bool, Failure> {
    let config = load(settings)?.config;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        Failure::new(
            format!("no threads can be started: {error}"),
            "check the system's limits",
        )
    })?;
    let made = runtime.block_on(init(&config, expires, quota.unwrap_or(config.default_quota)));
    let (url, invite) = made.map_err(|error| match error {
        InitError::Start(error) => start_failure(&error),
        InitError::Exists(_) => Failure::new(
            error.to_string(),
            "start it with `crannogd serve`, and make invites with `crannogd invite create`",
        ),
    })?;
    let told = Tell::Invite {
        invite: invite.to_string(),
        server: url.to_string(),
    };
    let done = super::show(&told, json)?;
    if !json && let Some(hint) = unreachable_hint(&config, &url) {
        print(&hint)?;
    }
    Ok(done)
}

/// An address that only this machine understands is no use in an invite.
fn unreachable_hint(config: &Config, url: &ServerUrl) -> Option<String> {
    let blind = config.public_address.is_none()
        && ["0.0.0.0:", "[::]:", "127.", "localhost:"]
            .iter()
            .any(|start| url.address.starts_with(start));
    blind.then(|| {
        format!(
            "No client reaches {} from elsewhere: set public_address, and write that address in front of the # instead.\n",
            url.address
        )
    })
}

//! Every setting by name: from the file, and from the environment, which wins.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{Config, ConfigError};

/// How the text of a variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Number,
    Flag,
}

/// Names as in the file; the variable is `CRANNOGD_` and the name in capitals, `_` for `.`.
const SETTINGS: &[(&str, Form)] = &[
    ("data", Form::Text),
    ("listen", Form::Text),
    ("public_address", Form::Text),
    ("default_quota", Form::Number),
    ("lease_days", Form::Number),
    ("grace_days", Form::Number),
    ("session_hours", Form::Number),
    ("shutdown_seconds", Form::Number),
    ("metrics_listen", Form::Text),
    ("log_format", Form::Text),
    ("log_addresses", Form::Flag),
    ("limits.connections", Form::Number),
    ("limits.connections_per_address", Form::Number),
    ("limits.logins_per_minute", Form::Number),
    ("limits.requests_per_second", Form::Number),
    ("limits.uploads_per_session", Form::Number),
    ("limits.uploads", Form::Number),
    ("limits.handshake_seconds", Form::Number),
    ("limits.idle_seconds", Form::Number),
];

/// Variables that are no settings of the server, but read by the program.
const OTHERS: &[&str] = &["CRANNOGD_CONFIG", "CRANNOGD_LOG"];

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    /// Compiled in.
    Default,
    /// The configuration file.
    File,
    /// A variable.
    Environment,
    /// An option of the command.
    Option,
}

/// A setting as it is in force.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Setting {
    /// Its name in the file.
    pub(crate) name: &'static str,
    /// Its value; none when absent.
    pub(crate) value: Json,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

/// The variable of a setting.
pub(crate) fn variable(name: &str) -> String {
    format!("CRANNOGD_{}", name.to_ascii_uppercase().replace('.', "_"))
}

/// Puts the variables of the environment over the values of the file; says which setting comes from where.
pub(super) fn overlay(
    table: &mut Table,
    environment: &BTreeMap<String, String>,
) -> Result<BTreeMap<&'static str, Origin>, ConfigError> {
    let mut origins = BTreeMap::new();
    for (name, form) in SETTINGS {
        if find(table, name).is_some() {
            origins.insert(*name, Origin::File);
        }
        let variable = variable(name);
        // An empty variable is how containers say that it is not set.
        let Some(text) = environment.get(&variable).filter(|text| !text.is_empty()) else {
            continue;
        };
        let value = match form {
            Form::Text => Value::String(text.clone()),
            Form::Flag => Value::Boolean(text.trim().parse().map_err(|_| ConfigError::Variable {
                variable,
                why: "is neither true nor false",
            })?),
            Form::Number => Value::Integer(text.trim().parse().map_err(|_| ConfigError::Variable {
                variable,
                why: "is not a number",
            })?),
        };
        put(table, name, value)?;
        origins.insert(*name, Origin::Environment);
    }
    Ok(origins)
}

/// Variables that look like settings and are none.
pub(super) fn unknown(environment: &BTreeMap<String, String>) -> Vec<String> {
    let known = |variable: &str| {
        OTHERS.contains(&variable) || SETTINGS.iter().any(|(name, _)| self::variable(name) == variable)
    };
    environment
        .keys()
        .filter(|name| name.starts_with("CRANNOGD_") && !known(name))
        .cloned()
        .collect()
}

/// All settings in force.
pub(super) fn all(config: &Config, origins: &BTreeMap<&'static str, Origin>) -> Vec<Setting> {
    let values = serde_json::to_value(config).unwrap_or_default();
    let at = |name: &str| values.pointer(&format!("/{}", name.replace('.', "/"))).cloned();
    let row = |(name, _): &(&'static str, Form)| Setting {
        name,
        value: at(name).unwrap_or_default(),
        origin: origins.get(name).copied().unwrap_or(Origin::Default),
    };
    SETTINGS.iter().map(row).collect()
}

fn find<'a>(table: &'a Table, name: &str) -> Option<&'a Value> {
    match name.split_once('.') {
        None => table.get(name),
        Some((section, name)) => table.get(section)?.get(name),
    }
}

fn put(table: &mut Table, name: &str, value: Value) -> Result<(), ConfigError> {
    let Some((section, name)) = name.split_once('.') else {
        table.insert(name.to_owned(), value);
        return Ok(());
    };
    let section = table
        .entry(section.to_owned())
        .or_insert_with(|| Value::Table(Table::new()));
    match section.as_table_mut() {
        Some(section) => section.insert(name.to_owned(), value),
        None => {
            return Err(ConfigError::Invalid {
                field: "limits",
                why: "is not a section",
            });
        }
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Config, SETTINGS, all};

    #[test]
    fn every_field_is_a_setting() {
        fn count(value: &serde_json::Value) -> usize {
            match value {
                serde_json::Value::Object(fields) => fields.values().map(count).sum(),
                _ => 1,
            }
        }
        let config = Config {
            public_address: Some("x:1".to_owned()),
            metrics_listen: Some("x:2".to_owned()),
            ..Config::default()
        };
        let fields = count(&serde_json::to_value(&config).unwrap());
        assert_eq!(fields, SETTINGS.len());
        let rows = all(&config, &std::collections::BTreeMap::new());
        assert!(rows.iter().all(|row| !row.value.is_null()), "{rows:?}");
    }
}

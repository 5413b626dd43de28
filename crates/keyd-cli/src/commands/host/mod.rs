//! Commands that make a host a key service, or are one: they begin with one thread and no runtime.

pub(crate) mod install;
mod operator;
pub(crate) mod recover;
pub(crate) mod serve;
pub(crate) mod serve_tls;
pub(crate) mod uninstall;

use std::path::Path;

use crannog_keyd::config::{Config, ConfigError};
use crannog_keyd_install::{InstallError, Places, Report};

use crate::failure::{Code, Failure};
use crate::output::Printer;

/// The configuration of the file that was named, else of the installed one, which must be there.
fn config(named: Option<&Path>) -> Result<Config, Failure> {
    let path = named.unwrap_or(Path::new(Config::PATH));
    Config::load(path).map_err(|error| of_config(&error))
}

fn of_config(error: &ConfigError) -> Failure {
    match error {
        ConfigError::Io { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
            Failure::new(Code::NotInstalled, "there is no configuration")
                .object(path.display().to_string())
                .hint("run `crannog-keyd install` as root")
        }
        ConfigError::Io { path, source } => Failure::io(path, source),
        error => Failure::new(Code::Usage, error.to_string()),
    }
}

/// Where an installed configuration says that things lie; the usual places without one.
fn places() -> Result<Places, Failure> {
    let mut places = Places::below("/");
    match Config::load(Path::new(Config::PATH)) {
        Ok(config) => {
            places.state = config.state;
            places.run = config.run;
            places.policy = config.policy;
            places.key_file = config.unlock.key_file;
        }
        Err(ConfigError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(of_config(&error)),
    }
    Ok(places)
}

/// Steps were told as they were done; what is left for the operator comes last.
fn tell(report: &Report, printer: &Printer) -> Result<(), Failure> {
    for note in &report.notes {
        printer.say(&note.to_string());
    }
    if let Some(key) = &report.verifier_key {
        printer.say(&format!("the audit log verifies under {key}"));
    }
    printer.result("", report)
}

fn of_install(error: &InstallError) -> Failure {
    let code = match error {
        InstallError::NotRoot => Code::Denied,
        _ => Code::Other,
    };
    let failure = Failure::new(code, error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A log on standard error, for the journal or a terminal; `CRANNOG_KEYD_LOG` says how much of it.
fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CRANNOG_KEYD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
}

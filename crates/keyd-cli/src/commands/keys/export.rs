//! keys export, backup.

use clap::Args;
use crannog_keyd_client::{Answer, Call, ExportFormat, ExportKind, ExportVersion};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::commands::WithKey;
use crate::commands::options::OutputOptions;
use crate::failure::Failure;
use crate::session::{Session, name, unexpected};
use crate::target::NewFile;

/// Print a key, or its public half
///
/// Anything but the public half only of a key that was made --exportable (KEY-013): it has then left the service.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd keys export releases > releases.pem
  crannog-keyd keys export shop --what encryption-key --version latest --output shop.key")]
pub(crate) struct Export {
    /// The key
    name: String,
    /// Which half of it
    #[arg(
        long,
        default_value = "public-key",
        value_parser = kind,
        value_name = "encryption-key|signing-key|hmac-key|public-key"
    )]
    what: ExportKind,
    /// One version, or `latest` [default: all from the lowest that decrypts]
    #[arg(long, value_parser = version, value_name = "NUMBER|latest")]
    version: Option<ExportVersion>,
    /// PKCS#8 where another form is usual
    #[arg(long, value_parser = format, value_name = "pem|der")]
    format: Option<ExportFormat>,
    #[command(flatten)]
    output: OutputOptions,
}

/// Print a sealed backup of a key
///
/// Only of a key that was made with --exportable and --plaintext-backup (KEY-013). It opens in this store, or with this store's recovery
/// key.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog-keyd keys backup shop --output shop.backup")]
pub(crate) struct Backup {
    /// The key
    name: String,
    #[command(flatten)]
    output: OutputOptions,
}

impl Export {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let name = name(&self.name)?;
        let call = Call::Export {
            what: self.what,
            key: name.clone(),
            version: self.version,
            format: self.format,
        };
        let Answer::Exported(exported) = session.call_about(name.as_str(), &call).await?.answer else {
            return Err(unexpected());
        };
        let len: usize = exported.keys.values().map(|text| text.expose().len() + 32).sum();
        let mut text = Zeroizing::new(String::with_capacity(len));
        for (version, key) in &exported.keys {
            let key = key.expose().trim_end();
            if exported.keys.len() > 1 {
                text.push_str(&format!(
                    "version {version}:{}",
                    if key.contains('\n') { '\n' } else { ' ' }
                ));
            }
            text.push_str(key);
            text.push('\n');
        }
        deliver(session, &self.output, name.as_str(), &text, &exported)
    }
}

impl Backup {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let name = name(&self.name)?;
        let Answer::Backup(backup) = session
            .call_about(name.as_str(), &Call::Backup(name.clone()))
            .await?
            .answer
        else {
            return Err(unexpected());
        };
        let sealed = backup.backup.expose();
        let mut text = Zeroizing::new(String::with_capacity(sealed.len() + 1));
        text.push_str(sealed);
        text.push('\n');
        deliver(session, &self.output, name.as_str(), &text, &backup)
    }
}

/// To the file that was named, or to standard output.
fn deliver(
    session: &Session<'_>,
    output: &OutputOptions,
    name: &str,
    text: &str,
    data: &impl Serialize,
) -> Result<(), Failure> {
    match output
        .output
        .as_deref()
        .filter(|path| *path != std::path::Path::new("-"))
    {
        None => session.printer.result(text, &WithKey { key: name, data }),
        Some(path) => {
            NewFile::write(path, output.force, text.as_bytes())?;
            let path = path.display().to_string();
            let said = format!("wrote {}\n", crate::sanitise::line(&path));
            session
                .printer
                .result(&said, &json!({ "key": name, "output": path }))
        }
    }
}

fn kind(text: &str) -> Result<ExportKind, String> {
    ExportKind::parse(text).map_err(|error| error.to_string())
}

fn format(text: &str) -> Result<ExportFormat, String> {
    ExportFormat::parse(text).map_err(|error| error.to_string())
}

fn version(text: &str) -> Result<ExportVersion, String> {
    match text {
        "latest" => Ok(ExportVersion::Latest),
        number => number
            .parse()
            .map(ExportVersion::Number)
            .map_err(|_| "a number, or latest".to_owned()),
    }
}

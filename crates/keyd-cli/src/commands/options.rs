//! Options that several commands have.

use std::path::PathBuf;

use clap::Args;
use crannog_keyd_client::{Octets, Seconds};

/// Names the key for those who name none.
const USUAL_KEY: &str = "CRANNOG_KEYD_KEY";
/// The key that `install` makes.
const FIRST_KEY: &str = "default";

/// Which key.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeyOption {
    /// The key
    #[arg(
        short,
        long,
        value_name = "NAME",
        env = USUAL_KEY,
        hide_env_values = true,
        default_value = FIRST_KEY
    )]
    pub(crate) key: String,
}

/// The key for those who name none.
pub(crate) fn usual_key() -> String {
    std::env::var(USUAL_KEY).unwrap_or_else(|_| FIRST_KEY.to_owned())
}

/// What a use is bound to besides the key.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct BindingOptions {
    /// What a derived key is derived with
    #[arg(long, value_name = "TEXT")]
    context: Option<String>,
    /// What the ciphertext is bound to; needed again to decrypt
    #[arg(long, value_name = "TEXT")]
    aad: Option<String>,
}

impl BindingOptions {
    pub(crate) fn context(&self) -> Option<Octets> {
        octets(self.context.as_deref())
    }

    pub(crate) fn associated_data(&self) -> Option<Octets> {
        octets(self.aad.as_deref())
    }
}

/// A text as the bytes that it has.
pub(crate) fn octets(text: Option<&str>) -> Option<Octets> {
    text.map(|text| Octets::copied(text.as_bytes()))
}

/// Where a result goes that is one file.
#[derive(Debug, Clone, Args)]
pub(crate) struct OutputOptions {
    /// Write to this file (mode 0600) instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// Beforehand, that something irrevocable is meant.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct YesOption {
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// `30d`, `1h30m`, `90s`, seconds; `0` is never.
pub(crate) fn period(text: &str) -> Result<Seconds, String> {
    Seconds::parse(text).ok_or_else(|| "a period is 30d, 1h30m, 90s, or 0 for never".to_owned())
}

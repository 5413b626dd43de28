//! keys show.

use clap::Args;
use crannog_keyd_client::{Call, KeyObject, ReadKey, VersionObject};

use super::key_of;
use crate::commands::WithKey;
use crate::commands::options::octets;
use crate::failure::Failure;
use crate::sanitise::line;
use crate::session::{Session, name};
use crate::{human, table};

/// Show a key's settings and versions
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  crannog-keyd keys show shop-orders")]
pub(crate) struct Show {
    /// The key
    name: String,
    /// Show the public key that is derived with it
    #[arg(long, value_name = "TEXT")]
    context: Option<String>,
}

impl Show {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let name = name(&self.name)?;
        let context = octets(self.context.as_deref());
        let call = Call::ReadKey(name.clone(), ReadKey { context });
        let key = key_of(session, &name, &call).await?;
        let data = WithKey {
            key: name.as_str(),
            data: &*key,
        };
        session.printer.result(&describe(&key), &data)
    }
}

fn describe(key: &KeyObject) -> String {
    let rights = [
        (key.derived, "derived"),
        (key.convergent_encryption == Some(true), "convergent"),
        (key.exportable, "exportable"),
        (key.allow_plaintext_backup, "may be backed up"),
        (key.deletion_allowed, "may be deleted"),
        (key.imported_key, "imported"),
    ];
    let rights: Vec<&str> = rights
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, word)| word)
        .collect();
    let uses = [
        (key.supports_encryption, "encrypts"),
        (key.supports_decryption, "decrypts"),
        (key.supports_signing, "signs"),
    ];
    let uses: Vec<&str> = uses
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, word)| word)
        .collect();
    let encrypts = match key.min_encryption_version {
        0 => "the latest".to_owned(),
        version => format!("{version} and later"),
    };
    let mut text = table::pairs(&[
        ("name", line(&key.name)),
        ("type", line(&key.key_type)),
        ("does", uses.join(", ")),
        (
            "is",
            if rights.is_empty() {
                "-".to_owned()
            } else {
                rights.join(", ")
            },
        ),
        ("rotates every", human::period(key.auto_rotate_period)),
        ("encrypts with", encrypts),
        ("decrypts from", key.min_decryption_version.to_string()),
        ("trimmed below", key.min_available_version.to_string()),
    ]);
    let mut rows: Vec<_> = key
        .keys
        .iter()
        .filter_map(|(number, version)| Some((number.parse().ok()?, version)))
        .collect();
    rows.sort_by_key(|(number, _): &(u32, _)| *number);
    for (number, version) in rows {
        let uses = key.uses.as_ref().and_then(|uses| uses.get(&number.to_string()));
        let uses = uses
            .map(|uses| format!(", {uses} uses reserved"))
            .unwrap_or_default();
        match version {
            VersionObject::Made(seconds) => {
                text.push_str(&format!(
                    "version {number}: made {}{uses}\n",
                    human::time(*seconds)
                ));
            }
            VersionObject::Public(version) => {
                text.push_str(&format!(
                    "version {number}: made {}\n",
                    line(&version.creation_time)
                ));
                text.extend(
                    version
                        .public_key
                        .lines()
                        .map(|part| format!("  {}\n", line(part))),
                );
            }
        }
    }
    text
}

//! The texts that install writes for the service manager.

use std::path::Path;

use crate::error::InstallError;
use crate::places::Places;

pub(crate) const KEY_UNIT: &str = "crannog-keyd.service";
pub(crate) const TLS_UNIT: &str = "crannog-keyd-tls.service";
pub(crate) const APP_UNIT: &str = "crannog-keyd-app@.socket";

/// What a unit cannot run or reach: `ProtectHome=` and `PrivateTmp=` hide it.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/// The texts, rendered.
pub(crate) struct Units {
    pub(crate) key: String,
    pub(crate) tls: String,
    pub(crate) app: String,
    pub(crate) tmpfiles: String,
}

impl Units {
    /// `program` is what the units run.
    pub(crate) fn render(places: &Places, program: &Path) -> Result<Self, InstallError> {
        let hidden = HIDDEN.iter().any(|folder| program.starts_with(folder));
        if hidden && places.systemd_runs() {
            return Err(InstallError::HiddenProgram {
                path: program.to_owned(),
            });
        }
        let values = [
            ("{program}", plain(program)?),
            ("{state}", plain(&places.state)?),
            ("{run}", plain(&places.run)?),
            ("{policy}", plain(&places.policy)?),
            ("{key_file}", plain(&places.key_file)?),
        ];
        let render = |template: &str| {
            values.iter().fold(template.to_owned(), |text, (name, value)| {
                text.replace(name, value)
            })
        };
        Ok(Self {
            key: render(include_str!("templates/crannog-keyd.service")),
            tls: render(include_str!("templates/crannog-keyd-tls.service")),
            app: render(include_str!("templates/crannog-keyd-app@.socket")),
            tmpfiles: render(include_str!("templates/crannog-keyd.conf")),
        })
    }
}

/// A path that needs no quoting in a unit.
fn plain(path: &Path) -> Result<&str, InstallError> {
    let usual = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
    match path.to_str() {
        Some(text) if path.is_absolute() && text.chars().all(usual) => Ok(text),
        _ => Err(InstallError::PathInUnit {
            path: path.to_owned(),
        }),
    }
}

//! The service manager of the host.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::accounts::{CLIENTS, TLS_USER, USER};
use crate::error::InstallError;
use crate::files::{self, at, look};
use crate::places::{CONFIG, TMPFILES_NAME, UNITS};
use crate::report::{Action, Note};
use crate::site::{Owner, Site};
use crate::tool::Tool;
use crate::units::{KEY_UNIT, TLS_UNIT};

/// Units that are instances of the template, where they are enabled.
const WANTED_SOCKETS: &str = "/etc/systemd/system/sockets.target.wants";
const APP_PREFIX: &str = "crannog-keyd-app@";

/// Makes the folders of the sockets, and starts the service. `changed`: a unit is not what the manager read. Where no systemd runs it
/// makes the folders itself, and says how to start.
pub(crate) fn start(
    site: &mut Site<'_>,
    changed: bool,
    tls: bool,
    program: &str,
) -> Result<(), InstallError> {
    if !site.places.systemd_runs() {
        for (folder, owner) in folders(&site.places.run) {
            site.folder("folder of sockets", folder, owner)?;
        }
        site.note(Note::Start(format!(
            "{program} serve --config {CONFIG} --user {USER}"
        )));
        if tls {
            let line = format!("{program} serve-tls --config {CONFIG} --user {TLS_USER}");
            site.note(Note::Start(line));
        }
        return Ok(());
    }
    let run = site.on_disk(&site.places.run);
    let mut complete = true;
    for (folder, _) in folders(&site.places.run) {
        complete &= files::folder_rights(&site.on_disk(folder))?.is_some();
    }
    if !complete {
        site.make("folders of the sockets", run, |places| {
            let tool = below(places.other_root(), Tool::new("systemd-tmpfiles"));
            tool.args(["--create", TMPFILES_NAME]).run()
        })?;
    } else {
        site.tell("folders of the sockets", run, Action::Kept);
    }
    if changed && site.places.other_root().is_none() {
        site.make("units read anew", UNITS, |_| {
            Tool::new("systemctl").arg("daemon-reload").run()
        })?;
    }
    enable(site, KEY_UNIT)?;
    if tls { enable(site, TLS_UNIT) } else { Ok(()) }
}

/// What `crannog-keyd.conf` makes.
fn folders(run: &Path) -> [(PathBuf, Owner); 4] {
    [
        (run.to_owned(), Owner::service(USER, 0o755)),
        (run.join("clients"), Owner::service(CLIENTS, 0o2750)),
        (run.join("proxy"), Owner::service(TLS_USER, 0o2750)),
        (run.join("app"), Owner::service(USER, 0o755)),
    ]
}

/// Enables a unit; starts it, where it is this machine's.
fn enable(site: &mut Site<'_>, unit: &'static str) -> Result<(), InstallError> {
    let path = PathBuf::from(UNITS).join(unit);
    if is_enabled(site, unit)? {
        site.keep("enabled", path)
    } else {
        site.make("enabled", site.on_disk(path), |places| {
            let tool = below(places.other_root(), Tool::new("systemctl"));
            let now = places.other_root().is_none().then_some("--now");
            tool.args(["--quiet", "enable"]).args(now).arg(unit).run()
        })
    }
}

/// Whether a unit is enabled, and runs where it could.
fn is_enabled(site: &Site<'_>, unit: &str) -> Result<bool, InstallError> {
    let root = site.places.other_root();
    let ask = |question: &str| {
        let tool = below(root, Tool::new("systemctl"));
        tool.args(["--quiet", question, unit]).succeeds()
    };
    Ok(ask("is-enabled")? && (root.is_some() || ask("is-active")?))
}

/// Stops and disables every unit of the service that is there.
pub(crate) fn stop(site: &mut Site<'_>) -> Result<(), InstallError> {
    if !site.places.systemd_runs() {
        return Ok(());
    }
    let mut units = app_sockets(site)?;
    units.extend([TLS_UNIT, KEY_UNIT].map(str::to_owned));
    for unit in units {
        let path = PathBuf::from(UNITS).join(&unit);
        let template = unit.starts_with(APP_PREFIX);
        if !template && look(&site.on_disk(&path))?.is_none() {
            continue;
        }
        site.remove("enabled", site.on_disk(path), |places| {
            let tool = below(places.other_root(), Tool::new("systemctl"));
            let now = places.other_root().is_none().then_some("--now");
            tool.args(["--quiet", "disable"]).args(now).arg(&unit).run()
        })?;
    }
    Ok(())
}

/// Reads the units anew, after they went.
pub(crate) fn forget(site: &Site<'_>) -> Result<(), InstallError> {
    if site.dry_run || site.places.other_root().is_some() || !site.places.systemd_runs() {
        return Ok(());
    }
    Tool::new("systemctl").arg("daemon-reload").run()
}

/// The sockets of applications that are enabled.
fn app_sockets(site: &Site<'_>) -> Result<Vec<String>, InstallError> {
    let folder = site.on_disk(WANTED_SOCKETS);
    if look(&folder)?.is_none() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(at(&folder))? {
        let name = entry.map_err(at(&folder))?.file_name();
        if let Some(name) = name.to_str().filter(|name| name.starts_with(APP_PREFIX)) {
            found.push(name.to_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// A tool of systemd, told of another root.
fn below(root: Option<&Path>, tool: Tool) -> Tool {
    match root {
        Some(root) => {
            let mut option = OsStr::new("--root=").to_owned();
            option.push(root);
            tool.arg(option)
        }
        None => tool,
    }
}

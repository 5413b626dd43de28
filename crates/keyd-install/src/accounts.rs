//! Users and groups: those of this machine through its directory of users, those below another root through its files.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use nix::unistd::{Group, User};

use crate::error::InstallError;
use crate::files::at;
use crate::places::Places;
use crate::tool::Tool;

/// The key process.
pub(crate) const USER: &str = "crannog-keyd";
/// The TLS process.
pub(crate) const TLS_USER: &str = "crannog-keyd-tls";
/// Who may connect.
pub(crate) const CLIENTS: &str = "crannog-keyd-clients";

/// What a group is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundGroup {
    pub(crate) id: u32,
    pub(crate) members: Vec<String>,
}

/// The number of a user.
pub(crate) fn user(places: &Places, name: &str) -> Result<Option<u32>, InstallError> {
    match places.other_root() {
        Some(root) => {
            let line = line(&root.join("etc/passwd"), name)?;
            Ok(line.and_then(|fields| fields.get(2)?.parse().ok()))
        }
        None => {
            let user = User::from_name(name).map_err(unanswered)?;
            Ok(user.map(|user| user.uid.as_raw()))
        }
    }
}

/// A group.
pub(crate) fn group(places: &Places, name: &str) -> Result<Option<FoundGroup>, InstallError> {
    match places.other_root() {
        Some(root) => {
            let line = line(&root.join("etc/group"), name)?;
            Ok(line.and_then(|fields| {
                let members = fields.get(3)?.split(',').filter(|member| !member.is_empty());
                Some(FoundGroup {
                    id: fields.get(2)?.parse().ok()?,
                    members: members.map(str::to_owned).collect(),
                })
            }))
        }
        None => {
            let group = Group::from_name(name).map_err(unanswered)?;
            Ok(group.map(|group| FoundGroup {
                id: group.gid.as_raw(),
                members: group.mem,
            }))
        }
    }
}

fn unanswered(error: nix::Error) -> InstallError {
    InstallError::Directory(error.into())
}

/// The fields of the line that begins with `name`; none if there is no such file.
fn line(file: &Path, name: &str) -> Result<Option<Vec<String>>, InstallError> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.map_err(at(file))?,
    };
    let mut lines = text.lines().map(|line| line.split(':'));
    let found = lines.find(|fields| fields.clone().next() == Some(name));
    Ok(found.map(|fields| fields.map(str::to_owned).collect()))
}

/// A name that no program takes for an option or a pattern.
pub(crate) fn check_name(name: &str) -> Result<(), InstallError> {
    let usual = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(usual) {
        Ok(())
    } else {
        Err(InstallError::Name(name.to_owned()))
    }
}

pub(crate) fn make_group(places: &Places, name: &str) -> Result<(), InstallError> {
    tool(places, "groupadd").arg("--system").arg(name).run()
}

/// A user of the system, in a group of the same name, without home and shell.
pub(crate) fn make_user(places: &Places, name: &str, what: &str) -> Result<(), InstallError> {
    tool(places, "useradd")
        .args(["--system", "--gid", name, "--comment", what])
        .args(["--home-dir", "/nonexistent", "--no-create-home"])
        .args(["--shell", "/usr/sbin/nologin", name])
        .run()
}

pub(crate) fn add_member(places: &Places, user: &str, group: &str) -> Result<(), InstallError> {
    tool(places, "usermod")
        .args(["--append", "--groups", group, user])
        .run()
}

pub(crate) fn remove_user(places: &Places, name: &str) -> Result<(), InstallError> {
    tool(places, "userdel").arg(name).run()
}

pub(crate) fn remove_group(places: &Places, name: &str) -> Result<(), InstallError> {
    tool(places, "groupdel").arg(name).run()
}

fn tool(places: &Places, name: &'static str) -> Tool {
    let tool = Tool::new(name);
    match places.other_root() {
        Some(root) => tool.arg("--prefix").arg(root),
        None => tool,
    }
}

/// The number of a user that must be there.
pub(crate) fn expect_user(places: &Places, name: &str) -> Result<u32, InstallError> {
    user(places, name)?.ok_or_else(|| missing(name))
}

/// The number of a group that must be there.
pub(crate) fn expect_group(places: &Places, name: &str) -> Result<u32, InstallError> {
    Ok(group(places, name)?.ok_or_else(|| missing(name))?.id)
}

fn missing(name: &str) -> InstallError {
    let text = format!("{name} is not known, although it was made");
    InstallError::Directory(io::Error::new(ErrorKind::NotFound, text))
}

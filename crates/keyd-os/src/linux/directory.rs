//! The directory of users: what glibc's NSS says.

use std::ffi::CString;
use std::io;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use crate::peer::{GroupId, UserId};
use crate::platform::DirectoryError;

pub(super) fn user_named(name: &str) -> Result<Option<UserId>, DirectoryError> {
    let user = User::from_name(name).map_err(io::Error::from)?;
    Ok(user.map(|user| UserId::from_number(user.uid.as_raw())))
}

pub(super) fn group_named(name: &str) -> Result<Option<GroupId>, DirectoryError> {
    let group = Group::from_name(name).map_err(io::Error::from)?;
    Ok(group.map(|group| GroupId::from_number(group.gid.as_raw())))
}

pub(super) fn is_member(user: UserId, group: GroupId) -> Result<bool, DirectoryError> {
    let Some(user) = User::from_uid(Uid::from_raw(user.number())).map_err(io::Error::from)? else {
        return Ok(false);
    };
    let name = CString::new(user.name).map_err(io::Error::from)?;
    let groups = getgrouplist(&name, user.gid).map_err(io::Error::from)?;
    Ok(groups.contains(&Gid::from_raw(group.number())))
}

/// Asks each question once, also one that nobody can answer, so that every library that answers is loaded. What it answers
/// does not matter.
pub(super) fn load(user: UserId) {
    let _ = is_member(user, GroupId::from_number(0));
    let _ = user_named("crannog-keyd no such user");
    let _ = group_named("crannog-keyd no such group");
    let _ = User::from_uid(Uid::from_raw(u32::MAX - 1));
}

//! Whose things become, by name: users and groups may not be there yet.

use crate::accounts::{self, TLS_USER, USER};
use crate::error::InstallError;
use crate::files::Rights;
use crate::places::Places;

/// Whose something becomes, by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) user: &'static str,
    pub(crate) group: &'static str,
    pub(crate) mode: u32,
}

impl Owner {
    /// Root's, for the key process to read.
    pub(crate) const fn read_by_service(mode: u32) -> Self {
        Self {
            user: "root",
            group: USER,
            mode,
        }
    }

    /// Root's, for the TLS process to read.
    pub(crate) const fn read_by_tls(mode: u32) -> Self {
        Self {
            user: "root",
            group: TLS_USER,
            mode,
        }
    }

    pub(crate) const fn root(mode: u32) -> Self {
        Self {
            user: "root",
            group: "root",
            mode,
        }
    }

    /// The key process's, for a group.
    pub(crate) const fn service(group: &'static str, mode: u32) -> Self {
        Self {
            user: USER,
            group,
            mode,
        }
    }
}

/// The numbers of an owner who is known by now.
pub(crate) fn rights(places: &Places, owner: Owner) -> Result<Rights, InstallError> {
    let user = match owner.user {
        "root" => 0,
        name => accounts::expect_user(places, name)?,
    };
    let group = match owner.group {
        "root" => 0,
        name => accounts::expect_group(places, name)?,
    };
    Ok(Rights {
        user,
        group,
        mode: owner.mode,
    })
}

/// The same, if there is such an owner yet.
pub(super) fn rights_if_known(places: &Places, owner: Owner) -> Result<Option<Rights>, InstallError> {
    let user = match owner.user {
        "root" => Some(0),
        name => accounts::user(places, name)?,
    };
    let group = match owner.group {
        "root" => Some(0),
        name => accounts::group(places, name)?.map(|group| group.id),
    };
    Ok(user.zip(group).map(|(user, group)| Rights {
        user,
        group,
        mode: owner.mode,
    }))
}

//! Users and groups, made or removed.

use crate::accounts;
use crate::error::InstallError;
use crate::report::Action;

use super::Site;

const GROUPS: &str = "/etc/group";
const USERS: &str = "/etc/passwd";

impl Site<'_> {
    /// A group of the system.
    pub(crate) fn group(&mut self, name: &str) -> Result<(), InstallError> {
        let what = format!("group {name}");
        match accounts::group(self.places, name)? {
            Some(_) => self.tell(&what, self.on_disk(GROUPS), Action::Kept),
            None => self.make(&what, self.on_disk(GROUPS), |places| {
                accounts::make_group(places, name)
            })?,
        }
        Ok(())
    }

    /// A user of the system, in the group of that name.
    pub(crate) fn user(&mut self, name: &str, comment: &str) -> Result<(), InstallError> {
        let what = format!("user {name}");
        match accounts::user(self.places, name)? {
            Some(_) => self.tell(&what, self.on_disk(USERS), Action::Kept),
            None => self.make(&what, self.on_disk(USERS), |places| {
                accounts::make_user(places, name, comment)
            })?,
        }
        Ok(())
    }

    /// A user in a group.
    pub(crate) fn member(&mut self, user: &str, group: &str) -> Result<(), InstallError> {
        let what = format!("{user} in {group}");
        let found = accounts::group(self.places, group)?;
        if found.is_some_and(|group| group.members.iter().any(|member| member == user)) {
            self.tell(&what, self.on_disk(GROUPS), Action::Kept);
            return Ok(());
        }
        self.make(&what, self.on_disk(GROUPS), |places| {
            accounts::add_member(places, user, group)
        })
    }

    /// Says that a user stays, if there is one.
    pub(crate) fn user_kept(&mut self, name: &str) -> Result<(), InstallError> {
        if accounts::user(self.places, name)?.is_some() {
            self.tell(&format!("user {name}"), self.on_disk(USERS), Action::Kept);
        }
        Ok(())
    }

    /// Says that a group stays, if there is one.
    pub(crate) fn group_kept(&mut self, name: &str) -> Result<(), InstallError> {
        if accounts::group(self.places, name)?.is_some() {
            self.tell(&format!("group {name}"), self.on_disk(GROUPS), Action::Kept);
        }
        Ok(())
    }

    /// Removes a user, if there is one.
    pub(crate) fn remove_user(&mut self, name: &str) -> Result<(), InstallError> {
        if accounts::user(self.places, name)?.is_none() {
            return Ok(());
        }
        let what = format!("user {name}");
        self.remove(&what, self.on_disk(USERS), |places| {
            accounts::remove_user(places, name)
        })
    }

    /// Removes a group, if there is one.
    pub(crate) fn remove_group(&mut self, name: &str) -> Result<(), InstallError> {
        if accounts::group(self.places, name)?.is_none() {
            return Ok(());
        }
        let what = format!("group {name}");
        self.remove(&what, self.on_disk(GROUPS), |places| {
            accounts::remove_group(places, name)
        })
    }
}

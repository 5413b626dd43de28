//! What a run works on: the places, and whether it may touch them. Each thing is looked at, then made or kept, then told.

use std::path::{Path, PathBuf};

use crate::accounts::{self, TLS_USER, USER};
use crate::error::InstallError;
use crate::files::{self, Rights, at};
use crate::operator::Operator;
use crate::places::Places;
use crate::report::{Action, Note, Report, Step};

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

const GROUPS: &str = "/etc/group";
const USERS: &str = "/etc/passwd";

/// One run.
pub(crate) struct Site<'a> {
    pub(crate) places: &'a Places,
    pub(crate) dry_run: bool,
    pub(crate) operator: &'a mut dyn Operator,
    pub(crate) report: Report,
}

impl<'a> Site<'a> {
    pub(crate) fn new(places: &'a Places, dry_run: bool, operator: &'a mut dyn Operator) -> Self {
        Self {
            places,
            dry_run,
            operator,
            report: Report::default(),
        }
    }

    /// A path of the service, as this process reaches it.
    pub(crate) fn on_disk(&self, path: impl AsRef<Path>) -> PathBuf {
        self.places.on_disk(path)
    }

    /// Tells of a step.
    pub(crate) fn tell(&mut self, what: &str, path: impl Into<PathBuf>, action: Action) {
        let what = what.to_owned();
        let path = path.into();
        let step = Step { what, path, action };
        self.operator.step(&step);
        self.report.done.push(step);
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.report.notes.push(note);
    }

    /// Does `work` for something that is not as it should be, unless this is a dry run.
    pub(crate) fn make(
        &mut self,
        what: &str,
        path: impl Into<PathBuf>,
        work: impl FnOnce(&Places) -> Result<(), InstallError>,
    ) -> Result<(), InstallError> {
        if self.dry_run {
            self.tell(what, path, Action::Would);
        } else {
            work(self.places)?;
            self.tell(what, path, Action::Made);
        }
        Ok(())
    }

    /// Removes something that is there, unless this is a dry run.
    pub(crate) fn remove(
        &mut self,
        what: &str,
        path: impl Into<PathBuf>,
        work: impl FnOnce(&Places) -> Result<(), InstallError>,
    ) -> Result<(), InstallError> {
        if self.dry_run {
            self.tell(what, path, Action::Would);
        } else {
            work(self.places)?;
            self.tell(what, path, Action::Removed);
        }
        Ok(())
    }

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

    /// A folder of the service's, with these rights.
    pub(crate) fn folder(
        &mut self,
        what: &str,
        path: impl AsRef<Path>,
        owner: Owner,
    ) -> Result<(), InstallError> {
        let path = self.on_disk(path);
        let there = files::folder_rights(&path)?;
        if there.is_some() && there == rights_if_known(self.places, owner)? {
            self.tell(what, path, Action::Kept);
            return Ok(());
        }
        self.make(what, path.clone(), |places| {
            files::make_folder(&path, rights(places, owner)?).map_err(at(&path))
        })
    }

    /// A file that is the operator's from then on: what is there is kept as it is. Whether it was made.
    pub(crate) fn operators_file(
        &mut self,
        what: &str,
        path: impl AsRef<Path>,
        content: &[u8],
        owner: Owner,
    ) -> Result<bool, InstallError> {
        let path = self.on_disk(path);
        // It may be a link to where the operator keeps it.
        if path.is_file() || files::is_file(&path)? {
            self.tell(what, path, Action::Kept);
            return Ok(false);
        }
        self.put(what, path, content, owner)?;
        Ok(true)
    }

    /// A file that is the program's: another content is replaced. Whether it was made.
    pub(crate) fn own_file(
        &mut self,
        what: &str,
        path: impl AsRef<Path>,
        content: &[u8],
        owner: Owner,
    ) -> Result<bool, InstallError> {
        let path = self.on_disk(path);
        if files::is_file(&path)? && std::fs::read(&path).map_err(at(&path))? == content {
            self.tell(what, path, Action::Kept);
            return Ok(false);
        }
        self.put(what, path, content, owner)?;
        Ok(true)
    }

    fn put(&mut self, what: &str, path: PathBuf, content: &[u8], owner: Owner) -> Result<(), InstallError> {
        self.make(what, path.clone(), |places| {
            files::write(&path, content, rights(places, owner)?).map_err(at(&path))
        })
    }

    /// Says that a thing stays, if it is there.
    pub(crate) fn keep(&mut self, what: &str, path: impl AsRef<Path>) -> Result<(), InstallError> {
        let path = self.on_disk(path);
        if files::look(&path)?.is_some() {
            self.tell(what, path, Action::Kept);
        }
        Ok(())
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
fn rights_if_known(places: &Places, owner: Owner) -> Result<Option<Rights>, InstallError> {
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

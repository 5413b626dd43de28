//! What a run works on: the places, and whether it may touch them. Each thing is looked at, then made or kept, then told.

mod accounts;
mod owner;

use std::path::{Path, PathBuf};

use crate::error::InstallError;
use crate::files::{self, at};
use crate::operator::Operator;
use crate::places::Places;
use crate::report::{Action, Note, Report, Step};

pub(crate) use self::owner::{Owner, rights};

use self::owner::rights_if_known;

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

//! `crannogd storage`.

use std::fmt::Write as _;
use std::path::Path;

use super::args::{Common, Storage};
use super::backup::{show, ticker};
use super::units::{count, size};
use super::{Failure, offline};
use crate::datadir::{DataDir, DataDirError};
use crate::storage::{MoveError, Moved, migrate};

impl From<MoveError> for Failure {
    fn from(error: MoveError) -> Self {
        let hint = match &error {
            MoveError::Taken(_) | MoveError::Same(_) => "name an empty folder with --to",
            MoveError::Relative(_) => "write it from / on",
            MoveError::Lost(_) => "see all with `crannogd fsck --full`; move the rest with --partial",
            _ => {
                "check that both disks are neither full nor read-only, then repeat the command: what was copied stays"
            }
        };
        Self::new(error.to_string(), hint)
    }
}

pub(super) fn run(command: Storage) -> Result<bool, Failure> {
    let Storage::Migrate { to, partial, common } = command;
    if !common.data.join("crannogd.db").exists() {
        let message = format!(
            "{} is not the data directory of a crannogd",
            common.data.display()
        );
        return Err(Failure::new(message, "name the right one with --data"));
    }
    let data = DataDir::open(&common.data).map_err(|error| {
        let hint = match &error {
            DataDirError::InUse(_) => "stop the server first",
            _ => "run the command as the user that runs crannogd",
        };
        Failure::new(error.to_string(), hint)
    })?;
    let moved = migrate(&data, &to, partial, &ticker("copied"))?;
    let report = offline::alone(&data, false)?;
    show(&moved, &text(&moved, &to, &common), common.json)?;
    Ok(moved.lost.is_empty() && report.problems.is_empty())
}

fn text(moved: &Moved, to: &Path, common: &Common) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for lost in &moved.lost {
        let _ = writeln!(text, "broken: {lost}");
    }
    let _ = writeln!(
        text,
        "{}, {}, are in {}; {} copied by this run\n{} leads there. Nothing uses {} any more: remove it when the server runs well.",
        count(moved.blobs, "blob"),
        size(moved.bytes),
        to.display(),
        moved.copied,
        common.data.join("blobs").display(),
        moved.old.display()
    );
    text
}

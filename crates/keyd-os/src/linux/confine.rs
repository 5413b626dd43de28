//! The sandbox, closed once, from the inside.

use nix::unistd::geteuid;

use super::process::threads;
use super::{directory, files, syscalls};
use crate::measures::{HardenError, Measure, Measures};
use crate::peer::UserId;
use crate::platform::Confinement;

/// Landlock holds for the calling thread and those that it starts, so it comes before there is a second one. The filter of
/// calls comes last, as it no longer lets the others be made.
pub(super) fn confine(plan: &Confinement<'_>) -> Result<Measures, HardenError> {
    match threads()? {
        1 => {}
        threads => return Err(HardenError::ThreadsRunning { threads }),
    }
    directory::load(UserId::from_number(geteuid().as_raw()));
    let mut measures = Measures::default();
    let closed = files::close(plan)?;
    measures.record(Measure::Files, closed.files);
    measures.record(Measure::Scope, closed.scope);
    measures.record(Measure::Calls, syscalls::close()?);
    Ok(measures)
}

//! Before any secret is read.

use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::process::{refused, tracer};
use crate::measures::{HardenError, Measure, Measures};

/// A process that is not dumpable leaves no core, whatever the limit and `core_pattern` say, its files in `/proc` belong to
/// root, and only who has `CAP_SYS_PTRACE` traces it or reads its memory (prctl(2), ptrace(2)). Whoever attached before is
/// found by the look at the tracer that follows.
pub(super) fn harden() -> Result<Measures, HardenError> {
    let mut measures = Measures::default();
    set_dumpable(false).map_err(refused("PR_SET_DUMPABLE"))?;
    measures.record(Measure::NotDumpable, true);
    if let Some(tracer) = tracer()? {
        return Err(HardenError::Traced { tracer });
    }
    measures.record(Measure::NotTraced, true);
    // A unit that forbids setting limits (`~@resources`) sets this one itself.
    if getrlimit(Resource::RLIMIT_CORE).map_err(refused("RLIMIT_CORE"))? != (0, 0) {
        setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(refused("RLIMIT_CORE"))?;
    }
    measures.record(Measure::NoCore, true);
    Ok(measures)
}

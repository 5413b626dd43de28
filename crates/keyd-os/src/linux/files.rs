//! Which files the process may still reach: landlock (landlock(7)).

use std::io;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope, make_bitflags,
};

use crate::measures::HardenError;
use crate::platform::Confinement;

/// What is asked for; an older kernel gives less. Not above: from the ninth on, connecting to a socket by its path would be
/// an access to grant, and the directory of users has sockets in many places.
const ASKED: ABI = ABI::V6;

/// For the directory of users: what glibc, systemd and sssd read. `/etc` as a whole, because `passwd` and `group` are
/// replaced by rename, which a rule for the file would not survive; what is secret in it this user cannot read. `/proc` for
/// the name of a peer's unit.
const SYSTEM: [&str; 4] = ["/etc", "/run/systemd/userdb", "/var/lib/sss", "/proc"];

const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
const READ_WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer
});

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closed {
    pub(super) files: bool,
    pub(super) scope: bool,
}

/// Everything that the plan does not name is refused from now on, in this thread and all that it starts.
pub(super) fn close(plan: &Confinement<'_>) -> Result<Closed, HardenError> {
    let mut rules = handled().map_err(refused)?;
    for path in plan.read_write {
        rules = allow(rules, path, READ_WRITE)?;
    }
    let system = SYSTEM.iter().map(Path::new);
    for path in plan.read.iter().copied().chain(system) {
        if path.exists() {
            rules = allow(rules, path, READ)?;
        }
    }
    let status = rules.restrict_self().map_err(refused)?;
    let granted = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi,
        _ => ABI::Unsupported,
    };
    Ok(Closed {
        files: granted >= ABI::V2,
        scope: granted >= ABI::V6,
    })
}

/// Moving a file to another folder (`Refer`) is what the store does at each change. A kernel that cannot grant it (before
/// 5.19) would refuse it always, so there nothing is closed at all.
fn handled() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::SoftRequirement)
        .handle_access(AccessFs::Refer)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ASKED))?
        .scope(make_bitflags!(Scope::{AbstractUnixSocket | Signal}))?
        .create()
}

fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, HardenError> {
    let plan = |source| HardenError::Plan {
        path: path.to_owned(),
        source,
    };
    let of_a_file = make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate});
    let folder = path.metadata().map_err(plan)?.is_dir();
    let access = if folder { access } else { access & of_a_file };
    let opened = PathFd::new(path).map_err(|error| plan(io::Error::other(error)))?;
    rules.add_rule(PathBeneath::new(opened, access)).map_err(refused)
}

fn refused(error: RulesetError) -> HardenError {
    HardenError::Refused {
        what: "landlock",
        source: io::Error::other(error),
    }
}

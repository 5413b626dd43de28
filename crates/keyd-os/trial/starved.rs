//! A process that may lock next to nothing.

use crannog_keyd_os::{LockedBytes, pool_state};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::geteuid;

use crate::{Outcome, argument, become_user, say};

/// `starved LIMIT`: makes ten thousand secrets, looks at all of them, and says what the pool counts with and without them.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let limit = argument(arguments, 0)?.parse()?;
    setrlimit(Resource::RLIMIT_MEMLOCK, limit, limit)?;
    // Root is above the limit.
    if geteuid().is_root() {
        become_user(1234, &[])?;
    }
    let secrets: Vec<LockedBytes> = (0..10_000_u32)
        .map(|n| LockedBytes::init_with(32, |bytes| bytes.fill(n.to_le_bytes()[0])))
        .collect();
    let whole = secrets
        .iter()
        .zip(0..10_000_u32)
        .all(|(secret, n)| secret.expose() == [n.to_le_bytes()[0]; 32]);
    say(whole)?;
    let state = pool_state();
    say(format!("{} {}", state.locked, state.unlocked))?;
    drop(secrets);
    let state = pool_state();
    say(format!("{} {}", state.locked, state.unlocked))
}

/// `descriptors`: says how many more are open with secrets of all sizes than before.
pub(crate) fn descriptors() -> Outcome {
    let open = || Ok::<_, std::io::Error>(std::fs::read_dir("/proc/self/fd")?.count());
    let before = open()?;
    let secrets = [32, 5000, 200_000].map(|len| LockedBytes::init_with(len, |bytes| bytes.fill(7)));
    let with = open()?;
    drop(secrets);
    say(with - before)
}

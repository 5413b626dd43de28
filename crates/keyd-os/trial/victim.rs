//! A process with a secret on its ordinary heap.

use crannog_keyd_os::{Linux, Platform};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use nix::sys::signal::{Signal, raise};

use crate::{Outcome, argument, become_user, say, wait};

/// `victim USER plain|hardened`: waits for a first word, hardens itself or not, and says where 16 bytes of `0x5a` lie. Told
/// `abort`, it dies as a crash would.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let user: u32 = argument(arguments, 0)?.parse()?;
    setrlimit(Resource::RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY)?;
    if user != 0 {
        become_user(user, &[])?;
    }
    // Changing the user has cleared it; without this the unhardened twin would be safe by accident.
    set_dumpable(true)?;
    say("here")?;
    wait()?;
    if argument(arguments, 1)? == "hardened" {
        match Linux::new().harden() {
            Ok(measures) => say(format!("{:?} missing {:?}", measures.in_force, measures.missing))?,
            Err(error) => return say(format!("refused: {error}")),
        }
    } else {
        say("plain")?;
    }
    let secret = Box::new([0x5a_u8; 16]);
    say(secret.as_ptr().addr())?;
    if wait()? == "abort" {
        raise(Signal::SIGABRT)?;
    }
    say(secret.iter().map(|byte| u32::from(*byte)).sum::<u32>())
}

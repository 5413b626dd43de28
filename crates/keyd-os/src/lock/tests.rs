use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use proptest::prelude::*;

use super::map::{Lock, Mapping, page};
use super::*;

/// Held by those who look at freed slots, and by those who would take them.
static FREED: Mutex<()> = Mutex::new(());

/// How a forked child ends that does only `what`, which must neither allocate nor lock.
fn in_a_child(what: impl FnOnce() -> i32) -> WaitStatus {
    // SAFETY: the child calls nothing but `setrlimit`, `what` and `_exit`, which are safe after a fork among threads.
    match unsafe { libc::fork() } {
        0 => {
            let none = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            // SAFETY: a pointer to a live value; the child ends here.
            unsafe {
                libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
                libc::_exit(what())
            }
        }
        child => waitpid(Pid::from_raw(child), None).unwrap(),
    }
}

/// How a child ends that reads this byte: with it, or by a signal.
fn read_in_a_child(at: *const u8) -> WaitStatus {
    // SAFETY: the byte is mapped, or the child dies, which is what the test asks.
    in_a_child(|| i32::from(unsafe { at.read_volatile() }))
}

fn exited(status: WaitStatus) -> Option<i32> {
    match status {
        WaitStatus::Exited(_, code) => Some(code),
        _ => None,
    }
}

fn died_by(status: WaitStatus) -> Option<Signal> {
    match status {
        WaitStatus::Signaled(_, signal, _) => Some(signal),
        _ => None,
    }
}

fn filled(len: usize, byte: u8) -> LockedBytes {
    LockedBytes::init_with(len, |bytes| bytes.fill(byte))
}

fn mappings() -> Vec<Mapping> {
    vec![Mapping::new(100), Mapping::anonymous(page()).unwrap()]
}

#[test]
fn reading_beyond_the_pages_kills() {
    for pages in mappings() {
        let (first, len) = (pages.start().as_ptr().cast_const(), pages.len());
        let inside = [first, first.wrapping_add(len - 1)];
        assert!(
            inside
                .iter()
                .all(|at| exited(read_in_a_child(*at)).is_some() || pages.lock() == Lock::Secret)
        );
        for outside in [first.wrapping_sub(1), first.wrapping_add(len)] {
            assert_eq!(died_by(read_in_a_child(outside)), Some(Signal::SIGSEGV));
        }
    }
}

#[test]
fn the_borders_hold_for_the_process_itself() {
    for pages in mappings() {
        let (first, len) = (pages.start().as_ptr().cast_const(), pages.len());
        let (before, after) = (first.wrapping_sub(1), first.wrapping_add(len));
        // The kernel copies from the address, or says EFAULT: as a stray read would find it, but without dying.
        let copies = |at: *const u8| {
            let (_read, write) = nix::unistd::pipe().unwrap();
            // SAFETY: the kernel checks the address.
            unsafe { libc::write(write.as_raw_fd(), at.cast(), 1) == 1 }
        };
        assert!(copies(first) && copies(first.wrapping_add(len - 1)));
        assert!(!copies(before) && !copies(after));
    }
}

#[test]
fn a_forked_child_finds_nothing() {
    let secret = filled(40, 0x5a);
    let status = read_in_a_child(secret.expose().as_ptr());
    if map::secret_memory() {
        assert_eq!(died_by(status), Some(Signal::SIGSEGV));
    } else {
        assert_eq!(exited(status), Some(0));
    }
    assert_eq!(secret.expose(), [0x5a; 40]);

    let pages = Mapping::anonymous(page()).unwrap();
    // SAFETY: the mapping's first byte, to which there is no reference.
    unsafe { pages.start().write(0x5a) };
    assert_eq!(exited(read_in_a_child(pages.start().as_ptr())), Some(0));
}

#[test]
fn even_the_kernel_does_not_read_secret_memory_for_us() {
    if !map::secret_memory() {
        eprintln!("skipped: this kernel has no memfd_secret");
        return;
    }
    let (secret, open) = (filled(64, 0x5a), [0x5a_u8; 64]);
    assert_eq!(Mapping::new(1).lock(), Lock::Secret);
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    let read = |at: &[u8]| {
        let mut bytes = [0; 64];
        std::os::unix::fs::FileExt::read_exact_at(&memory, &mut bytes, at.as_ptr().addr() as u64)
            .is_ok_and(|()| bytes == [0x5a; 64])
    };
    assert!(read(&open));
    assert!(!read(secret.expose()));
}

#[test]
fn what_is_dropped_is_wiped() {
    let _alone = FREED.lock().unwrap_or_else(PoisonError::into_inner);
    // Keeps the slab.
    let neighbour = filled(3000, 1);
    let secret = filled(3000, 0x5a);
    let at = secret.expose().as_ptr();
    drop(secret);
    // SAFETY: the neighbour keeps the slab mapped, and nobody else takes slots of this length now.
    let left = unsafe { std::slice::from_raw_parts(at, 3000) };
    assert!(left.iter().all(|byte| *byte == 0));
    assert_eq!(neighbour.expose(), [1; 3000]);
}

#[test]
fn what_a_panic_leaves_is_wiped() {
    let _alone = FREED.lock().unwrap_or_else(PoisonError::into_inner);
    let neighbour = filled(1500, 1);
    let mut at = NonNull::dangling();
    let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        LockedBytes::init_with(1500, |bytes| {
            bytes.fill(0x5a);
            at = NonNull::from(&mut *bytes).cast::<u8>();
            panic!("in the middle");
        })
    }));
    assert!(made.is_err());
    // SAFETY: as above.
    let left = unsafe { std::slice::from_raw_parts(at.as_ptr(), 1500) };
    assert!(left.iter().all(|byte| *byte == 0));
    drop(neighbour);
}

#[test]
fn debug_says_nothing() {
    assert_eq!(format!("{:?}", filled(4, 0x5a)), "LockedBytes");
    assert_eq!(format!("{:?}", filled(0, 0)), "LockedBytes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any order of making and dropping: each keeps its own bytes, and new ones are zero.
    #[test]
    fn secrets_keep_to_themselves(steps in prop::collection::vec((0usize..9000, any::<u8>(), any::<bool>()), 1..100)) {
        let _alone = FREED.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held: Vec<(LockedBytes, usize, u8)> = Vec::new();
        for (len, byte, drops) in steps {
            if drops && !held.is_empty() {
                held.swap_remove(len % held.len());
            } else {
                let secret = LockedBytes::init_with(len, |bytes| {
                    assert!(bytes.len() == len && bytes.iter().all(|byte| *byte == 0));
                    bytes.fill(byte);
                });
                held.push((secret, len, byte));
            }
            for (secret, len, byte) in &held {
                prop_assert!(secret.expose().len() == *len && secret.expose().iter().all(|own| own == byte));
            }
        }
    }
}

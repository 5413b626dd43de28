use std::ffi::c_long;
use std::io;

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use seccompiler::apply_filter;

use super::{allowed, no_clone3};

/// How a child ends that is closed and makes this call: by a signal, or with the call's error number (0 for none).
fn closed_child(call: c_long, arguments: [c_long; 5]) -> WaitStatus {
    let filters = [no_clone3().unwrap(), allowed().unwrap()];
    let [a, b, c, d, e] = arguments;
    // SAFETY: the child makes system calls only; arguments are numbers, null, or of calls that the filter stops.
    match unsafe { libc::fork() } {
        0 => {
            let none = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            // SAFETY: a pointer to a live value. No core of the child that is about to die.
            unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
            let closed = filters.iter().all(|filter| apply_filter(filter).is_ok());
            // SAFETY: as above; a child that is not closed makes no call.
            unsafe {
                let returned = if closed {
                    libc::syscall(call, a, b, c, d, e, NULL)
                } else {
                    -1
                };
                let error = io::Error::last_os_error().raw_os_error().unwrap_or(-1);
                libc::_exit(if returned == -1 { error } else { 0 })
            }
        }
        child => waitpid(Pid::from_raw(child), None).unwrap(),
    }
}

const NULL: c_long = 0;
const RWX: c_long = (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) as c_long;
const RW: c_long = (libc::PROT_READ | libc::PROT_WRITE) as c_long;
const PRIVATE: c_long = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as c_long;

#[test]
fn what_the_page_forbids_kills() {
    let own = Box::new([0_u8; 8192]);
    let page = own.as_ptr().addr().next_multiple_of(4096) as c_long;
    let forbidden: &[(&str, c_long, [c_long; 5])] = &[
        ("execve", libc::SYS_execve, [NULL; 5]),
        ("execveat", libc::SYS_execveat, [-1, NULL, NULL, NULL, 0]),
        (
            "clone of a process",
            libc::SYS_clone,
            [libc::SIGCHLD.into(), NULL, NULL, NULL, NULL],
        ),
        (
            "ptrace",
            libc::SYS_ptrace,
            [libc::PTRACE_TRACEME.into(), 0, 0, 0, 0],
        ),
        (
            "process_vm_readv",
            libc::SYS_process_vm_readv,
            [1, NULL, 0, NULL, 0],
        ),
        (
            "process_vm_writev",
            libc::SYS_process_vm_writev,
            [1, NULL, 0, NULL, 0],
        ),
        ("pidfd_getfd", libc::SYS_pidfd_getfd, [-1, 0, 0, 0, 0]),
        ("kexec_load", libc::SYS_kexec_load, [0, 0, NULL, 0, 0]),
        ("bpf", libc::SYS_bpf, [0, NULL, 0, 0, 0]),
        ("userfaultfd", libc::SYS_userfaultfd, [0; 5]),
        ("perf_event_open", libc::SYS_perf_event_open, [NULL, 0, -1, -1, 0]),
        (
            "open_by_handle_at",
            libc::SYS_open_by_handle_at,
            [-1, NULL, 0, 0, 0],
        ),
        ("io_uring_setup", libc::SYS_io_uring_setup, [1, NULL, 0, 0, 0]),
        ("mount", libc::SYS_mount, [NULL; 5]),
        ("unshare", libc::SYS_unshare, [0; 5]),
        ("setns", libc::SYS_setns, [-1, 0, 0, 0, 0]),
        ("keyctl", libc::SYS_keyctl, [0; 5]),
        ("memfd_create", libc::SYS_memfd_create, [NULL, 0, 0, 0, 0]),
        ("setuid", libc::SYS_setuid, [0; 5]),
        ("chown", libc::SYS_fchownat, [-1, NULL, 0, 0, 0]),
        ("symlink", libc::SYS_symlinkat, [NULL, -1, NULL, 0, 0]),
        ("link", libc::SYS_linkat, [-1, NULL, -1, NULL, 0]),
        (
            "tcp",
            libc::SYS_socket,
            [libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0, 0, 0],
        ),
        (
            "netlink",
            libc::SYS_socket,
            [libc::AF_NETLINK.into(), libc::SOCK_RAW.into(), 0, 0, 0],
        ),
        ("executable pages", libc::SYS_mmap, [NULL, 4096, RWX, PRIVATE, -1]),
        (
            "pages made executable",
            libc::SYS_mprotect,
            [page, 4096, RWX, 0, 0],
        ),
        (
            "becoming dumpable",
            libc::SYS_prctl,
            [libc::PR_SET_DUMPABLE.into(), 1, 0, 0, 0],
        ),
        (
            "setting a limit",
            libc::SYS_prlimit64,
            [0, libc::RLIMIT_CORE.into(), page, NULL, 0],
        ),
        (
            "typing for another",
            libc::SYS_ioctl,
            [0, libc::TIOCSTI as c_long, NULL, 0, 0],
        ),
        ("a signal to another", libc::SYS_kill, [1, 0, 0, 0, 0]),
        (
            "a signal to a thread of another",
            libc::SYS_tgkill,
            [1, 1, 0, 0, 0],
        ),
        ("a call that does not exist", 100_000, [0; 5]),
    ];
    for (name, call, arguments) in forbidden {
        let status = closed_child(*call, *arguments);
        assert!(
            matches!(status, WaitStatus::Signaled(_, Signal::SIGSYS, _)),
            "{name}: {status:?}"
        );
    }
}

#[test]
fn the_same_calls_within_their_bounds_do_not() {
    let allowed: &[(&str, c_long, [c_long; 5], i32)] = &[
        ("pages", libc::SYS_mmap, [NULL, 4096, RW, PRIVATE, -1], 0),
        (
            "a local socket",
            libc::SYS_socket,
            [libc::AF_UNIX.into(), libc::SOCK_STREAM.into(), 0, 0, 0],
            0,
        ),
        (
            "reading a limit",
            libc::SYS_prlimit64,
            [0, libc::RLIMIT_CORE.into(), NULL, NULL, 0],
            0,
        ),
        (
            "secret memory, if there is any",
            libc::SYS_memfd_secret,
            [-1, 0, 0, 0, 0],
            secret_memfd_error(),
        ),
        (
            "clone3 seems to be missing",
            libc::SYS_clone3,
            [NULL, 0, 0, 0, 0],
            libc::ENOSYS,
        ),
    ];
    for (name, call, arguments, error) in allowed {
        let status = closed_child(*call, *arguments);
        assert!(
            matches!(status, WaitStatus::Exited(_, code) if code == *error),
            "{name}: {status:?}"
        );
    }
}

/// What this kernel says to flags that do not exist.
fn secret_memfd_error() -> i32 {
    // SAFETY: a call without pointers, which fails.
    let returned = unsafe { libc::syscall(libc::SYS_memfd_secret, -1) };
    assert_eq!(returned, -1);
    io::Error::last_os_error().raw_os_error().unwrap()
}

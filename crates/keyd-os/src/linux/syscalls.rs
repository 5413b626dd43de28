//! Which system calls the process may still make: a seccomp filter (seccomp(2)) that kills it for any other.

use std::collections::BTreeMap;
use std::io;

use nix::unistd::getpid;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

use crate::measures::HardenError;

/// Calls that are allowed with any arguments. What they reach is bounded by landlock and by who the process is.
const ALLOWED: &[i64] = &[
    // Memory, the pool's too.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_memfd_secret,
    libc::SYS_mlock,
    libc::SYS_mremap,
    libc::SYS_munlock,
    libc::SYS_munmap,
    // Threads, signals, the end.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_membarrier,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    // Time and chance.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    // Who and where this process is.
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getgroups,
    libc::SYS_getuid,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    // Descriptors.
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_fcntl,
    libc::SYS_lseek,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pselect6,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    // Files.
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fallocate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_mkdirat,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_readlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_umask,
    libc::SYS_unlinkat,
    // Sockets that exist, and those to the directory of users. No `bind`, no `listen`.
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
];

/// Calls that newer architectures do without.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[i64] = &[
    libc::SYS_access,
    libc::SYS_chmod,
    libc::SYS_epoll_wait,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_rmdir,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[i64] = &[];

/// Closes the calling thread and all that it starts. `false` if the kernel has no filters.
pub(super) fn close() -> Result<bool, HardenError> {
    for filter in [no_clone3(), allowed()] {
        let filter = filter.map_err(|error| refused(io::Error::other(error)))?;
        match apply_filter(&filter) {
            Ok(()) => {}
            Err(seccompiler::Error::Seccomp(error) | seccompiler::Error::Prctl(error)) if lacks(&error) => {
                return Ok(false);
            }
            Err(error) => return Err(refused(io::Error::other(error))),
        }
    }
    Ok(true)
}

fn lacks(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
}

/// The flags of `clone3` lie in memory, where no filter sees them. glibc then takes `clone`, whose flags are an argument.
fn no_clone3() -> Result<BpfProgram, seccompiler::BackendError> {
    let absent = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    SeccompFilter::new(rules, SeccompAction::Allow, absent, arch()?)?.try_into()
}

fn allowed() -> Result<BpfProgram, seccompiler::BackendError> {
    let free = ALLOWED.iter().chain(ALLOWED_HERE);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = free.map(|call| (*call, Vec::new())).collect();
    rules.extend(bounded()?);
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch()?)?.try_into()
}

/// Calls that are allowed with some arguments; each rule is one way to be allowed.
fn bounded() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let executable = number(libc::PROT_EXEC);
    let not_executable = |argument| masked(argument, executable, 0);
    let thread = number(libc::CLONE_THREAD);
    let this_process = number(getpid().as_raw());
    Ok(BTreeMap::from([
        // Answered by the other filter.
        (libc::SYS_clone3, Vec::new()),
        // Threads, no processes.
        (libc::SYS_clone, vec![masked(0, thread, thread)?]),
        (libc::SYS_mmap, vec![not_executable(2)?]),
        (libc::SYS_mprotect, vec![not_executable(2)?]),
        (libc::SYS_socket, vec![equal(0, number(libc::AF_UNIX))?]),
        (libc::SYS_socketpair, vec![equal(0, number(libc::AF_UNIX))?]),
        // For abort and for signals to one's own threads.
        (libc::SYS_tgkill, vec![equal(0, this_process)?]),
        // Reading a limit, not setting one.
        (libc::SYS_prlimit64, vec![null(2)?]),
        (
            libc::SYS_prctl,
            vec![
                equal(0, number(libc::PR_SET_NAME))?,
                equal(0, number(libc::PR_SET_VMA))?,
            ],
        ),
        (
            libc::SYS_ioctl,
            vec![
                equal(1, libc::FIONBIO)?,
                equal(1, libc::FIOCLEX)?,
                equal(1, libc::TCGETS)?,
            ],
        ),
    ]))
}

fn equal(argument: u8, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    rule(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    rule(
        argument,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(mask),
        value,
    )
}

fn null(argument: u8) -> Result<SeccompRule, seccompiler::BackendError> {
    rule(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)
}

fn rule(
    argument: u8,
    len: SeccompCmpArgLen,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, len, operator, value)?])
}

/// A constant of libc, none of which is negative.
fn number(constant: libc::c_int) -> u64 {
    u64::from(constant.unsigned_abs())
}

fn arch() -> Result<TargetArch, seccompiler::BackendError> {
    std::env::consts::ARCH.try_into()
}

fn refused(source: io::Error) -> HardenError {
    HardenError::Refused {
        what: "seccomp",
        source,
    }
}

#[cfg(test)]
#[expect(
    unsafe_code,
    reason = "a forked child makes the forbidden calls by number (docs/adr/0016)"
)]
mod tests;

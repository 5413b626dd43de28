//! What another process of the same user tries.

use std::fs::{self, File};
use std::io::IoSliceMut;
use std::os::unix::fs::FileExt;

use nix::sys::ptrace;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use crate::{Outcome, argument, become_user, say};

/// `attacker USER PID ADDRESS`: a line per way, `got it` or `refused`.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    become_user(argument(arguments, 0)?.parse()?, &[])?;
    let pid: i32 = argument(arguments, 1)?.parse()?;
    let address: usize = argument(arguments, 2)?.parse()?;
    let mut bytes = [0; 16];

    let memory = File::open(format!("/proc/{pid}/mem"));
    let read = memory.and_then(|file| file.read_exact_at(&mut bytes, address as u64));
    report("mem", read.is_ok() && bytes == [0x5a; 16])?;

    bytes.fill(0);
    let remote = [RemoteIoVec {
        base: address,
        len: bytes.len(),
    }];
    let read = process_vm_readv(Pid::from_raw(pid), &mut [IoSliceMut::new(&mut bytes)], &remote);
    report("process_vm_readv", read.is_ok() && bytes == [0x5a; 16])?;

    let attached = ptrace::attach(Pid::from_raw(pid)).is_ok();
    report("ptrace", attached)?;
    if attached {
        waitpid(Pid::from_raw(pid), None)?;
        ptrace::detach(Pid::from_raw(pid), None)?;
    }
    for file in ["maps", "environ", "auxv"] {
        report(file, fs::read(format!("/proc/{pid}/{file}")).is_ok())?;
    }
    Ok(())
}

fn report(way: &str, got: bool) -> Outcome {
    say(format!("{way}: {}", if got { "got it" } else { "refused" }))
}

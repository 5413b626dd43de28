//! What a fresh Debian with nothing but Rust still needs.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, layout, run};

/// What it is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub enum For {
    /// Building and the demo.
    Demo,
    /// The tests too.
    Tests,
    /// The benches too.
    Everything,
}

/// A Debian package, and how to see that it is there.
#[derive(Debug)]
pub struct Package {
    /// As apt knows it.
    pub name: &'static str,
    /// By which chores.
    pub needed: For,
    /// How to see that it is there.
    pub probe: Probe,
    /// What for, in words.
    pub why: &'static str,
}

/// How to see that a package is there.
#[derive(Debug)]
pub enum Probe {
    /// A program of this name.
    Program(&'static str),
    /// This file.
    File(&'static str),
    /// Python runs this.
    Python(&'static str),
}

const PACKAGES: &[Package] = &[
    Package {
        name: "gcc",
        needed: For::Demo,
        probe: Probe::Program("gcc"),
        why: "C parts of aws-lc and SQLite",
    },
    Package {
        name: "libc6-dev",
        needed: For::Demo,
        probe: Probe::File("/usr/include/stdlib.h"),
        why: "C parts of aws-lc and SQLite",
    },
    Package {
        name: "pkg-config",
        needed: For::Demo,
        probe: Probe::Program("pkg-config"),
        why: "finds the system's libcrypto",
    },
    Package {
        name: "libssl-dev",
        needed: For::Demo,
        probe: Probe::File("/usr/include/openssl/crypto.h"),
        why: "libcrypto for SQLCipher, in the client only",
    },
    Package {
        name: "python3",
        needed: For::Tests,
        probe: Probe::Program("python3"),
        why: "the reader written from docs/spec alone",
    },
    Package {
        name: "python3-venv",
        needed: For::Tests,
        probe: Probe::Python("import ensurepip, venv"),
        why: "its environment below target/",
    },
    Package {
        name: "strace",
        needed: For::Tests,
        probe: Probe::Program("strace"),
        why: "shows that all is synced before the answer",
    },
    Package {
        name: "e2fsprogs",
        needed: For::Tests,
        probe: Probe::File("/sbin/mkfs.ext4"),
        why: "small file systems: a full disk, a fresh one per bench run",
    },
    Package {
        name: "mount",
        needed: For::Tests,
        probe: Probe::Program("mount"),
        why: "mounts them",
    },
    Package {
        name: "faketime",
        needed: For::Tests,
        probe: Probe::Program("faketime"),
        why: "moves the clock in simulated years and hours",
    },
    Package {
        name: "passwd",
        needed: For::Tests,
        probe: Probe::Program("useradd"),
        why: "users and groups of the key service's tests",
    },
    Package {
        name: "util-linux",
        needed: For::Tests,
        probe: Probe::Program("setpriv"),
        why: "programs run by those users",
    },
    Package {
        name: "systemd",
        needed: For::Tests,
        probe: Probe::Program("systemd-analyze"),
        why: "judges the key service's units; makes its credential and folders",
    },
    Package {
        name: "nodejs",
        needed: For::Tests,
        probe: Probe::Program("node"),
        why: "runs node-vault, a client of others, against the key service",
    },
    Package {
        name: "npm",
        needed: For::Tests,
        probe: Probe::Program("npm"),
        why: "installs node-vault",
    },
    Package {
        name: "rclone",
        needed: For::Everything,
        probe: Probe::Program("rclone"),
        why: "a peer in the bench",
    },
    Package {
        name: "restic",
        needed: For::Everything,
        probe: Probe::Program("restic"),
        why: "a peer in the bench",
    },
    Package {
        name: "openssl",
        needed: For::Everything,
        probe: Probe::Program("openssl"),
        why: "the peers' TLS certificate",
    },
];

/// Python packages of the reader: the hash, the words, and everything else (also HPKE with X-Wing) from `cryptography`.
const PYTHON: &str = "tools/reader/requirements.txt";

/// The tool that checks licences, bans and sources.
const CARGO_DENY: &str = "cargo-deny";

/// Sees to it that all is there.
pub fn run(purpose: For) -> Outcome {
    let wanted: Vec<&Package> = PACKAGES
        .iter()
        .filter(|package| package.needed <= purpose)
        .collect();
    debian(&wanted)?;
    if purpose >= For::Tests {
        python()?;
        cargo_deny()?;
    }
    Ok(())
}

fn missing(package: &Package) -> bool {
    match package.probe {
        Probe::Program(name) => !run::exists(name) && !Path::new("/usr/sbin").join(name).is_file(),
        Probe::File(path) => !Path::new(path).is_file(),
        Probe::Python(code) => !run::output(Command::new("python3").args(["-c", code]))
            .is_ok_and(|output| output.status.success()),
    }
}

/// Sees to it that these are there too.
pub fn need(packages: &[Package]) -> Outcome {
    debian(&packages.iter().collect::<Vec<_>>())
}

fn debian(wanted: &[&Package]) -> Outcome {
    let lacking: Vec<&Package> = wanted
        .iter()
        .copied()
        .filter(|package| missing(package))
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    for package in &lacking {
        eprintln!("missing: {} ({})", package.name, package.why);
    }
    let names: Vec<&str> = lacking.iter().map(|package| package.name).collect();
    if !nix::unistd::Uid::effective().is_root() || !run::exists("apt-get") {
        return Err(format!(
            "please install: apt-get install --no-install-recommends {}",
            names.join(" ")
        )
        .into());
    }
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
        command
    };
    run::run(apt().arg("update"))?;
    run::run(
        apt()
            .args(["install", "-y", "--no-install-recommends"])
            .args(&names),
    )?;
    match lacking.iter().find(|package| missing(package)) {
        None => Ok(()),
        Some(package) => Err(format!("{} was installed and is still not there", package.name).into()),
    }
}

fn python() -> Outcome {
    let venv = layout::venv();
    let marker = venv.join("installed");
    let list = layout::root().join(PYTHON);
    let wanted = std::fs::read_to_string(&list)?;
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    run::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let pip = venv.join("bin/python");
    run::run(
        Command::new(pip)
            .args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r"])
            .arg(&list),
    )?;
    std::fs::write(marker, wanted)?;
    Ok(())
}

/// The program, if it is installed: ours below target/, or anyone's.
pub fn find_cargo_deny() -> Option<std::path::PathBuf> {
    let own = layout::tools().join("bin").join(CARGO_DENY);
    if own.is_file() {
        return Some(own);
    }
    run::exists(CARGO_DENY).then(|| CARGO_DENY.into())
}

/// Built only where nobody watches: it takes minutes.
fn cargo_deny() -> Outcome {
    if find_cargo_deny().is_some() {
        return Ok(());
    }
    if std::env::var_os("CI").is_none() {
        eprintln!(
            "not installed: {CARGO_DENY}; `ci` leaves its check out (cargo install --locked {CARGO_DENY})"
        );
        return Ok(());
    }
    let mut command = Command::new("cargo");
    command
        .current_dir(layout::root())
        .args(["install", "--locked", "--debug", "--root"])
        .arg(layout::tools());
    run::run(command.arg(CARGO_DENY))
}

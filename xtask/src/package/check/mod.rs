//! `cargo xtask package --check`: what the packages promise, tried.

mod container;
mod guide;
mod life;
mod lint;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::{TOOLS, make};
use crate::layout::{Binaries, Profile, target};
use crate::setup::{For, Package, Probe};
use crate::tidy::Scratch;
use crate::{Outcome, build, debian, run, setup};

const NEEDED: &[Package] = &[
    Package {
        name: "debootstrap",
        needed: For::Tests,
        probe: Probe::Program("debootstrap"),
        why: "a fresh Debian",
    },
    Package {
        name: "lintian",
        needed: For::Tests,
        probe: Probe::Program("lintian"),
        why: "Debian's own rules for packages",
    },
    Package {
        name: "man-db",
        needed: For::Tests,
        probe: Probe::Program("man"),
        why: "renders the manual pages",
    },
    Package {
        name: "systemd",
        needed: For::Tests,
        probe: Probe::Program("systemd-analyze"),
        why: "reads the units",
    },
    Package {
        name: "iproute2",
        needed: For::Tests,
        probe: Probe::Program("ip"),
        why: "a network of its own for the fresh Debian",
    },
    Package {
        name: "buildah",
        needed: For::Tests,
        probe: Probe::Program("buildah"),
        why: "builds the container's image",
    },
    Package {
        name: "python3-yaml",
        needed: For::Tests,
        probe: Probe::File("/usr/lib/python3/dist-packages/yaml/__init__.py"),
        why: "reads compose.yaml",
    },
];

const PARTS: &[&str] = &["same", "lint", "life", "container"];

/// The parts, or all of them; stops at the first thing that does not hold.
pub fn run(parts: &[String]) -> Outcome {
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        return Err(format!("no part {unknown:?}; there are {}", PARTS.join(", ")).into());
    }
    if !nix::unistd::Uid::effective().is_root() {
        return Err("the check installs packages in a Debian of its own, in a chroot: run it as root".into());
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|named| named == part);
    setup::run(For::Demo)?;
    setup::need(TOOLS)?;
    setup::need(NEEDED)?;
    let binaries = build::run(Profile::Release)?;
    let start = Instant::now();
    let scratch = Scratch::new(&target(), "package-check")?;
    let first = scratch.path().join("first");
    step("packages are made");
    let packages = make(&binaries, "", &first)?;
    took(start);
    if wanted("same") {
        timed("made again: the same bytes", || {
            same(&binaries, &packages, scratch.path())
        })?;
    }
    if wanted("lint") {
        timed("lintian, manual pages, completions, units", || {
            packages
                .iter()
                .try_for_each(|package| lint::check(package, scratch.path()))
        })?;
    }
    if wanted("life") || wanted("container") {
        timed("a fresh Debian", || debian::base().map(|_| ()))?;
    }
    if wanted("life") {
        let newer = scratch.path().join("newer");
        make(&binaries, "+newer", &newer)?;
        timed("a life, as the guide tells it", || life::run(&first, &newer))?;
    }
    if wanted("container") {
        timed("the container", || container::check(&first, scratch.path()))?;
    }
    println!("\npackage: all holds; {} s", start.elapsed().as_secs());
    Ok(())
}

fn same(binaries: &Binaries, packages: &[PathBuf], scratch: &Path) -> Outcome {
    let again = scratch.join("again");
    make(binaries, "", &again)?;
    for package in packages {
        let other = again.join(package.file_name().unwrap_or_default());
        run::quietly(Command::new("cmp").arg(package).arg(other))?;
    }
    Ok(())
}

fn timed(title: &str, part: impl FnOnce() -> Outcome) -> Outcome {
    step(title);
    let start = Instant::now();
    part()?;
    took(start);
    Ok(())
}

fn step(title: &str) {
    println!("\n== {title}");
}

fn say(text: &str) {
    println!("   {text}");
}

fn took(since: Instant) {
    say(&format!("({} s)", since.elapsed().as_secs()));
}

/// Every package in `from`, copied into `to`, where no other one stays.
fn lay_out(from: &Path, to: &Path) -> Outcome {
    let is_package = |path: &Path| path.extension().is_some_and(|end| end == "deb");
    for entry in std::fs::read_dir(to)? {
        let path = entry?.path();
        if is_package(&path) {
            std::fs::remove_file(path)?;
        }
    }
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        if is_package(&path) {
            std::fs::copy(&path, to.join(path.file_name().unwrap_or_default()))?;
        }
    }
    Ok(())
}

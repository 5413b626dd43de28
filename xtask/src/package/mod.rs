//! Debian packages, and the check that they live: installed, used, upgraded, removed and purged in a fresh Debian.
//!
//! ```text
//!  release build ─▶ tree (files, pages, completions) ─▶ control data ─▶ dpkg-deb      the same bytes every time
//! ```

mod archive;
mod check;
mod depends;
mod manual;
#[cfg(test)]
mod settings;
mod third_party;
mod tree;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::layout::{Binaries, Profile, root, target};
use crate::setup::{For, Package, Probe};
use crate::tidy::Scratch;
use crate::{Outcome, build, run, setup};
use tree::Tree;

/// What follows the upstream version.
const REVISION: &str = "1";

/// What packages are made with.
const TOOLS: &[Package] = &[
    Package {
        name: "dpkg-dev",
        needed: For::Demo,
        probe: Probe::Program("dpkg-shlibdeps"),
        why: "which libraries a program needs",
    },
    Package {
        name: "git",
        needed: For::Demo,
        probe: Probe::Program("git"),
        why: "the time of the last commit",
    },
];

/// The two packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Server,
    Client,
}

impl Which {
    /// As `dpkg` knows it.
    fn package(self) -> &'static str {
        match self {
            Self::Server => "crannog-server",
            Self::Client => "crannog",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Server => "crannogd",
            Self::Client => "crannog",
        }
    }

    /// As cargo knows it.
    fn krate(self) -> &'static str {
        match self {
            Self::Server => "crannog-server",
            Self::Client => "crannog-cli",
        }
    }

    fn section(self) -> u8 {
        match self {
            Self::Server => 8,
            Self::Client => 1,
        }
    }

    fn binary(self, binaries: &Binaries) -> &Path {
        match self {
            Self::Server => &binaries.crannogd,
            Self::Client => &binaries.crannog,
        }
    }
}

/// What all files of a package are stamped with.
#[derive(Debug, Clone)]
struct Stamp {
    /// Upstream version, revision, and what the caller added.
    version: String,
    /// Seconds; no file is younger.
    epoch: u64,
}

/// `cargo xtask package [--suffix TEXT] [--out DIR]`, `cargo xtask package --check [PART...]`.
pub fn run(arguments: &[String]) -> Outcome {
    if let Some((first, parts)) = arguments.split_first()
        && first == "--check"
    {
        return check::run(parts);
    }
    let (mut suffix, mut out) = (String::new(), folder());
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match (word.as_str(), words.as_slice().first()) {
            ("--suffix", Some(text)) => {
                suffix.clone_from(text);
                words.next();
            }
            ("--out", Some(path)) => {
                out = std::path::absolute(path)?;
                words.next();
            }
            _ => {
                return Err(
                    "usage: cargo xtask package [--suffix TEXT] [--out DIR] | --check [PART...]".into(),
                );
            }
        }
    }
    setup::run(For::Demo)?;
    setup::need(TOOLS)?;
    for path in make(&build::run(Profile::Release)?, &suffix, &out)? {
        println!("{}", path.display());
    }
    Ok(())
}

/// Where packages go.
fn folder() -> PathBuf {
    target().join("packages")
}

/// Makes both packages in `out`; older ones there go.
fn make(binaries: &Binaries, suffix: &str, out: &Path) -> Outcome<Vec<PathBuf>> {
    std::fs::create_dir_all(out)?;
    for entry in std::fs::read_dir(out)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "deb") {
            std::fs::remove_file(path)?;
        }
    }
    let stamp = stamp(binaries, suffix)?;
    let scratch = Scratch::new(&target(), "package")?;
    let mut made = Vec::new();
    for which in [Which::Server, Which::Client] {
        let tree = Tree::new(scratch.path().join(which.package()))?;
        tree::fill(&tree, which, binaries, &stamp)?;
        made.push(archive::make(&tree, which, &stamp, out)?);
    }
    Ok(made)
}

fn stamp(binaries: &Binaries, suffix: &str) -> Outcome<Stamp> {
    let said = run::capture(Command::new(&binaries.crannogd).arg("--version"))?;
    let upstream = said.split_whitespace().last().unwrap_or_default();
    let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => {
            let mut git = Command::new("git");
            git.current_dir(root()).args(["log", "-1", "--format=%ct"]);
            run::capture(&mut git)?
        }
    };
    Ok(Stamp {
        version: format!("{upstream}-{REVISION}{suffix}"),
        epoch: epoch.trim().parse()?,
    })
}

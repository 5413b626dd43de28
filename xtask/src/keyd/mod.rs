//! `cargo xtask keyd --check`: the key service on a fresh Debian, without systemd and with it.

mod attacks;
mod host;
mod life;
mod people;

use std::path::{Path, PathBuf};
use std::time::Instant;

use self::host::Host;
use crate::debian::{Root, Who};
use crate::layout::Profile;
use crate::setup::{For, Package, Probe};
use crate::{Outcome, build, debian, setup};

const USAGE: &str = "usage: cargo xtask keyd --check [plain|systemd] [--program FILE] [--keep]";
/// How much of the log is shown when something does not hold.
const LAST: usize = 40;

const NEEDED: &[Package] = &[
    Package {
        name: "debootstrap",
        needed: For::Tests,
        probe: Probe::Program("debootstrap"),
        why: "a fresh Debian",
    },
    Package {
        name: "iproute2",
        needed: For::Tests,
        probe: Probe::Program("ip"),
        why: "a network of its own for the fresh Debian",
    },
];

/// What was asked for.
#[derive(Debug, Default)]
struct Wanted {
    check: bool,
    part: Option<bool>,
    program: Option<PathBuf>,
    keep: bool,
}

/// Stops at the first thing that does not hold.
pub fn run(arguments: &[String]) -> Outcome {
    let wanted = parse(arguments)?;
    if !nix::unistd::Uid::effective().is_root() {
        return Err(
            "the check installs the service in a Debian of its own and boots it: run it as root".into(),
        );
    }
    setup::run(For::Demo)?;
    setup::need(NEEDED)?;
    let program = match &wanted.program {
        Some(program) => program.clone(),
        None => build::keyd(Profile::Release)?,
    };
    let start = Instant::now();
    debian::base()?;
    for systemd in [false, true] {
        if wanted.part.is_none_or(|part| part == systemd) {
            one(systemd, &program, wanted.keep)?;
        }
    }
    println!("\nkeyd: all holds; {} s", start.elapsed().as_secs());
    Ok(())
}

fn parse(arguments: &[String]) -> Outcome<Wanted> {
    let (mut wanted, mut words) = (Wanted::default(), arguments.iter());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--check" => wanted.check = true,
            "plain" => wanted.part = Some(false),
            "systemd" => wanted.part = Some(true),
            "--program" => wanted.program = Some(words.next().ok_or(USAGE)?.into()),
            "--keep" => wanted.keep = true,
            _ => return Err(USAGE.into()),
        }
    }
    if wanted.check {
        Ok(wanted)
    } else {
        Err(USAGE.into())
    }
}

/// A Debian of its own.
fn one(systemd: bool, program: &Path, keep: bool) -> Outcome {
    let (title, name) = match systemd {
        false => ("without systemd", "keyd-plain"),
        true => ("with systemd", "keyd-systemd"),
    };
    println!("\n== {title}");
    let mut root = Root::fresh(name)?;
    if keep {
        root.keep();
        say(&format!("it stays in {}", root.top().display()));
    }
    if systemd {
        root.shell(
            Who::Root,
            "apt-get update && apt-get install systemd systemd-sysv dbus",
        )?;
        // There is no console to log in at.
        root.shell(Who::Root, "systemctl mask --quiet console-getty.service")?;
        root.boot()?;
        let state = root.shell(Who::Root, "systemctl is-system-running --wait || true")?;
        say(&format!("a fresh Debian, booted: {}", state.trim()));
    } else {
        root.cut_off()?;
        say("a fresh Debian");
    }
    let mut host = Host::new(root, systemd, program)?;
    life::run(&mut host).map_err(|error| {
        let log = host.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LAST)..).unwrap_or_default();
        format!("{title}: {error}\nits log ends:\n{}", last.join("\n")).into()
    })
}

fn say(text: &str) {
    println!("   {text}");
}

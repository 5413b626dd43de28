//! How fast the key service is: the bench `speed` of its command line, pinned to one processor and then to two.

mod figures;
mod machine;
mod report;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use figures::Measured;
use machine::Machine;
use report::Report;

use super::image;
use crate::setup::{Package, Probe};
use crate::tidy::{Running, Scratch};
use crate::{Outcome, json, layout, run, setup};

const USAGE: &str = "usage: cargo xtask bench keyd [--quick] [--only TEXT] [--json FILE]";

const PEERS: &[Package] = &[
    Package {
        name: "openssh-client",
        needed: setup::For::Everything,
        probe: Probe::Program("ssh-agent"),
        why: "a peer in the bench",
    },
    Package {
        name: "util-linux",
        needed: setup::For::Everything,
        probe: Probe::Program("taskset"),
        why: "pins the bench to processors",
    },
];

/// Processors that server and client share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topology {
    One,
    Two,
}

impl Topology {
    const ALL: [Self; 2] = [Self::One, Self::Two];

    /// For tables.
    fn name(self) -> &'static str {
        match self {
            Self::One => "one core, shared by server and client",
            Self::Two => "two cores, both shared by server and client",
        }
    }

    /// For JSON.
    fn word(self) -> &'static str {
        match self {
            Self::One => "one core",
            Self::Two => "two cores",
        }
    }

    /// As `taskset` takes them.
    fn processors(self) -> &'static str {
        match self {
            Self::One => "0",
            Self::Two => "0,1",
        }
    }

    fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// `cargo xtask bench keyd`. With `--quick` a moment of each case: does it work? With `--only TEXT` the cases whose `who: what`
/// begins so.
pub fn command(arguments: &[String]) -> Outcome {
    let (mut quick, mut json, mut words) = (false, None::<PathBuf>, Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--quick" => {
                quick = true;
                words.push("--quick");
            }
            "--only" => words.extend(["--only", rest.next().ok_or(USAGE)?]),
            "--json" => json = Some(rest.next().ok_or(USAGE)?.into()),
            _ => return Err(USAGE.into()),
        }
    }
    if !nix::unistd::Uid::effective().is_root() {
        return Err("this bench starts a service of its own, which only root can: run it as root".into());
    }
    setup::run(setup::For::Tests)?;
    setup::need(PEERS)?;
    let bench = build()?;
    std::fs::create_dir_all(layout::target())?;
    let scratch = Scratch::new(&layout::target(), "keyd")?;
    let machine = Machine::look()?;
    machine.warn();
    let processors = machine.processors();
    let mut report = Report::new(machine, quick);
    for topology in Topology::ALL {
        if processors < topology.count() {
            eprintln!("left out, as there are not so many here: {}", topology.name());
            continue;
        }
        report.add(topology, measure(&bench, topology, &words, &scratch)?);
    }
    report.print();
    if let Some(path) = json {
        std::fs::write(&path, format!("{:#}\n", report.json()))?;
        println!("written: {}", path.display());
    }
    Ok(())
}

/// Builds service and bench; gives the bench's program.
fn build() -> Outcome<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(layout::root()).args([
        "bench",
        "--locked",
        "--no-run",
        "--message-format",
        "json-render-diagnostics",
        "-p",
        "crannog-keyd-cli",
        "--bench",
        "speed",
    ]);
    eprintln!("$ {}", run::shown(&cargo));
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", run::shown(&cargo), output.status).into());
    }
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message = json::parse(line)?;
        if message["target"]["name"] == "speed"
            && let Some(program) = message["executable"].as_str()
        {
            return Ok(program.into());
        }
    }
    Err("cargo built no bench `speed`".into())
}

/// One run of the bench, on a fresh file system: its audit log is one that is written.
fn measure(bench: &Path, topology: Topology, words: &[&str], scratch: &Scratch) -> Outcome<Vec<Measured>> {
    eprintln!("== {}", topology.name());
    let place = image::fresh(scratch.path())?;
    let mut taskset = Command::new("taskset");
    taskset.args(["--cpu-list", topology.processors()]).arg(bench);
    taskset
        .args(words)
        .env("TMPDIR", place.path())
        .env("CRANNOG_PYTHON", layout::venv().join("bin/python"))
        .env(
            "CRANNOG_FERNET_SERVICE",
            layout::root().join("tools/bench/fernet_service.py"),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    eprintln!("$ {}", run::shown(&taskset));
    let mut running = Running::start(&mut taskset)?;
    let (said, mut measured) = (running.child().stdout.take(), Vec::new());
    for line in said.into_iter().flat_map(|said| BufReader::new(said).lines()) {
        let line = line?;
        if let Some(figures) = line.strip_prefix("speed ") {
            let one = Measured::read(&json::parse(figures)?)?;
            eprintln!("   {one}");
            measured.push(one);
        }
    }
    let status = running.child().wait()?;
    if status.success() {
        Ok(measured)
    } else {
        Err(format!("{} ended with {status}", run::shown(&taskset)).into())
    }
}

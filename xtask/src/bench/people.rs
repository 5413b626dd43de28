//! What people wait for when they share: the testkit's bench `people` against the built server, on a fresh file system.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use super::image;
use crate::layout::{self, Profile};
use crate::tidy::{Running, Scratch};
use crate::{Outcome, build, run, setup};

const USAGE: &str =
    "usage: cargo xtask bench people [--quick] [--json FILE] [visible] [rekey] [writers] [bell]";
const PARTS: &[&str] = &["visible", "rekey", "writers", "bell"];

/// The figures of one run.
#[derive(Debug)]
pub struct People {
    place: &'static str,
    quick: bool,
    /// Name, value, unit, in the order in which they were measured.
    figures: Vec<(String, f64, String)>,
}

/// `cargo xtask bench people`. With `--quick` a few rounds in the profile of the tests: does it work?
pub fn command(arguments: &[String]) -> Outcome {
    let (mut quick, mut json, mut parts) = (false, None::<PathBuf>, Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--quick" => quick = true,
            "--json" => json = Some(rest.next().ok_or(USAGE)?.into()),
            part if PARTS.contains(&part) => parts.push(part),
            _ => return Err(USAGE.into()),
        }
    }
    setup::run(setup::For::Demo)?;
    std::fs::create_dir_all(layout::target())?;
    let scratch = Scratch::new(&layout::target(), "people")?;
    let profile = if quick { Profile::Dev } else { Profile::Release };
    let people = People::measure(&scratch, profile, quick, &parts)?;
    people.print();
    if let Some(path) = json {
        std::fs::write(&path, format!("{:#}\n", people.json()))?;
        println!("written: {}", path.display());
    }
    Ok(())
}

impl People {
    /// Builds server and bench and runs these parts; all when none is named.
    pub fn measure(scratch: &Scratch, profile: Profile, quick: bool, parts: &[&str]) -> Outcome<Self> {
        let crannogd = build::server(profile)?;
        let place = image::fresh(scratch.path())?;
        let mut cargo = Command::new("cargo");
        cargo.current_dir(layout::root()).args([
            "bench",
            "--locked",
            "-p",
            "crannog-testkit",
            "--bench",
            "people",
        ]);
        if profile == Profile::Dev {
            cargo.args(["--profile", "dev"]);
        }
        cargo.arg("--").args(quick.then_some("--quick")).args(parts);
        // Servers and profiles are made where temporary files are.
        cargo
            .env("CRANNOGD_BIN", crannogd)
            .env("TMPDIR", place.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        eprintln!("$ {}", run::shown(&cargo));
        let mut running = Running::start(&mut cargo)?;
        let mut people = Self {
            place: image::kind(),
            quick,
            figures: Vec::new(),
        };
        let said = running.child().stdout.take();
        for line in said.into_iter().flat_map(|said| BufReader::new(said).lines()) {
            let line = line?;
            if let ["people", name, value, unit] = line.split_whitespace().collect::<Vec<_>>()[..] {
                people
                    .figures
                    .push((name.to_owned(), value.parse()?, unit.to_owned()));
                eprintln!("   {name:52} {value:>14} {unit}");
            }
        }
        let status = running.child().wait()?;
        if status.success() {
            Ok(people)
        } else {
            Err(format!("{} ended with {status}", run::shown(&cargo)).into())
        }
    }

    /// To standard output.
    pub fn print(&self) {
        println!(
            "\nwhat people wait for; {}; clients on the same machine",
            self.place
        );
        if self.quick {
            println!("(--quick: a few rounds show that it works, and nothing else)");
        }
        let mut part = "";
        for (name, value, unit) in &self.figures {
            let (of, what) = name.split_once('.').unwrap_or(("", name));
            if of != part {
                println!("\n{of}");
                part = of;
            }
            let digits = if value.fract() == 0.0 { 0 } else { 2 };
            println!("  {what:50} {value:>14.digits$} {unit}");
        }
    }

    /// All figures by name.
    pub fn json(&self) -> Value {
        let figure = |(name, value, unit): &(String, f64, String)| {
            (name.clone(), json!({"value": value, "unit": unit}))
        };
        let figures: Map<String, Value> = self.figures.iter().map(figure).collect();
        json!({"place": self.place, "quick": self.quick, "figures": figures})
    }
}

//! The figures, beside the tools that people would use instead: one run, one machine, one kind of disk.
//!
//! ```text
//!  for each run, for each contender:  fresh file system ─▶ server, account ─▶ tasks, each timed ─▶ what came back is compared
//! ```
//! Everybody speaks TLS to a server on this machine and seals before sending; that a canary is nowhere in the server's
//! files is checked, not assumed.

mod contender;
mod data;
mod delay;
mod image;
mod keyd;
mod large;
mod measure;
mod ours;
mod people;
mod rclone;
mod report;
mod restic;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use contender::{Contender, Room};
use data::Data;
use people::People;
use report::Report;

use crate::layout::{Binaries, Profile};
use crate::tidy::Scratch;
use crate::{Outcome, build, layout, run, setup};

const USAGE: &str = "usage: cargo xtask bench [--quick | --runs N] [--json FILE] [--only ours|rclone|restic]
       cargo xtask bench large [--files N] [--puts N] [--json FILE]
       cargo xtask bench people [--quick] [--json FILE] [visible] [rekey] [writers] [bell]
       cargo xtask bench keyd [--quick] [--only TEXT] [--json FILE]";
/// Interleaved runs, so that a slow minute of the machine hits all alike.
const RUNS: usize = 5;

/// In the order in which they take their turns.
const CONTENDERS: &[&str] = &["ours", "rclone", "restic"];

struct Options {
    runs: usize,
    json: Option<PathBuf>,
    only: Option<String>,
}

fn options(arguments: &[String]) -> Outcome<Options> {
    let mut options = Options {
        runs: RUNS,
        json: None,
        only: None,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--quick" => options.runs = 1,
            "--runs" => options.runs = rest.next().and_then(|number| number.parse().ok()).ok_or(USAGE)?,
            "--json" => options.json = Some(rest.next().ok_or(USAGE)?.into()),
            "--only" => options.only = Some(rest.next().ok_or(USAGE)?.clone()),
            _ => return Err(USAGE.into()),
        }
    }
    Ok(options)
}

/// `cargo xtask bench`.
pub fn run(arguments: &[String]) -> Outcome {
    match arguments.split_first() {
        Some((first, rest)) if first == "people" => return people::command(rest),
        Some((first, rest)) if first == "large" => return large::command(rest),
        Some((first, rest)) if first == "keyd" => return keyd::command(rest),
        _ => {}
    }
    let options = options(arguments)?;
    if options
        .only
        .as_deref()
        .is_some_and(|only| !CONTENDERS.contains(&only))
        || options.runs == 0
    {
        return Err(USAGE.into());
    }
    setup::run(setup::For::Everything)?;
    let wanted = |name: &str| options.only.as_deref().is_none_or(|only| only == name);
    let binaries = if wanted("ours") {
        build::run(Profile::Release)?
    } else {
        Binaries::of(Profile::Release)
    };

    std::fs::create_dir_all(layout::target())?;
    let scratch = Scratch::new(&layout::target(), "bench")?;
    eprintln!("making data: 1 GiB in one file, 10,000 files of 1 to 16 KiB");
    let data = Data::make(&scratch.path().join("data"))?;
    let certificate = contender::Certificate::make(scratch.path())?;

    let mut report = Report::new(options.runs, image::kind());
    for round in 1..=options.runs {
        for name in ["ours", "rclone", "restic"]
            .into_iter()
            .filter(|name| wanted(name))
        {
            eprintln!("== run {round} of {}: {name}", options.runs);
            let place = image::fresh(scratch.path())?;
            let room = Room {
                top: place.path(),
                data: &data,
                certificate: &certificate,
            };
            let mut contender: Box<dyn Contender> = match name {
                "ours" => Box::new(ours::Ours::open(&binaries, &room)?),
                "rclone" => Box::new(rclone::Rclone::open(&room)?),
                _ => Box::new(restic::Restic::open(&room)?),
            };
            let figures = measure::all(contender.as_mut(), &room, round == 1)?;
            report.add(name, figures);
        }
    }
    disk(&mut report, &data, &scratch)?;
    layers(&mut report)?;
    if options.only.is_none() {
        let quick = options.runs == 1;
        report.people(People::measure(&scratch, Profile::Release, quick, &[])?);
    }
    report.print();
    if let Some(path) = options.json {
        std::fs::write(&path, format!("{:#}\n", report.json()))?;
        println!("written: {}", path.display());
    }
    Ok(())
}

/// What the disk itself allows: the big file copied, into the cache and down to the disk.
fn disk(report: &mut Report, data: &Data, scratch: &Scratch) -> Outcome {
    let place = image::fresh(scratch.path())?;
    run::capture(&mut Command::new("sync"))?;
    let start = Instant::now();
    let mebibytes = std::fs::copy(data.top.join("big"), place.path().join("big"))? as f64 / 1_048_576.0;
    report.layer("disk: copied", mebibytes / start.elapsed().as_secs_f64());
    std::fs::File::open(place.path().join("big"))?.sync_all()?;
    report.layer(
        "disk: copied and synced",
        mebibytes / start.elapsed().as_secs_f64(),
    );
    Ok(())
}

/// The micro bench per layer, where the testkit has one: lines `layer NAME MIB_PER_SECOND` on standard output.
fn layers(report: &mut Report) -> Outcome {
    if !layout::root().join("crates/testkit/benches/layers.rs").is_file() {
        return Ok(());
    }
    let mut cargo = Command::new("cargo");
    cargo.current_dir(layout::root()).args([
        "bench",
        "--locked",
        "-p",
        "crannog-testkit",
        "--bench",
        "layers",
    ]);
    for line in run::capture(&mut cargo)?.lines() {
        if let ["layer", name, speed] = line.split_whitespace().collect::<Vec<_>>()[..] {
            report.layer(name, speed.parse()?);
        }
    }
    Ok(())
}

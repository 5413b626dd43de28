//! A drive of a million files: what a look at it costs, one small put into it, and a device that is new to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::image;
use crate::layout::{self, Profile};
use crate::stage::{Device, Server};
use crate::tidy::Scratch;
use crate::{Outcome, build, run, setup};

const USAGE: &str = "usage: cargo xtask bench large [--files N] [--puts N] [--json FILE]";
const NAME: &str = "bench";
/// Files of one folder.
const FOLDER: u64 = 1_000;
/// What sealing adds to a file that fits one segment: the header of FLOE, and length, nonce and tag of the segment (docs/spec/sealing.md).
const SEALED: u64 = 74 + 32;
/// How often a look is repeated; the median counts.
const LOOKS: usize = 9;

struct Options {
    files: u64,
    puts: usize,
    json: Option<PathBuf>,
}

fn options(arguments: &[String]) -> Outcome<Options> {
    let mut options = Options {
        files: 1_000_000,
        puts: 2_000,
        json: None,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let value = rest.next().ok_or(USAGE)?;
        match argument.as_str() {
            "--files" => options.files = value.parse().map_err(|_| USAGE)?,
            "--puts" => options.puts = value.parse().map_err(|_| USAGE)?,
            "--json" => options.json = Some(value.into()),
            _ => return Err(USAGE.into()),
        }
    }
    Ok(options)
}

/// Name, value, unit, in the order in which they were measured.
#[derive(Debug, Default)]
struct Figures(Vec<(&'static str, f64, &'static str)>);

impl Figures {
    fn add(&mut self, name: &'static str, value: f64, unit: &'static str) {
        eprintln!("   {name:52} {value:>12.2} {unit}");
        self.0.push((name, value, unit));
    }

    fn memory(&mut self, name: &'static str, bytes: u64) {
        self.add(name, bytes as f64 / 1_048_576.0, "MiB");
    }
}

/// `cargo xtask bench large`.
pub fn command(arguments: &[String]) -> Outcome {
    let options = options(arguments)?;
    setup::run(setup::For::Demo)?;
    let binaries = build::run(Profile::Release)?;
    fs::create_dir_all(layout::target())?;
    let scratch = Scratch::new(&layout::target(), "large")?;
    let place = image::fresh(scratch.path())?;
    let top = place.path();
    let source = scratch.path().join("source");
    eprintln!("making {} files", options.files);
    let sealed = make(&source, options.files)?;

    let server = Server::start(&binaries, &top.join("server"), &top.join("server.log"))?;
    let invitation = server.invite()?;
    let words = top.join("words");
    let device = Device::new(&binaries, &top.join("device"))?;
    run::capture(&mut device.join(&invitation, NAME, "device", &words)?)?;
    let mut figures = Figures::default();

    figures.add(
        "one put into an empty drive, median",
        puts(&device, top, "empty", options.puts)?,
        "ms",
    );
    let before = (server.received()?, server.counted()?);
    let start = Instant::now();
    let mut put = device.command(["put", "-r"]);
    run::capture(put.arg(source.join("tree")).arg("/"))?;
    figures.add("put of all files", start.elapsed().as_secs_f64(), "s");
    figures.memory("agent after it, highest", device.peak_memory());
    let sent = (server.received()? - before.0).saturating_sub(sealed);
    let kept = (server.counted()? - before.1).saturating_sub(sealed);
    figures.memory("metadata sent while it was put", sent);
    figures.memory("metadata kept after it", kept);
    figures.add("sent for each byte kept", sent as f64 / kept as f64, "");
    figures.add(
        "one put beside them, median",
        puts(&device, top, "full", options.puts)?,
        "ms",
    );

    let folder = format!("/tree/{:04}", options.files / FOLDER / 2);
    let name = format!("file {:06}", options.files / 2);
    for (figure, words) in [
        ("ls of a folder of 1,000", &["ls", folder.as_str()][..]),
        ("find by name", &["find", &name]),
        ("du", &["du"]),
        ("drive list", &["drive", "list"]),
        ("stat", &["stat", &format!("{folder}/{name}.txt")]),
    ] {
        figures.add(figure, look(&device, words)?, "ms");
    }
    figures.memory("agent, highest", device.peak_memory());

    let fresh = Device::new(&binaries, &top.join("fresh"))?;
    let start = Instant::now();
    run::capture(&mut fresh.recover(&invitation.server, NAME, "fresh", &words))?;
    let shown = run::capture(&mut fresh.command(["ls", folder.as_str()]))?;
    figures.add(
        "a new device until its first list",
        start.elapsed().as_secs_f64(),
        "s",
    );
    figures.memory("its agent, highest", fresh.peak_memory());
    if shown != run::capture(&mut device.command(["ls", folder.as_str()]))? {
        return Err("the new device shows another folder".into());
    }
    figures.memory("server, highest", server.peak_memory());
    run::capture(&mut server.admin(&["fsck"]))?;

    println!("\na drive of {} files; {}", options.files, image::kind());
    for (name, value, unit) in &figures.0 {
        println!("  {name:50} {value:>12.2} {unit}");
    }
    if let Some(path) = options.json {
        let figure = |(name, value, unit): &(&str, f64, &str)| {
            ((*name).to_owned(), json!({"value": value, "unit": unit}))
        };
        let all: Map<String, Value> = figures.0.iter().map(figure).collect();
        fs::write(
            &path,
            format!("{:#}\n", json!({"files": options.files, "figures": all})),
        )?;
        println!("written: {}", path.display());
    }
    Ok(())
}

/// Makes the files, and says how many bytes their contents take when they are sealed.
fn make(source: &Path, files: u64) -> Outcome<u64> {
    let mut sealed = 0;
    for nth in 0..files {
        let folder = source.join("tree").join(format!("{:04}", nth / FOLDER));
        if nth % FOLDER == 0 {
            fs::create_dir_all(&folder)?;
        }
        let content = format!("the content of file number {nth}\n");
        sealed += SEALED + content.len() as u64;
        fs::write(folder.join(format!("file {nth:06}.txt")), content)?;
    }
    Ok(sealed)
}

/// Milliseconds of the median put of one small file, each by a command of its own.
fn puts(device: &Device, top: &Path, folder: &str, count: usize) -> Outcome<f64> {
    let file = top.join("small");
    let to = format!("/{folder}");
    run::capture(&mut device.command(["mkdir", &to]))?;
    let mut times = Vec::with_capacity(count);
    for nth in 0..count {
        fs::write(&file, format!("small file {nth}"))?;
        let target = format!("{to}/{nth}");
        let mut put = device.command(["put"]);
        times.push(timed(put.arg(&file).arg(&target))?);
    }
    let total: Duration = times.iter().sum();
    eprintln!("   {count} puts in {:.2} s", total.as_secs_f64());
    Ok(median(times))
}

fn look(device: &Device, words: &[&str]) -> Outcome<f64> {
    let times: Outcome<Vec<Duration>> = (0..LOOKS)
        .map(|_| {
            let mut command = device.command([words.first().copied().unwrap_or_default()]);
            timed(command.args(words.iter().skip(1)))
        })
        .collect();
    Ok(median(times?))
}

fn timed(command: &mut Command) -> Outcome<Duration> {
    let start = Instant::now();
    run::capture(command)?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

//! Doing the tasks and taking the time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::contender::{Contender, Room, Task};
use super::data::CANARY;
use crate::demo::contains;
use crate::stage::peak_memory;
use crate::{Outcome, compare, run};

/// One task, done once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figure {
    /// Until the command had ended.
    pub seconds: f64,
    /// And then until all was on disk: what had been said to be done and was not yet safe.
    pub owed: f64,
    /// Share of the processors' time that was used, of both.
    pub busy: f64,
    /// Share that waited for the disk.
    pub disk: f64,
    /// Round trips, where they were counted.
    pub round_trips: u64,
}

/// All that one contender did in one run.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// By task.
    pub tasks: BTreeMap<Task, Figure>,
    /// Highest memory of the server, bytes.
    pub server_memory: u64,
    /// Highest memory of the client (the agent, where there is one), bytes.
    pub client_memory: u64,
}

const ONE_WAY_MS: u64 = 20;

/// Does all tasks; with `canaries`, looks in all that the server stored for what it must not see.
pub fn all(contender: &mut dyn Contender, room: &Room<'_>, canaries: bool) -> Outcome<Figures> {
    let mut figures = Figures::default();
    let clients = AtomicU64::new(0);
    for &task in Task::ALL {
        let into = room.top.join("back");
        fs::create_dir_all(&into)?;
        match task {
            Task::PutChanged => room.data.change()?,
            Task::PutOneFar => contender.proxy().hold_up(ONE_WAY_MS),
            _ => {}
        }
        run::capture(&mut Command::new("sync"))?;
        let outcome = timed(contender.commands(task, &into)?, room.top, &clients);
        if task == Task::PutChanged {
            room.data.change_back()?;
        }
        let mut figure = outcome.map_err(|error| format!("{}: {error}", task.name()))?;
        if task == Task::PutOneFar {
            figure.round_trips = contender.proxy().round_trips();
            contender.proxy().hold_up(0);
        }
        for (got, name) in [(Task::GetBig, "big"), (Task::GetSmall, "small")] {
            if task == got {
                compare::same(&room.data.top.join(name), &into.join(name), contender.keeps())?;
            }
        }
        fs::remove_dir_all(&into)?;
        eprintln!(
            "   {:16} {:8.2} s   then {:5.2} s to disk   processors {:3.0} %, disk {:3.0} %",
            task.name(),
            figure.seconds,
            figure.owed,
            figure.busy * 100.0,
            figure.disk * 100.0
        );
        figures.tasks.insert(task, figure);
    }
    figures.server_memory = contender.server_memory();
    let agent = contender.agent_memory();
    figures.client_memory = if agent > 0 {
        agent
    } else {
        clients.load(Ordering::SeqCst)
    };
    if canaries {
        sealed(&contender.stored())?;
        eprintln!("   sealed: no name and no content in what the server stored");
    }
    Ok(figures)
}

fn timed(commands: Vec<Command>, place: &Path, clients: &AtomicU64) -> Outcome<Figure> {
    let before = processors()?;
    let start = Instant::now();
    for mut command in commands {
        finish(&mut command, clients)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = processors()?;
    let flush = Instant::now();
    run::capture(Command::new("sync").arg("-f").arg(place))?;
    let owed = flush.elapsed().as_secs_f64();
    let total: f64 = after.iter().zip(&before).map(|(now, then)| now - then).sum();
    let share = |columns: &[usize]| {
        let used = |column: &usize| {
            after
                .get(*column)
                .zip(before.get(*column))
                .map_or(0.0, |(now, then)| now - then)
        };
        if total > 0.0 {
            columns.iter().map(used).sum::<f64>() / total
        } else {
            0.0
        }
    };
    // user, nice, system, idle, iowait, irq, softirq
    Ok(Figure {
        seconds,
        owed,
        busy: share(&[0, 1, 2, 5, 6]),
        disk: share(&[4]),
        round_trips: 0,
    })
}

/// Runs a command to its end, without polling; beside it a thread reads its highest memory now and then.
fn finish(command: &mut Command, clients: &AtomicU64) -> Outcome {
    let shown = run::shown(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{shown}: {error}"))?;
    let (pid, ended) = (child.id(), AtomicBool::new(false));
    let mut said = String::new();
    let status = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::SeqCst) {
                clients.fetch_max(peak_memory(pid), Ordering::SeqCst);
                std::thread::park_timeout(Duration::from_millis(5));
            }
        });
        let stderr = child
            .stderr
            .take()
            .map(|mut stderr| stderr.read_to_string(&mut said));
        let status = child.wait();
        ended.store(true, Ordering::SeqCst);
        drop(stderr);
        status
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{shown} ended with {status}\n{}", said.trim_end()).into())
    }
}

fn processors() -> Outcome<Vec<f64>> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    Ok(line
        .split_whitespace()
        .skip(1)
        .take(7)
        .filter_map(|number| number.parse().ok())
        .collect())
}

/// No canary in any name or content below `stored`, and something is there at all.
fn sealed(stored: &Path) -> Outcome {
    let mut bytes = 0;
    let mut folders = vec![stored.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let shows =
                |what: &str| Err(format!("{} shows {what}: nothing is sealed", path.display()).into());
            if contains(
                path.file_name().unwrap_or_default().as_encoded_bytes(),
                CANARY.as_bytes(),
            ) {
                return shows("a name");
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                bytes += path.metadata()?.len();
                if file_contains(&path)? {
                    return shows("a content");
                }
            }
        }
    }
    if bytes < 1 << 30 {
        Err("the server has less than what it was given".into())
    } else {
        Ok(())
    }
}

fn file_contains(path: &Path) -> Outcome<bool> {
    let mut file = File::open(path)?;
    let mut window = vec![0; 1 << 20];
    let mut kept = 0;
    loop {
        let n = file.read(window.get_mut(kept..).unwrap_or_default())?;
        if n == 0 {
            return Ok(false);
        }
        let filled = kept + n;
        if contains(window.get(..filled).unwrap_or_default(), CANARY.as_bytes()) {
            return Ok(true);
        }
        kept = filled.min(CANARY.len() - 1);
        window.copy_within(filled - kept..filled, 0);
    }
}

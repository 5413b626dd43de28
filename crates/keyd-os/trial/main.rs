//! What the tests do in processes of their own, because it cannot be undone: giving up root, closing the sandbox, dying.
//! Each part prints what came of it, one line each, and is driven by its standard input.

mod attacker;
mod server;
mod starved;
mod victim;

use std::error::Error;
use std::io::{self, Write};

use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let part = arguments.next().unwrap_or_default();
    let arguments: Vec<String> = arguments.collect();
    match part.as_str() {
        "victim" => victim::run(&arguments),
        "attacker" => attacker::run(&arguments),
        "starved" => starved::run(&arguments),
        "descriptors" => starved::descriptors(),
        "server" => server::run(&arguments),
        "connect" => server::connect(&arguments),
        _ => Err(format!("no part {part:?}").into()),
    }
}

/// The argument at this place.
fn argument(arguments: &[String], at: usize) -> Outcome<&str> {
    Ok(arguments.get(at).ok_or("an argument is missing")?)
}

/// From root to a user with the group of the same number and these supplementary groups.
fn become_user(user: u32, groups: &[u32]) -> Outcome {
    let groups: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
    setgroups(&groups)?;
    setgid(Gid::from_raw(user))?;
    setuid(Uid::from_raw(user))?;
    Ok(())
}

/// A line for the test.
fn say(line: impl std::fmt::Display) -> Outcome {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// Waits until the test says something or has had enough.
fn wait() -> Outcome<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

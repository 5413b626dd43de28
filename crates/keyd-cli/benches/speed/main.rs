//! How fast the key service is, beside what it stands among: lines `speed JSON`, one for each measurement. `cargo xtask bench keyd` builds
//! this and the service, pins both to processors, and prints a table.
//!
//! ```text
//!  each round, each case:  16 (or 1) keep-alive connections ─▶ socket of  crannog-keyd serve   policy of 20 rules, audit log
//!                          one thread, next request when                  null server          the same HTTP, a fixed answer
//!                          the answer is there                            ssh-agent            Ed25519
//!                                                                         fernet_service.py    what the service replaces
//! ```
//! Words: `--quick` for a look whether it works, `--only TEXT` for cases whose `who: what` begins so. The environment names Python (`CRANNOG_PYTHON`) and its service
//! (`CRANNOG_FERNET_SERVICE`). It needs root, as a service's start does.

mod agent;
mod case;
mod fernet;
mod framing;
mod load;
mod null;
mod process;
mod service;
#[path = "../../tests/service/world/mod.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the tests' harness: it fails by panicking, and they use more of it"
)]
mod world;

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use case::Case;
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Interleaved, so that a slow minute of the machine hits all alike.
const ROUNDS: usize = 3;

/// How long one measurement takes.
#[derive(Debug, Clone, Copy)]
struct Times {
    warm_up: Duration,
    measured: Duration,
}

fn main() -> Outcome {
    // `cargo bench` adds a word of its own.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let [null::WORD, socket, bytes] = words[..] {
        return null::serve(socket.as_ref(), bytes.parse()?);
    }
    let (mut rounds, mut only) = (ROUNDS, "");
    let mut times = Times {
        warm_up: Duration::from_millis(500),
        measured: Duration::from_secs(3),
    };
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match *word {
            "--quick" => {
                rounds = 1;
                times = Times {
                    warm_up: Duration::from_millis(50),
                    measured: Duration::from_millis(200),
                };
            }
            "--only" => only = rest.next().ok_or("--only needs a text")?,
            other => return Err(format!("unknown word: {other}").into()),
        }
    }
    measure(rounds, times, only)
}

/// `only`: what the name of a case begins with.
fn measure(rounds: usize, times: Times, only: &str) -> Outcome {
    let folder = tempfile::tempdir()?;
    let service = service::Service::start()?;
    let mut cases = service.cases()?;
    let nulls = null::Nulls::beside(&cases, folder.path())?;
    let agent = agent::Agent::start(folder.path())?;
    let fernet = fernet::Fernet::start(folder.path())?;
    cases.extend(nulls.cases()?);
    cases.extend(agent.cases()?);
    cases.extend(fernet.cases()?);
    cases.retain(|case| format!("{}: {}", case.who, case.what).starts_with(only));
    for round in 0..rounds {
        for case in &cases {
            tell(round, case, &load::run(case, times)?)?;
        }
    }
    Ok(())
}

fn tell(round: usize, case: &Case, figures: &load::Figures) -> Outcome {
    let line = json!({
        "round": round,
        "who": case.who,
        "what": case.what,
        "connections": case.connections,
        "operations": case.operations,
        "requests_per_second": figures.rate,
        "p50_us": figures.p50_us,
        "p99_us": figures.p99_us,
        "server_cpu_us": figures.server_us,
        "client_cpu_us": figures.client_us,
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "speed {line}")?;
    Ok(out.flush()?)
}

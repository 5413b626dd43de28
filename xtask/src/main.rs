//! The project's chores. `cargo xtask` alone lists them.
//!
//! ```text
//!  setup ─▶ build ─▶ demo
//!                └─▶ test ─▶ ci        .ci/run calls `test`
//!                └─▶ bench, soak, years
//!                └─▶ package, keyd
//! ```

mod bench;
mod build;
mod ci;
mod compare;
mod debian;
mod demo;
mod json;
mod keyd;
mod layout;
mod package;
mod readme;
mod run;
mod setup;
mod soak;
mod stage;
mod test;
mod tidy;
mod years;

use std::process::ExitCode;

/// What a chore gives back: nothing, or why it could not be done.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const HELP: &str = "\
usage: cargo xtask COMMAND

  setup                        install what demo, test and bench need (apt when root; else it says what)
  build [--release]            build crannogd and crannog, each by a cargo call of its own
  demo [PATH] [--keep]         a server, an account, real files, a second device from the words, a comparison
  test                         everything that must hold: setup, build, all tests, doctests, ci
  ci [CHECK...]                the checks without the tests; `ci --list` names them
  bench [--quick | --runs N] [--json F] [--only ours|rclone|restic]
                               the figures, side by side with rclone crypt and restic, both over TLS: five runs,
                               about ten minutes each (rclone's WebDAV client does some 30 small files a second);
                               at the end what `bench people` shows
  bench people [--quick] [--json F] [visible] [rekey] [writers] [bell]
                               what people wait for when they share: until others see it, removing somebody,
                               many writers, 10,000 idle watchers; --quick only shows that it works
  bench keyd [--quick] [--only TEXT] [--json F]
                               the key service beside a server that does nothing, ssh-agent and Fernet in Python, on one core
                               and on two (root; about twelve minutes)
  soak [--kills N]             kill server and agent N times (200) under load, nothing acknowledged may be lost
  soak --hours N [--operations N] [--seed N]
                               N simulated hours of three devices of two people, with faults: memory, descriptors and
                               disk may not grow without end
  years [--days 1095] [--operations 10000] [--files 2000] [--retention 30] [--check 30] [--seed N] [--json F]
                               simulated days on one small drive: it holds what it must, and the server no more
  package [--suffix TEXT] [--out DIR]
                               the Debian packages crannog-server and crannog, in target/packages
  package --check [PART...]    a fresh Debian: install, use, upgrade, remove, purge; pages, lintian, the container
                               (root; some minutes)
  keyd --check [plain|systemd] [--program FILE] [--keep]
                               the key service on a fresh Debian, without systemd and booted with it: installed, used,
                               attacked by other users, uninstalled, purged (root; some minutes)
  docs                         every command of a console block in README.md is run by some test
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    tidy::on_interrupt();
    let outcome = match command {
        "setup" => setup::run(setup::For::Everything),
        "build" => build::command(rest),
        "demo" => demo::run(rest),
        "test" => test::run(),
        "ci" => ci::run(rest),
        "bench" => bench::run(rest),
        "soak" => soak::run(rest),
        "years" => years::run(rest),
        "docs" => readme::run(),
        "package" => package::run(rest),
        "keyd" => keyd::run(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprint!("xtask: no command {other:?}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    tidy::now();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask {command}: FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

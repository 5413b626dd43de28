//! The commands, a file for each: its words, its call, what it shows.

pub(crate) mod audit;
pub(crate) mod completions;
pub(crate) mod datakey;
pub(crate) mod decrypt;
pub(crate) mod doctor;
pub(crate) mod encrypt;
pub(crate) mod hmac;
pub(crate) mod host;
pub(crate) mod keys;
mod lines;
pub(crate) mod man;
mod many;
mod options;
pub(crate) mod policy;
pub(crate) mod random;
pub(crate) mod rewrap;
pub(crate) mod sign;
pub(crate) mod status;
pub(crate) mod translate;
pub(crate) mod unlock;
pub(crate) mod verify;

use serde::Serialize;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Arguments, Asking, Command, Global, Local, Tls};
use crate::failure::{Code, Failure};
use crate::output::Printer;
use crate::session::Session;

/// Runs a command to its end.
pub(crate) fn run(arguments: Arguments, printer: &Printer) -> Result<(), Failure> {
    match arguments.command {
        Command::Asking(asking) => ask(asking, &arguments.global, &arguments.tls, printer),
        Command::Local(Local::Completions(completions)) => completions.run(printer),
        Command::Local(Local::Man(man)) => man.run(printer),
        Command::Local(Local::Serve(serve)) => serve.run(),
        Command::Local(Local::ServeTls(serve)) => serve.run(),
        Command::Local(Local::Install(install)) => install.run(printer),
        Command::Local(Local::Uninstall(uninstall)) => uninstall.run(printer),
        Command::Local(Local::Recover(recover)) => recover.run(printer),
    }
}

/// Runs a command that asks the service. Ctrl-C ends it where it is; what it has not kept yet is gone.
fn ask(asking: Asking, global: &Global, tls: &Tls, printer: &Printer) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Code::LocalIo, error.to_string()).object("tokio");
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let outcome = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let session = Session::new(global, tls, printer)?;
        tokio::select! {
            outcome = dispatch(asking, &session) => outcome,
            _ = interrupt.recv() => Err(interrupted()),
            _ = terminate.recv() => Err(interrupted()),
        }
    });
    // A thread that reads a terminal or a pipe ends with the process, not before.
    runtime.shutdown_background();
    outcome
}

async fn dispatch(asking: Asking, session: &Session<'_>) -> Result<(), Failure> {
    match asking {
        Asking::Encrypt(encrypt) => encrypt.run(session).await,
        Asking::Decrypt(decrypt) => decrypt.run(session).await,
        Asking::Rewrap(rewrap) => rewrap.run(session).await,
        Asking::Translate(translate) => translate.run(session).await,
        Asking::Sign(sign) => sign.run(session).await,
        Asking::Verify(verify) => verify.run(session).await,
        Asking::Hmac(hmac) => hmac.run(session).await,
        Asking::Datakey(datakey) => datakey.run(session).await,
        Asking::Random(random) => random.run(session).await,
        Asking::Keys(keys) => keys.run(session).await,
        Asking::Policy(policy) => policy.run(session).await,
        Asking::Audit(audit) => audit.run(session).await,
        Asking::Status(status) => status.run(session).await,
        Asking::Doctor(doctor) => doctor.run(session).await,
        Asking::Unlock(unlock) => unlock.run(session).await,
    }
}

fn interrupted() -> Failure {
    Failure::new(Code::Interrupted, "interrupted")
}

/// The `data` of an answer with the key's name.
#[derive(Serialize)]
struct WithKey<'a, T> {
    key: &'a str,
    #[serde(flatten)]
    data: &'a T,
}

/// Runs what blocks on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Failure::new(Code::Internal, "a thread ended by a bug")))
}

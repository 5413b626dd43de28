//! `crannogd serve`.

use std::io::{self, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use super::args::Settings;
use super::configure::load;
use crate::config::{Config, LogFormat};
use crate::datadir::DataDirError;
use crate::server::{Server, StartError};

pub(super) fn serve(settings: Settings) -> Result<(), Failure> {
    let loaded = load(settings)?;
    log(loaded.config.log_format)?;
    for variable in &loaded.unknown {
        tracing::warn!(variable = %variable, "a variable looks like a setting and is none");
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        Failure::new(
            format!("no threads can be started: {error}"),
            "check the system's limits",
        )
    })?;
    runtime.block_on(until_stopped(loaded.config))
}

/// To standard error; `CRANNOGD_LOG` sets the level.
fn log(format: LogFormat) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CRANNOGD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // A log on a full disk must not fail requests: the report of it would panic.
        .log_internal_errors(false)
        .with_target(false);
    let begun = match format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Text => log.try_init(),
    };
    begun.map_err(|error| Failure::new(error.to_string(), "check CRANNOGD_LOG"))
}

async fn until_stopped(config: Config) -> Result<(), Failure> {
    let signals = |error: io::Error| {
        Failure::new(
            format!("signals cannot be caught: {error}"),
            "check the system's limits",
        )
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(signals)?;
    let server = Server::start(config)
        .await
        .map_err(|error| start_failure(&error))?;
    let mut stdout = io::stdout();
    let told = writeln!(stdout, "listening on {}", server.addr).and_then(|()| stdout.flush());
    if let Err(error) = told.and_then(|()| notify("READY=1")) {
        tracing::warn!(error = %error, "nobody could be told that the server is ready");
    }
    tracing::info!(server = %server.url, "ready");
    if let Some(address) = server.metrics_addr {
        tracing::info!(address = %address, "metrics can be read");
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    if let Err(error) = notify("STOPPING=1") {
        tracing::warn!(error = %error, "systemd could not be told that the server stops");
    }
    server.shutdown().await;
    Ok(())
}

pub(super) fn start_failure(error: &StartError) -> Failure {
    let hint = match error {
        StartError::Data(DataDirError::InUse(_)) => {
            "stop the other server, or choose another directory with --data"
        }
        StartError::Data(DataDirError::Unfinished(_)) => {
            "if a restore into it was broken off, repeat `crannogd backup restore` into a new directory; if this server ran before, keep the directory, find out who made the file `restoring`, and remove that file"
        }
        StartError::Data(DataDirError::BlobsAway(_)) => "mount the disk, then start the server",
        StartError::Data(_) | StartError::Io(_) | StartError::Store(_) => {
            "check that the directory is there, writable for this user, and that its disk is neither full nor read-only"
        }
        StartError::Listen { .. } => "choose another address with --listen",
        StartError::Schema(_) => "install the newer crannogd again, or restore a backup",
        StartError::Identity(_) => "restore ca.der, ca.key and receipt.key from a backup",
        StartError::PublicAddress(_) => "set public_address to host:port",
    };
    Failure::new(error.to_string(), hint)
}

/// sd_notify(3), if someone listens.
fn notify(state: &str) -> io::Result<()> {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return Ok(());
    };
    let socket = UnixDatagram::unbound()?;
    let address = match path.as_encoded_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&path)?,
    };
    socket.send_to_addr(state.as_bytes(), &address).map(drop)
}

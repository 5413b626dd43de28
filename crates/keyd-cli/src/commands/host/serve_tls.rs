//! serve-tls: the TLS process.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use crannog_keyd::config::Hardening;
use crannog_keyd::daemon;
use crannog_keyd_os::{Linux, Platform, ServiceState};
use crannog_keyd_tls::{Options, ServerCertificate, TlsProcess};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::serve::of_start;
use super::{config, log};
use crate::failure::{Code, Failure};

/// Take TLS connections of other hosts to the key process, without holding a key of the store
///
/// A client is known by its certificate, pinned in the policy; no authority is believed. SIGHUP reads certificate and key again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd serve-tls --user crannog-keyd-tls
  crannog-keyd serve-tls --config ./config.toml")]
pub(crate) struct ServeTls {
    /// The configuration [default: /etc/crannog-keyd/config.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Whom the process becomes, if root starts it
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

impl ServeTls {
    pub(crate) fn run(self) -> Result<(), Failure> {
        log();
        let settings = config(self.config.as_deref())?;
        daemon::become_user(self.user.as_deref()).map_err(|error| of_start(&error))?;
        let tls = &settings.tls;
        let proxy_socket = settings.run.join("proxy/keyd.sock");
        let mut options = Options::new(tls.listen, &tls.cert, &tls.key, proxy_socket);
        options.limits.handshakes = settings.limits.tls_handshakes;
        options.limits.handshake_time = settings.limits.tls_handshake_time.0;
        options.limits.connections = settings.limits.connections;
        let system = Linux::new();
        let opened = TlsProcess::open_confined(&system, options);
        let (process, measures) = opened.map_err(|error| Failure::new(Code::Other, error.to_string()))?;
        if settings.hardening == Hardening::Require && !measures.missing.is_empty() {
            let missing: Vec<String> = measures.missing.iter().map(ToString::to_string).collect();
            let message = format!(
                "hardening = \"require\", and this kernel lacks: {}",
                missing.join(", ")
            );
            return Err(Failure::new(Code::Other, message));
        }
        let runtime = tokio::runtime::Runtime::new().map_err(|error| local(&error))?;
        runtime.block_on(serve(process, &system))
    }
}

async fn serve(process: TlsProcess, system: &Linux) -> Result<(), Failure> {
    let listen = |kind| signal(kind).map_err(|error| local(&error));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let reloading = tokio::spawn(reload(process.certificate(), listen(SignalKind::hangup())?));
    system.notify(ServiceState::Ready);
    tracing::info!(address = %process.address(), "serving");
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let ended = process.serve(stop).await;
    system.notify(ServiceState::Stopping);
    reloading.abort();
    ended.map_err(|error| Failure::new(Code::Other, error.to_string()))
}

async fn reload(certificate: Arc<ServerCertificate>, mut again: Signal) {
    while again.recv().await.is_some() {
        match certificate.reload() {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(error) => tracing::error!(%error, "the certificate is not taken; the one before goes on"),
        }
    }
}

fn local(error: &std::io::Error) -> Failure {
    Failure::new(Code::LocalIo, error.to_string())
}

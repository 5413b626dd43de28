//! Starting, accepting, stopping.

use std::net::{SocketAddr, TcpListener as Bound};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crannog_keyd_os::{Confinement, Measures, Platform};
use nix::sys::resource::{Resource, getrlimit};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::certificate::ServerCertificate;
use crate::complaints::Complaint;
use crate::config::server_config;
use crate::error::{ServeError, StartError};
use crate::gate::Gate;
use crate::options::Options;
use crate::visit::Visits;

/// Open files that no connection may take: what is open at the start, the runtime's, a certificate that is read again.
const OWN_FILES: u64 = 64;
/// What a connection has open: the client's side and the key process's.
const FILES_EACH: u64 = 2;
/// Until it is tried again to accept, after there was no descriptor for it.
const NO_FILES_PAUSE: Duration = Duration::from_millis(50);

/// The TLS process: its certificate read, its address bound, nobody served yet.
#[derive(Debug)]
pub struct TlsProcess {
    listener: Bound,
    address: SocketAddr,
    config: ServerConfig,
    certificate: Arc<ServerCertificate>,
    options: Options,
    places: usize,
}

impl TlsProcess {
    /// Reads the certificate and binds the address, after nobody can look into this process any more; then nothing is left to it
    /// but the folders of certificate and key (to read), sockets that are open, and connecting to Unix sockets. Irrevocable, and
    /// only before there is a second thread, so before there is a runtime. The user is the one that it serves as.
    ///
    /// # Errors
    /// [`StartError`]: the process cannot be shut in, the certificate or the address cannot be used. What this system lacks is no
    /// error; it is in [`Measures::missing`].
    pub fn open_confined(platform: &impl Platform, options: Options) -> Result<(Self, Measures), StartError> {
        let mut measures = platform.harden()?;
        let process = Self::open(options)?;
        let read = [folder(&process.options.cert), folder(&process.options.key)];
        let confined = platform.confine(&Confinement {
            read_write: &[],
            read: &read,
        })?;
        measures.in_force.extend(confined.in_force);
        measures.missing.extend(confined.missing);
        Ok((process, measures))
    }

    /// Reads the certificate and binds the address, and leaves the process as open as it is. Blocks.
    ///
    /// # Errors
    /// [`StartError`]: the certificate or the address cannot be used.
    pub fn open(options: Options) -> Result<Self, StartError> {
        let certificate = Arc::new(ServerCertificate::load(&options.cert, &options.key)?);
        let config = server_config(Arc::clone(&certificate))?;
        let refused = |source| StartError::Listen {
            address: options.listen,
            source,
        };
        let listener = Bound::bind(options.listen).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let places = places(options.limits.connections)?;
        Ok(Self {
            listener,
            address,
            config,
            certificate,
            options,
            places,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificate, to read it again while the process serves.
    pub fn certificate(&self) -> Arc<ServerCertificate> {
        Arc::clone(&self.certificate)
    }

    /// Serves until `stop`. Then it listens no more, and connections have [`Limits::stop_time`](crate::Limits::stop_time) to end.
    ///
    /// # Errors
    /// [`ServeError`]: the runtime does not take the listening socket.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let listener = TcpListener::from_std(self.listener).map_err(ServeError::Listener)?;
        let limits = self.options.limits;
        let (gate, places) = (Gate::new(&limits), Arc::new(Semaphore::new(self.places)));
        let stop_time = limits.stop_time;
        let visits = Arc::new(Visits::new(self.config, self.options.proxy_socket, limits));
        let mut open = JoinSet::new();
        let mut stop = pin!(stop);
        tracing::info!(address = %self.address, "clients are served");
        loop {
            let (stream, peer) = tokio::select! {
                () = &mut stop => break,
                Some(_) = open.join_next() => continue,
                accepted = accept(&listener) => accepted,
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                let reason = format!(
                    "KEY-015: {} connections are open, as many as there may be",
                    self.places
                );
                visits.complaints.record(Complaint::NoRoom, peer, &reason);
                continue;
            };
            match gate.enter(peer.ip()) {
                Ok(seat) => {
                    let visits = Arc::clone(&visits);
                    open.spawn(async move {
                        visits.serve(stream, peer, seat).await;
                        drop(place);
                    });
                }
                Err(full) => visits.complaints.record(Complaint::NoRoom, peer, &full),
            }
        }
        drop(listener);
        let all = async { while open.join_next().await.is_some() {} };
        if tokio::time::timeout(stop_time, all).await.is_err() {
            tracing::warn!(
                connections = open.len(),
                "some connections were still open at the end"
            );
            open.shutdown().await;
        }
        Ok(())
    }
}

/// The next connection. Cancel safe.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, SocketAddr::new(peer.ip().to_canonical(), peer.port())),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // sleep: out of descriptors: give connections the time to end
                tokio::time::sleep(NO_FILES_PAUSE).await;
            }
        }
    }
}

/// As many connections as were asked for, or as many as there are files for.
fn places(asked: usize) -> Result<usize, StartError> {
    let (files, _) =
        getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| StartError::OpenFiles(error.into()))?;
    let room = files.saturating_sub(OWN_FILES) / FILES_EACH;
    let places = usize::try_from(room).unwrap_or(usize::MAX).min(asked);
    if places < asked {
        tracing::warn!(
            connections = places,
            asked,
            files,
            "the limit of open files allows fewer connections than configured; raise LimitNOFILE"
        );
    }
    Ok(places)
}

/// Files that are replaced by rename are found again through their folder.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

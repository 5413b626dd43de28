//! Starting, serving and stopping.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use crannog_proto::invite::Invite;
use crannog_proto::{ErrorCode, ServerUrl};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::admin;
use crate::blobs::BlobDir;
use crate::ca::{CaError, Identity};
use crate::clock::{self, now_ms};
use crate::config::Config;
use crate::datadir::{DataDir, DataDirError};
use crate::error::ApiError;
use crate::http::{App, Patient, Peer, Shared, router};
use crate::jobs;
use crate::metrics::{self, Metrics};
use crate::store::sqlite::{SchemaError, SqliteStore};
use crate::store::{Store, StoreError};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data directory.
    #[error(transparent)]
    Data(#[from] DataDirError),
    /// The database.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The database, while starting.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys.
    #[error(transparent)]
    Identity(#[from] CaError),
    /// The folder of blobs, or the admin socket.
    #[error("the data directory cannot be used: {0}")]
    Io(#[from] io::Error),
    /// The address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As configured.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The public address is not one.
    #[error("public_address {0:?} is not host:port")]
    PublicAddress(String),
}

/// Begins servers.
#[derive(Debug)]
pub struct Server;

/// A server at work. Dropping it stops it without grace; call [`RunningServer::shutdown`].
#[derive(Debug)]
pub struct RunningServer {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where its metrics are, if anywhere.
    pub metrics_addr: Option<SocketAddr>,
    /// How clients reach it, and which one it is.
    pub url: ServerUrl,
    app: AppHandle,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    // Last, so that the lock goes when everything else is gone.
    _data: Arc<DataDir>,
}

struct AppHandle(Arc<App>);

impl std::fmt::Debug for AppHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

impl Server {
    /// Opens the data directory, listens and serves.
    pub async fn start(config: Config) -> Result<RunningServer, StartError> {
        let data = Arc::new(DataDir::open(&config.data)?);
        let identity = Arc::new(Identity::open(data.as_ref(), now_ms())?);
        let metrics = Arc::<Metrics>::default();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::measured(&data.database(), Arc::clone(&metrics))?);
        let blobs = Arc::new(BlobDir::open(&data.blobs())?);
        // What a killed backup left: rows that were deleted since must not live on there.
        match std::fs::remove_file(DataDir::backup(&config.data)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        data.sync()?;
        let listen = |source| StartError::Listen {
            address: config.listen.clone(),
            source,
        };
        let listener = TcpListener::bind(&config.listen).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let address = config.public_address.clone().unwrap_or_else(|| addr.to_string());
        let url: ServerUrl = format!("crannog://{address}#{}", identity.fingerprint())
            .parse()
            .map_err(|_| StartError::PublicAddress(address))?;
        let tls = Arc::new(identity.tls()?);
        let metrics_listener = match &config.metrics_listen {
            None => None,
            Some(address) => {
                let failed = |source| StartError::Listen {
                    address: address.clone(),
                    source,
                };
                Some(TcpListener::bind(address).await.map_err(failed)?)
            }
        };
        let app = Arc::new(App::new(config, identity, store, blobs, metrics));
        jobs::after_start(&app).await?;
        if let Some(taken) = app.store.healing().await? {
            tracing::warn!(
                state_of = %clock::text(taken),
                "restored: only what devices give back is taken, until `crannogd healing end`"
            );
        }
        let (stop, stopped) = watch::channel(false);
        let socket = admin::listen(&app.config.data)?;
        let mut tasks = vec![
            tokio::spawn(accept(Arc::clone(&app), listener, tls, stopped.clone())),
            tokio::spawn(admin::serve(
                Arc::clone(&app),
                socket,
                url.clone(),
                stopped.clone(),
            )),
            tokio::spawn(jobs::after_holds(Arc::clone(&app), stopped.clone())),
            tokio::spawn(jobs::hourly(Arc::clone(&app), stopped)),
        ];
        let metrics_addr = match metrics_listener {
            None => None,
            Some(listener) => {
                let addr = listener.local_addr()?;
                tasks.push(tokio::spawn(metrics::serve(
                    Arc::clone(&app),
                    listener,
                    stop.subscribe(),
                )));
                Some(addr)
            }
        };
        Ok(RunningServer {
            addr,
            metrics_addr,
            url,
            app: AppHandle(app),
            stop,
            tasks,
            _data: data,
        })
    }
}

impl RunningServer {
    /// Makes an invite for so many accounts with the default quota, valid for a day.
    pub async fn invite(&self, uses: u32) -> Result<Invite, StoreError> {
        self.invite_with_quota(uses, self.app.0.config.default_quota)
            .await
    }

    /// Makes an invite for so many accounts with this quota, valid for a day.
    pub async fn invite_with_quota(&self, uses: u32, quota: u64) -> Result<Invite, StoreError> {
        admin::create_invite(self.app.0.store.as_ref(), uses, 86_400, quota).await
    }

    /// Finishes what is under way, folds the database's log in, and stops.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        self.app.0.bell.close(None);
        for task in self.tasks {
            if task.await.is_err() {
                tracing::error!("a part of the server ended badly");
            }
        }
        if self.app.0.store.close().await.is_err() {
            tracing::error!("the store did not close well");
        }
        if let Err(error) = std::fs::remove_file(DataDir::socket(&self.app.0.config.data)) {
            tracing::warn!(error = %error, "the admin socket could not be removed");
        }
    }
}

type PerAddress = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One connection of an address.
struct Seat(PerAddress, IpAddr);

impl Seat {
    fn take(seats: &PerAddress, address: IpAddr, most: usize) -> Option<Self> {
        let mut all = seats.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(address).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Self(Arc::clone(seats), address))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.1);
            }
        }
    }
}

async fn accept(
    app: Arc<App>,
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    mut stopped: watch::Receiver<bool>,
) {
    let limits = app.config.limits.clone();
    let (acceptor, router) = (TlsAcceptor::from(tls), router(Arc::clone(&app)));
    let (seats, free) = (
        PerAddress::default(),
        Arc::new(Semaphore::new(limits.connections)),
    );
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                // sleep: out of descriptors: give connections the time to end
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let address = peer.ip().to_canonical();
        let Ok(place) = Arc::clone(&free).try_acquire_owned() else {
            continue;
        };
        let Some(seat) = Seat::take(&seats, address, limits.connections_per_address) else {
            continue;
        };
        let (acceptor, router, stopped) = (acceptor.clone(), router.clone(), stopped.clone());
        let (handshake, idle) = (
            Duration::from_secs(limits.handshake_seconds),
            Duration::from_secs(limits.idle_seconds),
        );
        let metrics = Arc::clone(&app.metrics);
        connections.spawn(async move {
            let _seats = (seat, place);
            // A handshake that fails, or a client that goes, is nobody's failure here.
            if let Ok(Ok(stream)) = tokio::time::timeout(handshake, secure(acceptor, stream)).await {
                let _open = metrics.connection();
                let stream = Patient::new(stream, idle, Arc::clone(&metrics));
                serve(stream, router, Peer(address), idle, stopped).await;
            }
        });
    }
    drop(listener);
    let grace = Duration::from_secs(app.config.shutdown_seconds);
    if tokio::time::timeout(grace, async { while connections.join_next().await.is_some() {} })
        .await
        .is_err()
    {
        tracing::warn!("some requests were still under way at the end");
        connections.shutdown().await;
    }
}

/// Until the server stops.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stop| *stop).await);
}

async fn secure(
    acceptor: TlsAcceptor,
    stream: TcpStream,
) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    acceptor.accept(stream).await
}

async fn serve(
    stream: Patient<tokio_rustls::server::TlsStream<TcpStream>>,
    router: axum::Router,
    peer: Peer,
    idle: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    let closing = stopped.clone();
    let routes = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (routes, stop) = (routes.clone(), *closing.borrow());
        async move {
            if stop {
                return Ok::<Response<Body>, Infallible>(
                    ApiError::Refused(ErrorCode::Unavailable).into_response(),
                );
            }
            request.extensions_mut().insert(peer);
            let (parts, body) = request.into_parts();
            let body = Shared::new(body);
            let answer = routes.call(Request::from_parts(parts, body.clone())).await;
            if answer
                .as_ref()
                .is_ok_and(|answer| answer.status().as_u16() >= 400)
            {
                body.drain(idle).await;
            }
            answer
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_headers(32)
        .max_buf_size(1 << 20);
    let connection = http
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => drop(result),
        () = stop(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            drop(connection.await);
        }
    }
}

//! One client, from its first byte to its last.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use rustls::ServerConfig;
use rustls::pki_types::UnixTime;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::client::{Client, Fault, fault_of};
use crate::complaints::{Complaint, Complaints};
use crate::gate::Seat;
use crate::introduction::introduce;
use crate::options::Limits;
use crate::relay::{close, relay};

/// What all visits share.
pub(crate) struct Visits {
    acceptor: TlsAcceptor,
    proxy_socket: PathBuf,
    limits: Limits,
    pub(crate) complaints: Complaints,
}

/// Why there is nobody to introduce.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error("KEY-015: it took longer than limits.tls_handshake_time")]
    Late,
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("{0}")]
    Handshake(#[from] io::Error),
}

impl Visits {
    pub(crate) fn new(config: ServerConfig, proxy_socket: PathBuf, limits: Limits) -> Self {
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            proxy_socket,
            limits,
            complaints: Complaints::default(),
        }
    }

    /// Finds out who it is, asks the key process, and copies. The seat is given back when the key process has let the client in.
    pub(crate) async fn serve(&self, stream: TcpStream, peer: SocketAddr, seat: Seat) {
        let (tls, client) = match self.meet(stream).await {
            Ok(met) => met,
            Err(unknown) => return self.complaints.record(Complaint::Handshake, peer, &unknown),
        };
        let certificate = HEXLOWER.encode(&client.certificate);
        let time = self.limits.introduction_time;
        let key_process = match introduce(&self.proxy_socket, &client.hello(peer), time).await {
            Ok(key_process) => key_process,
            Err(refusal) => {
                let reason = format_args!("{refusal}; cert:sha256:{certificate}").to_string();
                self.complaints.record(refusal.complaint(), peer, &reason);
                return close(tls, self.limits.linger_time).await;
            }
        };
        drop(seat);
        tracing::debug!(%peer, certificate, "a client is served");
        if let Err(broken) = relay(tls, key_process, &self.limits).await {
            tracing::debug!(%peer, certificate, %broken, "a connection broke off");
        }
    }

    async fn meet(&self, stream: TcpStream) -> Result<(TlsStream<TcpStream>, Client), Unknown> {
        stream.set_nodelay(true)?;
        let tls = timeout(self.limits.handshake_time, self.acceptor.accept(stream))
            .await
            .map_err(|_| Unknown::Late)?
            .map_err(|error| fault_of(&error).map_or(Unknown::Handshake(error), Unknown::Fault))?;
        let (_, connection) = tls.get_ref();
        let chain = connection.peer_certificates().unwrap_or_default();
        let client = Client::read(chain, UnixTime::now())?;
        Ok((tls, client))
    }
}

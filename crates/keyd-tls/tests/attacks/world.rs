//! A TLS process at work, clients of it, and the other end of the proxy socket.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crannog_keyd::identity::ProxyHello;
use crannog_keyd_tls::{Limits, Options, ServeError, ServerCertificate, TlsProcess};
use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{AlertDescription, ClientConfig, ConfigBuilder, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::parties::Party;

pub(crate) type Connection = TlsStream<TcpStream>;

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) server: Party,
    pub(crate) certificate: Arc<ServerCertificate>,
    pub(crate) keys: KeyProcess,
    pub(crate) folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) serving: JoinHandle<Result<(), ServeError>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::bounded(|_| {})
    }

    /// With other limits than by default.
    pub(crate) fn bounded(change: impl FnOnce(&mut Limits)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Party::new();
        let (cert, key) = write_pair(folder.path(), &server);
        let keys = KeyProcess::at(folder.path().join("keyd.sock"));
        let listen = "127.0.0.1:0".parse().unwrap();
        let mut options = Options::new(listen, cert, key, &keys.path);
        change(&mut options.limits);
        let process = TlsProcess::open(options).unwrap();
        let (address, certificate) = (process.address(), process.certificate());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(process.serve(async { drop(stopped.await) }));
        Self {
            address,
            server,
            certificate,
            keys,
            folder,
            stop: Some(stop),
            serving,
        }
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// What a client with this certificate has.
    pub(crate) fn config(&self, party: &Party) -> ClientConfig {
        config(&self.server, party)
    }

    pub(crate) async fn connect(&self, party: &Party) -> io::Result<Connection> {
        self.connect_with(self.config(party), "127.0.0.1").await
    }

    pub(crate) async fn connect_with(&self, config: ClientConfig, from: &str) -> io::Result<Connection> {
        let stream = self.tcp(from).await;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// A connection from this address that has said nothing yet.
    pub(crate) async fn tcp(&self, from: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// A client that is let in, and the key process's end of it.
    pub(crate) async fn served(&self, party: &Party) -> (Connection, UnixStream) {
        let client = self.connect(party).await.unwrap();
        let met = self.keys.meet().await;
        assert_eq!(met.hello.certificate, party.sha256());
        (client, met.let_in().await)
    }

    /// The alert with which this client is refused. That the key process did not hear of it is seen from the next one.
    pub(crate) async fn alert(&self, config: ClientConfig) -> AlertDescription {
        let failed = match self.connect_with(config, "127.0.0.1").await {
            Err(failed) => failed,
            Ok(mut client) => client.read_u8().await.unwrap_err(),
        };
        let error = failed.get_ref().and_then(|error| error.downcast_ref());
        let alert = match error {
            Some(rustls::Error::AlertReceived(alert)) => Some(*alert),
            _ => None,
        };
        assert!(alert.is_some(), "no alert, but {failed:?}");
        alert.unwrap()
    }

    /// A client that nobody has seen is the first that the key process hears of, and can speak.
    pub(crate) async fn still_serves(&self) {
        let (mut client, mut keys) = self.served(&Party::new()).await;
        client.write_all(b"ping").await.unwrap();
        assert_eq!(exactly::<4>(&mut keys).await, *b"ping");
        keys.write_all(b"pong").await.unwrap();
        assert_eq!(exactly::<4>(&mut client).await, *b"pong");
    }
}

pub(crate) fn config(server: &Party, party: &Party) -> ClientConfig {
    let shown = SingleCertAndKey::from(party.certified());
    config_with(server, default_provider()).with_client_cert_resolver(Arc::new(shown))
}

/// The client's side, but for who it is.
pub(crate) fn config_with(
    server: &Party,
    provider: CryptoProvider,
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(server.chain[0].clone()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
}

/// The key process, as far as it shows on the proxy socket.
pub(crate) struct KeyProcess {
    pub(crate) path: PathBuf,
    listener: UnixListener,
}

/// A client that it was told of.
pub(crate) struct Met {
    pub(crate) hello: ProxyHello,
    stream: UnixStream,
}

impl KeyProcess {
    pub(crate) fn at(path: PathBuf) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        Self { path, listener }
    }

    pub(crate) async fn accept(&self) -> UnixStream {
        self.listener.accept().await.unwrap().0
    }

    pub(crate) async fn meet(&self) -> Met {
        let mut stream = self.accept().await;
        let hello = exactly::<{ ProxyHello::LEN }>(&mut stream).await;
        Met {
            hello: ProxyHello::parse(&hello).unwrap(),
            stream,
        }
    }
}

impl Met {
    pub(crate) async fn answer(mut self, byte: u8) -> UnixStream {
        self.stream.write_u8(byte).await.unwrap();
        self.stream
    }

    pub(crate) async fn let_in(self) -> UnixStream {
        self.answer(1).await
    }
}

pub(crate) async fn exactly<const N: usize>(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

/// Certificate and key as files, with the rights that `install` gives them.
pub(crate) fn write_pair(folder: &Path, party: &Party) -> (PathBuf, PathBuf) {
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    replace(&cert, &party.cert_pem(), 0o644);
    replace(&key, &party.key.serialize_pem(), 0o600);
    (cert, key)
}

pub(crate) fn replace(path: &Path, text: &str, mode: u32) {
    let next = path.with_extension("next");
    fs::write(&next, text).unwrap();
    fs::set_permissions(&next, fs::Permissions::from_mode(mode)).unwrap();
    fs::rename(next, path).unwrap();
}

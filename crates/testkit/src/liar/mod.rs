//! The malicious operator: terminates TLS with the server's own keys, forwards to the real server, and twists what it likes.

mod bell;
mod carry;
mod exchange;
mod keys;
mod line;
mod seen;
mod upstream;

use std::sync::{Arc, Mutex};

use crannog_proto::ServerUrl;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub use bell::{HeldBell, Rung, Said};
pub use exchange::{Ask, Exchange, Route, Told};
pub use keys::ServerKeys;
pub use seen::Seen;

use self::bell::Bells;
use self::seen::Log;
use crate::site::Site;

type Before = Box<dyn FnMut(&Ask) -> Option<Told> + Send>;
type After = Box<dyn FnMut(&Ask, &mut Told) + Send>;

/// What all connections share.
pub(crate) struct State {
    pub(crate) upstream: String,
    pub(crate) before: Mutex<Option<Before>>,
    pub(crate) after: Mutex<Option<After>>,
    pub(crate) record: Mutex<Vec<Exchange>>,
    seen: Log,
    pub(crate) bells: Bells,
}

/// A lying server at work; ends with the test's runtime.
pub struct Liar {
    /// The keys of the server that it stands for.
    pub keys: ServerKeys,
    address: String,
    state: Arc<State>,
}

impl std::fmt::Debug for Liar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Liar")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Liar {
    /// Stands before a site; honest until it is told to lie. It lets the bell wait until [`pass_bell`](Self::pass_bell):
    /// before that, devices behind it hear of news only by asking.
    pub async fn before(site: &Site) -> Self {
        let keys = ServerKeys::of(&site.data);
        let tls = keys.tls();
        Self::with_tls(site, keys, tls).await
    }

    /// The same with TLS of its own: another face than the pinned one.
    pub async fn with_tls(site: &Site, keys: ServerKeys, tls: rustls::ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State {
            upstream: site.address().to_owned(),
            before: Mutex::default(),
            after: Mutex::default(),
            record: Mutex::default(),
            seen: Log::default(),
            bells: Bells::default(),
        });
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(line::serve(socket, acceptor.clone(), Arc::clone(&shared)));
            }
        });
        Self { keys, address, state }
    }

    /// How a client reaches the liar: the real server's fingerprint, the liar's door.
    pub fn url(&self) -> String {
        ServerUrl {
            address: self.address.clone(),
            fingerprint: self.keys.fingerprint,
        }
        .to_string()
    }

    /// Twists answers from now on.
    pub fn tell(&self, lie: impl FnMut(&Ask, &mut Told) + Send + 'static) {
        *self.state.after.lock().unwrap() = Some(Box::new(lie));
    }

    /// Answers these requests itself; the real server never hears of them.
    pub fn swallow(&self, lie: impl FnMut(&Ask) -> Option<Told> + Send + 'static) {
        *self.state.before.lock().unwrap() = Some(Box::new(lie));
    }

    /// Passes the bell on from now on, to devices that wait for it already as well.
    pub fn pass_bell(&self) {
        self.state.bells.pass();
    }

    /// Says on every bell, in place of each ring of the server, what the lie makes of it: nothing, the same twice, or whatever it likes.
    pub fn toll(&self, lie: impl FnMut(&Rung) -> Vec<Said> + Send + 'static) {
        self.state.bells.toll(Some(Box::new(lie)));
    }

    /// Waits for the next bell that a device holds its journals out to, and was not waited for before.
    pub async fn held(&self) -> HeldBell {
        self.state.bells.held().await
    }

    /// Is honest again.
    pub fn repent(&self) {
        self.state.bells.toll(None);
        *self.state.after.lock().unwrap() = None;
        *self.state.before.lock().unwrap() = None;
    }

    /// What a live server sees of everything since the last call, bells included: who, where, how much.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.take()
    }

    /// Everything that went over the wire since the last call, but for bells.
    pub fn heard(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.state.record.lock().unwrap())
    }
}

//! From a connection to who speaks on it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crannog_keyd_client::Refusal;
use crannog_keyd_os::{LinuxListener, Listener, Peer, UserId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::shares::{Place, Shares};
use super::sockets::Sockets;
use crate::http::{Ended, Served, serve};
use crate::identity::{Facts, Proxy, ProxyHello, SocketName};
use crate::service::{Caller, Service};

/// For what comes before the first request: the directory of users, the hello of the TLS process.
const INTRODUCTION: Duration = Duration::from_secs(5);
/// Connections that are being introduced at once at one door (KEY-015).
const INTRODUCED_AT_ONCE: usize = 64;
/// Threads that wait for the directory of users at once; each keeps its place until it has an answer.
const ASKING_AT_ONCE: usize = 32;
/// Connections without a place that are told so at once; more are closed without a word.
const REFUSED_AT_ONCE: usize = 64;
/// For requests under way when the service stops.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// After an error of `accept`, as when there are no descriptors left.
const BREATH: Duration = Duration::from_millis(100);

/// Accepts connections and has them served.
#[derive(Clone)]
pub(super) struct Acceptor {
    service: Service,
    shares: Shares,
    asking: Arc<Semaphore>,
    refusing: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

/// How a socket's peers are introduced.
#[derive(Clone)]
enum Door {
    Clients(SocketName),
    Admin,
    Proxy(UserId),
}

/// Accept loops and connections, running.
pub(super) struct Accepting {
    stopping: watch::Sender<bool>,
    loops: JoinSet<()>,
    open: tokio::sync::mpsc::Receiver<()>,
}

impl Acceptor {
    pub(super) fn new(service: Service, shares: Shares) -> Self {
        Self {
            service,
            shares,
            asking: Arc::new(Semaphore::new(ASKING_AT_ONCE)),
            refusing: Arc::new(Semaphore::new(REFUSED_AT_ONCE)),
            stopping: watch::Sender::new(false),
        }
    }

    pub(super) fn start(self, sockets: Sockets) -> Accepting {
        // Nothing is ever sent: that all senders are gone says that all connections are.
        let (alive, open) = tokio::sync::mpsc::channel(1);
        let mut loops = JoinSet::new();
        let doors = sockets.clients.into_iter();
        let doors = doors.map(|(name, listener)| (Door::Clients(name), listener));
        let proxy = sockets.proxy.into_iter();
        let proxy = proxy.map(|(listener, user)| (Door::Proxy(user), listener));
        for (door, listener) in doors.chain([(Door::Admin, sockets.admin)]).chain(proxy) {
            loops.spawn(self.clone().accept(door, listener, alive.clone()));
        }
        Accepting {
            stopping: self.stopping,
            loops,
            open,
        }
    }

    async fn accept(self, door: Door, mut listener: LinuxListener, alive: tokio::sync::mpsc::Sender<()>) {
        let at_once = Arc::new(Semaphore::new(INTRODUCED_AT_ONCE));
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    // sleep: the error is of this moment, and asking again at once would use up the processor
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            };
            let Ok(introducing) = at_once.clone().acquire_owned().await else {
                return;
            };
            let (acceptor, door, alive) = (self.clone(), door.clone(), alive.clone());
            tokio::spawn(async move {
                let introduced = tokio::time::timeout(INTRODUCTION, acceptor.introduce(door, stream, peer));
                let introduced = introduced.await;
                drop(introducing);
                if let Ok(Ok(Some((served, place, stream)))) = introduced {
                    acceptor.serve(served, place, stream).await;
                }
                drop(alive);
            });
        }
    }

    async fn serve(&self, served: Served, place: Option<Place>, stream: UnixStream) {
        let ended = Ended {
            stopping: self.stopping.subscribe(),
            dropping: self.service.dropping(),
        };
        let connections = self.service.connections();
        connections.fetch_add(1, Ordering::Relaxed);
        serve(self.service.clone(), served, stream, ended).await;
        connections.fetch_sub(1, Ordering::Relaxed);
        drop(place);
    }

    /// Who speaks, and her place; `None` for who is not let in.
    async fn introduce(
        &self,
        door: Door,
        mut stream: UnixStream,
        peer: Peer,
    ) -> io::Result<Option<(Served, Option<Place>, UnixStream)>> {
        let (caller, round) = match door {
            Door::Clients(name) => match self.local(name, peer).await {
                Some(known) => known,
                None => return Ok(None),
            },
            Door::Admin => match self.admin(peer).await {
                Some(known) => known,
                None => return Ok(None),
            },
            Door::Proxy(user) => match self.remote(user, &peer, &mut stream).await? {
                Some(known) => known,
                None => return Ok(None),
            },
        };
        // Administrators get in however many others are here.
        let place = self.shares.take(caller.share());
        let refused = if place.is_some() || caller.facts().is_admin() {
            None
        } else {
            self.service.turned_away(&caller, "connections");
            let Ok(turn) = self.refusing.clone().try_acquire_owned() else {
                return Ok(None);
            };
            Some((Refusal::too_many(Duration::from_secs(1)), turn))
        };
        let served = Served {
            caller: Arc::new(caller),
            round,
            refused,
        };
        Ok(Some((served, place, stream)))
    }

    async fn local(&self, name: SocketName, peer: Peer) -> Option<(Caller, u64)> {
        let service = self.service.clone();
        let nss = service.settings().nss();
        let ask = move || {
            service.with_policy(|policy| {
                let names = nss.then(|| service.names() as &dyn crate::policy::Names);
                let facts = Facts::of_peer(&peer, name, policy, names);
                Caller::local(facts, &peer.decoration)
            })
        };
        // The directory of users blocks; it is asked for nothing where no rule names a group.
        let (groups, _) = self.service.with_policy(|policy| !policy.groups().is_empty());
        if nss && groups {
            let turn = self.asking.clone().acquire_owned().await.ok()?;
            let asked = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                ask()
            });
            asked.await.ok()
        } else {
            Some(ask())
        }
    }

    async fn admin(&self, peer: Peer) -> Option<(Caller, u64)> {
        let service = self.service.clone();
        let ask = move || {
            let nss = service.settings().nss();
            let (facts, round) = service.with_policy(|policy| {
                let names = nss.then(|| service.names() as &dyn crate::policy::Names);
                Facts::of_admin(&peer, service.user(), policy, names)
            });
            let caller = facts.ok().map(|facts| Caller::local(facts, &peer.decoration));
            caller.map(|caller| (caller, round))
        };
        tokio::task::spawn_blocking(ask).await.ok().flatten()
    }

    /// KEY-009: the TLS process says whom it has verified, and is told whether a rule names her.
    async fn remote(
        &self,
        tls: UserId,
        peer: &Peer,
        stream: &mut UnixStream,
    ) -> io::Result<Option<(Caller, u64)>> {
        let Ok(proxy) = Proxy::of_peer(peer, tls) else {
            tracing::warn!(user = ?peer.user, "KEY-009: somebody else spoke on the TLS process's socket");
            return Ok(None);
        };
        let mut bytes = [0; ProxyHello::LEN];
        stream.read_exact(&mut bytes).await?;
        let Ok(hello) = ProxyHello::parse(&bytes) else {
            return Ok(None);
        };
        let facts = proxy.facts(&hello);
        let (named, round) = self
            .service
            .with_policy(|policy| policy.names_certificate(&facts));
        let caller = Caller::remote(facts);
        stream.write_all(&[u8::from(named)]).await?;
        if !named {
            self.service.turned_away(&caller, "certificate");
            return Ok(None);
        }
        Ok(Some((caller, round)))
    }
}

impl Accepting {
    /// Takes no more connections, and waits a while for the answers of those that are open.
    pub(super) async fn stop(mut self) {
        self.loops.shutdown().await;
        self.stopping.send_replace(true);
        if tokio::time::timeout(LAST_ANSWERS, self.open.recv())
            .await
            .is_err()
        {
            tracing::warn!("connections were still open at the end");
        }
    }
}

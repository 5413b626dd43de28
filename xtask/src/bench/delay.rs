//! A TCP proxy that holds everything up, and counts how often the client had to wait for an answer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::Outcome;

/// Before one server.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: String,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    one_way_ms: AtomicU64,
    round_trips: AtomicU64,
}

impl Proxy {
    /// Before `upstream`, without delay for now.
    pub fn start(upstream: &str) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let shared = Arc::new(Shared::default());
        let (upstream, inner) = (upstream.to_owned(), Arc::clone(&shared));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, shared) = (upstream.clone(), Arc::clone(&inner));
                std::thread::spawn(move || connection(client, &upstream, &shared));
            }
        });
        Ok(Self { address, shared })
    }

    /// From now on every byte takes this long in each direction; round trips are counted from 0.
    pub fn hold_up(&self, one_way_ms: u64) {
        self.shared.one_way_ms.store(one_way_ms, Ordering::SeqCst);
        self.shared.round_trips.store(0, Ordering::SeqCst);
    }

    /// Round trips since then, over all connections: handshakes, and requests that were sent after an answer had come.
    pub fn round_trips(&self) -> u64 {
        self.shared.round_trips.load(Ordering::SeqCst)
    }
}

fn connection(client: TcpStream, upstream: &str, shared: &Arc<Shared>) {
    let Ok(server) = TcpStream::connect(upstream) else {
        return;
    };
    let one_way = shared.one_way_ms.load(Ordering::SeqCst);
    if one_way > 0 {
        // The three-way handshake, which the client's own kernel has had answered at once.
        shared.round_trips.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(2 * one_way));
    }
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (Ok(from_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let answered = Arc::new(AtomicBool::new(true));
    let (asking, counter) = (Arc::clone(&answered), Arc::clone(shared));
    let (to_server, to_client) = (server, client);
    let delays = Arc::clone(shared);
    std::thread::spawn(move || {
        pump(from_client, to_server, &counter, || {
            if asking.swap(false, Ordering::SeqCst) {
                counter.round_trips.fetch_add(1, Ordering::SeqCst);
            }
        });
    });
    pump(from_server, to_client, &delays, || {
        answered.store(true, Ordering::SeqCst)
    });
}

/// One direction: a reader that stamps, a writer that waits.
fn pump(mut from: TcpStream, mut to: TcpStream, shared: &Shared, seen: impl Fn()) {
    let (sender, receiver) = mpsc::sync_channel::<(Instant, Vec<u8>)>(256);
    let writer = std::thread::spawn(move || {
        for (due, bytes) in receiver {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut buffer = vec![0; 64 << 10];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        seen();
        let due = Instant::now() + Duration::from_millis(shared.one_way_ms.load(Ordering::SeqCst));
        let bytes = buffer.get(..n).unwrap_or_default().to_vec();
        if sender.send((due, bytes)).is_err() {
            break;
        }
    }
    drop(sender);
    let _ = writer.join();
}

#[cfg(test)]
mod tests {
    use super::Proxy;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    #[test]
    fn waits_and_counts() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        let upstream = listener.local_addr().expect("bound").to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accepts");
            let mut byte = [0];
            while let Ok(1) = stream.read(&mut byte) {
                stream.write_all(&byte).expect("echoes");
            }
        });
        let proxy = Proxy::start(&upstream).expect("starts");
        proxy.hold_up(20);
        let start = Instant::now();
        let mut stream = TcpStream::connect(&proxy.address).expect("connects");
        for _ in 0..3 {
            let mut byte = [7];
            stream.write_all(&byte).expect("asks");
            stream.read_exact(&mut byte).expect("is answered");
        }
        assert_eq!(proxy.round_trips(), 4, "a handshake and three requests");
        assert!(
            start.elapsed() >= Duration::from_millis(160),
            "{:?}",
            start.elapsed()
        );
    }
}

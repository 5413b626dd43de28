//! What is logged, and what is not.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::HEXLOWER;
use rcgen::{BasicConstraints, IsCa};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use crate::parties::Party;
use crate::world::{KeyProcess, World};

/// The log of this thread, on which the test and the process run.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn open() -> (Self, DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines_with(&self, words: &[&str]) -> usize {
        let all = |line: &&str| words.iter().all(|word| line.contains(word));
        self.text().lines().filter(all).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_refusal_names_the_certificate_to_pin_and_says_once_that_it_repeats() {
    let (log, _guard) = Log::open();
    let world = World::new();
    let party = Party::new();
    for _ in 0..5 {
        let mut client = world.connect(&party).await.unwrap();
        let _keys = world.keys.meet().await.answer(0).await;
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    }
    let pin = format!("cert:sha256:{}", HEXLOWER.encode(&party.sha256()));
    let lines = log.lines_with(&["KEY-009", "no rule", &pin, "peer=127.0.0.1:"]);
    assert!((1..5).contains(&lines), "{}", log.text());
}

#[tokio::test]
async fn each_end_has_its_reason() {
    let (log, _guard) = Log::open();
    let world = World::bounded(|limits| {
        (limits.handshakes_per_address, limits.handshake_time) = (1, Duration::from_millis(200));
    });
    let mut silent = world.tcp("127.0.0.1").await;
    let mut second = world.tcp("127.0.0.1").await;
    assert_eq!(second.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(
        log.lines_with(&["WARN", "KEY-015", "1 handshakes"]),
        1,
        "{}",
        log.text()
    );
    assert_eq!(
        log.lines_with(&["INFO", "KEY-015", "longer than"]),
        1,
        "{}",
        log.text()
    );

    let mut world = World::new();
    world.keys = KeyProcess::at(world.folder.path().join("elsewhere.sock"));
    let mut client = world.connect(&Party::new()).await.unwrap();
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(
        log.lines_with(&["ERROR", "cannot be reached"]),
        1,
        "{}",
        log.text()
    );

    let mut world = World::new();
    let authority = Party::with(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    world.alert(world.config(&authority)).await;
    assert_eq!(log.lines_with(&["KEY-009", "CA:FALSE"]), 1, "{}", log.text());
    world.stop();
    world.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn nothing_that_passes_is_in_it() {
    let (log, _guard) = Log::open();
    let world = World::new();
    let (mut client, mut keys) = world.served(&Party::new()).await;
    client.write_all(b"the client's secret").await.unwrap();
    keys.write_all(b"the key process's secret").await.unwrap();
    client.read_exact(&mut [0; 24]).await.unwrap();
    keys.read_exact(&mut [0; 19]).await.unwrap();
    drop(keys);
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(log.lines_with(&["a client is served"]), 1);
    assert_eq!(log.lines_with(&["secret"]), 0, "{}", log.text());
}

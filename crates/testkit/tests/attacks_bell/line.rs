//! What is no ring at all: the line is dropped, nothing is kept of it, and the next line is as good as any.

use std::io;
use std::sync::{Arc, Mutex};

use crannog_core::check::Check;
use crannog_proto::encode;
use crannog_testkit::{Route, Rung, Said, Told};
use tracing_subscriber::util::SubscriberInitExt;

use crate::listener::{Listener, world};

/// What is said in place of a ring.
type Lie = fn(&Rung) -> Said;

/// The lie, and the check that finds it.
const LIES: &[(&str, Check, Lie)] = &[
    ("garbage", Check::Decode, |_| Said::Bytes(vec![0xff; 300])),
    ("nothing", Check::Decode, |_| Said::Bytes(Vec::new())),
    ("a text", Check::Decode, |_| Said::Text("ring".to_owned())),
    ("a byte too many", Check::Decode, |rung| {
        let mut bytes = rung.bytes.to_vec();
        bytes.push(0);
        Said::Bytes(bytes)
    }),
    ("a byte too few", Check::Decode, |rung| {
        Said::Bytes(rung.bytes[..rung.bytes.len() - 1].to_vec())
    }),
    ("a header of four gigabytes, as it says", Check::Decode, |rung| {
        let mut bytes = rung.bytes.to_vec();
        // Behind the mark of its kind, the receipt, the option's mark, seq and head.
        let at = 1 + encode(&rung.ring().unwrap().last).len() + 1 + 8 + 32;
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        Said::Bytes(bytes)
    }),
    ("a third kind", Check::Decode, |_| Said::Bytes(vec![2])),
    ("an inbox with something in it", Check::Decode, |_| {
        Said::Bytes(vec![1, 0])
    }),
    ("several megabytes", Check::Bounds, |_| {
        Said::Bytes(vec![0; 6 << 20])
    }),
    ("several megabytes of text", Check::Bounds, |_| {
        Said::Text("r".repeat(6 << 20))
    }),
    ("an entry of another place", Check::Head, |rung| {
        let mut ring = rung.ring().unwrap().clone();
        ring.entry.as_mut().unwrap().seq += 1;
        Said::ring(&ring)
    }),
];

/// CHK-029, CHK-024, CHK-011: one device, many lines. Each lie stands in the log with the object and the check; no journal is frozen by
/// what nobody signed.
#[tokio::test]
async fn what_is_no_ring_ends_the_line_and_nothing_else() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone());
    let _guard = subscriber.with_ansi(false).finish().set_default();
    let world = world().await;
    let mut victim = Listener::new(&world).await;
    for (at, (name, check, lie)) in LIES.iter().enumerate() {
        let (drive, lie) = (victim.drive, *lie);
        let mut once = Some(lie);
        world.liar.toll(
            move |rung| match once.take_if(|_| rung.journal() == Some(drive)) {
                Some(lie) => vec![lie(rung)],
                None => vec![rung.said()],
            },
        );
        // The device comes back at once; it gets no further before its state was looked at.
        world
            .liar
            .swallow(|ask| (ask.route() == Route::Account).then(|| Told::refusal(503, "unavailable")));
        log.take();
        world.author.put(&format!("/{at} before"), b"1").await.unwrap();
        victim.bell.rung_for(drive).await;
        victim.bell.dropped().await;
        assert_eq!(victim.device.picture().await, victim.picture, "{name}");
        world.liar.repent();
        // Who is lied to waits longer each time, unless she asks.
        victim.device.sync().await.unwrap();
        victim.bell = world.liar.held().await;
        victim.sees(&format!("{at} before")).await;
        let said = log.take();
        let found = format!("CHK-{:03}", check.number());
        assert!(
            said.contains(&found) && said.contains("GET /v1/bell"),
            "{name}: {said}"
        );
        assert_eq!(victim.device.status().await.alarms, [], "{name}");
        // The honest twin, on the new line.
        world.author.put(&format!("/{at} after"), b"2").await.unwrap();
        victim.sees(&format!("{at} after")).await;
        assert!(victim.device.status().await.online, "{name}");
        victim.picture = victim.device.picture().await;
    }
    assert_eq!(victim.device.paths().await, world.author.paths().await);
    victim.device.close().await;
}

/// What the engine logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Entries a second into one drive. Each writer has a connection and a session of its own, seals small changes with core, and appends the
//! next one when the last was acknowledged. They are sessions of one account, which the server does not distinguish from many: it sees
//! epoch keys. Nothing is folded here; what a real client does with an entry afterwards is not in these figures.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crannog_client::transport::Transport;
use crannog_core::journal::SealedEntry;
use crannog_proto::Seen;
use crannog_testkit::Site;

use crate::drive::Drive;
use crate::figures::{Samples, between, tell};
use crate::person::Person;

/// What is sealed beforehand has seen the same place, which may lie 4,096 entries back.
const SEALED_BEFORE: usize = 4_000;

pub(crate) async fn measure(quick: bool) {
    let (crowds, time): (&[usize], f64) = if quick {
        (&[1, 10], 0.5)
    } else {
        (&[1, 10, 50], 5.0)
    };
    let time = Duration::from_secs_f64(time);
    let site = crate::site("");
    disk(&site.data, if quick { 20 } else { 500 });
    let (_, invite) = site.invite();
    let server = site.server_url();
    let transport = Transport::connect(server.clone()).unwrap();
    let author = Arc::new(Person::join(&transport, &server, &invite, "author").await);
    for crowd in crowds {
        let sessions: Vec<Transport> = (0..*crowd).map(|_| author.session()).collect();
        for session in &sessions {
            session.account().await.unwrap();
        }
        let name = format!("writers-{crowd}.sealed-meanwhile");
        let drive = Arc::new(Drive::create(&author, &sessions[0]).await);
        let start = Instant::now();
        let took = sealed_meanwhile(&drive, &author, &sessions, start + time).await;
        report(&name, &drive, &sessions[0], &took, start.elapsed(), &site).await;

        let name = format!("writers-{crowd}.sealed-before");
        let drive = Arc::new(Drive::create(&author, &sessions[0]).await);
        let (took, spent) = sealed_before(&drive, &author, &sessions, time).await;
        report(&name, &drive, &sessions[0], &took, spent, &site).await;
    }
}

async fn report(
    name: &str,
    drive: &Drive,
    session: &Transport,
    took: &Samples,
    spent: Duration,
    site: &Site,
) {
    tell(
        &format!("{name}.rate"),
        took.len() as f64 / spent.as_secs_f64(),
        "entries/s",
    );
    took.tell(&format!("{name}.append"));
    let size = crate::figures::memory(site.pid().as_raw(), "VmRSS") / 1024.0;
    tell(&format!("{name}.server-memory"), size, "MiB");
    // What was counted stands there.
    let page = session.entries(&drive.id, &drive.token(), None, 1).await.unwrap();
    assert_eq!(page.last.seq, took.len() as u64);
}

/// What the disk under the server takes for the least that an entry needs.
fn disk(folder: &Path, rounds: usize) {
    let path = folder.join("speed-of-the-disk");
    let mut file = File::create(&path).unwrap();
    let mut took = Samples::default();
    for _ in 0..rounds {
        let start = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        took.add(between(start, Instant::now()));
    }
    std::fs::remove_file(path).unwrap();
    took.tell("disk.append-4-KiB-and-sync");
}

/// Until `end`, each writer seals and appends by turns: what a client does.
async fn sealed_meanwhile(
    drive: &Arc<Drive>,
    author: &Arc<Person>,
    sessions: &[Transport],
    end: Instant,
) -> Samples {
    let write = |session: &Transport| {
        let (session, drive, author) = (session.clone(), Arc::clone(drive), Arc::clone(author));
        tokio::spawn(async move {
            let (mut took, mut seen) = (Samples::default(), drive.first);
            while Instant::now() < end {
                let sealed = drive.seal(&author, seen);
                let start = Instant::now();
                seen = drive.append(&session, &sealed).await;
                took.add(between(start, Instant::now()));
            }
            (took, seen)
        })
    };
    gather(sessions.iter().map(write).collect()).await.0
}

/// Turns of sealing, which is not counted, and appending, which is: what the server takes when clients cost (almost) nothing. Gives the
/// time spent on appending.
async fn sealed_before(
    drive: &Arc<Drive>,
    author: &Arc<Person>,
    sessions: &[Transport],
    time: Duration,
) -> (Samples, Duration) {
    let (mut took, mut spent, mut seen) = (Samples::default(), Duration::ZERO, drive.first);
    let each = (SEALED_BEFORE / sessions.len()).min(1_000);
    while spent < time {
        let seal = |_: &Transport| {
            let (drive, author) = (Arc::clone(drive), Arc::clone(author));
            tokio::task::spawn_blocking(move || {
                (0..each)
                    .map(|_| drive.seal(&author, seen))
                    .collect::<Vec<SealedEntry>>()
            })
        };
        let sealing: Vec<_> = sessions.iter().map(seal).collect();
        let mut sealed = Vec::new();
        for entries in sealing {
            sealed.push(entries.await.unwrap());
        }
        let (start, last) = (Instant::now(), seen);
        let end = start + time.saturating_sub(spent);
        let write = |(session, entries): (&Transport, Vec<SealedEntry>)| {
            let (session, drive) = (session.clone(), Arc::clone(drive));
            tokio::spawn(async move {
                let (mut took, mut seen) = (Samples::default(), last);
                for sealed in entries {
                    let start = Instant::now();
                    seen = drive.append(&session, &sealed).await;
                    took.add(between(start, Instant::now()));
                    if Instant::now() >= end {
                        break;
                    }
                }
                (took, seen)
            })
        };
        let (turn, last) = gather(sessions.iter().zip(sealed).map(write).collect()).await;
        spent += start.elapsed();
        took.append(turn);
        seen = last;
    }
    (took, spent)
}

/// All samples, and the last place that a writer was told.
async fn gather(writers: Vec<tokio::task::JoinHandle<(Samples, Seen)>>) -> (Samples, Seen) {
    let (mut all, mut last) = (Samples::default(), Seen::default());
    for writer in writers {
        let (took, seen) = writer.await.unwrap();
        all.append(took);
        if seen.seq > last.seq {
            last = seen;
        }
    }
    (all, last)
}

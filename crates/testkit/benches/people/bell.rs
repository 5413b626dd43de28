//! Many idle watchers: what each costs the server, and how soon one, or all of them, hear of an entry. Their clients run in this process,
//! so the last figure holds their work too.

use std::time::{Duration, Instant};

use crannog_client::transport::{Bell, Transport, TransportError};
use crannog_proto::JournalId;
use crannog_proto::api::{Held, Rung};
use futures_util::{StreamExt, stream};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::drive::Drive;
use crate::figures::{Samples, between, memory, processor, tell};
use crate::person::Person;

/// Accounts, and sessions of each, that share the watchers.
const ACCOUNTS: usize = 10;
const SESSIONS: usize = 4;
/// Handshakes and requests under way at once.
const AT_ONCE: usize = 32;
/// Descriptors for everything that is no watcher.
const SPARE: u64 = 512;
/// The server pings every 30 s: who is idle has answered once.
const IDLE: Duration = Duration::from_secs(35);
/// Nothing here takes so long: who waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a watcher says.
enum Word {
    Heard {
        watcher: usize,
        journal: JournalId,
        seq: u64,
        at: Instant,
    },
    Lost {
        watcher: usize,
        error: TransportError,
    },
}

/// All watchers, while it lives.
struct Watchers {
    heard: mpsc::Receiver<Word>,
    all: watch::Sender<Option<Held>>,
    tasks: JoinSet<()>,
    count: usize,
    lost: usize,
}

pub(crate) async fn measure(quick: bool) {
    let (wanted, ones, waves) = if quick { (200, 20, 3) } else { (10_000, 300, 10) };
    let wanted = descriptors(wanted);
    let limit = wanted + 1_024;
    let site = crate::site(&format!(
        "connections = {limit}\nconnections_per_address = {limit}\n"
    ));
    let pid = site.pid().as_raw();
    let (_, invite) = site.invite_with(&["--uses", &ACCOUNTS.to_string()]);
    let names = (0..ACCOUNTS).map(|nth| format!("watcher-{nth}")).collect();
    let people = Person::join_all(&site.server_url(), &invite, names).await;
    let sessions: Vec<Transport> = (0..ACCOUNTS * SESSIONS)
        .map(|nth| people[nth % ACCOUNTS].session())
        .collect();
    let author = &people[0];
    let create = |nth: usize| Drive::create(author, &sessions[nth % sessions.len()]);
    let drives: Vec<Drive> = stream::iter(0..wanted)
        .map(create)
        .buffered(AT_ONCE)
        .collect()
        .await;
    let common = Drive::create(author, &sessions[0]).await;

    let before = memory(pid, "VmRSS");
    let start = Instant::now();
    let mut watchers = Watchers::open(&sessions, &drives).await;
    let opened = start.elapsed().as_secs_f64();
    let count = watchers.count as f64;
    tell("bell.watchers", count, "count");
    tell("bell.opened", count / opened, "watchers/s");
    let busy = processor(pid);
    let idle = if quick { Duration::from_secs(1) } else { IDLE };
    // sleep: being idle for a round of pings is what is measured
    tokio::time::sleep(idle).await;
    let busy = (processor(pid) - busy) / idle.as_secs_f64();
    tell("bell.idle.server-processor", busy * 100.0, "percent");
    tell("bell.idle.server-memory", memory(pid, "VmRSS") / 1024.0, "MiB");
    tell(
        "bell.idle.server-memory-per-watcher",
        (memory(pid, "VmRSS") - before) / count,
        "KiB",
    );

    watchers.one(author, &sessions[0], &drives, ones).await;
    watchers.all(author, &sessions[0], &common, waves).await;
    tell("bell.lost", watchers.lost as f64, "count");
    tell("bell.peak.server-memory", memory(pid, "VmHWM") / 1024.0, "MiB");
    tell(
        "bell.peak.clients-memory",
        memory(std::process::id().cast_signed(), "VmHWM") / 1024.0,
        "MiB",
    );
    watchers.tasks.shutdown().await;
}

/// Raises what may be open at once, here and in the server that is started from here; as many watchers as that allows.
fn descriptors(wanted: usize) -> usize {
    let needed = wanted as u64 + SPARE;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    // Above the hard limit with the right to it, else up to it.
    if soft < needed && setrlimit(Resource::RLIMIT_NOFILE, needed, hard.max(needed)).is_err() {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    }
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let possible = wanted.min(usize::try_from(soft.saturating_sub(SPARE)).unwrap_or(wanted));
    if possible < wanted {
        eprintln!("bell: {soft} descriptors allow {possible} watchers of {wanted}; raise `ulimit -n`");
    }
    possible
}

impl Watchers {
    /// Opens one for each drive, holds the drive, and waits until all have heard of its first entry. Stops at the first that cannot be opened.
    async fn open(sessions: &[Transport], drives: &[Drive]) -> Self {
        let (say, heard) = mpsc::channel(65_536);
        let (all, told) = watch::channel(None);
        let mut watchers = Self {
            heard,
            all,
            tasks: JoinSet::new(),
            count: 0,
            lost: 0,
        };
        let open = |(nth, drive): (usize, &Drive)| {
            let (session, held) = (&sessions[nth % sessions.len()], drive.held());
            async move {
                let mut bell = Bell::open(session).await?;
                bell.hold(vec![held]).await?;
                Ok::<_, TransportError>(bell)
            }
        };
        let mut opening = stream::iter(drives.iter().enumerate())
            .map(open)
            .buffered(AT_ONCE);
        while let Some(opened) = opening.next().await {
            match opened {
                Ok(bell) => {
                    watchers
                        .tasks
                        .spawn(idle(watchers.count, bell, say.clone(), told.clone()));
                    watchers.count += 1;
                }
                Err(error) => {
                    let ports = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
                    let ports = ports.unwrap_or_default();
                    eprintln!(
                        "bell: watcher {} cannot be opened: {error}; ports {}",
                        watchers.count,
                        ports.trim()
                    );
                    break;
                }
            }
        }
        drop(opening);
        assert!(watchers.count > 0, "no watcher at all");
        watchers.hear(watchers.count, |_, _, _| true).await;
        watchers
    }

    /// When so many that are `wanted` (watcher, journal, place) were heard; fewer if watchers are lost meanwhile.
    async fn hear(&mut self, count: usize, wanted: impl Fn(usize, JournalId, u64) -> bool) -> Vec<Instant> {
        let mut times = Vec::with_capacity(count);
        let lost = self.lost;
        let hearing = async {
            while times.len() + (self.lost - lost) < count {
                match self.heard.recv().await.expect("watchers") {
                    Word::Heard {
                        watcher,
                        journal,
                        seq,
                        at,
                    } if wanted(watcher, journal, seq) => times.push(at),
                    Word::Heard { .. } => {}
                    Word::Lost { watcher, error } => {
                        eprintln!("bell: watcher {watcher} was lost: {error}");
                        self.lost += 1;
                    }
                }
            }
        };
        if timeout(PATIENCE, hearing).await.is_err() {
            eprintln!("bell: only {} of {count} heard it", times.len());
        }
        times
    }

    /// An entry into a journal that one watcher holds.
    async fn one(&mut self, author: &Person, session: &Transport, drives: &[Drive], rounds: usize) {
        let (mut append, mut heard) = (Samples::default(), Samples::default());
        let rounds = rounds.min(self.count);
        for round in 0..rounds {
            let watcher = round * self.count / rounds;
            let drive = &drives[watcher];
            let sealed = drive.seal(author, drive.first);
            let start = Instant::now();
            let at = drive.append(session, &sealed).await;
            append.add(between(start, Instant::now()));
            let times = self.hear(1, |who, journal, seq| {
                who == watcher && journal == drive.id && seq >= at.seq
            });
            times
                .await
                .iter()
                .for_each(|time| heard.add(between(start, *time)));
        }
        append.tell("bell.one.append");
        heard.tell("bell.one.heard-since-append-was-called");
    }

    /// Entries into a journal that all watchers hold.
    async fn all(&mut self, author: &Person, session: &Transport, drive: &Drive, rounds: usize) {
        let start = Instant::now();
        self.all.send_replace(Some(drive.held()));
        let mut awake = self
            .hear(self.count - self.lost, |_, journal, _| journal == drive.id)
            .await
            .len();
        tell(
            "bell.all.holding-another",
            start.elapsed().as_secs_f64() * 1000.0,
            "ms",
        );
        let [mut append, mut heard, mut last] = <[Samples; 3]>::default();
        let mut seen = drive.first;
        for _ in 0..rounds {
            let sealed = drive.seal(author, seen);
            let start = Instant::now();
            seen = drive.append(session, &sealed).await;
            append.add(between(start, Instant::now()));
            let times = self
                .hear(awake, |_, journal, seq| journal == drive.id && seq >= seen.seq)
                .await;
            awake = times.len();
            let mut wave = Samples::default();
            times.iter().for_each(|time| wave.add(between(start, *time)));
            last.add(wave.at(1.0));
            heard.append(wave);
        }
        tell("bell.all.holders", awake as f64, "count");
        append.tell("bell.all.append");
        heard.tell("bell.all.heard-since-append-was-called");
        last.tell("bell.all.last-heard-since-append-was-called");
    }
}

/// Holds a bell, and says when it rings.
async fn idle(
    watcher: usize,
    mut bell: Bell,
    say: mpsc::Sender<Word>,
    mut all: watch::Receiver<Option<Held>>,
) {
    loop {
        let done = tokio::select! {
            rung = bell.next() => rung.map(Some),
            Ok(()) = all.changed() => {
                let held = all.borrow_and_update().clone();
                bell.hold(held.into_iter().collect()).await.map(|()| None)
            }
        };
        let word = match done {
            Ok(Some(Rung::Journal(ring))) => Word::Heard {
                watcher,
                journal: ring.last.journal,
                seq: ring.last.seq,
                at: Instant::now(),
            },
            Ok(_) => continue,
            Err(error) => Word::Lost { watcher, error },
        };
        let lost = matches!(word, Word::Lost { .. });
        if say.send(word).await.is_err() || lost {
            return;
        }
    }
}

//! Kills of server and agent at any moment, under concurrent load: every acknowledged write is there, nothing is half-written,
//! and nobody has to repair anything. `CRANNOG_SOAK_KILLS` says how many kills (20).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crannog_agent_api::lock_file;
use crannog_testkit::{Device, PASSWORD, Site, crannog};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::RngExt;
use tempfile::TempDir;
use tokio::sync::Notify;

/// A profile that commands and their agent use.
struct Profile {
    folder: TempDir,
}

impl Profile {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        std::fs::write(folder.path().join("password"), PASSWORD).unwrap();
        Self { folder }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(crannog());
        command
            .args(words)
            .current_dir(&self.folder)
            .env("CRANNOG_HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.folder.path().join("run"))
            .env("CRANNOG_PASSWORD_FILE", self.folder.path().join("password"))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        let output = self.command(words).output().unwrap();
        assert!(
            output.status.success(),
            "{words:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    /// Ends the agent as a crash would, if there is one.
    fn kill_agent(&self) {
        if let Some(place) = lock_file::place(&self.home()) {
            let _gone_meanwhile = kill(Pid::from_raw(i32::try_from(place.pid).unwrap()), Signal::SIGKILL);
        }
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = self.command(&["agent", "stop"]).output();
    }
}

/// What was asked to be stored, and whether anyone said that it was.
#[derive(Default)]
struct Book {
    acknowledged: Mutex<BTreeMap<String, Vec<u8>>>,
    tried: Mutex<BTreeMap<String, Vec<u8>>>,
    begun: AtomicU64,
    progress: Notify,
    stop: AtomicBool,
}

impl Book {
    fn next(&self, who: &str) -> Option<(String, Vec<u8>)> {
        if self.stop.load(Ordering::SeqCst) {
            return None;
        }
        let nth = self.begun.fetch_add(1, Ordering::SeqCst);
        let name = format!("{who}-{nth}");
        // Mostly small, some over a pack, some over a chunk.
        let len = match nth % 16 {
            15 => 4_500_000,
            7 => 700_000,
            _ => rand::rng().random_range(0..20_000),
        };
        let bytes: Vec<u8> = (0..len).map(|at| (at as u64 ^ nth.wrapping_mul(0x9e37)) as u8).collect();
        self.tried.lock().unwrap().insert(name.clone(), bytes.clone());
        self.progress.notify_waiters();
        Some((name, bytes))
    }

    fn done(&self, name: String, bytes: Vec<u8>) {
        self.acknowledged.lock().unwrap().insert(name, bytes);
        self.progress.notify_waiters();
    }

    /// Waits until so many more writes were begun.
    async fn begun_more(&self, more: u64) {
        let goal = self.begun.load(Ordering::SeqCst) + more;
        loop {
            let progress = self.progress.notified();
            if self.begun.load(Ordering::SeqCst) >= goal {
                return;
            }
            progress.await;
        }
    }
}

fn kills() -> u32 {
    std::env::var("CRANNOG_SOAK_KILLS").map_or(20, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn soak() {
    let mut site = Site::start();
    let (url, invite) = site.invite();
    let profile = Arc::new(Profile::new());
    let invite = serde_json::json!({ "invite": invite, "server": url });
    std::fs::write(profile.folder.path().join("invite"), invite.to_string()).unwrap();
    let join = "join --invite-file invite --name alice --device desk --words-file words";
    profile.run(&join.split(' ').collect::<Vec<_>>());
    let words = std::fs::read_to_string(profile.folder.path().join("words")).unwrap();
    let device = Arc::new(Device::recover(&url, "alice", words.trim(), "laptop").await.unwrap());

    let book = Arc::new(Book::default());
    let mut writers = Vec::new();
    for writer in ["command-a", "command-b"] {
        let (book, profile) = (Arc::clone(&book), Arc::clone(&profile));
        writers.push(tokio::task::spawn_blocking(move || {
            while let Some((name, bytes)) = book.next(writer) {
                let path = profile.folder.path().join(&name);
                std::fs::write(&path, &bytes).unwrap();
                let output = profile.command(&["put", &name, &format!("/{name}")]).output().unwrap();
                std::fs::remove_file(path).unwrap();
                match output.status.success() {
                    true => book.done(name, bytes),
                    false => eprintln!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()),
                }
            }
        }));
    }
    let (engine_book, engine) = (Arc::clone(&book), Arc::clone(&device));
    writers.push(tokio::spawn(async move {
        while let Some((name, bytes)) = engine_book.next("engine") {
            match engine.put(&format!("/{name}"), &bytes).await {
                Ok(_) => engine_book.done(name, bytes),
                Err(failure) => eprintln!("{name}: {failure}"),
            }
        }
    }));

    let mut killed = (0, 0);
    for nth in 0..kills() {
        book.begun_more(rand::rng().random_range(1..4)).await;
        // sleep: the kill comes at any moment of what runs then
        tokio::time::sleep(Duration::from_micros(rand::rng().random_range(0..120_000))).await;
        if nth % 3 == 2 {
            profile.kill_agent();
            killed.1 += 1;
        } else {
            site.kill();
            site.run().unwrap_or_else(|log| panic!("after kill {nth}: {log}"));
            killed.0 += 1;
        }
    }
    book.stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    eprintln!(
        "soak: {} kills of the server, {} of the agent; {} writes begun, {} acknowledged",
        killed.0,
        killed.1,
        book.begun.load(Ordering::SeqCst),
        book.acknowledged.lock().unwrap().len()
    );

    profile.run(&["doctor"]);
    device.sync().await.unwrap();
    whole(&book, &device).await;
    let findings = device.verify_store().await.unwrap();
    assert!(findings.iter().all(|finding| finding.state == "ok"), "{findings:?}");
    everything_by_command(&book, &profile);
    site.assert_sound();
    // And once more from cold, offline and online.
    site.kill();
    site.run().unwrap();
    site.assert_sound();
    Arc::into_inner(device).unwrap().close().await;
}

/// Every acknowledged file is there, and no other is there by half.
async fn whole(book: &Book, device: &Device) {
    let there = device.paths().await;
    let acknowledged = book.acknowledged.lock().unwrap().clone();
    let tried = book.tried.lock().unwrap().clone();
    for name in acknowledged.keys() {
        assert!(there.contains(name), "{name} was acknowledged and is lost");
    }
    for name in &there {
        let bytes = tried.get(name).unwrap_or_else(|| panic!("nobody wrote {name}"));
        assert!(device.cat(&format!("/{name}")).await.unwrap() == *bytes, "{name} differs");
    }
}

/// The same through the agent that was killed.
fn everything_by_command(book: &Book, profile: &Profile) {
    profile.run(&["get", "-r", "/", "all"]);
    for (name, bytes) in &*book.acknowledged.lock().unwrap() {
        let found = std::fs::read(profile.folder.path().join("all").join(name));
        assert!(found.is_ok_and(|found| found == *bytes), "{name} through the agent");
    }
    let left = std::fs::read_dir(profile.folder.path().join("all")).unwrap();
    for item in left {
        let name = item.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with(".crannog"), "{name} was left behind");
    }
}

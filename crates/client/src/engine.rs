//! The engine's outside.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use crannog_agent_api::{Answer, Code, Event, Failure, Request, Secret};
use tokio::sync::{Mutex, Notify, mpsc};

/// Who asks, and how to speak with her while the work runs.
#[derive(Debug)]
pub struct Caller {
    /// Events for the command; a full or closed channel never stops the work.
    pub events: mpsc::Sender<Event>,
    /// Data frames from the command (`put -`); closed at the end of input.
    pub input: Mutex<mpsc::Receiver<Bytes>>,
    /// Data frames to the command (`cat`).
    pub output: mpsc::Sender<Bytes>,
    /// The caller's umask, for files and folders that are made.
    pub umask: u32,
    /// The command went away or was interrupted.
    pub cancel: Arc<Cancel>,
}

/// Set once, when a request shall stop at the next safe point.
#[derive(Debug, Default)]
pub struct Cancel {
    set: AtomicBool,
    notify: Notify,
}

impl Cancel {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.set.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    /// Was it asked?
    pub fn is_cancelled(&self) -> bool {
        self.set.load(Ordering::SeqCst)
    }

    /// Waits until it is asked.
    pub async fn cancelled(&self) {
        loop {
            let wait = self.notify.notified();
            if self.is_cancelled() {
                return;
            }
            wait.await;
        }
    }
}

/// Questions in the middle of join and recover.
pub trait Dialogue: Send + Sync {
    /// Shows an event and waits for the Confirm that answers it; the ids of devices to revoke. Errors when the user says no.
    fn confirm(&self, event: Event) -> impl Future<Output = Result<Vec<String>, Failure>> + Send;
}

/// One unlocked profile. Cheap to clone; the last clone that is dropped zeroizes every key.
#[derive(Debug, Clone)]
pub struct Engine {}

fn not_yet() -> Failure {
    Failure::new(Code::Internal, "the engine is being written")
}

impl Engine {
    /// Whether `home` holds a profile.
    pub fn exists(_home: &Path) -> bool {
        false
    }

    /// [`Request::Join`]: makes an account on a server and a profile in `home`.
    pub async fn join(_home: &Path, _request: Request, _dialogue: &impl Dialogue) -> Result<Self, Failure> {
        Err(not_yet())
    }

    /// [`Request::Recover`]: makes a profile in `home` from the words.
    pub async fn recover(_home: &Path, _request: Request, _dialogue: &impl Dialogue) -> Result<Self, Failure> {
        Err(not_yet())
    }

    /// Opens the profile in `home` with this device's password. Works without the server. Blocking work (Argon2id) is
    /// done on a thread of its own.
    pub async fn unlock(_home: &Path, _password: &Secret) -> Result<Self, Failure> {
        Err(not_yet())
    }

    /// Does all requests but Join, Recover, Confirm, Unlock, Lock and Stop.
    pub async fn perform(&self, _request: Request, _caller: &Caller) -> Result<Answer, Failure> {
        Err(not_yet())
    }

    /// Transfers under way: an agent that wants to lock keeps this engine alive until it is 0.
    pub fn transfers(&self) -> usize {
        0
    }

    /// Stops background work and closes the database; with `now`, running transfers are put aside at the next safe point,
    /// else they finish first.
    pub async fn close(self, _now: bool) {}
}

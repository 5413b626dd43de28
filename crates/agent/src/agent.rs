//! What all sessions share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crannog_agent_api::{Code, answer::Status};
use crannog_agent_api::{Failure, Hello, Next, PROTOCOL, Welcome, build};
use crannog_client::Engine;
use tokio::sync::{Notify, watch};

use crate::clock::since_boot;
use crate::config::Config;
use crate::gauge::{Gauge, Requests};
use crate::vault::Vault;
use crate::watches::{Watches, Why};

/// Where the agent stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Sessions are welcome.
    Serving,
    /// Running requests finish, then the program changes; idle sessions end.
    Moving,
    /// Running requests are asked to stop; idle sessions end.
    Stopping,
    /// Everything is put aside.
    Stopped,
}

/// The agent of one profile.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) home: PathBuf,
    pub(crate) vault: Vault,
    pub(crate) requests: Arc<Requests>,
    /// Sessions that can do something; those that only watch are counted by [`Watches`].
    pub(crate) sessions: Arc<Gauge>,
    pub(crate) watches: Watches,
    pub(crate) phase: watch::Sender<Phase>,
    /// Someone asks the agent to stop.
    pub(crate) stop: Notify,
    /// The file that this program was started from, and what it was then.
    pub(crate) program: PathBuf,
    build: String,
    upgrade: watch::Sender<bool>,
    upgrade_failed: AtomicBool,
}

impl Agent {
    /// Locked, serving.
    pub(crate) fn new(home: &Path, program: PathBuf, config: &Config) -> Self {
        Self {
            home: home.to_owned(),
            vault: Vault::new(home, config.lock_after, config.limits),
            requests: Arc::default(),
            sessions: Arc::default(),
            watches: Watches::default(),
            phase: watch::Sender::new(Phase::Serving),
            stop: Notify::new(),
            program,
            build: build::running(),
            upgrade: watch::Sender::new(false),
            upgrade_failed: AtomicBool::new(false),
        }
    }

    /// Answers a hello. A program that was replaced on the disk since we started from it takes over: at once when nobody is
    /// served, else when everybody is; nobody is kept waiting unless she speaks another protocol. We run only our own path,
    /// never one that a command names.
    pub(crate) fn welcome(&self, hello: &Hello) -> Welcome {
        let same_protocol = hello.protocol == PROTOCOL;
        let replaced = hello.build != self.build
            && build::of(&self.program) != self.build
            && !self.upgrade_failed.load(Ordering::SeqCst);
        let next = if replaced && (!same_protocol || self.sessions.count() == 0) {
            self.phase.send_if_modified(|phase| {
                let serving = *phase == Phase::Serving;
                if serving {
                    *phase = Phase::Moving;
                }
                serving
            });
            Next::Moving
        } else if same_protocol {
            Next::Ready
        } else {
            let failure = Failure::new(Code::Other, "the running agent is of another version");
            Next::Refused(
                failure
                    .object(self.program.display().to_string())
                    .hint("run `crannog agent stop`, then try again"),
            )
        };
        // After the phase: an upgrade that fails at once must find it set, to set it back.
        if replaced {
            self.upgrade.send_replace(true);
        }
        Welcome {
            protocol: PROTOCOL,
            build: self.build.clone(),
            pid: std::process::id(),
            next,
        }
    }

    /// Waits until the program shall change, and nobody is served any more. Who only watches is told to come back.
    pub(crate) async fn upgrade_due(&self) {
        let mut wanted = self.upgrade.subscribe();
        loop {
            let _ = wanted.wait_for(|wanted| *wanted).await;
            self.sessions.none().await;
            if !*self.upgrade.borrow() {
                continue;
            }
            self.watches.end(Why::Moving).await;
            self.watches.gone().await;
            // Someone may have come meanwhile.
            if self.sessions.count() == 0 {
                return;
            }
        }
    }

    /// The new program does not run: go on as we are, and do not try again.
    pub(crate) fn stay(&self) {
        self.upgrade_failed.store(true, Ordering::SeqCst);
        self.upgrade.send_replace(false);
        self.watches.resume();
        self.phase.send_replace(Phase::Serving);
    }

    /// Locks: nobody may ask from now on, and who watches is told so. With `now`, running requests end, and the keys are gone when this returns; else
    /// they go when the last transfer has finished.
    pub(crate) async fn lock(self: &Arc<Self>, now: bool) {
        self.vault.shut();
        self.watches.end(Why::Locked).await;
        if now {
            self.close_now().await;
            self.requests.none().await;
            tracing::info!("locked, now");
            return;
        }
        let agent = Arc::clone(self);
        tokio::spawn(async move {
            agent.requests.none().await;
            // Who unlocks now waits until the old engine has let go of the profile.
            let _changing = agent.vault.changing().await;
            if let Some(engine) = agent.vault.take_finishing() {
                engine.close(false).await;
                tracing::info!("locked");
            }
        });
    }

    /// Closes the engine, then asks all requests to stop. In this order, because a closed engine says that the agent was
    /// locked, and a request that was asked to stop says that its own command was interrupted.
    async fn close_now(&self) {
        // A join or recover waits for an answer; it has no engine yet, and holds what we need.
        if !self.vault.has_engine() {
            self.requests.cancel();
        }
        // Who unlocks now waits until the old engine has let go of the profile; who just did is locked again.
        let _changing = self.vault.changing().await;
        if let Some(engine) = self.vault.take() {
            engine.close(true).await;
        }
        self.requests.cancel();
    }

    /// Ends everything, and removes the profile of an account that is no more.
    pub(crate) async fn wipe(&self) -> Result<(), Failure> {
        self.vault.shut();
        self.watches.end(Why::Locked).await;
        self.close_now().await;
        self.requests.none().await;
        let home = self.home.clone();
        let wiped = tokio::task::spawn_blocking(move || Engine::wipe(&home)).await;
        wiped.unwrap_or_else(|_| Err(Failure::new(Code::Internal, "the agent made a mistake")))
    }

    /// Ends the engine and all that uses it. What does not listen is left to the end of the process, or to whoever waits.
    pub(crate) async fn put_aside(&self) {
        /// For requests that wait for a server.
        const PATIENCE: Duration = Duration::from_secs(5);
        let ended = async {
            self.close_now().await;
            self.requests.none().await;
        };
        let _ = tokio::time::timeout(PATIENCE, ended).await;
        // A join may just have made one.
        if let Some(engine) = self.vault.take() {
            engine.close(true).await;
        }
    }

    /// How long to wait before [`Self::lock_if_idle`] is worth another look. Timers stand still while the machine sleeps,
    /// so it is looked at least once a minute.
    pub(crate) fn idle_check(&self) -> Duration {
        const OFTEN: Duration = Duration::from_secs(60);
        self.vault
            .locks_in(since_boot())
            .unwrap_or(OFTEN)
            .clamp(Duration::from_millis(10), OFTEN)
    }

    /// Locks when nobody asked anything for long enough.
    pub(crate) async fn lock_if_idle(self: &Arc<Self>) {
        if self.vault.locks_in(since_boot()) == Some(Duration::ZERO) {
            self.lock(false).await;
        }
    }

    /// What can be said without an engine.
    pub(crate) fn locked_status(&self) -> Result<Status, Failure> {
        if !Engine::exists(&self.home) {
            return self.vault.ask(since_boot()).map(|_| self.blank_status(false));
        }
        Ok(self.blank_status(true))
    }

    fn blank_status(&self, locked: bool) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            locked,
            account: None,
            device: None,
            online: false,
            last_heard: None,
            behind: 0,
            transfers: 0,
            quota: 0,
            used: 0,
            invites: 0,
            alarms: Vec::new(),
        }
    }
}

//! Whether there is an engine that may be asked.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crannog_agent_api::{Code, Failure, Limits, Secret};
use crannog_client::Engine;
use zeroize::Zeroizing;

/// The one engine of this process.
#[derive(Debug)]
pub(crate) struct Vault {
    home: PathBuf,
    lock_after: Option<Duration>,
    /// Of every engine.
    limits: Limits,
    /// Held while the state changes over time: unlocking, joining, closing.
    changing: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    /// When someone last asked something, as [`crate::clock::since_boot`].
    asked: Mutex<Duration>,
}

#[derive(Debug)]
enum State {
    Locked,
    /// Locked, while running transfers keep the engine to their end.
    Finishing(Engine),
    Unlocked(Engine),
}

impl Vault {
    /// Locked.
    pub(crate) fn new(home: &Path, lock_after: Option<Duration>, limits: Limits) -> Self {
        Self {
            home: home.to_owned(),
            lock_after,
            limits,
            changing: tokio::sync::Mutex::default(),
            state: Mutex::new(State::Locked),
            asked: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine, if it may be asked at `now`. Counts as use.
    pub(crate) fn ask(&self, now: Duration) -> Result<Engine, Failure> {
        self.look(now).inspect(|_| self.used(now))
    }

    /// The same, without counting as use.
    pub(crate) fn look(&self, now: Duration) -> Result<Engine, Failure> {
        match &*self.state() {
            // A machine that woke up is locked before any timer has noticed.
            State::Unlocked(engine) if self.idle_left(now) != Some(Duration::ZERO) => Ok(engine.clone()),
            _ if Engine::exists(&self.home) => {
                let failure = Failure::new(Code::Locked, "the agent is locked");
                Err(failure.hint("run `crannog unlock`, or give the password by --password-file"))
            }
            _ => {
                let failure = Failure::new(Code::NoAccount, "this profile has no account");
                Err(failure
                    .object(self.home.display().to_string())
                    .hint("run `crannog join` or `crannog recover`"))
            }
        }
    }

    /// Someone asks something.
    pub(crate) fn used(&self, now: Duration) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// When someone last asked.
    pub(crate) fn asked(&self) -> Duration {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long until it locks by itself; `None` when it is locked, or never does.
    pub(crate) fn locks_in(&self, now: Duration) -> Option<Duration> {
        matches!(&*self.state(), State::Unlocked(_)).then(|| self.idle_left(now))?
    }

    /// What is left of the time after the last use.
    fn idle_left(&self, now: Duration) -> Option<Duration> {
        Some((self.asked() + self.lock_after?).saturating_sub(now))
    }

    /// Nobody else may change the state while this is held.
    pub(crate) async fn changing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Unlocks with a password.
    pub(crate) async fn unlock(&self, password: &Secret, now: Duration) -> Result<(), Failure> {
        let _changing = self.changing().await;
        let finishing = match &*self.state() {
            State::Unlocked(_) if self.idle_left(now) != Some(Duration::ZERO) => return Ok(()),
            State::Unlocked(engine) | State::Finishing(engine) => Some(engine.clone()),
            State::Locked => None,
        };
        let engine = match finishing {
            Some(engine) => {
                Engine::check_password(&self.home, password).await?;
                engine
            }
            None if !Engine::exists(&self.home) => return self.ask(now).map(drop),
            None => Engine::unlock(&self.home, password).await?,
        };
        self.open(engine, now);
        Ok(())
    }

    /// This engine may be asked from now on.
    pub(crate) fn open(&self, engine: Engine, now: Duration) {
        self.used(now);
        engine.set_limits(&self.limits);
        *self.state() = State::Unlocked(engine);
    }

    /// From now on nobody may ask; what runs may finish.
    pub(crate) fn shut(&self) {
        let mut state = self.state();
        if let State::Unlocked(engine) = std::mem::replace(&mut *state, State::Locked) {
            *state = State::Finishing(engine);
        }
    }

    /// Takes the engine out to close it. `None` when there is none, or when it was unlocked again.
    pub(crate) fn take_finishing(&self) -> Option<Engine> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Locked) {
            State::Finishing(engine) => Some(engine),
            State::Unlocked(engine) => {
                *state = State::Unlocked(engine);
                None
            }
            State::Locked => None,
        }
    }

    /// Unlocked, or not yet closed.
    pub(crate) fn has_engine(&self) -> bool {
        !matches!(&*self.state(), State::Locked)
    }

    /// The database key, while unlocked.
    pub(crate) fn key(&self) -> Option<Zeroizing<[u8; 32]>> {
        match &*self.state() {
            State::Unlocked(engine) => Some(engine.export_key()),
            State::Finishing(_) | State::Locked => None,
        }
    }

    /// Takes the engine out, to close it.
    pub(crate) fn take(&self) -> Option<Engine> {
        match std::mem::replace(&mut *self.state(), State::Locked) {
            State::Locked => None,
            State::Finishing(engine) | State::Unlocked(engine) => Some(engine),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crannog_agent_api::{Code, Limits, Secret};

    use super::Vault;

    #[tokio::test]
    async fn no_account() {
        let home = tempfile::tempdir().unwrap();
        let vault = Vault::new(home.path(), None, Limits::default());
        let now = Duration::from_secs(5);
        assert_eq!(vault.ask(now).unwrap_err().code, Code::NoAccount);
        assert_eq!(
            vault
                .unlock(&Secret::new("x".into()), now)
                .await
                .unwrap_err()
                .code,
            Code::NoAccount
        );
        assert!(!vault.has_engine() && vault.take().is_none());
    }

    #[test]
    fn idle() {
        let home = tempfile::tempdir().unwrap();
        let vault = Vault::new(home.path(), Some(Duration::from_secs(10)), Limits::default());
        vault.used(Duration::from_secs(100));
        assert_eq!(
            vault.idle_left(Duration::from_secs(104)),
            Some(Duration::from_secs(6))
        );
        assert_eq!(vault.idle_left(Duration::from_secs(111)), Some(Duration::ZERO));
        assert_eq!(
            Vault::new(home.path(), None, Limits::default()).idle_left(Duration::from_secs(1)),
            None
        );
    }
}

//! What keeps blobs from being removed while a backup copies them: the server's hold, or the lock of a stopped server's directory.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aws_lc_rs::rand;
use data_encoding::HEXLOWER;

use super::{Failure, ask};
use crate::admin::{Ask, Tell};
use crate::backup::Pin;
use crate::datadir::{DataDir, DataDirError};

/// How long a hold outlives a backup that was killed.
const LENGTH: u64 = 60;
const RENEW: Duration = Duration::from_secs(15);
/// The server may count a hold from a little earlier than we do.
const SURE: Duration = Duration::from_secs(LENGTH - 10);

/// Pins a data directory.
pub(super) fn pin(data: &Path) -> Result<Box<dyn Pin>, Failure> {
    if !data.join("crannogd.db").exists() {
        let message = format!("{} is not the data directory of a crannogd", data.display());
        return Err(Failure::new(message, "name the right one with --data"));
    }
    match DataDir::open(data) {
        Ok(lock) => Ok(Box::new(Alone(lock))),
        Err(DataDirError::InUse(_)) => Ok(Box::new(Held::begin(data)?)),
        Err(error) => Err(Failure::new(
            error.to_string(),
            "run the command as the user that runs crannogd",
        )),
    }
}

/// No server can start.
struct Alone(#[expect(dead_code, reason = "held, not used")] DataDir);

impl Pin for Alone {
    fn held(&self) -> bool {
        true
    }

    fn confirm(&self) -> bool {
        true
    }

    fn done(&self) {}
}

/// The running server holds, as long as a thread of ours asks it to.
struct Held {
    hold: Arc<Hold>,
    /// Dropped, it ends the thread.
    stop: Option<Sender<()>>,
    backed_up: AtomicBool,
    thread: Option<JoinHandle<()>>,
}

struct Hold {
    data: PathBuf,
    name: String,
    confirmed: Mutex<Instant>,
    lost: AtomicBool,
}

impl Held {
    fn begin(data: &Path) -> Result<Self, Failure> {
        let mut name = [0; 8];
        rand::fill(&mut name)
            .map_err(|_| Failure::new("the system gives no random bytes", "check the system"))?;
        let hold = Arc::new(Hold {
            data: data.to_owned(),
            name: format!("backup-{}", HEXLOWER.encode(&name)),
            confirmed: Mutex::new(Instant::now()),
            lost: AtomicBool::new(false),
        });
        if let Tell::Failed { message, hint } = ask(data, &hold.question(false))? {
            return Err(Failure::new(message, hint));
        }
        let (stop, stopped) = channel();
        let renewing = Arc::clone(&hold);
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(RENEW) == Err(RecvTimeoutError::Timeout) {
                renewing.renew();
            }
        });
        Ok(Self {
            hold,
            stop: Some(stop),
            backed_up: AtomicBool::new(false),
            thread: Some(thread),
        })
    }
}

impl Hold {
    fn question(&self, renew: bool) -> Ask {
        Ask::Hold {
            name: self.name.clone(),
            seconds: LENGTH,
            renew,
        }
    }

    fn renew(&self) {
        let asked = Instant::now();
        if matches!(ask(&self.data, &self.question(true)), Ok(Tell::Done)) {
            *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        } else {
            self.lost.store(true, Ordering::SeqCst);
        }
    }
}

impl Pin for Held {
    fn held(&self) -> bool {
        let confirmed = *self.hold.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        !self.hold.lost.load(Ordering::SeqCst) && confirmed.elapsed() < SURE
    }

    fn confirm(&self) -> bool {
        self.hold.renew();
        self.held()
    }

    fn done(&self) {
        self.backed_up.store(true, Ordering::SeqCst);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It cannot panic, and if it did, the hold ends by itself.
            let _ = thread.join();
        }
        // A server that is gone holds nothing.
        let _ = ask(
            &self.hold.data,
            &Ask::Release {
                name: self.hold.name.clone(),
                backed_up: self.backed_up.load(Ordering::SeqCst),
            },
        );
    }
}

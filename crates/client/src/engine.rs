//! The engine's outside.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use crannog_agent_api::{Answer, Code, Event, Failure, Limits, Request, Secret, answer};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::account::{DeviceLogin, Identity};
use crate::background;
use crate::db::{Db, DbError, Meta, MetaKey};
use crate::error::Error;
use crate::join::{self, Join};
use crate::ops::Which;
use crate::people;
use crate::profile::{self, HandedOver, KeySource, Password};
use crate::recover::{self, Recover};
use crate::shared::Shared;
use crate::transport::Transport;

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

impl Caller {
    /// For work that nobody asked for; its ends of the lines go with it.
    pub(crate) fn unheard() -> Self {
        Self {
            events: mpsc::channel(1).0,
            input: Mutex::new(mpsc::channel(1).1),
            output: mpsc::channel(1).0,
            umask: 0o077,
            cancel: Arc::default(),
        }
    }

    /// Something about one object that the user should see.
    pub(crate) async fn note(&self, object: &str, text: &str) {
        let note = Event::Note(answer::Note {
            object: object.to_owned(),
            text: text.to_owned(),
        });
        // Whoever went away need not hear it.
        let _ = self.events.send(note).await;
    }
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
pub struct Engine {
    shared: Arc<Shared>,
    background: Arc<std::sync::Mutex<Option<JoinHandle<()>>>>,
}

impl Engine {
    /// Whether `home` holds a profile.
    pub fn exists(home: &Path) -> bool {
        profile::exists(home)
    }

    /// [`Request::Join`]: makes an account on a server and a profile in `home`.
    pub async fn join(home: &Path, request: Request, dialogue: &impl Dialogue) -> Result<Self, Failure> {
        let Request::Join {
            server,
            invite,
            name,
            device,
            password,
        } = request
        else {
            return Err(misuse());
        };
        let join = Join {
            server: &server,
            invite: &invite,
            name: &name,
            device: &device,
            password: &password,
        };
        Ok(Self::start(join::join(home, join, dialogue).await?))
    }

    /// [`Request::Recover`]: makes a profile in `home` from the words.
    pub async fn recover(home: &Path, request: Request, dialogue: &impl Dialogue) -> Result<Self, Failure> {
        let Request::Recover {
            server,
            name,
            device,
            words,
            password,
        } = request
        else {
            return Err(misuse());
        };
        let recover = Recover {
            server: &server,
            name: &name,
            device: &device,
            words: &words,
            password: &password,
        };
        Ok(Self::start(recover::recover(home, recover, dialogue).await?))
    }

    /// Opens the profile in `home` with this device's password. Works without the server. Blocking work (Argon2id) is
    /// done on a thread of its own.
    pub async fn unlock(home: &Path, password: &Secret) -> Result<Self, Failure> {
        Ok(Self::open(home, Password(password.clone())).await?)
    }

    /// Removes the profile in `home`; its engine must be closed. Blocking.
    pub fn wipe(home: &Path) -> Result<(), Failure> {
        Ok(profile::wipe(home)?)
    }

    /// Whether this is the password of the device whose profile is in `home`; nothing is opened. Blocking work (Argon2id) is done on a
    /// thread of its own.
    pub async fn check_password(home: &Path, password: &Secret) -> Result<(), Failure> {
        let (home, password) = (home.to_owned(), Password(password.clone()));
        let key = tokio::task::spawn_blocking(move || password.key(&home).map(drop));
        Ok(key.await.map_err(Error::task)??)
    }

    /// Opens the profile with the database key that an older agent handed over.
    pub async fn unlock_with_key(home: &Path, key: Zeroizing<[u8; 32]>) -> Result<Self, Failure> {
        Ok(Self::open(home, HandedOver(key)).await?)
    }

    /// [`Request::Audit`]: says who lied, from a file of evidence. Needs no profile.
    pub async fn audit(file: PathBuf) -> Result<Answer, Failure> {
        Ok(people::audit(file).await?)
    }

    /// The database key, for the newer agent that takes over; never to be stored.
    pub fn export_key(&self) -> Zeroizing<[u8; 32]> {
        self.shared.db.key()
    }

    async fn open(home: &Path, source: impl KeySource + 'static) -> crate::error::Result<Self> {
        if !profile::exists(home) {
            return Err(no_account(home).into());
        }
        let home = home.to_owned();
        let shared = tokio::task::spawn_blocking(move || {
            let key = source.key(&home)?;
            let db = Db::open(&profile::database(&home), key.expose_to_database())?;
            let identity: Identity = db
                .read_blocking(|c| Meta(c).read(MetaKey::Identity))?
                .ok_or(DbError::Damaged("the profile's identity"))?;
            let transport = Transport::connect(join::parse_server(&identity.server)?)?;
            transport.set_login(
                identity.name.clone(),
                Arc::new(DeviceLogin::new(identity.device, &identity.device_seed)),
            );
            let shared = db.read_blocking(|c| Shared::load(c, db.clone(), transport, home))?;
            Ok::<_, Error>(Arc::new(shared))
        });
        Ok(Self::start(shared.await.map_err(Error::task)??))
    }

    fn start(shared: Arc<Shared>) -> Self {
        let background = tokio::spawn(background::run(Arc::clone(&shared)));
        Self {
            shared,
            background: Arc::new(std::sync::Mutex::new(Some(background))),
        }
    }

    /// Does all requests but Join, Recover, Confirm, Unlock, Lock and Stop.
    pub async fn perform(&self, request: Request, caller: &Caller) -> Result<Answer, Failure> {
        let shared = &self.shared;
        let work = async {
            if waits_for_sync(&request) {
                shared.settled().await;
            }
            Box::pin(dispatch(shared, request, caller)).await
        };
        tokio::select! {
            answer = work => Ok(answer?),
            () = shared.closing.cancelled() => Err(Failure::new(Code::Locked, "the agent was locked or stopped meanwhile").hint("unlock it; the same command goes on where it stopped")),
        }
    }

    /// How long a silent bell is believed before the server is asked for everything again (CHK-025); 15 minutes unless told.
    /// Shorter costs requests, longer lets a server that withholds news go unnoticed for longer.
    pub fn ask_every(&self, every: Duration) {
        self.shared.ask_every.send_replace(every);
    }

    /// All transfers together keep to this from now on.
    pub fn set_limits(&self, limits: &Limits) {
        self.shared.transport.set_limits(limits);
    }

    /// Transfers under way: an agent that wants to lock keeps this engine alive until it is 0.
    pub fn transfers(&self) -> usize {
        self.shared.running.count()
    }

    /// Stops background work and closes the database; with `now`, running transfers are put aside at the next safe point,
    /// else they finish first.
    pub async fn close(self, now: bool) {
        if !now {
            self.shared.running.none().await;
        }
        self.shared.closing.cancel();
        let background = self
            .background
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(background) = background {
            let _ = background.await;
        }
        self.shared.transport.forget_login();
        self.shared.save_freshness().await;
    }
}

async fn dispatch(shared: &Arc<Shared>, request: Request, caller: &Caller) -> crate::error::Result<Answer> {
    match request {
        Request::Status => shared.status().await,
        Request::Whoami => Ok(Answer::Whoami(shared.whoami())),
        Request::DeleteAccount {
            name, words, dry_run, ..
        } => shared.account_delete(&name, words.as_ref(), dry_run).await,
        Request::Devices => Ok(Answer::Devices(recover::devices(shared).await?)),
        Request::Doctor => shared.doctor().await,
        Request::Dismiss { journal } => shared.dismiss(&journal).await,
        Request::Heal { invite, dry_run } => shared.heal(invite, dry_run).await,
        Request::Sync => shared.sync().await,
        Request::Passwd { old, new } => shared.passwd(old, new).await,
        Request::DriveCreate { name, dry_run } => shared.drive_create(name, dry_run).await,
        Request::DriveList => shared.drive_list().await,
        Request::DriveRename {
            name,
            new_name,
            dry_run,
        } => shared.drive_rename(name, new_name, dry_run).await,
        Request::DriveDelete { name, dry_run } => shared.drive_delete(name, dry_run).await,
        Request::List { path, recursive } => shared.list(path, recursive).await,
        Request::Stat { path } => shared.stat(path).await,
        Request::Mkdir {
            paths,
            parents,
            dry_run,
        } => shared.mkdir(paths, parents, dry_run, caller).await,
        Request::Put { .. }
        | Request::Get { .. }
        | Request::Export { .. }
        | Request::Cat { .. }
        | Request::VerifyStore { .. } => shared.transfer(request, caller).await,
        Request::Transfers => shared.transfers().await,
        Request::PauseTransfers { ids } => shared.pause_transfers(&ids, true).await,
        Request::ResumeTransfers { ids } => shared.pause_transfers(&ids, false).await,
        Request::CancelTransfers { ids } => shared.cancel_transfers(&ids).await,
        Request::GoOn { id } => shared.go_on(id, caller).await,
        Request::Copy {
            from,
            to,
            recursive,
            dry_run,
        } => shared.copy(from, to, recursive, dry_run, caller).await,
        Request::Move { from, to, dry_run } => shared.move_to(from, to, dry_run, caller).await,
        Request::Remove {
            paths,
            recursive,
            dry_run,
        } => shared.remove(paths, recursive, dry_run).await,
        Request::TrashList { drive } => shared.trash_list(drive).await,
        Request::TrashRestore {
            drive,
            items,
            dry_run,
        } => shared.trash_restore(drive, items, dry_run, caller).await,
        Request::TrashEmpty {
            drive,
            items,
            before,
            dry_run,
        } => shared.trash_empty(drive, items, before, dry_run, caller).await,
        Request::Versions { path } => shared.versions(path).await,
        Request::Forget {
            path,
            recursive,
            before,
            keep,
            dry_run,
        } => {
            let which = Which {
                recursive,
                before,
                keep,
            };
            shared.forget(path, which, dry_run, caller).await
        }
        Request::Restore {
            path,
            version,
            dry_run,
        } => shared.restore(path, version, dry_run).await,
        Request::Find { path, pattern, only } => shared.find(path, pattern, only).await,
        Request::Usage { path } => shared.usage(path).await,
        Request::Share {
            path,
            with,
            role,
            dry_run,
        } => shared.share(path, with, role, dry_run, caller).await,
        Request::Invites => shared.invites().await,
        Request::Accept { invite, at, dry_run } => shared.accept(invite, at, dry_run).await,
        Request::Decline { invite, dry_run } => shared.decline(invite, dry_run).await,
        Request::Members { path } => shared.members(path).await,
        Request::SetRole {
            path,
            name,
            role,
            dry_run,
        } => shared.set_role(path, name, role, dry_run).await,
        Request::Unshare { path, names, dry_run } => shared.unshare(path, names, dry_run).await,
        Request::Leave { path, dry_run } => shared.leave(path, dry_run).await,
        Request::Contacts => shared.contacts().await,
        Request::TrustContact { account, words } => shared.trust_contact(&account, &words).await,
        Request::Log { path, limit } => shared.log(path, limit).await,
        Request::Watch { path } => shared.watch(path, caller).await,
        Request::Audit { file } => people::audit(file).await,
        Request::Join { .. }
        | Request::Recover { .. }
        | Request::Confirm { .. }
        | Request::Unlock { .. }
        | Request::Lock { .. }
        | Request::Stop => Err(misuse().into()),
    }
}

/// Requests about the drive's content see what other devices wrote before the agent started.
fn waits_for_sync(request: &Request) -> bool {
    !matches!(
        request,
        Request::Status
            | Request::Whoami
            | Request::Doctor
            | Request::Dismiss { .. }
            | Request::Heal { .. }
            | Request::Sync
            | Request::Passwd { .. }
            | Request::Transfers
            | Request::PauseTransfers { .. }
            | Request::ResumeTransfers { .. }
            | Request::CancelTransfers { .. }
    )
}

fn misuse() -> Failure {
    Failure::new(Code::Internal, "this request is not for the engine")
}

fn no_account(home: &Path) -> Failure {
    Failure::new(Code::NoAccount, "this profile has no account")
        .object(home.display().to_string())
        .hint("crannog join makes one, crannog recover brings one back from its words")
}

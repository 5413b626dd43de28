//! What all parts of an unlocked engine share.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crannog_agent_api::answer::NewsKind;
use crannog_agent_api::{Answer, Code, Failure, Secret};
use crannog_core::check::Check;
use crannog_core::identity::HomeState;
use crannog_core::journal::{Author, EpochGrant, JournalKind, JournalState, check_heads};
use crannog_proto::sigchain::Cite;
use crannog_proto::{AccountId, BlobId, Hash, JournalId};
use crannog_seal::schedule::DeviceKeys;
use rusqlite::Connection;
use tokio::sync::{Notify, watch};

use crate::account::{Account, Identity};
use crate::clock;
use crate::db::{Db, DbError, Journals, Meta, MetaKey, RawEntries, Unfinished};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::people::{ChainStore, Happened, News};
use crate::profile::{self, KeySource, Password};
use crate::transfer::HashKey;
use crate::transport::Transport;

/// Work that belongs into the transaction of an entry.
pub(crate) type Extra = Box<dyn FnOnce(&Connection) -> Result<(), DbError> + Send>;

/// One unlocked profile.
pub(crate) struct Shared {
    pub(crate) db: Db,
    pub(crate) transport: Transport,
    pub(crate) identity: Identity,
    pub(crate) device_keys: DeviceKeys,
    pub(crate) hash_key: HashKey,
    /// The profile's folder.
    pub(crate) profile: PathBuf,
    account: RwLock<Arc<Account>>,
    home: RwLock<Arc<HomeState>>,
    journals: RwLock<HashMap<JournalId, Arc<Journal>>>,
    /// Held while rows of journals are made and removed.
    listing: tokio::sync::Mutex<()>,
    /// Held while the own sigchain that the server gave takes the place of the known one.
    pub(crate) following: tokio::sync::Mutex<()>,
    pub(crate) chain_store: ChainStore,
    /// Tells whoever watches.
    pub(crate) news: News,
    /// Held while the inbox is emptied.
    pub(crate) inbox: tokio::sync::Mutex<()>,
    /// Held while a folder becomes a share.
    pub(crate) splitting: tokio::sync::Mutex<()>,
    /// Journals and epochs for which a refresh was asked for.
    pub(crate) asked: Mutex<HashSet<(JournalId, u64)>>,
    quota: Mutex<(u64, u64)>,
    last_heard: AtomicI64,
    pub(crate) online: AtomicBool,
    /// Rung when the set of journals changed, for the bell.
    pub(crate) journals_changed: Notify,
    /// Journals in which a checkpoint may be due.
    pub(crate) due: crate::journal::Due,
    pub(crate) turns: crate::ops::Turns,
    /// Rung when the server was reached after all, for whoever waits to try again.
    pub(crate) reconnect: Notify,
    /// True once the first catch-up after unlocking has ended, well or not.
    pub(crate) first_sync: watch::Sender<bool>,
    /// How long a silent bell is believed.
    pub(crate) ask_every: watch::Sender<Duration>,
    pub(crate) running: crate::ops::Running,
    /// Set when the engine closes.
    pub(crate) closing: crate::engine::Cancel,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    /// Loads everything from an open database.
    pub(crate) fn load(
        connection: &Connection,
        db: Db,
        transport: Transport,
        profile: PathBuf,
    ) -> Result<Self, DbError> {
        let meta = Meta(connection);
        let identity: Identity = meta
            .read(MetaKey::Identity)?
            .ok_or(DbError::Damaged("the profile's identity"))?;
        let account = Account::load(connection)?;
        let home = load_home(connection)?;
        let hash_key: [u8; 32] = meta
            .read(MetaKey::HashKey)?
            .ok_or(DbError::Damaged("the hash key"))?;
        let quota = meta.read(MetaKey::Quota)?.unwrap_or((0, 0));
        let last_heard = meta.read(MetaKey::LastHeard)?.unwrap_or(0);
        let device_keys = DeviceKeys::new(&identity.device_seed, &identity.device.0);
        let mut journals = HashMap::new();
        let mut rows = Journals(connection).all()?;
        for row in rows.drain(..) {
            let state = JournalState::restore(&zeroize::Zeroizing::new(row.state))?;
            journals.insert(row.journal, Arc::new(Journal::new(row.id, state)));
        }
        Ok(Self {
            db,
            transport,
            identity,
            device_keys,
            hash_key: HashKey::new(hash_key),
            profile,
            account: RwLock::new(Arc::new(account)),
            home: RwLock::new(Arc::new(home)),
            journals: RwLock::new(journals),
            listing: tokio::sync::Mutex::new(()),
            following: tokio::sync::Mutex::new(()),
            chain_store: ChainStore::load(connection)?,
            news: News::default(),
            inbox: tokio::sync::Mutex::new(()),
            splitting: tokio::sync::Mutex::new(()),
            asked: Mutex::default(),
            quota: Mutex::new(quota),
            last_heard: AtomicI64::new(last_heard),
            online: AtomicBool::new(false),
            journals_changed: Notify::new(),
            due: crate::journal::Due::default(),
            turns: crate::ops::Turns::default(),
            reconnect: Notify::new(),
            first_sync: watch::Sender::new(false),
            ask_every: watch::Sender::new(crate::background::ASK_EVERY),
            running: crate::ops::Running::after(Unfinished(connection).all()?.iter().map(|row| row.id).max()),
            closing: crate::engine::Cancel::default(),
        })
    }

    pub(crate) fn account(&self) -> Arc<Account> {
        Arc::clone(&self.account.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn publish_account(&self, account: Arc<Account>) {
        *self.account.write().unwrap_or_else(PoisonError::into_inner) = account;
    }

    pub(crate) fn home(&self) -> Arc<HomeState> {
        Arc::clone(&self.home.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn publish_home(&self, home: HomeState) {
        *self.home.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(home);
    }

    pub(crate) fn journal(&self, id: &JournalId) -> Option<Arc<Journal>> {
        self.journals
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    pub(crate) fn all_journals(&self) -> Vec<Arc<Journal>> {
        self.journals
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    pub(crate) fn home_journal(&self) -> Result<Arc<Journal>> {
        self.journal(&self.identity.home)
            .ok_or_else(|| DbError::Damaged("the home journal").into())
    }

    pub(crate) fn author(&self) -> Author {
        Author {
            account: self.identity.account,
            device: self.identity.device,
        }
    }

    /// The own sigchain's last link, unless the journal's readers have it cited already.
    pub(crate) fn own_cite(&self, state: &JournalState) -> Vec<Cite> {
        let cite = self.account().known.state().cite();
        let known = state
            .cites()
            .any(|known| known.account == cite.account && known.seq >= cite.seq);
        if known { Vec::new() } else { vec![cite] }
    }

    pub(crate) fn is_me(&self, account: &AccountId) -> bool {
        *account == self.identity.account
    }

    /// The tokens that may open a journal, most likely first.
    pub(crate) fn read_tokens(&self, journal: &Journal) -> Vec<[u8; 32]> {
        let state = journal.state();
        let newest = if journal.id == self.identity.home {
            let account = self.account();
            let epoch = account
                .secrets
                .current()
                .map(|current| u64::from(current.generation()));
            epoch.and_then(|epoch| Some((epoch, account.secrets.home_grant(&journal.id, epoch)?)))
        } else {
            let home = self.home();
            let epoch = home
                .journals()
                .find(|(id, ..)| *id == journal.id)
                .map(|(_, _, epoch)| epoch);
            epoch.and_then(|epoch| Some((epoch, home.secrets(&journal.id, epoch)?.clone())))
        };
        let current = state
            .epoch()
            .and_then(|epoch| Some((epoch, state.grant(epoch)?.clone())));
        let mut tokens = Vec::new();
        // Of a drive of which nothing was read, the newest recorded grant may have lost a race, or be that of a rekey that was never sent:
        // an earlier one shows the way. So it does in home, where a device made a generation and went before home followed.
        let earlier = match state.epoch() {
            None if journal.id == self.identity.home => self.grants_of_home(),
            None => self.recorded_grants(&journal.id),
            Some(_) => Vec::new(),
        };
        let mut grants: Vec<_> = newest.into_iter().chain(current).chain(earlier).collect();
        // Home may lag behind the journal: a token that died with its epoch still opens that epoch's entries, and would show an
        // end that lies before what was read.
        grants.sort_by_key(|(epoch, _)| std::cmp::Reverse(*epoch));
        for (epoch, grant) in grants {
            let token = *grant.secrets(&journal.id, epoch).read_token().expose_to_server();
            if !tokens.contains(&token) {
                tokens.push(token);
            }
        }
        tokens
    }

    fn grants_of_home(&self) -> Vec<(u64, EpochGrant)> {
        let account = self.account();
        let newest = account
            .secrets
            .current()
            .map_or(0, |current| current.generation());
        let grant = |epoch| Some((epoch, account.secrets.home_grant(&self.identity.home, epoch)?));
        (0..u64::from(newest)).filter_map(grant).collect()
    }

    fn recorded_grants(&self, journal: &JournalId) -> Vec<(u64, EpochGrant)> {
        let home = self.home();
        let grants = home.all_secrets(journal);
        grants.map(|(epoch, grant)| (epoch, grant.clone())).collect()
    }

    /// The recorded grant whose token this is, and its epoch.
    pub(crate) fn grant_of_token(&self, journal: &Journal, token: &[u8; 32]) -> Option<(u64, EpochGrant)> {
        let mut recorded = self.recorded_grants(&journal.id).into_iter();
        recorded.find(|(epoch, grant)| {
            grant.secrets(&journal.id, *epoch).read_token().expose_to_server() == token
        })
    }

    /// The token that opens a journal's blobs.
    pub(crate) fn read_token(&self, journal: &Journal) -> Option<[u8; 32]> {
        let state = journal.state();
        match state.epoch().and_then(|epoch| state.secrets(epoch)) {
            Some(secrets) => Some(*secrets.read_token().expose_to_server()),
            None => self.read_tokens(journal).into_iter().next(),
        }
    }

    /// How a journal is called in messages.
    pub(crate) fn name_of(&self, journal: &JournalId) -> String {
        if *journal == self.identity.home {
            return "home".to_owned();
        }
        let home = self.home();
        let name = home
            .drives()
            .find(|drive| drive.journal == *journal)
            .and_then(|drive| drive.name.map(str::to_owned));
        format!("drive {}", name.unwrap_or_else(|| journal.to_string()))
    }

    pub(crate) fn set_quota(&self, quota: u64, used: u64) {
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner) = (quota, used);
    }

    pub(crate) fn quota(&self) -> (u64, u64) {
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn heard_from_server(&self) {
        self.last_heard.store(clock::now_ms(), Ordering::Relaxed);
    }

    pub(crate) fn last_heard(&self) -> i64 {
        self.last_heard.load(Ordering::Relaxed)
    }

    /// An alarm stops all work with a journal until someone has looked; other errors pass through.
    pub(crate) async fn alarm(&self, journal: &JournalId, error: Error) -> Error {
        self.alarm_by(journal, error, None).await
    }

    /// The same; `culprit` is the header's hash of a member's entry that can be passed over once someone has looked.
    pub(crate) async fn alarm_by(&self, journal: &JournalId, error: Error, culprit: Option<Hash>) -> Error {
        if let Error::Lied { check, object } = &error {
            let (id, text) = (*journal, format!("CHK-{:03} {object}", check.number()));
            let kept = self
                .db
                .write(move |tx| Journals(tx).set_alarm(&id, &text, culprit))
                .await;
            if let Err(failed) = kept {
                tracing::error!(error = %failed, "an alarm could not be kept");
            }
            let mut happened = Happened::new(NewsKind::Alarm, Some(*journal), error.to_string());
            happened.check = Some(*check);
            self.news.tell(happened);
        }
        error
    }

    /// A frozen journal is not read on.
    pub(crate) async fn refuse_frozen(&self, journal: &Journal) -> Result<()> {
        let id = journal.id;
        let row = self.db.read(move |c| Journals(c).find(&id)).await?;
        match row.and_then(|row| row.alarm) {
            None => Ok(()),
            Some(alarm) => Err(frozen(&self.name_of(&id), &alarm)),
        }
    }

    /// Home changed: new drives get a row, removed ones lose it, recorded heads are compared with ours (CHK-013).
    pub(crate) async fn after_home_changed(self: &Arc<Self>) -> Result<()> {
        if self.list_journals().await? {
            self.journals_changed.notify_one();
        }
        // An alarm freezes its own journal; the others are compared all the same.
        let home = self.home();
        for journal in self.all_journals() {
            match self.compare_heads(&journal, &home, false).await {
                Err(Error::Lied { check, object }) => tracing::error!(%check, object, "heads do not meet"),
                other => other?,
            }
        }
        Ok(())
    }

    /// Makes and removes rows so that there is one for every journal that home knows. True if there were any.
    pub(crate) async fn list_journals(&self) -> Result<bool> {
        let _listing = self.listing.lock().await;
        let home = self.home();
        let wanted: Vec<(JournalId, JournalKind)> = home.journals().map(|(id, kind, _)| (id, kind)).collect();
        let me = self.identity.account;
        let mut changed = false;
        for (id, kind) in &wanted {
            if let Some(known) = self.journal(id) {
                // Whoever was removed and taken in again reads anew; what she had seen last stands in home.
                let epoch = home
                    .journals()
                    .find(|(other, ..)| other == id)
                    .map(|(.., epoch)| epoch);
                let state = known.state();
                if !(state.is_removed() && epoch > state.epoch().map(|epoch| epoch + 1)) {
                    continue;
                }
                let id = *id;
                self.db.write(move |tx| Journals(tx).remove(&id)).await?;
            }
            let (snapshot, id) = (JournalState::new(*id, *kind, me).snapshot(), *id);
            let row = self.db.write(move |tx| Journals(tx).add(&id, &snapshot)).await?;
            let state = JournalState::restore(&zeroize::Zeroizing::new(row.state)).map_err(DbError::from)?;
            let journal = Arc::new(Journal::new(row.id, state));
            self.journals
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id, journal);
            changed = true;
        }
        let gone: Vec<JournalId> = self
            .all_journals()
            .iter()
            .map(|journal| journal.id)
            .filter(|id| *id != self.identity.home && !wanted.iter().any(|(wanted, _)| wanted == id))
            .collect();
        for id in gone {
            self.db.write(move |tx| Journals(tx).remove(&id)).await?;
            self.journals
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&id);
            changed = true;
        }
        Ok(changed)
    }

    /// CHK-013: what my other devices were shown is what this one was shown. After a catch-up that began with this `home` (`all_read`) it
    /// is no less either (CHK-012): a device that never saw those entries itself has no other way to notice that they are withheld.
    pub(crate) async fn compare_heads(
        &self,
        journal: &Journal,
        home: &HomeState,
        all_read: bool,
    ) -> Result<()> {
        let vouched = home.vouch(&journal.id).map(|vouch| &vouch.at);
        for seen in home.heads(&journal.id).map(|(_, seen)| seen).chain(vouched) {
            let (row, seq) = (journal.row, seen.seq);
            let own = self.db.read(move |c| Journals(c).head_at(row, seq)).await?;
            let met = match own {
                None if all_read => Err(Check::Rollback),
                own => check_heads(seen, own.as_ref()),
            };
            self.check(&journal.id, met).await?;
        }
        Ok(())
    }

    /// The same for a file's blob, unless an admin said that it was lost in a restore: then nobody withholds it.
    pub(crate) async fn missing_content(&self, journal: &Journal, blob: &BlobId) -> Error {
        let (row, id) = (journal.row, *blob);
        match self.db.read(move |c| RawEntries(c).is_lost(row, &id)).await {
            Ok(true) => Failure::new(
                Code::Lost,
                "its bytes were lost when the server was restored from a backup",
            )
            .object(self.name_of(&journal.id))
            .hint("put the file again, or take an older version: crannog versions")
            .into(),
            Ok(false) => self.missing_blob(&journal.id, blob, "a file"),
            Err(error) => error.into(),
        }
    }

    /// A blob that the server acknowledged and does not give back (CHK-026).
    pub(crate) fn missing_blob(&self, journal: &JournalId, blob: &BlobId, of: &str) -> Error {
        Error::lied(
            Check::Missing,
            format!("blob {blob} of {of} in {}", self.name_of(journal)),
        )
    }

    /// Keeps what is cheap to know at the next start.
    pub(crate) async fn save_freshness(&self) {
        let (heard, quota) = (self.last_heard(), self.quota());
        let saved = self.db.write(move |tx| {
            Meta(tx).write(MetaKey::LastHeard, &heard)?;
            Meta(tx).write(MetaKey::Quota, &quota)
        });
        if let Err(error) = saved.await {
            tracing::warn!(%error, "the time of the last contact was not kept");
        }
    }

    /// Wraps the database's key under another password.
    pub(crate) async fn passwd(&self, old: Secret, new: Secret) -> Result<Answer> {
        crate::join::check_password(&new)?;
        let profile = self.profile.clone();
        let changed = tokio::task::spawn_blocking(move || {
            let key = Password(old).key(&profile)?;
            profile::write_key(&profile, &new, &key)?;
            profile::commit_key(&profile)
        });
        changed.await.map_err(Error::task)??;
        Ok(Answer::Ok)
    }
}

pub(crate) fn load_home(connection: &Connection) -> Result<HomeState, DbError> {
    let bytes: Option<Vec<u8>> = Meta(connection).read(MetaKey::Home)?;
    match bytes {
        None => Ok(HomeState::default()),
        Some(bytes) => Ok(HomeState::restore(&zeroize::Zeroizing::new(bytes))?),
    }
}

fn frozen(journal: &str, alarm: &str) -> Error {
    let check = alarm.split(' ').next().unwrap_or_default().to_owned();
    Error::User(
        Failure::new(
            Code::VerificationFailed,
            format!("stopped by an earlier alarm: {alarm}"),
        )
        .object(journal)
        .check(check)
        .hint(crate::ops::LOOK),
    )
}

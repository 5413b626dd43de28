//! The bell: who wants to know when a journal grows, or something comes into the inbox. Ringing puts the newest place into each
//! listener's box and never waits; a slow listener finds only the newest there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crannog_proto::JournalId;
use crannog_proto::api::{Ring, Rung};
use tokio::sync::Notify;

use crate::store::AccountKey;

/// All listeners of this server.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    listeners: Mutex<HashMap<JournalId, Vec<Weak<Listener>>>>,
    all: Mutex<Vec<Weak<Listener>>>,
}

/// One client's box.
#[derive(Debug)]
pub(crate) struct Listener {
    account: AccountKey,
    inside: Mutex<Inside>,
    notify: Notify,
}

#[derive(Debug, Default)]
struct Inside {
    held: HashMap<JournalId, Held>,
    waiting: Vec<JournalId>,
    /// Something came into the account's inbox.
    inbox: bool,
    closed: bool,
}

#[derive(Debug)]
struct Held {
    /// The epoch whose token was shown: it hears that epoch's entries and the rekey that ends it.
    epoch: u64,
    newest: Option<u64>,
    ring: Option<Ring>,
}

/// What a listener finds in its box.
#[derive(Debug)]
pub(crate) enum Heard {
    /// This is new.
    Rungs(Vec<Rung>),
    /// The account was suspended or deleted, or the server stops.
    Closed,
}

impl Bell {
    /// A box for a client.
    pub(crate) fn listen(&self, account: AccountKey) -> Arc<Listener> {
        let listener = Arc::new(Listener {
            account,
            inside: Mutex::default(),
            notify: Notify::new(),
        });
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.strong_count() > 0);
        all.push(Arc::downgrade(&listener));
        listener
    }

    /// Replaces what a client holds: (journal, epoch of its token).
    pub(crate) fn hold(&self, listener: &Arc<Listener>, journals: &[(JournalId, u64)]) {
        {
            let mut inside = listener.inside.lock().unwrap_or_else(PoisonError::into_inner);
            inside.waiting.clear();
            inside.held = journals
                .iter()
                .map(|(id, epoch)| {
                    (
                        *id,
                        Held {
                            epoch: *epoch,
                            newest: None,
                            ring: None,
                        },
                    )
                })
                .collect();
        }
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        for (journal, _) in journals {
            let list = listeners.entry(*journal).or_default();
            list.retain(|other| other.strong_count() > 0 && !Weak::ptr_eq(other, &Arc::downgrade(listener)));
            list.push(Arc::downgrade(listener));
        }
    }

    /// An entry of this epoch was appended.
    pub(crate) fn ring(&self, epoch: u64, ring: &Ring) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(list) = listeners.get_mut(&ring.last.journal) else {
            return;
        };
        list.retain(|listener| {
            listener
                .upgrade()
                .is_some_and(|listener| listener.put(epoch, ring))
        });
        if list.is_empty() {
            listeners.remove(&ring.last.journal);
        }
    }

    /// Something came into this account's inbox.
    pub(crate) fn dropped(&self, account: AccountKey) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        for listener in all.iter().filter_map(Weak::upgrade) {
            if listener.account == account {
                listener.put_inbox();
            }
        }
    }

    /// Ends the bells of an account, or all.
    pub(crate) fn close(&self, account: Option<AccountKey>) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        for listener in all.iter().filter_map(Weak::upgrade) {
            if account.is_none_or(|account| account == listener.account) {
                listener
                    .inside
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .closed = true;
                listener.notify.notify_one();
            }
        }
    }
}

impl Listener {
    /// Puts a ring into the box, if it is newer; says whether the journal is still held.
    pub(crate) fn put(&self, epoch: u64, ring: &Ring) -> bool {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let inside = &mut *inside;
        let Some(held) = inside.held.get_mut(&ring.last.journal) else {
            return false;
        };
        if held.epoch != epoch || held.newest.is_some_and(|newest| newest >= ring.last.seq) {
            return true;
        }
        held.newest = Some(ring.last.seq);
        if held.ring.replace(ring.clone()).is_none() {
            inside.waiting.push(ring.last.journal);
        }
        self.notify.notify_one();
        true
    }

    /// Puts word into the box that something lies in the inbox.
    pub(crate) fn put_inbox(&self) {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner).inbox = true;
        self.notify.notify_one();
    }

    /// Waits until there is something in the box, and takes all of it.
    pub(crate) async fn hear(&self) -> Heard {
        loop {
            {
                let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
                let inside = &mut *inside;
                if inside.closed {
                    return Heard::Closed;
                }
                let held = &mut inside.held;
                let rings = inside
                    .waiting
                    .drain(..)
                    .filter_map(|id| held.get_mut(&id).and_then(|held| held.ring.take()))
                    .map(|ring| Rung::Journal(Box::new(ring)));
                let inbox = std::mem::take(&mut inside.inbox).then_some(Rung::Inbox);
                let rungs: Vec<Rung> = rings.chain(inbox).collect();
                if !rungs.is_empty() {
                    return Heard::Rungs(rungs);
                }
            }
            self.notify.notified().await;
        }
    }
}

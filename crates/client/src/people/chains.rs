//! Sigchains: one's own and those of everyone whom a list, a note or a person at the keyboard has named.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use crannog_agent_api::answer::NewsKind;
use crannog_core::check::Check;
use crannog_core::identity::{Expected, KnownChain};
use crannog_core::journal::JournalState;
use crannog_proto::AccountId;
use crannog_proto::api::DirectoryEntry;
use crannog_proto::sigchain::SigchainState;
use rusqlite::Connection;

use super::watch::Happened;
use crate::account::{Account, chain_refused};
use crate::db::{DbError, People};
use crate::error::{Error, Result};
use crate::shared::Shared;

/// Other people's chains.
pub(crate) type Others = HashMap<AccountId, Arc<KnownChain>>;

/// Every sigchain as known at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Chains {
    own: Arc<Account>,
    others: Arc<Others>,
}

impl Chains {
    /// What a chain says; `None` for someone never asked for.
    pub(crate) fn state(&self, account: &AccountId) -> Option<&SigchainState> {
        let own = self.own.known.state();
        if own.account == *account {
            return Some(own);
        }
        self.others.get(account).map(|known| known.state())
    }

    /// All but one's own.
    pub(crate) fn others(&self) -> impl Iterator<Item = &SigchainState> {
        self.others.values().map(|known| known.state())
    }

    /// The chain as it was served.
    pub(crate) fn known(&self, account: &AccountId) -> Option<&KnownChain> {
        if self.own.known.state().account == *account {
            return Some(&self.own.known);
        }
        self.others.get(account).map(AsRef::as_ref)
    }
}

/// Where they are kept while the engine runs.
#[derive(Debug)]
pub(crate) struct ChainStore {
    others: RwLock<Arc<Others>>,
    /// Held while an answer of the directory takes the place of what is known.
    following: tokio::sync::Mutex<()>,
}

impl ChainStore {
    pub(crate) fn load(connection: &Connection) -> Result<Self, DbError> {
        let chains = People(connection).chains()?;
        let others = chains
            .into_iter()
            .map(|known| (known.state().account, Arc::new(known)))
            .collect();
        Ok(Self {
            others: RwLock::new(Arc::new(others)),
            following: tokio::sync::Mutex::new(()),
        })
    }

    fn others(&self) -> Arc<Others> {
        Arc::clone(&self.others.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, known: Arc<KnownChain>) {
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut others).insert(known.state().account, known);
    }
}

impl Shared {
    /// All chains as known now.
    pub(crate) fn chains(&self) -> Chains {
        Chains {
            own: self.account(),
            others: self.chain_store.others(),
        }
    }

    /// Asks the directory for someone's chain; what it says must continue what is known (CHK-006, CHK-007).
    pub(crate) async fn follow_chain(self: &Arc<Self>, account: &AccountId) -> Result<()> {
        if self.is_me(account) {
            return self.refresh_account().await;
        }
        let entry = self.retry(|| self.transport.directory_of(account)).await?;
        self.take_chain(Some(*account), entry).await.map(drop)
    }

    /// Whether another person made this journal, and closed her account by her words. What the directory says of that is believed only with
    /// her root's signature.
    pub(crate) async fn ended_with_its_maker(&self, state: &JournalState) -> bool {
        let Some(creator) = state.creator().filter(|creator| !self.is_me(creator)) else {
            return false;
        };
        if !self.has_closed(&creator)
            && let Ok(entry) = self.retry(|| self.transport.directory_of(&creator)).await
            && let Err(error) = self.take_chain(Some(creator), entry).await
        {
            tracing::info!(%error, "what the directory says of the maker of a journal");
        }
        self.has_closed(&creator)
    }

    /// Her root has closed this person's account.
    pub(crate) fn has_closed(&self, account: &AccountId) -> bool {
        self.chains().state(account).is_some_and(|chain| chain.closed)
    }

    /// Asks the directory for a name. A name that is pinned to another account is CHK-008.
    pub(crate) async fn find_person(self: &Arc<Self>, name: &str) -> Result<AccountId> {
        if name == self.identity.name {
            return Ok(self.identity.account);
        }
        let entry = self.retry(|| self.transport.directory(name)).await?;
        let account = self.take_chain(None, entry).await?;
        self.refuse_impostor(name, &account)?;
        Ok(account)
    }

    /// CHK-008: a name that was pinned is still the same account's, and one's own is nobody else's.
    pub(crate) fn refuse_impostor(&self, name: &str, account: &AccountId) -> Result<()> {
        let home = self.home();
        let mut pinned = home.pins().filter(|(_, pin)| pin.name == name);
        let own = name == self.identity.name && !self.is_me(account);
        if own || pinned.any(|(known, _)| known != account) {
            return Err(Error::lied(
                Check::Root,
                format!("{name}, who was another account before"),
            ));
        }
        Ok(())
    }

    async fn take_chain(&self, wanted: Option<AccountId>, entry: DirectoryEntry) -> Result<AccountId> {
        let _following = self.chain_store.following.lock().await;
        let DirectoryEntry { name, links } = entry;
        // What is known already was verified then.
        if let Some(account) = wanted
            && let Some(known) = self.chain_store.others().get(&account)
            && known.links() == links
            && known.state().name == name
        {
            return Ok(account);
        }
        let refused = |error| chain_refused(&name, error);
        let expected = Expected {
            name: Some(&name),
            account: wanted,
            root: None,
        };
        let fresh = KnownChain::first(links, &expected).map_err(refused)?;
        let account = fresh.state().account;
        let next = match self.chain_store.others().get(&account) {
            Some(known) if known.links() == fresh.links() => return Ok(account),
            Some(known) => known.follow(fresh.links().to_vec()).map_err(refused)?.0,
            None => fresh,
        };
        let next = Arc::new(next);
        let saved = Arc::clone(&next);
        self.db
            .write(move |tx| People(tx).save_chain(&account, &saved))
            .await?;
        let changed_before = self.root_changed(&account);
        self.chain_store.publish(next);
        if self.root_changed(&account) && !changed_before {
            let who = self.name_of_person(&account);
            let mut happened = Happened::new(
                NewsKind::Alarm,
                None,
                format!("the root of {who} changed: crannog contacts"),
            );
            happened.check = Some(Check::Root);
            self.news.tell(happened);
        }
        Ok(account)
    }

    /// Asks for the chains of everyone in a journal's list again who was not `followed` just now. One that the directory cannot give now
    /// holds up nobody: entries that need it ask again.
    pub(crate) async fn follow_members(
        self: &Arc<Self>,
        state: &JournalState,
        followed: &mut HashSet<AccountId>,
    ) -> Result<()> {
        for member in state.members() {
            if self.is_me(&member.account) || !followed.insert(member.account) {
                continue;
            }
            match self.follow_chain(&member.account).await {
                Err(error) if error.server_code().is_some() => {
                    tracing::info!(account = %member.account, %error, "the directory does not know a member");
                }
                other => other?,
            }
        }
        Ok(())
    }
}

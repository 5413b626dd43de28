//! Keys follow people: before anything new is sealed, a journal's list must hold nobody who shall go, and cite no outdated sigchain
//! (`docs/spec/membership.md`).

use std::sync::Arc;

use crannog_agent_api::{Code, Failure};
use crannog_core::check::Check;
use crannog_core::identity::HomeOp;
use crannog_core::journal::{
    Content, EpochGrant, JournalKind, JournalState, Member, RekeyDraft, Role, SealedRekey, seal_rekey,
};
use crannog_proto::api::AppendResult;
use crannog_proto::{AccountId, EntryId, ErrorCode, Seen, Signer, encode};
use rand::Rng;
use zeroize::Zeroizing;

use crate::clock;
use crate::error::{Error, Result};
use crate::journal::{Draft, Journal};
use crate::people::Chains;
use crate::shared::Shared;
use crate::transport::{Policy, TransportError, retry};

/// How often a rekey is tried again because another device's came first.
const ATTEMPTS: usize = 8;

/// People and their roles, to be in the next list whether or not they are in the current one.
pub(crate) type Wanted = Vec<(AccountId, Role)>;

impl Shared {
    /// Rekeys a journal whose member list is outdated (CHK-032): it cites a generation that is no longer the current one, or has someone
    /// whose removal was decided. It is repeated until it holds, also after a crash.
    pub(crate) async fn ensure_current_members(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let state = journal.state();
            if state.last().is_none() || state.is_closed() || state.is_removed() {
                return Ok(());
            }
            if !self.is_outdated(&state) {
                return self.settle_removals(journal).await;
            }
            match state.role() {
                Some(Role::Admin | Role::Writer) => Box::pin(self.rekey(journal, &Vec::new())).await?,
                Some(Role::Append | Role::Reader) => return Box::pin(self.ask_for_refresh(journal)).await,
                None => return Ok(()),
            }
        }
        Err(self.too_fast(journal))
    }

    /// CHK-032, as far as this account can carry removals out.
    pub(crate) fn is_outdated(&self, state: &JournalState) -> bool {
        let chains = self.chains();
        // Nothing is sealed to the new keys of someone whose root changed before anybody has looked (CHK-008).
        let looked_at = |id: &AccountId| chains.state(id).filter(|_| !self.root_changed(id));
        state.outdated(&looked_at, &self.removals(state))
    }

    /// Rekeys until everyone who is wanted is in the list with that role.
    pub(crate) async fn admit(self: &Arc<Self>, journal: &Arc<Journal>, wanted: &Wanted) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let state = journal.state();
            let there = |(account, role): &(AccountId, Role)| {
                let mut members = state.members().iter();
                members.any(|member| member.account == *account && member.role == *role)
            };
            if wanted.iter().all(there) {
                return Ok(());
            }
            if state.role() != Some(Role::Admin) {
                return Err(not_admin(&self.drive_name(&journal.id)));
            }
            Box::pin(self.rekey(journal, wanted)).await?;
        }
        Err(self.too_fast(journal))
    }

    /// Fresh keys for the same people.
    pub(crate) async fn renew(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        Box::pin(self.rekey(journal, &Vec::new())).await
    }

    fn too_fast(&self, journal: &Journal) -> Error {
        Error::User(
            Failure::new(Code::TryAgain, "another device keeps changing the keys")
                .object(self.name_of(&journal.id)),
        )
    }

    /// Whose removal was decided, as far as this account can carry it out.
    fn removals(&self, state: &JournalState) -> Vec<AccountId> {
        if state.role() != Some(Role::Admin) {
            return Vec::new();
        }
        self.home().removals(state.id()).copied().collect()
    }

    /// Whoever is gone may come back: what was decided is done.
    async fn settle_removals(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let (state, home) = (journal.state(), self.home());
        let members = state.members();
        let gone = |account: &&AccountId| !members.iter().any(|member| member.account == **account);
        let done = home
            .removals(&journal.id)
            .filter(gone)
            .map(|account| HomeOp::Removal {
                journal: journal.id,
                account: *account,
                wanted: false,
            });
        let done: Vec<HomeOp> = done.collect();
        if done.is_empty() {
            return Ok(());
        }
        Box::pin(self.append_home(done)).await
    }

    async fn rekey(self: &Arc<Self>, journal: &Arc<Journal>, wanted: &Wanted) -> Result<()> {
        self.refuse_frozen(journal).await?;
        let on = journal.state();
        let rekey = self.seal_rekey(&on, wanted).await?;
        if on.kind() != JournalKind::Home {
            let op = HomeOp::Secrets {
                journal: journal.id,
                kind: on.kind(),
                epoch: on.epoch().unwrap_or(0) + 1,
                grant: rekey.grant,
            };
            self.append_home(vec![op]).await?;
        }
        match self.send_entry(journal, &rekey.sealed, &[]).await? {
            AppendResult::Done(receipt) => self
                .acknowledged(journal, rekey.sealed, receipt, None)
                .await
                .map(drop),
            AppendResult::Refused { code } => match code.parse() {
                Ok(ErrorCode::StaleEpoch | ErrorCode::StaleSeen) => {
                    self.catch_up(journal).await?;
                    self.refuse_outdated(journal, on.last()).await?;
                    self.mend_grant(journal).await
                }
                Ok(code) => Err(TransportError::Server {
                    code,
                    ids: Vec::new(),
                    retry_after: None,
                }
                .into()),
                Err(_) => Err(TransportError::UnknownStatus { status: 200 }.into()),
            },
            AppendResult::Missing(ids) => Err(TransportError::Server {
                code: ErrorCode::NotFound,
                ids,
                retry_after: None,
            }
            .into()),
        }
    }

    /// CHK-032: a server that refuses a rekey because another entry came first shows that entry.
    async fn refuse_outdated(&self, journal: &Arc<Journal>, on: Option<&Seen>) -> Result<()> {
        let shown = journal.state().last() != on;
        self.check(&journal.id, if shown { Ok(()) } else { Err(Check::OutdatedList) })
            .await
    }

    /// Home must hold the secrets of the epoch that is, for devices that begin with home alone. Where two devices rekeyed at once, those
    /// of the one that lost may stand there: the ones that were proved against the header replace them.
    pub(crate) async fn mend_grant(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let (state, home) = (journal.state(), self.home());
        let known = home.journals().any(|(id, ..)| id == journal.id);
        let Some(epoch) = state
            .epoch()
            .filter(|_| state.kind() != JournalKind::Home && known && !state.is_removed())
        else {
            return Ok(());
        };
        // A refresh keeps the admin key of an earlier epoch: that one is needed too.
        let admin = (0..epoch)
            .rev()
            .find(|epoch| state.grant(*epoch).is_some_and(|grant| grant.admin.is_some()));
        let bytes = |grant: &EpochGrant| Zeroizing::new(encode(grant));
        let mend = |epoch: u64| {
            let own = state.grant(epoch)?;
            let recorded = home.secrets(&journal.id, epoch);
            let there = recorded.is_some_and(|recorded| bytes(recorded) == bytes(own));
            (!there).then(|| HomeOp::Secrets {
                journal: journal.id,
                kind: state.kind(),
                epoch,
                grant: own.clone(),
            })
        };
        let ops: Vec<HomeOp> = admin.into_iter().chain([epoch]).filter_map(mend).collect();
        if ops.is_empty() {
            return Ok(());
        }
        self.append_home(ops).await
    }

    async fn seal_rekey(self: &Arc<Self>, state: &Arc<JournalState>, wanted: &Wanted) -> Result<SealedRekey> {
        let people = state.members().iter().map(|member| member.account);
        for account in people.chain(wanted.iter().map(|(account, _)| *account)) {
            if self.chains().state(&account).is_none() {
                self.follow_chain(&account).await?;
            }
        }
        let (shared, state, wanted) = (Arc::clone(self), Arc::clone(state), wanted.clone());
        let sealed = tokio::task::spawn_blocking(move || {
            let (account, chains) = (shared.account(), shared.chains());
            let mut rng = rand::rng();
            let mut entry = EntryId::ZERO;
            rng.fill_bytes(&mut entry.0);
            let next = state.epoch().unwrap_or(0) + 1;
            let secrets = match state.kind() {
                JournalKind::Home => Some(
                    account
                        .secrets
                        .home_grant(state.id(), next)?
                        .secrets(state.id(), next),
                ),
                _ => None,
            };
            let draft = RekeyDraft {
                entry,
                signer: if state.role() == Some(Role::Admin) {
                    Signer::Admin
                } else {
                    Signer::Writer
                },
                members: next_list(&shared, &state, &chains, &wanted)?,
                secrets,
                time: clock::now_ms(),
                device_name: &shared.identity.device_name,
                cites: vec![account.known.state().cite()],
            };
            let ground = state.ground(shared.author(), &shared.device_keys.signing)?;
            Some(seal_rekey(
                &state,
                &ground,
                draft,
                &|id| chains.state(id),
                &mut rng,
            ))
        });
        match sealed.await.map_err(Error::task)? {
            Some(Ok(sealed)) => Ok(sealed),
            Some(Err(error)) => Err(Error::User(Failure::new(Code::Internal, error.to_string()))),
            None => Err(Error::User(Failure::new(
                Code::Internal,
                "the keys for a rekey are not at hand",
            ))),
        }
    }

    /// Appends operations to home.
    pub(crate) async fn append_home(self: &Arc<Self>, ops: Vec<HomeOp>) -> Result<()> {
        let home = self.home_journal()?;
        self.append(&home, Draft::change(Content::Home(ops)))
            .await
            .map(drop)
    }

    /// What a reader misses may lie in a newer generation, or in home.
    pub(crate) async fn refresh_secrets(self: &Arc<Self>, journal: &crannog_proto::JournalId) -> Result<()> {
        self.refresh_account().await?;
        if *journal == self.identity.home {
            return Ok(());
        }
        let home = self.home_journal()?;
        Box::pin(self.catch_up(&home)).await
    }

    /// Calls until it works, fails for good, or about ten seconds are over.
    pub(crate) async fn retry<T, F>(&self, op: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, TransportError>>,
    {
        Ok(retry(Policy::PROMPT, op).await?)
    }
}

/// Who is in the list after this one: everybody who stays, cited anew (but for someone whose root changed), and whoever is wanted.
fn next_list(shared: &Shared, state: &JournalState, chains: &Chains, wanted: &Wanted) -> Option<Vec<Member>> {
    let gone = shared.removals(state);
    let role = |account: &AccountId| {
        let asked = wanted.iter().find(|(wanted, _)| wanted == account);
        asked.map(|(_, role)| *role)
    };
    let stay = state
        .members()
        .iter()
        .filter(|member| !gone.contains(&member.account));
    let stay = stay.map(|member| (member.account, role(&member.account).unwrap_or(member.role)));
    let known = |account: &AccountId| state.members().iter().any(|member| member.account == *account);
    let new = wanted.iter().filter(|(account, _)| !known(account)).copied();
    let before = |account: &AccountId| state.members().iter().find(|member| member.account == *account);
    stay.chain(new)
        .map(|(account, role)| {
            let chain = match before(&account) {
                Some(member) if shared.root_changed(&account) => member.chain,
                _ => chains.state(&account)?.cite(),
            };
            Some(Member { account, role, chain })
        })
        .collect()
}

pub(crate) fn not_admin(drive: &str) -> Error {
    Failure::new(Code::Conflict, "only an admin of this share may do that")
        .object(drive)
        .hint("crannog members shows who is one")
        .into()
}

//! Keys follow people: before anything new is sealed, a journal's epoch must not cite an outdated sigchain.

use std::sync::Arc;

use crannog_agent_api::{Code, Failure};
use crannog_core::identity::HomeOp;
use crannog_core::journal::{
    Content, EpochGrant, JournalKind, Member, RekeyDraft, Role, SealedRekey, seal_rekey,
};
use crannog_proto::api::AppendResult;
use crannog_proto::{EntryId, ErrorCode, Signer, encode};
use rand::Rng;
use zeroize::Zeroizing;

use crate::clock;
use crate::error::{Error, Result};
use crate::journal::{Draft, Journal};
use crate::shared::Shared;
use crate::transport::{Policy, TransportError, retry};

/// How often a rekey is tried again because another device's came first.
const ATTEMPTS: usize = 8;

impl Shared {
    /// Rekeys a journal whose member list cites a generation that is no longer the current one. After a recovery or a revocation this
    /// locks the lost device out; it is repeated until it holds, also after a crash.
    pub(crate) async fn ensure_current_members(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let (account, state) = (self.account(), journal.state());
            let chain = account.known.state();
            if state.last().is_none()
                || state.is_closed()
                || !state.needs_refresh(&|id| self.is_me(id).then_some(chain))
            {
                return Ok(());
            }
            Box::pin(self.rekey(journal)).await?;
        }
        Err(Error::User(
            Failure::new(Code::TryAgain, "another device keeps changing the keys")
                .object(self.name_of(&journal.id)),
        ))
    }

    async fn rekey(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let rekey = self.seal_rekey(journal).await?;
        if journal.state().kind() != JournalKind::Home {
            let epoch = journal.state().epoch().unwrap_or(0) + 1;
            let op = HomeOp::Secrets {
                journal: journal.id,
                kind: journal.state().kind(),
                epoch,
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

    /// Home must hold the secrets of the epoch that is, for devices that begin with home alone. Where two devices rekeyed at once, those
    /// of the one that lost may stand there: the ones that were proved against the header replace them.
    pub(crate) async fn mend_grant(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let state = journal.state();
        let Some(epoch) = state.epoch().filter(|_| state.kind() != JournalKind::Home) else {
            return Ok(());
        };
        let home = self.home();
        let known = home.journals().any(|(id, ..)| id == journal.id);
        let (Some(own), true) = (state.grant(epoch), known) else {
            return Ok(());
        };
        let bytes = |grant: &EpochGrant| Zeroizing::new(encode(grant));
        if home
            .secrets(&journal.id, epoch)
            .is_some_and(|recorded| bytes(recorded) == bytes(own))
        {
            return Ok(());
        }
        let op = HomeOp::Secrets {
            journal: journal.id,
            kind: state.kind(),
            epoch,
            grant: own.clone(),
        };
        self.append_home(vec![op]).await
    }

    async fn seal_rekey(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<SealedRekey> {
        let (shared, state, account) = (Arc::clone(self), journal.state(), self.account());
        let sealed = tokio::task::spawn_blocking(move || {
            let chain = account.known.state();
            let cite = chain.cite();
            let mut rng = rand::rng();
            let mut entry = EntryId::ZERO;
            rng.fill_bytes(&mut entry.0);
            let renew = |member: &Member| {
                let chain = if shared.is_me(&member.account) {
                    cite
                } else {
                    member.chain
                };
                Member {
                    account: member.account,
                    role: member.role,
                    chain,
                }
            };
            let next = state.epoch().unwrap_or(0) + 1;
            let home = state.kind() == JournalKind::Home;
            let draft = RekeyDraft {
                entry,
                signer: if state.role() == Some(Role::Admin) {
                    Signer::Admin
                } else {
                    Signer::Writer
                },
                members: state.members().iter().map(renew).collect(),
                secrets: if home {
                    Some(
                        account
                            .secrets
                            .home_grant(state.id(), next)?
                            .secrets(state.id(), next),
                    )
                } else {
                    None
                },
                time: clock::now_ms(),
                device_name: &shared.identity.device_name,
                cites: vec![cite],
            };
            let ground = state.ground(shared.author(), &shared.device_keys.signing)?;
            let chains = |id: &crannog_proto::AccountId| shared.is_me(id).then_some(chain);
            Some(seal_rekey(&state, &ground, draft, &chains, &mut rng))
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

//! Sigchains come first: who may log in, and whose entries may be read, hangs on them.

use std::sync::Arc;

use crannog_agent_api::answer::HealedChain;
use crannog_agent_api::{Code, Failure, Secret};
use crannog_core::check::Check;
use crannog_core::identity::KnownChain;
use crannog_proto::ErrorCode;
use crannog_proto::api::LostAccount;

use crate::account::chain_refused;
use crate::db::RawEntries;
use crate::error::{Error, Result};
use crate::shared::Shared;

/// What a server says of a sigchain, held against the one that is known.
enum Served {
    /// It is whole.
    Whole,
    /// So many links are lacking.
    Lacks(usize),
    /// It lets this device in no more: all that can be said without asking further.
    Nothing,
}

impl Shared {
    /// Gives the own sigchain back, secrets and all. `None` if nothing of it is lacking.
    pub(super) async fn heal_own_chain(
        self: &Arc<Self>,
        invite: Option<&Secret>,
        dry_run: bool,
    ) -> Result<Option<OwnChain>> {
        let account = self.account();
        let served = self.own_chain_served(&account.known).await?;
        let links = match served {
            Served::Whole => return Ok(None),
            Served::Lacks(links) => links,
            Served::Nothing => account.known.links().len(),
        };
        let lets_in = !matches!(served, Served::Nothing);
        if !dry_run {
            self.give_back_account(invite).await?;
            // Nothing is believed: what it shows now is the chain that is known (CHK-007).
            self.refresh_account().await?;
        }
        let note = (!lets_in && dry_run)
            .then(|| "the server does not let this device in: what else it lacks shows then".to_owned());
        Ok(Some(OwnChain {
            chain: HealedChain {
                name: self.identity.name.clone(),
                links: links as u64,
                note,
            },
            lets_in: lets_in || !dry_run,
        }))
    }

    /// Whether the server answers this device's questions.
    pub(super) async fn is_let_in(&self) -> Result<bool> {
        match self.retry(|| self.transport.account()).await {
            Ok(_) => Ok(true),
            Err(error) if error.server_code() == Some(ErrorCode::Unauthorized) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn own_chain_served(&self, known: &KnownChain) -> Result<Served> {
        let view = match self.retry(|| self.transport.account()).await {
            Err(error) if error.server_code() == Some(ErrorCode::Unauthorized) => return Ok(Served::Nothing),
            view => view?,
        };
        let lacking = known
            .beyond(view.links)
            .map_err(|error| chain_refused(&self.identity.name, error))?;
        Ok(match lacking {
            0 => Served::Whole,
            links => Served::Lacks(links),
        })
    }

    async fn give_back_account(self: &Arc<Self>, invite: Option<&Secret>) -> Result<()> {
        let account = self.account();
        let lost = match invite {
            Some(invite) => Some(self.lost_account(invite).await?),
            None => None,
        };
        let (of, chain) = (Arc::clone(&account), account.known.state().clone());
        let sealed = tokio::task::spawn_blocking(move || of.secrets.seal_again(&chain, &mut rand::rng()));
        let sealed = sealed
            .await
            .map_err(Error::task)?
            .map_err(|error| Error::User(Failure::new(Code::Internal, error.to_string())))?;
        let links = account.known.links();
        let given = self
            .retry(|| self.transport.give_back_account(links, &sealed, lost.as_ref()))
            .await;
        given.map_err(|error| match error.server_code() {
            Some(ErrorCode::NotFound) => unknown_account(),
            // CHK-007: it holds another past of this account.
            Some(ErrorCode::BadChain) => Error::lied(
                Check::ChainFloor,
                format!("the sigchain of {}", self.identity.name),
            ),
            _ => error,
        })
    }

    /// With home's first entry the server can make the account again.
    async fn lost_account(&self, invite: &Secret) -> Result<LostAccount> {
        let row = self.home_journal()?.row;
        let first = self.db.read(move |c| RawEntries(c).run(row, 0, 1, 0)).await?;
        let Some(genesis) = first.into_iter().next() else {
            let failure = Failure::new(Code::NotFound, "this device does not hold the beginning of home");
            return Err(Error::User(failure.hint("another device of this account may")));
        };
        Ok(LostAccount {
            invite: invite.0.to_string(),
            home: genesis.entry,
        })
    }

    /// Gives back sigchains of others, whose entries come back too: nobody could read those without them. Says, too, who lied.
    pub(super) async fn heal_other_chains(
        self: &Arc<Self>,
        dry_run: bool,
    ) -> Result<(Vec<HealedChain>, Option<Failure>)> {
        let (mut chains, mut lie) = (Vec::new(), None);
        let known = self.chains();
        let mut others: Vec<_> = known.others().map(|chain| chain.account).collect();
        others.sort_unstable();
        for account in others {
            let Some(chain) = known.known(&account) else {
                continue;
            };
            match self.heal_chain(chain, dry_run).await {
                Ok(0) => {}
                Ok(links) => chains.push(HealedChain {
                    name: chain.state().name.clone(),
                    links: links as u64,
                    note: None,
                }),
                Err(error) => {
                    // One chain that stays behind holds up nothing else.
                    let failure = match error.server_code() {
                        Some(_) => Failure::from(error),
                        None => super::its_own(error)?,
                    };
                    chains.push(HealedChain {
                        name: chain.state().name.clone(),
                        links: 0,
                        note: Some(failure.to_string()),
                    });
                    let lied = failure.code == Code::VerificationFailed;
                    lie = lie.or(lied.then_some(failure));
                }
            }
        }
        Ok((chains, lie))
    }

    async fn heal_chain(self: &Arc<Self>, known: &KnownChain, dry_run: bool) -> Result<usize> {
        let (account, name) = (known.state().account, &known.state().name);
        let served = match self.retry(|| self.transport.directory_of(&account)).await {
            Ok(entry) => Some(entry.links),
            Err(error) if error.server_code() == Some(ErrorCode::NotFound) => None,
            Err(error) => return Err(error),
        };
        let lacking = match served {
            Some(links) => known.beyond(links).map_err(|error| chain_refused(name, error))?,
            None => known.links().len(),
        };
        if lacking > 0 && !dry_run {
            self.retry(|| self.transport.give_back_chain(known.links()))
                .await?;
            self.follow_chain(&account).await?;
        }
        Ok(lacking)
    }
}

/// What became of the own sigchain.
pub(super) struct OwnChain {
    pub(super) chain: HealedChain,
    /// Whether the server answers this device's other questions.
    pub(super) lets_in: bool,
}

fn unknown_account() -> Error {
    let failure = Failure::new(Code::NotFound, "the server does not know this account any more");
    let hint = "ask the operator for an invite: crannog heal --invite-file FILE";
    Error::User(failure.hint(hint))
}

//! After a restore: what the server lost and this device holds goes back to it.

mod chains;
mod lost;

use std::sync::Arc;

use crannog_agent_api::answer::{Healed, HealedChain, HealedJournal};
use crannog_agent_api::{Answer, Code, Failure, Secret};
use crannog_proto::ErrorCode;

use super::room::Room;
use crate::db::{DbError, Journals, Meta, MetaKey, RawEntries};
use crate::error::{Error, Result};
use crate::journal::{Journal, Standing};
use crate::shared::Shared;

/// What this device lacks, others may have.
const ELSEWHERE: &str = "another device may hold the rest: run crannog heal there";

impl Shared {
    /// Gives back what this device holds, once its person wants it: an old state is what a hostile server shows as well.
    pub(crate) async fn heal(self: &Arc<Self>, invite: Option<Secret>, dry_run: bool) -> Result<Answer> {
        let Some(healing) = self.retry(|| self.transport.healing()).await? else {
            let failure = Failure::new(
                Code::Conflict,
                "the server does not say that it was restored from a backup",
            );
            return Err(Error::User(
                failure.hint("if it was, the operator begins with it: crannogd healing begin"),
            ));
        };
        let mut healed = Healed {
            taken: healing.taken.saturating_mul(1000),
            dry_run,
            chains: Vec::new(),
            journals: Vec::new(),
            lost: Vec::new(),
        };
        let mut lie = None;
        match self.heal_own_chain(invite.as_ref(), dry_run).await {
            Ok(None) => {}
            Ok(Some(own)) => {
                healed.chains.push(own.chain);
                if !own.lets_in {
                    return Ok(Answer::Healed(healed));
                }
            }
            // A device that went may have been there first. That takes no journal from those whom the server lets in.
            Err(error @ Error::Lied { .. }) if self.is_let_in().await? => {
                let failure = Failure::from(error);
                healed.chains.push(HealedChain {
                    name: self.identity.name.clone(),
                    links: 0,
                    note: Some(failure.to_string()),
                });
                lie = Some(failure);
            }
            Err(error) => return Err(error),
        }
        let (others, lied) = self.heal_other_chains(dry_run).await?;
        healed.chains.extend(others);
        lie = lie.or(lied);
        for journal in self.in_order() {
            match self.heal_one(&journal, dry_run).await {
                Ok(one) => healed.journals.extend(one),
                // Home tells of all others; a chain that was refused before says why home is.
                Err(error) if journal.id == self.identity.home => return Err(lie.map_or(error, Into::into)),
                Err(error) => {
                    let failure = its_own(error)?;
                    let lied = failure.code == Code::VerificationFailed;
                    healed.journals.push(HealedJournal {
                        name: self.name_of(&journal.id),
                        entries: 0,
                        missing: match lied {
                            true => 0,
                            false => 1 + self.recorded_beyond(&journal, 0),
                        },
                        note: Some(failure.to_string()),
                    });
                    lie = lie.or(lied.then_some(failure));
                }
            }
        }
        if !dry_run {
            self.db
                .write(|tx| Meta(tx).write(MetaKey::Healing, &true))
                .await?;
            let mut room = Room::new();
            for journal in self.in_order() {
                let (lost, more) = self.lost_in(&journal, &mut room).await?;
                healed.lost.extend(lost);
                if more > 0 {
                    healed.journals.push(HealedJournal {
                        name: self.name_of(&journal.id),
                        entries: 0,
                        missing: 0,
                        note: Some(format!("{more} more versions are lost than this answer holds")),
                    });
                }
            }
            self.reconnect.notify_one();
        }
        match lie {
            // A plan is asked for by whoever goes on: it says what will be left out.
            Some(lie) if !dry_run => Err(lie.into()),
            _ => Ok(Answer::Healed(healed)),
        }
    }

    /// Home tells of all others, and what was made later may have taken over what lies in an earlier one.
    fn in_order(&self) -> Vec<Arc<Journal>> {
        let mut all = self.all_journals();
        all.sort_unstable_by_key(|journal| (journal.id != self.identity.home, journal.row));
        all
    }

    /// One journal that stays behind holds up no other.
    async fn heal_one(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        dry_run: bool,
    ) -> Result<Option<HealedJournal>> {
        let row = journal.row;
        let standing = self.standing(journal).await?;
        let mut one = HealedJournal {
            name: self.name_of(&journal.id),
            entries: 0,
            missing: 0,
            note: None,
        };
        let from = match standing {
            Standing::Level { end } => {
                one.missing = end.map_or(0, |end| self.recorded_beyond(journal, end));
                if one.missing > 0 {
                    one.note = Some(ELSEWHERE.to_owned());
                    return Ok(Some(one));
                }
                if !dry_run {
                    self.unfreeze(journal).await?;
                }
                return Ok(None);
            }
            Standing::Behind { from } => from,
            Standing::Gone => 0,
        };
        let next = journal.state().next_seq();
        let beyond = self.recorded_beyond(journal, next.saturating_sub(1));
        let lost = next.saturating_sub(from).saturating_add(beyond);
        one.missing = lost;
        let mine = journal.state().creator() == Some(self.identity.account);
        if standing == Standing::Gone && !mine {
            one.note = Some("the server lost all of it: its creator gives it back first".to_owned());
            return Ok(Some(one));
        }
        if dry_run {
            one.entries = self.db.read(move |c| RawEntries(c).count(row, from)).await?;
            one.missing = lost.saturating_sub(one.entries);
            return Ok(Some(one));
        }
        match self.restore_to_server(journal, standing, from).await {
            Ok(given) => {
                one.entries = given;
                one.missing = lost.saturating_sub(given);
            }
            // Whoever lies is no reason to go on.
            Err(error @ Error::Lied { .. }) => return Err(error),
            Err(error) => one.note = Some(Failure::from(error).to_string()),
        }
        if one.missing == 0 {
            self.unfreeze(journal).await?;
        } else if one.note.is_none() {
            one.note = Some(ELSEWHERE.to_owned());
        }
        Ok(Some(one))
    }

    async fn restore_to_server(&self, journal: &Arc<Journal>, standing: Standing, from: u64) -> Result<u64> {
        match standing {
            Standing::Gone if !self.create_back(journal).await? => Ok(0),
            Standing::Gone => Ok(1 + self.give_back(journal, 1).await?),
            _ => self.give_back(journal, from).await,
        }
    }

    /// How many entries behind this place devices of this account have seen, as home says: a server that shows less withholds them, or
    /// has yet to be given them back.
    fn recorded_beyond(&self, journal: &Journal, end: u64) -> u64 {
        let home = self.home();
        let farthest = home.heads(&journal.id).map(|(_, seen)| seen.seq).max();
        farthest.map_or(0, |farthest| farthest.saturating_sub(end))
    }

    /// The server has again what it had: the alarm that it had less is over, and reading on tells whether it is true.
    async fn unfreeze(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let id = journal.id;
        let home = self.home();
        let freed = self.db.write(
            move |tx| match Journals(tx).find(&id)?.and_then(|row| row.alarm) {
                None => Ok(true),
                Some(alarm) if alarm.starts_with("CHK-012") => Journals(tx).dismiss_alarm(&id).map(|()| true),
                Some(_) => Ok::<_, DbError>(false),
            },
        );
        if !freed.await? {
            return Ok(());
        }
        self.catch_up(journal).await?;
        self.compare_heads(journal, &home, true).await
    }
}

/// What concerns one journal alone: somebody lies about it, or the server has nothing of it that this device may read.
fn its_own(error: Error) -> Result<Failure> {
    let its_own = match &error {
        Error::Lied { .. } => true,
        Error::User(failure) => failure.code == Code::VerificationFailed,
        other => matches!(
            other.server_code(),
            Some(ErrorCode::NotFound | ErrorCode::Forbidden)
        ),
    };
    match its_own {
        true => Ok(Failure::from(error)),
        false => Err(error),
    }
}

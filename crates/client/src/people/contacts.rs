//! Contacts: pinned at first sight, looked at when their root changes.

use std::sync::Arc;

use crannog_agent_api::answer::ContactInfo;
use crannog_agent_api::{Answer, Code, Failure};
use crannog_core::check::Check;
use crannog_core::identity::{HomeOp, Pin, root_words};
use crannog_core::journal::JournalState;
use crannog_proto::AccountId;
use crannog_proto::sigchain::SigchainState;

use super::chains::Chains;
use crate::db::Heard;
use crate::error::{Error, Result};
use crate::shared::Shared;

impl Shared {
    /// The operation that pins someone whose chain is known; `None` if she is pinned, or another one of her name is.
    pub(crate) fn pin_op(&self, account: &AccountId) -> Option<HomeOp> {
        if self.is_me(account) || self.home().pin(account).is_some() || self.is_namesake(account) {
            return None;
        }
        let chains = self.chains();
        let chain = chains.state(account)?;
        Some(HomeOp::Pin {
            account: *account,
            name: chain.name.clone(),
            root: chain.root,
            chain: chain.cite(),
            verified: 0,
        })
    }

    /// Pins everyone in a list who is seen for the first time.
    pub(crate) async fn pin_members(self: &Arc<Self>, state: &JournalState) -> Result<()> {
        let members = state.members().iter();
        let ops: Vec<HomeOp> = members
            .filter_map(|member| self.pin_op(&member.account))
            .collect();
        if ops.is_empty() {
            return Ok(());
        }
        self.append_home(ops).await
    }

    /// CHK-008: nothing is sealed for, and nothing taken from, someone whose root changed before anyone has looked, or who goes by the
    /// name of someone who is pinned.
    pub(crate) fn refuse_changed_root(&self, account: &AccountId) -> Result<()> {
        if self.is_namesake(account) {
            return Err(Error::lied(Check::Root, self.name_of_person(account)));
        }
        if !self.root_changed(account) {
            return Ok(());
        }
        let name = self.name_of_person(account);
        let failure = Failure::new(Code::VerificationFailed, Check::Root.text())
            .object(name.clone())
            .check("CHK-008")
            .hint(format!(
                "{name} made new words, or someone pretends to be her: ask her, compare the words of `crannog contacts`, then crannog contacts --trust {name}"
            ));
        Err(Error::User(failure))
    }

    /// The same for everyone in a list.
    pub(crate) fn refuse_changed_roots(&self, state: &JournalState) -> Result<()> {
        let mut members = state.members().iter();
        members.try_for_each(|member| self.refuse_changed_root(&member.account))
    }

    /// Who a name at the keyboard means: a contact, or someone the directory knows.
    pub(crate) async fn contact(self: &Arc<Self>, name: &str) -> Result<AccountId> {
        crate::join::check_name(name)?;
        match self.find_person(name).await {
            Err(error) if error.server_code() == Some(crannog_proto::ErrorCode::NotFound) => {
                let failure = Failure::new(Code::NotFound, "this server knows nobody of this name");
                Err(failure
                    .object(name)
                    .hint("names are those of accounts on the same server; ask how she is called there")
                    .into())
            }
            Ok(account) if self.has_closed(&account) => Err(Failure::new(
                Code::NotFound,
                "she has closed her account for ever",
            )
            .object(name)
            .hint("if she has another one, ask her for its name")
            .into()),
            other => other,
        }
    }

    /// Who a name means among people that are known already; works without the server.
    pub(crate) fn known_person<'a>(
        &self,
        name: &str,
        among: impl Iterator<Item = &'a AccountId>,
    ) -> Option<AccountId> {
        let mut found = among.filter(|account| {
            self.name_of_person(account) == name || (name.len() >= 8 && account.to_string().starts_with(name))
        });
        found.next().filter(|_| found.next().is_none()).copied()
    }

    pub(crate) async fn contacts(self: &Arc<Self>) -> Result<Answer> {
        let home = self.home();
        let chains = self.chains();
        let mut contacts = Vec::new();
        for (account, pin) in home.pins() {
            let shares = self.all_journals().into_iter().filter(|journal| {
                let state = journal.state();
                !state.is_removed() && state.members().iter().any(|member| member.account == *account)
            });
            let asked = *account;
            let heard = self.db.read(move |c| Heard(c).of(&asked)).await?;
            let changed = chains.state(account).filter(|chain| chain.root != pin.root);
            let changed = changed.or_else(|| self.namesake_of(&chains, pin));
            contacts.push(ContactInfo {
                name: pin.name.clone(),
                account: account.to_string(),
                words: root_words(&pin.root),
                verified: pin.verified > 0,
                closed: self.has_closed(account),
                how: verified_how(pin.verified).map(str::to_owned),
                changed_to: changed.map(|chain| root_words(&chain.root)),
                shares: shares.map(|journal| self.drive_name(&journal.id)).collect(),
                heard: heard.into_values().max(),
            });
        }
        contacts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Answer::Contacts(contacts))
    }

    /// Another account that goes by a contact's name.
    fn namesake_of<'a>(&self, chains: &'a Chains, pin: &Pin) -> Option<&'a SigchainState> {
        let home = self.home();
        let mut namesakes = chains.others().filter(|chain| chain.name == pin.name);
        namesakes.find(|chain| home.pin(&chain.account).is_none())
    }

    /// Somebody looked at a changed root, with these words: it is pinned now, not verified.
    pub(crate) async fn trust_contact(self: &Arc<Self>, account: &str, words: &str) -> Result<Answer> {
        let home = self.home();
        let Some((account, pin)) = home.pins().find(|(known, _)| known.to_string() == account) else {
            let failure = Failure::new(Code::NotFound, "there is no such contact").object(account);
            return Err(failure.hint("crannog contacts lists them").into());
        };
        self.follow_chain(account).await?;
        let chains = self.chains();
        let chain = chains
            .state(account)
            .ok_or_else(|| crate::transfer::internal("a contact without a chain"))?;
        if let Some(other) = self.namesake_of(&chains, pin)
            && root_words(&other.root) == words
        {
            // The name leads to another account now; the one of before keeps what it has, under another name.
            let old = HomeOp::Pin {
                account: *account,
                name: format!("{} (before)", pin.name),
                root: pin.root,
                chain: pin.chain,
                verified: pin.verified,
            };
            let new = HomeOp::Pin {
                account: other.account,
                name: pin.name.clone(),
                root: other.root,
                chain: other.cite(),
                verified: 0,
            };
            self.append_home(vec![old, new]).await?;
            return Ok(Answer::Ok);
        }
        if root_words(&chain.root) != words {
            let failure = Failure::new(
                Code::Conflict,
                "her root is not the one with these words, or changed once more",
            );
            return Err(failure
                .object(pin.name.clone())
                .hint("crannog contacts shows the words as they are now")
                .into());
        }
        if chain.root != pin.root {
            self.append_home(vec![HomeOp::Pin {
                account: *account,
                name: pin.name.clone(),
                root: chain.root,
                chain: chain.cite(),
                verified: 0,
            }])
            .await?;
        }
        Ok(Answer::Ok)
    }
}

fn verified_how(verified: u8) -> Option<&'static str> {
    match verified {
        0 => None,
        1 => Some("qr"),
        2 => Some("word"),
        _ => Some("compared"),
    }
}

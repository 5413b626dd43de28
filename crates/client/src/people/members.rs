//! Who is in a share, and who shall go.

use std::collections::HashMap;
use std::sync::Arc;

use crannog_agent_api::answer::{Changed, MemberInfo};
use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use crannog_core::journal::{JournalState, Role};
use crannog_proto::AccountId;

use super::person::shown_role;
use crate::db::History;
use crate::error::Result;
use crate::journal::Journal;
use crate::membership::not_admin;
use crate::ops::usage;
use crate::shared::Shared;

impl Shared {
    /// The drive or share in which something lies.
    pub(crate) async fn share_of(&self, path: &RemotePath) -> Result<Arc<Journal>> {
        let spot = self.locate(path).await?;
        spot.look()?;
        Ok(spot.journal)
    }

    /// The share whose top is at a path: who changes its members names it, and nothing inside it.
    pub(super) async fn share_at(&self, path: &RemotePath) -> Result<Arc<Journal>> {
        let spot = self.locate(path).await?;
        spot.look()?;
        if spot.seat.is_some() || spot.path.components.is_empty() {
            return Ok(spot.journal);
        }
        let share = self.drive_name(&spot.journal.id);
        Err(usage(
            &format!("this is not a share, but something in {share}"),
            path,
            "crannog drive list shows the shares, and where each appears",
        ))
    }

    /// The same, if this account is its admin.
    pub(super) async fn own_share_at(&self, path: &RemotePath) -> Result<Arc<Journal>> {
        let journal = self.share_at(path).await?;
        match journal.state().role() {
            Some(Role::Admin) => Ok(journal),
            _ => Err(not_admin(&self.drive_name(&journal.id))),
        }
    }

    /// A member by name, or by the beginning of her account id.
    pub(super) fn member_named(
        &self,
        state: &JournalState,
        name: &str,
        path: &RemotePath,
    ) -> Result<AccountId> {
        let members = state.members().iter().map(|member| &member.account);
        self.known_person(name, members).ok_or_else(|| {
            Failure::new(Code::NotFound, "there is no such member")
                .object(format!("{name} in {path}"))
                .hint("crannog members shows them")
                .into()
        })
    }

    pub(crate) async fn members(self: &Arc<Self>, path: RemotePath) -> Result<Answer> {
        let journal = self.share_of(&path).await?;
        let (state, home) = (journal.state(), self.home());
        let bytes: HashMap<AccountId, u64> =
            self.with_drive(&journal, |drive| drive.bytes_by_author()).await?;
        let mut members = Vec::new();
        for member in state.members() {
            let account = &member.account;
            let row = journal.row;
            let deed = match state.member_since(account) {
                Some((_, seq)) => self.db.read(move |c| History(c).at(row, seq)).await?,
                None => None,
            };
            members.push(MemberInfo {
                name: self.name_of_person(account),
                account: account.to_string(),
                me: self.is_me(account),
                role: shown_role(member.role),
                verified: self.is_verified(account),
                frozen: self.root_changed(account) || self.is_namesake(account),
                since: deed.as_ref().map(|deed| deed.time),
                by: deed.map(|deed| self.person(&deed.account, &deed.device_name)),
                bytes: bytes.get(account).copied().unwrap_or(0),
                creator: state.creator() == Some(*account),
                leaving: home.removals(&journal.id).any(|gone| gone == account),
            });
        }
        Ok(Answer::Members(members))
    }

    pub(crate) async fn unshare(
        self: &Arc<Self>,
        path: RemotePath,
        names: Vec<String>,
        dry_run: bool,
    ) -> Result<Answer> {
        let journal = self.own_share_at(&path).await?;
        let (state, share) = (journal.state(), self.drive_name(&journal.id));
        let people: Vec<AccountId> = if names.is_empty() {
            let others = state.members().iter().map(|member| member.account);
            others.filter(|account| !self.is_me(account)).collect()
        } else {
            let named = names.iter().map(|name| self.member_named(&state, name, &path));
            named.collect::<Result<_>>()?
        };
        if people.iter().any(|account| self.is_me(account)) {
            return Err(Failure::new(Code::Usage, "that is you")
                .object(path.to_string())
                .hint("crannog leave goes out of a share")
                .into());
        }
        if people.is_empty() {
            let failure = Failure::new(Code::NotFound, "it has no members but you").object(path.to_string());
            return Err(failure.hint("crannog members shows who is in a share").into());
        }
        let mut plan: Vec<String> = people
            .iter()
            .map(|account| format!("remove {} from {share}", self.name_of_person(account)))
            .collect();
        plan.extend(self.inner_shares(&journal, &people));
        if !dry_run {
            self.remove_people(&journal, &people).await?;
        }
        Ok(Answer::Changed(Changed {
            dry_run,
            plan,
            ..Changed::default()
        }))
    }

    /// Shares that lie inside this one and have somebody who is removed here: they stay there.
    fn inner_shares(&self, outer: &Journal, people: &[AccountId]) -> Vec<String> {
        let home = self.home();
        let inner = home.mounts().filter(|(_, drive, _)| *drive == outer.id);
        let stays = inner.filter_map(|(journal, ..)| {
            let journal = self.journal(&journal)?;
            let state = journal.state();
            let members = state.members();
            let names: Vec<String> = people
                .iter()
                .filter(|account| members.iter().any(|member| member.account == **account))
                .map(|account| self.name_of_person(account))
                .collect();
            let share = self.drive_name(&journal.id);
            (!names.is_empty()).then(|| {
                format!(
                    "{} stays in {share}, a share inside it, until removed there too",
                    names.join(", ")
                )
            })
        });
        stays.collect()
    }
}

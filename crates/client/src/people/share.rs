//! Sharing: a folder or file becomes a drive, someone is taken in, an invite goes to her (`docs/spec/membership.md`, Sharing).

use std::sync::Arc;

use crannog_agent_api::answer::SharedInfo;
use crannog_agent_api::{Answer, Code, Failure, RemotePath, request};
use crannog_core::identity::HomeOp;
use crannog_core::inbox::{Form, Inside, Invite, Purpose};
use crannog_core::journal::{EpochGrant, Role};
use crannog_proto::{AccountId, Seen};

use super::person::{core_role, shown_role};
use crate::db::RowKind;
use crate::engine::Caller;
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::membership::not_admin;
use crate::ops::{is_fixed, usage};
use crate::shared::Shared;

impl Shared {
    pub(crate) async fn share(
        self: &Arc<Self>,
        path: RemotePath,
        with: String,
        role: Option<request::Role>,
        dry_run: bool,
        caller: &Caller,
    ) -> Result<Answer> {
        let account = self.contact(&with).await?;
        if self.is_me(&account) {
            return Err(usage("that is you", &path, "give the name of someone else"));
        }
        let known = self.home().pin(&account).is_some();
        self.refuse_changed_root(&account)?;
        let mut plan = Vec::new();
        let begun = self.begun_at(&path).await?;
        let target = match begun {
            true => None,
            false => self.shared_root(&path).await?,
        };
        if target.is_none() {
            plan.push(format!("make a drive of {path}"));
        }
        let wanted = role.map(core_role).unwrap_or_else(|| {
            let known = target.as_ref().and_then(|journal| role_in(journal, &account));
            known.unwrap_or(Role::Reader)
        });
        let role = shown_role(wanted);
        plan.push(format!("take in {with} as {role}"));
        if !dry_run {
            if let Some(op) = self.pin_op(&account) {
                self.append_home(vec![op]).await?;
            }
            match target {
                Some(journal) => self.take_in(&journal, account, wanted).await?,
                None => {
                    let journal = self.split_off(&path, &account, caller).await?;
                    self.take_in(&journal, account, wanted).await?;
                }
            }
        }
        Ok(Answer::Shared(SharedInfo {
            path: path.to_string(),
            name: with,
            role,
            words: self.words_of(&account),
            known,
            verified: self.is_verified(&account),
            dry_run,
            plan,
        }))
    }

    /// Takes someone into a share and sends her the invite; a member gets it again, with the role that is asked for now.
    async fn take_in(self: &Arc<Self>, journal: &Arc<Journal>, account: AccountId, role: Role) -> Result<()> {
        self.forget_removal(journal, &account).await?;
        self.admit(journal, &vec![(account, role)]).await?;
        let invite = self.invite_to(journal, &account).await?;
        self.send_note(&account, invite).await
    }

    /// A wish from earlier that she shall go is taken back.
    pub(super) async fn forget_removal(
        self: &Arc<Self>,
        journal: &Journal,
        account: &AccountId,
    ) -> Result<()> {
        if !self.home().removals(&journal.id).any(|gone| gone == account) {
            return Ok(());
        }
        self.append_home(vec![HomeOp::Removal {
            journal: journal.id,
            account: *account,
            wanted: false,
        }])
        .await
    }

    /// Everybody who is in the outer share is in the inner one too, and finds it in the same place. Somebody whose inbox is full keeps
    /// nobody else out: she is named.
    pub(super) async fn take_in_outer(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        outer: &Arc<Journal>,
        new: &AccountId,
        caller: &Caller,
    ) -> Result<()> {
        let state = outer.state();
        let others = state
            .members()
            .iter()
            .filter(|member| !self.is_me(&member.account) && member.account != *new);
        let wanted: Vec<(AccountId, Role)> = others.map(|member| (member.account, member.role)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        self.admit(journal, &wanted).await?;
        for (account, _) in &wanted {
            let invite = self.invite_to(journal, account).await?;
            if !self.try_note(account, invite).await? {
                let name = self.name_of_person(account);
                let text =
                    format!("{name} is a member, but no invite could be sent: share it with her again later");
                caller.note(&name, &text).await;
            }
        }
        Ok(())
    }

    /// The invite to a member, with the grant of the current epoch.
    async fn invite_to(self: &Arc<Self>, journal: &Arc<Journal>, account: &AccountId) -> Result<Purpose> {
        let state = journal.state();
        let missing = || crate::transfer::internal("a member without an epoch");
        let epoch = state.epoch().ok_or_else(missing)?;
        let member = state
            .members()
            .iter()
            .find(|member| member.account == *account)
            .ok_or_else(missing)?;
        let secrets = state.secrets(epoch).ok_or_else(missing)?;
        let grant = EpochGrant::for_role(&secrets, member.role);
        if member.role == Role::Admin && grant.admin.is_none() {
            // A refresh gave nobody an admin secret: this admin has it from before, and a new one makes a new one.
            self.renew(journal).await?;
            return Box::pin(self.invite_to(journal, account)).await;
        }
        let last = state.last().copied().ok_or_else(missing)?;
        let (form, inside) = self.place_of(journal, Some(account)).await?;
        let invite = Invite {
            journal: journal.id,
            kind: state.kind(),
            name: self.drive_name(&journal.id),
            form,
            epoch,
            role: member.role,
            grant,
            at: Seen {
                seq: last.seq,
                head: last.head,
            },
            inside,
        };
        Ok(Purpose::Invite(invite))
    }

    /// What form a share has, and where it lies in another share that both are in.
    async fn place_of(&self, journal: &Journal, with: Option<&AccountId>) -> Result<(Form, Option<Inside>)> {
        let home = self.home();
        let Some((drive, node)) = home.mount(&journal.id).copied() else {
            return Ok((Form::Folder, None));
        };
        let Some(outer) = self.journal(&drive) else {
            return Ok((Form::Folder, None));
        };
        let row = self.with_drive(&outer, move |drive| drive.row(node)).await?;
        let form = match row {
            Some(row) if !crate::ops::is_folder(&row) => Form::File,
            _ => Form::Folder,
        };
        let both = outer
            .state()
            .members()
            .iter()
            .any(|member| Some(&member.account) == with);
        Ok((form, both.then_some(Inside { journal: drive, node })))
    }

    /// The share whose top is at a path; an admin's right to it is checked. The top of a drive can be shared as it is.
    async fn shared_root(self: &Arc<Self>, path: &RemotePath) -> Result<Option<Arc<Journal>>> {
        let spot = self.locate(path).await?;
        let row = spot.row()?.clone();
        let top =
            spot.path.components.is_empty() || self.place_of(&spot.journal, None).await?.0 == Form::File;
        if !top {
            if is_fixed(&row) || matches!(row.kind, RowKind::Symlink(_)) {
                return Err(usage(
                    "this cannot be shared",
                    path,
                    "share a folder or a file of your own",
                ));
            }
            self.may_split(&spot.journal, path)?;
            return Ok(None);
        }
        if spot.journal.id == self.identity.home || self.home().default_drive() == Some(&spot.journal.id) {
            return Err(usage(
                "the default drive as a whole cannot be shared",
                path,
                "share a folder of it, or make another drive: crannog drive create",
            ));
        }
        if spot.journal.state().role() == Some(Role::Admin) {
            Ok(Some(spot.journal))
        } else {
            Err(not_admin(&self.drive_name(&spot.journal.id)))
        }
    }

    fn may_split(&self, journal: &Journal, path: &RemotePath) -> Result<()> {
        let state = journal.state();
        if state.role() == Some(Role::Admin) {
            return Ok(());
        }
        Err(Error::User(
            Failure::new(Code::Conflict, "it lies in a share of which you are not an admin")
                .object(path.to_string())
                .hint("ask an admin of that share, or copy it into a drive of your own and share that"),
        ))
    }
}

fn role_in(journal: &Journal, account: &AccountId) -> Option<Role> {
    let state = journal.state();
    let member = state.members().iter().find(|member| member.account == *account);
    member.map(|member| member.role)
}

impl Shared {
    pub(crate) async fn set_role(
        self: &Arc<Self>,
        path: RemotePath,
        name: String,
        role: request::Role,
        dry_run: bool,
    ) -> Result<Answer> {
        let journal = self.own_share_at(&path).await?;
        let state = journal.state();
        let account = self.member_named(&state, &name, &path)?;
        let admins = state
            .members()
            .iter()
            .filter(|member| member.role == Role::Admin && member.account != account);
        if core_role(role) < Role::Admin && admins.count() == 0 {
            return Err(Failure::new(Code::Conflict, "a share keeps at least one admin")
                .object(name)
                .hint("make someone else an admin first")
                .into());
        }
        let before = role_in(&journal, &account).map(|role| shown_role(role).to_string());
        let (before, share) = (before.unwrap_or_default(), self.drive_name(&journal.id));
        let plan = vec![format!("make {name}, {before} of {share}, its {role}")];
        if !dry_run {
            self.forget_removal(&journal, &account).await?;
            self.admit(&journal, &vec![(account, core_role(role))]).await?;
        }
        Ok(Answer::Changed(crannog_agent_api::answer::Changed {
            dry_run,
            plan,
            ..Default::default()
        }))
    }
}

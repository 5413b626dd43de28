//! Sharing: a folder or file becomes a drive, someone is taken in, an invite goes to her (`docs/spec/membership.md`, Sharing).

use std::sync::Arc;

use crannog_agent_api::answer::SharedInfo;
use crannog_agent_api::{Answer, Code, Failure, RemotePath, request};
use crannog_core::identity::HomeOp;
use crannog_core::inbox::{Form, Inside, Invite, Purpose};
use crannog_core::journal::Role;
use crannog_proto::{AccountId, Seen};

use super::person::{core_role, shown_role};
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
        role: request::Role,
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
        plan.push(format!("take in {with} as {}", role_text(role)));
        if !dry_run {
            if let Some(op) = self.pin_op(&account) {
                self.append_home(vec![op]).await?;
            }
            let wanted = core_role(role);
            match target {
                Some(journal) => self.take_in(&journal, account, wanted).await?,
                None => {
                    let (journal, outer) = self.split_off(&path, caller).await?;
                    self.take_in_outer(&journal, outer.as_ref(), account).await?;
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
        self.send_invite(journal, &account).await
    }

    /// A wish from earlier that she shall go is taken back.
    async fn forget_removal(self: &Arc<Self>, journal: &Journal, account: &AccountId) -> Result<()> {
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

    /// Everybody who is in the outer share is in the inner one too, and finds it in the same place.
    async fn take_in_outer(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        outer: Option<&Arc<Journal>>,
        new: AccountId,
    ) -> Result<()> {
        let Some(outer) = outer else { return Ok(()) };
        let state = outer.state();
        let others = state
            .members()
            .iter()
            .filter(|member| !self.is_me(&member.account) && member.account != new);
        let wanted: Vec<(AccountId, Role)> = others.map(|member| (member.account, member.role)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        self.admit(journal, &wanted).await?;
        for (account, _) in &wanted {
            self.send_invite(journal, account).await?;
        }
        Ok(())
    }

    /// The invite to a member, with the grant of the current epoch.
    async fn send_invite(self: &Arc<Self>, journal: &Arc<Journal>, account: &AccountId) -> Result<()> {
        let state = journal.state();
        let missing = || crate::transfer::internal("a member without an epoch");
        let epoch = state.epoch().ok_or_else(missing)?;
        let member = state
            .members()
            .iter()
            .find(|member| member.account == *account)
            .ok_or_else(missing)?;
        let mut grant = state.grant(epoch).cloned().ok_or_else(missing)?;
        if member.role < Role::Writer {
            grant.write = None;
        }
        if member.role < Role::Admin {
            grant.admin = None;
        } else if grant.admin.is_none() {
            // A refresh gave nobody an admin secret: this admin has it from before, and a new one makes a new one.
            self.renew(journal).await?;
            return Box::pin(self.send_invite(journal, account)).await;
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
        self.send_note(account, Purpose::Invite(invite)).await
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
            if is_fixed(&row) {
                return Err(usage(
                    "this folder cannot be shared",
                    path,
                    "share one of your own",
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

pub(super) fn role_text(role: request::Role) -> &'static str {
    match role {
        request::Role::Reader => "reader",
        request::Role::Writer => "writer",
        request::Role::Admin => "admin",
    }
}

impl Shared {
    pub(crate) async fn set_role(
        self: &Arc<Self>,
        path: RemotePath,
        name: String,
        role: request::Role,
        dry_run: bool,
    ) -> Result<Answer> {
        let journal = self.share_at(&path).await?;
        let state = journal.state();
        if state.role() != Some(Role::Admin) {
            return Err(not_admin(&self.drive_name(&journal.id)));
        }
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
        let before = state.members().iter().find(|member| member.account == account);
        let before = before.map_or("", |member| role_text(shown_role(member.role)));
        let plan = vec![format!("{name}: {before} becomes {}", role_text(role))];
        if !dry_run {
            self.admit(&journal, &vec![(account, core_role(role))]).await?;
        }
        Ok(Answer::Changed(crannog_agent_api::answer::Changed {
            dry_run,
            plan,
            ..Default::default()
        }))
    }
}

//! Leaving a share of someone else's: she is asked to remove us, and we forget it.

use std::sync::Arc;

use crannog_agent_api::answer::Changed;
use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use crannog_core::drive::DriveOp;
use crannog_core::identity::HomeOp;
use crannog_core::inbox::Purpose;
use crannog_core::journal::Role;

use crate::error::Result;
use crate::journal::Journal;
use crate::shared::Shared;

impl Shared {
    pub(crate) async fn leave(self: &Arc<Self>, path: RemotePath, dry_run: bool) -> Result<Answer> {
        // Whoever names it by its drive leaves a share that an alarm stopped, too.
        let journal = match &path.drive {
            Some(drive) if path.components.is_empty() => self.drive(Some(drive))?,
            _ => self.share_at(&path).await?,
        };
        let state = journal.state();
        let name = self.drive_name(&journal.id);
        // With its maker's account it has ended: nobody is left to be asked.
        let ended = state.creator().is_some_and(|creator| self.has_closed(&creator));
        let member = !state.is_removed() && !state.is_closed() && !ended && state.role().is_some();
        let others = |role: Role| {
            let members = state.members().iter();
            members.filter(move |member| !self.is_me(&member.account) && member.role >= role)
        };
        if state.creator() == Some(self.identity.account) || (member && state.members().len() < 2) {
            return Err(
                Failure::new(Code::Conflict, "it is your own drive, on your quota")
                    .object(name)
                    .hint("crannog unshare removes the others; crannog drive delete ends it")
                    .into(),
            );
        }
        if member && others(Role::Admin).count() == 0 {
            return Err(
                Failure::new(Code::Conflict, "you are the only admin of this share")
                    .object(name)
                    .hint("make someone else an admin first: crannog role PATH NAME admin")
                    .into(),
            );
        }
        if !dry_run {
            let mut told = !member;
            if member {
                let epoch = state.epoch().unwrap_or(0);
                let admins: Vec<_> = others(Role::Admin).map(|member| member.account).collect();
                for admin in admins {
                    let journal = journal.id;
                    told |= self.try_note(&admin, Purpose::Leave { journal, epoch }).await?;
                }
            }
            if !told {
                return Err(
                    Failure::new(Code::TryAgain, "no admin of this share can be told now")
                        .object(name)
                        .hint("try again later; nothing was changed")
                        .into(),
                );
            }
            self.forget_share(&journal).await?;
        }
        Ok(Answer::Changed(Changed {
            dry_run,
            plan: vec![format!("leave {name}")],
            ..Changed::default()
        }))
    }

    /// Home forgets the share, and the empty folder where it appeared goes to the trash.
    async fn forget_share(self: &Arc<Self>, journal: &Arc<Journal>) -> Result<()> {
        let mount = self.home().mount(&journal.id).copied();
        self.append_home(vec![HomeOp::DriveRemoved { journal: journal.id }])
            .await?;
        let Some((drive, node)) = mount else { return Ok(()) };
        let Some(outer) = self.journal(&drive) else {
            return Ok(());
        };
        let state = outer.state();
        // In a share the folder is everybody's.
        if state.members().len() == 1 && !state.is_closed() {
            self.apply(&outer, vec![DriveOp::Trash { node }]).await?;
        }
        Ok(())
    }
}

//! Emptying the inbox: each drop is checked, obeyed or recorded, and only then deleted on the server (`docs/spec/inbox.md`).

use std::collections::HashSet;
use std::sync::Arc;

use crannog_agent_api::answer::NewsKind;
use crannog_core::check::Check;
use crannog_core::drive::{DriveState, NodeId};
use crannog_core::identity::HomeOp;
use crannog_core::inbox::{Inside, Invite, Note, NoteIn, Purpose, VerifiedNote};
use crannog_core::journal::{JournalKind, Member, Role};
use crannog_proto::{AccountId, Hash, JournalId, Receipt, limits};

use super::watch::Happened;
use crate::background::stays_behind;
use crate::clock;
use crate::db::{Journals, People, Refusal};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::shared::Shared;

/// So many invites of one person may wait, for different journals.
const FROM_CONTACT: usize = 32;
const FROM_STRANGER: usize = 4;
/// So many shares inside one share appear unasked; further ones wait for an answer like any.
const MOUNTED_UNASKED: usize = 64;

impl Shared {
    /// Takes out everything that waits: no more than an inbox holds, and nothing twice, for a server may never stop showing it.
    pub(crate) async fn empty_inbox(self: &Arc<Self>) -> Result<()> {
        let _inbox = self.inbox.lock().await;
        // A newer generation or root of this account, made on another device, opens what the known ones do not.
        self.refresh_account().await?;
        let mut seen = HashSet::new();
        while seen.len() < limits::INBOX_MAX {
            let inbox = self.retry(|| self.transport.inbox()).await?;
            let before = seen.len();
            for drop in inbox.drops {
                if seen.insert(Hash::plain(&drop.sealed)) {
                    self.take_drop(&drop.sealed).await?;
                }
                self.retry(|| self.transport.inbox_done(&drop.id)).await?;
            }
            if seen.len() == before {
                break;
            }
        }
        self.forget_revoked_invites().await
    }

    /// Garbage stops nothing: it is told, remembered and deleted.
    async fn refuse_drop(&self, check: Check, object: &str) -> Result<()> {
        let refusal = Refusal {
            time: clock::now_ms(),
            check: format!("CHK-{:03}", check.number()),
            text: object.to_owned(),
        };
        tracing::warn!(%check, object, "something in the inbox was refused");
        self.db.write(move |tx| People(tx).refuse(&refusal)).await?;
        let mut happened = Happened::new(NewsKind::Refused, None, format!("{check}: {object}"));
        happened.check = Some(check);
        self.news.tell(happened);
        Ok(())
    }

    /// Only what is wrong with the drop itself refuses it.
    async fn take_drop(self: &Arc<Self>, sealed: &[u8]) -> Result<()> {
        let note = match self.check_drop(sealed).await {
            Ok(note) => note,
            Err(Error::Lied { check, object }) => return self.refuse_drop(check, &object).await,
            Err(other) => return Err(other),
        };
        // Taken already: this device, or another one, ended before the server could hear of it; or the server shows it again.
        if self.home().is_accepted(note.id()) {
            return Ok(());
        }
        for receipt in &note.note().heads {
            self.heads_meet(receipt).await?;
        }
        self.obey(&note).await
    }

    async fn check_drop(self: &Arc<Self>, sealed: &[u8]) -> Result<VerifiedNote> {
        let account = self.account();
        let lied = |check| Error::lied(check, "a drop in the inbox");
        let opened = NoteIn::open(sealed, &self.identity.account, &account.secrets)
            .map_err(|refused| lied(refused.check()))?;
        let sender = *opened.claimed_sender();
        self.follow_sender(&sender).await?;
        let chains = self.chains();
        let chain = chains.state(&sender).ok_or_else(|| lied(Check::Note))?;
        let note = opened
            .verify(chain, account.known.state(), clock::now_ms())
            .map_err(|refused| lied(refused.check()))?;
        self.refuse_impostor(&chain.name, &sender)?;
        if self.root_changed(&sender) {
            return Err(Error::lied(
                Check::Root,
                format!("a note of {}", self.name_of_person(&sender)),
            ));
        }
        for receipt in &note.note().heads {
            if receipt.verify(&self.identity.receipt_key).is_err() {
                return Err(Error::lied(Check::Receipt, "a receipt in a note"));
            }
        }
        Ok(note)
    }

    /// Who the directory does not know (any more) sends nothing.
    async fn follow_sender(self: &Arc<Self>, sender: &AccountId) -> Result<()> {
        match self.follow_chain(sender).await {
            Err(error) if error.server_code() == Some(crannog_proto::ErrorCode::NotFound) => Err(
                Error::lied(Check::Note, "a note of nobody whom the directory knows"),
            ),
            other => other,
        }
    }

    /// CHK-013, CHK-012: what the sender was shown is what this device is shown.
    async fn heads_meet(self: &Arc<Self>, theirs: &Receipt) -> Result<()> {
        let Some(journal) = self.journal(&theirs.journal) else {
            return Ok(());
        };
        if journal.state().next_seq() <= theirs.seq {
            // An alarm freezes its own journal; the note is taken all the same.
            if let Err(error) = self.catch_up(&journal).await {
                return stays_behind(&self.name_of(&journal.id), error);
            }
        }
        let (row, seq) = (journal.row, theirs.seq);
        let own = self.db.read(move |c| Journals(c).head_at(row, seq)).await?;
        let state = journal.state();
        match own {
            Some(own) if own == theirs.head => {}
            Some(_) => {
                self.forked(&journal, Check::HeadsMeet, theirs).await;
            }
            None if state.is_removed() || state.is_closed() || state.last().is_none() => {}
            None => {
                let lie = Error::lied(Check::Rollback, self.name_of(&journal.id));
                self.alarm(&journal.id, lie).await;
            }
        }
        Ok(())
    }

    async fn obey(self: &Arc<Self>, verified: &VerifiedNote) -> Result<()> {
        let note = verified.note();
        match &note.purpose {
            Purpose::Invite(invite) => self.invited(verified, note, invite).await,
            // Obeyed twice these do nothing, so home records neither: whoever sends a thousand leaves nothing behind.
            Purpose::Leave { journal, epoch } => self.leaves(journal, &note.sender.account, *epoch).await,
            Purpose::Refresh { journal } => match self.journal(journal) {
                Some(journal) => stops_alone(self.refresh_for(&journal, &note.sender.account).await),
                None => Ok(()),
            },
        }
    }

    /// An append cites nothing, so somebody who may only append and has a new device needs the list to cite it.
    async fn refresh_for(self: &Arc<Self>, journal: &Arc<Journal>, who: &AccountId) -> Result<()> {
        self.ensure_current_members(journal).await?;
        let (state, chains) = (journal.state(), self.chains());
        let appends = |member: &&Member| member.account == *who && member.role == Role::Append;
        let listed = state.members().iter().any(|member| appends(&member));
        let cited = state
            .cites()
            .find(|cite| cite.account == *who)
            .map(|cite| cite.seq);
        let newest = chains.state(who).map(|chain| chain.cite().seq);
        let may = !state.is_removed() && !state.is_closed() && state.role() >= Some(Role::Writer);
        if may && listed && cited < newest && !self.root_changed(who) {
            self.renew(journal).await?;
        }
        Ok(())
    }

    async fn invited(self: &Arc<Self>, verified: &VerifiedNote, note: &Note, invite: &Invite) -> Result<()> {
        let member = self.journal(&invite.journal).is_some_and(|known| {
            let state = known.state();
            state.last().is_some() && !state.is_removed() && state.role().is_some()
        });
        if member || invite.kind != JournalKind::Drive {
            return Ok(());
        }
        if let Some(inside) = &invite.inside
            && self.mounts_in(&inside.journal) < MOUNTED_UNASKED
            && self.comes_from_outer_admin(&inside.journal, &note.sender.account)
            && self.is_free(inside).await?
        {
            let joined = self.join_share(note, invite, Some((inside.journal, inside.node)));
            return stops_alone(joined.await);
        }
        if self.home().invites().any(|(waiting, _)| waiting == verified.id()) {
            return Ok(());
        }
        let waiting = self.waiting();
        let sender = &note.sender.account;
        let (same, others): (Vec<_>, Vec<_>) = waiting
            .iter()
            .filter(|(waiting, _)| waiting.sender.account == *sender)
            .partition(|(_, waiting)| waiting.journal == invite.journal);
        let known = self.home().pin(sender).is_some();
        if others.len() >= if known { FROM_CONTACT } else { FROM_STRANGER } {
            let sender = self.name_of_person(sender);
            let object = format!("one invite more of {sender}, of whom {} wait", others.len());
            return self.refuse_drop(Check::Note, &object).await;
        }
        // A new one takes the place of what the same person sent before.
        let mut ops: Vec<HomeOp> = same
            .iter()
            .map(|(old, _)| HomeOp::Accepted { drop: old.id })
            .collect();
        ops.push(HomeOp::Invited {
            drop: *verified.id(),
            note: verified.signed_bytes().clone(),
        });
        self.append_home(ops).await?;
        let mut happened = Happened::new(
            NewsKind::Invite,
            None,
            format!(
                "{} shares {} with you; crannog accept takes it",
                self.name_of_person(&note.sender.account),
                invite.name
            ),
        );
        happened.author = Some((note.sender.account, String::new()));
        self.news.tell(happened);
        Ok(())
    }

    fn mounts_in(&self, outer: &JournalId) -> usize {
        let home = self.home();
        home.mounts().filter(|(_, drive, _)| drive == outer).count()
    }

    fn comes_from_outer_admin(&self, outer: &JournalId, sender: &AccountId) -> bool {
        let Some(outer) = self.journal(outer) else {
            return false;
        };
        let state = outer.state();
        let admin = |member: &&Member| member.account == *sender && member.role == Role::Admin;
        !state.is_removed() && state.members().iter().any(|member| admin(&member))
    }

    /// A folder or file of the outer share on which no share lies yet. Its top is none: who may say where an inner share appears may not
    /// say that it covers what others share there.
    async fn is_free(&self, inside: &Inside) -> Result<bool> {
        let Some(outer) = self.journal(&inside.journal) else {
            return Ok(false);
        };
        let node = inside.node;
        if node == NodeId::ROOT || self.home().mounted_at(&inside.journal, &node).is_some() {
            return Ok(false);
        }
        let head = self.with_drive(&outer, move |drive| drive.head(node)).await?;
        Ok(head.is_some_and(|head| head.trashed.is_none()))
    }

    /// Someone wants to go. An old wish removes nobody who was taken in again since.
    async fn leaves(self: &Arc<Self>, journal: &JournalId, who: &AccountId, epoch: u64) -> Result<()> {
        let Some(journal) = self.journal(journal) else {
            return Ok(());
        };
        let may = || {
            let state = journal.state();
            let since = state.member_since(who);
            state.role() == Some(Role::Admin) && since.is_some_and(|(since, _)| since <= epoch)
        };
        // Of a journal in which this device cannot remove her nothing is asked: anyone can name any.
        if !may() {
            return Ok(());
        }
        // A share that an alarm stopped is not rekeyed now; the wish is recorded, and done as soon as somebody has looked.
        stops_alone(self.catch_up(&journal).await)?;
        if !may() {
            return Ok(());
        }
        stops_alone(self.remove_people(&journal, &[*who]).await)
    }

    /// Decided first, so that it holds after a crash too; then done.
    pub(super) async fn remove_people(
        self: &Arc<Self>,
        journal: &Arc<Journal>,
        people: &[AccountId],
    ) -> Result<()> {
        let wish = |account: &AccountId| HomeOp::Removal {
            journal: journal.id,
            account: *account,
            wanted: true,
        };
        self.append_home(people.iter().map(wish).collect()).await?;
        self.ensure_current_members(journal).await
    }
}

/// What is wrong with one share stops that share alone.
fn stops_alone(done: Result<()>) -> Result<()> {
    done.or_else(|error| stays_behind("a note", error))
}

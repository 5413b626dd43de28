//! Invites: seen, accepted, declined (`docs/spec/membership.md`, Admission).

use std::sync::Arc;

use crannog_agent_api::answer::{Changed, InviteInfo};
use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use crannog_core::check::Check;
use crannog_core::content::{Chunks, Content};
use crannog_core::drive::{DriveOp, NewNode, NodeId, VersionId};
use crannog_core::identity::HomeOp;
use crannog_core::inbox::{Form, Invite, Note, NoteIn, Purpose};
use crannog_core::journal::check_heads;
use crannog_proto::{JournalId, Seen};
use data_encoding::HEXLOWER;

use super::person::shown_role;
use crate::clock;
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::ops::{Place, is_folder, now_attrs};
use crate::shared::Shared;
use crate::transfer::fresh_node;

impl Shared {
    /// The invites that wait, as home recorded them.
    pub(super) fn waiting(&self) -> Vec<(Note, Invite)> {
        let (home, chains, me) = (self.home(), self.chains(), self.account());
        let mut waiting = Vec::new();
        for (_, bytes) in home.invites() {
            let Ok(recorded) = NoteIn::recorded(bytes, &self.identity.account) else {
                continue;
            };
            let Some(sender) = chains.state(recorded.claimed_sender()) else {
                continue;
            };
            // A device that was revoked since invites nobody.
            let Ok(verified) = recorded.verify_recorded(sender, me.known.state()) else {
                continue;
            };
            let note = verified.note().clone();
            if let Purpose::Invite(invite) = note.purpose.clone() {
                waiting.push((note, invite));
            }
        }
        waiting
    }

    pub(crate) fn waiting_count(&self) -> u64 {
        self.home().invites().count() as u64
    }

    pub(crate) async fn invites(self: &Arc<Self>) -> Result<Answer> {
        // Another device of the account may have recorded it: this one needs the sender's chain too.
        for account in self.inviters() {
            if self.chains().state(&account).is_none() {
                self.follow_chain(&account).await?;
            }
        }
        let info = |(note, invite): (Note, Invite)| InviteInfo {
            id: HEXLOWER.encode(&note.id),
            from: self.person(&note.sender.account, ""),
            words: self.words_of(&note.sender.account),
            name: invite.name,
            file: invite.form == Form::File,
            role: shown_role(invite.role),
            time: note.time,
            expires: note.expires,
        };
        Ok(Answer::Invites(self.waiting().into_iter().map(info).collect()))
    }

    fn inviters(&self) -> Vec<crannog_proto::AccountId> {
        let home = self.home();
        let recorded = home
            .invites()
            .filter_map(|(_, bytes)| NoteIn::recorded(bytes, &self.identity.account).ok());
        recorded.map(|note| *note.claimed_sender()).collect()
    }

    async fn invite_named(self: &Arc<Self>, wanted: &str) -> Result<(Note, Invite)> {
        self.invites().await?;
        let mut found = self
            .waiting()
            .into_iter()
            .filter(|(note, invite)| HEXLOWER.encode(&note.id).starts_with(wanted) || invite.name == wanted);
        let (first, second) = (found.next(), found.next());
        match (first, second) {
            (Some(found), None) if !wanted.is_empty() => Ok(found),
            (Some(_), Some(_)) => Err(Failure::new(Code::Conflict, "more than one invite is called so")
                .object(wanted)
                .hint("give the id, or its beginning: crannog invites shows it")
                .into()),
            _ => Err(Failure::new(Code::NotFound, "there is no such invite")
                .object(wanted)
                .hint("crannog invites shows those that wait")
                .into()),
        }
    }

    pub(crate) async fn accept(self: &Arc<Self>, wanted: String, at: Option<RemotePath>) -> Result<Answer> {
        let (note, invite) = self.invite_named(&wanted).await?;
        self.follow_chain(&note.sender.account).await?;
        self.refuse_changed_root(&note.sender.account)?;
        // CHK-031: while it waited, its device may have been revoked.
        if self.waiting().iter().all(|(waiting, _)| waiting.id != note.id) {
            self.settle(&note).await?;
            let sender = self.name_of_person(&note.sender.account);
            let object = format!("{}, by a device that {sender} has revoked", invite.name);
            return Err(Error::lied(Check::Note, object));
        }
        if note.expires < clock::now_ms() {
            self.settle(&note).await?;
            return Err(Failure::new(Code::Conflict, "the invite has expired")
                .object(invite.name)
                .hint("ask for another one")
                .into());
        }
        let at = at.unwrap_or_else(|| RemotePath {
            drive: None,
            components: vec![self.free_drive_name(&invite.name)],
            trailing_slash: false,
        });
        let shown = at.to_string();
        let (drive, node) = self.mount_point(&at, invite.form).await?;
        self.join_share(&note, &invite, Some((drive, node))).await?;
        Ok(Answer::Changed(Changed {
            plan: vec![format!("accept {} at {shown}", invite.name)],
            ..Changed::default()
        }))
    }

    /// An empty folder (or file) where the share is to appear; one that is there and empty will do.
    async fn mount_point(self: &Arc<Self>, at: &RemotePath, form: Form) -> Result<(JournalId, NodeId)> {
        let spot = self.locate_to_change(at).await?;
        let taken = || -> Error {
            Failure::new(Code::Conflict, "something is there already")
                .object(at.to_string())
                .hint("choose another place: crannog accept INVITE --at /PATH")
                .into()
        };
        if let Some(seen) = &spot.seen {
            let node = seen.row.node;
            let empty = is_folder(&seen.row)
                && form == Form::Folder
                && spot.seat.is_none()
                && node != NodeId::ROOT
                && self
                    .with_drive(&spot.journal, move |drive| Ok(drive.list(node)?.is_empty()))
                    .await?;
            return if empty {
                Ok((spot.journal.id, node))
            } else {
                Err(taken())
            };
        }
        let Place { parent, name, .. } = self.place(&spot, false).await?;
        let node = fresh_node();
        let (new, mode) = match form {
            Form::Folder => (NewNode::Directory, 0o755),
            Form::File => (
                NewNode::File {
                    version: VersionId::generate(clock::now_ms(), &mut rand::rng()),
                    content: Content {
                        size: 0,
                        chunks: Chunks::Inline(Vec::new()),
                    },
                },
                0o644,
            ),
        };
        let op = DriveOp::Create {
            node,
            parent,
            name: name.ok_or_else(taken)?,
            attrs: now_attrs(mode),
            new,
        };
        self.apply(&spot.journal, vec![op]).await?;
        Ok((spot.journal.id, node))
    }

    /// Records a share in home and reads it; what the inviter signed must hold.
    pub(super) async fn join_share(
        self: &Arc<Self>,
        note: &Note,
        invite: &Invite,
        at: Option<(JournalId, NodeId)>,
    ) -> Result<()> {
        let id = invite.journal;
        let mut ops = Vec::new();
        if let Some(last) = self.journal(&id).and_then(|known| known.state().last().copied()) {
            ops.push(HomeOp::Head {
                journal: id,
                seq: last.seq,
                head: last.head,
            });
        }
        ops.extend(self.pin_op(&note.sender.account));
        // What home has proved already is never replaced by what a note says.
        if self.home().secrets(&id, invite.epoch).is_none() {
            ops.push(HomeOp::Secrets {
                journal: id,
                kind: invite.kind,
                epoch: invite.epoch,
                grant: invite.grant.clone(),
            });
        }
        if self
            .home()
            .drives()
            .all(|drive| drive.journal != id || drive.name.is_none())
        {
            ops.push(HomeOp::DriveNamed {
                journal: id,
                name: self.free_drive_name(&invite.name),
            });
        }
        if let Some((drive, node)) = at {
            ops.push(HomeOp::Mount {
                journal: id,
                drive,
                node,
            });
        }
        ops.push(HomeOp::Accepted { drop: note.id });
        self.append_home(ops).await?;
        let journal = self
            .journal(&id)
            .ok_or_else(|| crate::transfer::internal("a share that home does not show"))?;
        self.catch_up(&journal).await?;
        self.check_invited(&journal, &invite.at).await?;
        self.pin_members(&journal.state()).await?;
        self.journals_changed.notify_one();
        Ok(())
    }

    /// CHK-013, CHK-012, CHK-022: what the inviter signed of the journal is what the server shows, and the list has this account.
    async fn check_invited(&self, journal: &Journal, at: &Seen) -> Result<()> {
        let (row, seq) = (journal.row, at.seq);
        let own = self
            .db
            .read(move |c| crate::db::Journals(c).head_at(row, seq))
            .await?;
        let state = journal.state();
        let met = match own {
            None if !state.is_removed() => Err(Check::Rollback),
            own => check_heads(at, own.as_ref()),
        };
        self.check(&journal.id, met).await?;
        let listed = state.is_removed() || state.role().is_some();
        self.check(&journal.id, if listed { Ok(()) } else { Err(Check::Rekey) })
            .await
    }

    /// Nothing waits any more because of this note.
    pub(super) async fn settle(self: &Arc<Self>, note: &Note) -> Result<()> {
        self.append_home(vec![HomeOp::Accepted { drop: note.id }]).await
    }

    pub(crate) async fn decline(self: &Arc<Self>, wanted: String) -> Result<Answer> {
        let (note, invite) = self.invite_named(&wanted).await?;
        let leave = Purpose::Leave {
            journal: invite.journal,
            epoch: invite.epoch,
        };
        self.try_note(&note.sender.account, leave).await?;
        self.settle(&note).await?;
        Ok(Answer::Changed(Changed {
            plan: vec![format!("decline {}", invite.name)],
            ..Changed::default()
        }))
    }
}

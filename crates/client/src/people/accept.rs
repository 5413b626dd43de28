//! Invites: seen, accepted, declined (`docs/spec/membership.md`, Admission).

use std::sync::Arc;

use crannog_agent_api::answer::{AcceptedInfo, Changed, InviteInfo};
use crannog_agent_api::{Answer, Code, Failure, RemotePath};
use crannog_core::check::Check;
use crannog_core::content::{Chunks, Content};
use crannog_core::drive::{DriveOp, NewNode, NodeId, VersionId};
use crannog_core::identity::HomeOp;
use crannog_core::inbox::{Form, Invite, Note, NoteIn, NoteRefused, Purpose};
use crannog_core::journal::check_heads;
use crannog_proto::{JournalId, Seen};
use data_encoding::HEXLOWER;

use super::person::shown_role;
use crate::background::stays_behind;
use crate::clock;
use crate::db::RowKind;
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::ops::{Place, now_attrs};
use crate::shared::Shared;
use crate::transfer::fresh_node;

impl Shared {
    /// The invites that wait, as home recorded them and as far as this device knows who sent them.
    pub(super) fn waiting(&self) -> Vec<(Note, Invite)> {
        let home = self.home();
        let verified = home
            .invites()
            .filter_map(|(_, bytes)| self.verify_waiting(bytes)?.ok());
        let invite = |note: Note| match note.purpose.clone() {
            Purpose::Invite(invite) => Some((note, invite)),
            _ => None,
        };
        verified.filter_map(invite).collect()
    }

    /// One that home recorded, checked against the sender's chain as it is known now; `None` of somebody who was never asked for.
    fn verify_waiting(&self, bytes: &[u8]) -> Option<Result<Note, NoteRefused>> {
        let (chains, me) = (self.chains(), self.account());
        let recorded = match NoteIn::recorded(bytes, &self.identity.account) {
            Ok(recorded) => recorded,
            Err(refused) => return Some(Err(refused)),
        };
        let sender = chains.state(recorded.claimed_sender())?;
        let verified = recorded.verify_recorded(sender, me.known.state());
        Some(verified.map(|verified| verified.note().clone()))
    }

    /// Another device of the account may have recorded an invite: this one may not know the sender, or not her newest link.
    async fn follow_inviters(self: &Arc<Self>) -> Result<()> {
        let home = self.home();
        for (_, bytes) in home.invites() {
            if !matches!(self.verify_waiting(bytes), Some(Ok(_)))
                && let Ok(recorded) = NoteIn::recorded(bytes, &self.identity.account)
            {
                // A chain that the server withholds, or bends, keeps no other invite from being seen.
                let followed = self.follow_chain(recorded.claimed_sender()).await;
                followed.or_else(|error| stays_behind("an invite", error))?;
            }
        }
        Ok(())
    }

    /// How many can be accepted now.
    pub(crate) fn waiting_count(&self) -> u64 {
        let now = clock::now_ms();
        let waiting = self.waiting();
        waiting.iter().filter(|(note, _)| note.expires >= now).count() as u64
    }

    /// Invites of devices that were revoked since wait no more.
    pub(super) async fn forget_revoked_invites(self: &Arc<Self>) -> Result<()> {
        self.follow_inviters().await?;
        let home = self.home();
        let revoked = home
            .invites()
            .filter(|(_, bytes)| matches!(self.verify_waiting(bytes), Some(Err(NoteRefused::Device))));
        let ops: Vec<HomeOp> = revoked.map(|(id, _)| HomeOp::Accepted { drop: *id }).collect();
        if ops.is_empty() {
            return Ok(());
        }
        self.append_home(ops).await
    }

    pub(crate) async fn invites(self: &Arc<Self>) -> Result<Answer> {
        self.follow_inviters().await?;
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

    pub(crate) async fn accept(
        self: &Arc<Self>,
        wanted: String,
        at: Option<RemotePath>,
        dry_run: bool,
    ) -> Result<Answer> {
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
        if let Some(point) = self.mount_point(&at, invite.form, dry_run).await? {
            self.join_share(&note, &invite, Some(point)).await?;
        }
        Ok(Answer::Accepted(AcceptedInfo {
            name: invite.name,
            journal: invite.journal.to_string(),
            path: at.to_string(),
            role: shown_role(invite.role),
            dry_run,
        }))
    }

    /// An empty folder (or file) where the share is to appear; one that is there and empty will do. `None` if it is not to be made.
    async fn mount_point(
        self: &Arc<Self>,
        at: &RemotePath,
        form: Form,
        dry_run: bool,
    ) -> Result<Option<(JournalId, NodeId)>> {
        let spot = self.locate_to_change(at).await?;
        let taken = || -> Error {
            Failure::new(Code::Conflict, "something is there already")
                .object(at.to_string())
                .hint("choose another place: crannog accept INVITE --at /PATH")
                .into()
        };
        if let Some(seen) = &spot.seen {
            let node = seen.row.node;
            let bare = match (&seen.row.kind, form) {
                (RowKind::Directory, Form::Folder) => {
                    let holds =
                        self.with_drive(&spot.journal, move |drive| Ok(!drive.list(node)?.is_empty()));
                    !holds.await?
                }
                (RowKind::File { size: 0, .. }, Form::File) => true,
                _ => false,
            };
            let empty = bare && spot.seat.is_none() && node != NodeId::ROOT;
            return if empty {
                Ok((!dry_run).then_some((spot.journal.id, node)))
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
        if dry_run {
            return Ok(None);
        }
        self.apply(&spot.journal, vec![op]).await?;
        Ok(Some((spot.journal.id, node)))
    }

    /// Records a share in home and reads it; what the inviter signed must hold.
    pub(super) async fn join_share(
        self: &Arc<Self>,
        note: &Note,
        invite: &Invite,
        at: Option<(JournalId, NodeId)>,
    ) -> Result<()> {
        let id = invite.journal;
        let head = |seen: Seen| HomeOp::Head {
            journal: id,
            seq: seen.seq,
            head: seen.head,
        };
        // Whatever stops this, every device compares from now on: what was read, or what the inviter signed.
        let read = self.journal(&id).and_then(|known| known.state().last().copied());
        let mut ops = vec![head(read.unwrap_or(invite.at))];
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

    pub(crate) async fn decline(self: &Arc<Self>, wanted: String, dry_run: bool) -> Result<Answer> {
        let (note, invite) = self.invite_named(&wanted).await?;
        let leave = Purpose::Leave {
            journal: invite.journal,
            epoch: invite.epoch,
        };
        if !dry_run {
            self.try_note(&note.sender.account, leave).await?;
            self.settle(&note).await?;
        }
        Ok(Answer::Changed(Changed {
            dry_run,
            plan: vec![format!("decline {}", invite.name)],
            ..Changed::default()
        }))
    }
}

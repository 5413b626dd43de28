//! Who did what, in words: one deed for each entry, made when the entry is read.

use std::sync::Arc;

use crannog_agent_api::answer::LogInfo;
use crannog_agent_api::{Answer, RemotePath};
use crannog_core::drive::{Applied, DriveOp, DriveState, NewNode, NodeId, Outcome};
use crannog_core::journal::{Content, Member, OpenedEntry};
use crannog_proto::{AccountId, Kind, SeqRange};

use super::person::shown_role;
use crate::db::{DbError, Deed, DriveStore, History};
use crate::error::Result;
use crate::shared::Shared;

/// Lines kept of one entry.
const LINES: usize = 64;
/// Bytes kept of what an author calls her device: as many as a conflict name has of it (CHK-024).
const DEVICE: usize = 64;
/// A path is not looked up deeper, nor shown longer in bytes, than this.
const DEPTH: usize = 64;
const PATH: usize = 512;

/// An entry in words. `before` is the list that it found, `applied` what became of its operations.
pub(crate) fn deed_of(
    opened: &OpenedEntry,
    before: &[Member],
    drive: &DriveStore<'_>,
    applied: &[Applied],
    time: i64,
    name: &dyn Fn(&AccountId) -> String,
) -> Result<Option<Deed>, DbError> {
    let (Some(author), Some(payload)) = (opened.author, &opened.payload) else {
        return Ok(None);
    };
    let (mut changes, mut more) = (Vec::new(), 0);
    match &payload.content {
        Content::Drive(batch) => {
            let mut moved = 0_u64;
            for (op, applied) in batch.ops.iter().zip(applied) {
                if matches!(applied.outcome, Outcome::Ignored(_)) {
                    continue;
                }
                if matches!(op, DriveOp::Repack { .. }) {
                    moved += 1;
                } else if changes.len() < LINES {
                    changes.push(line(drive, op, applied)?);
                } else {
                    more += 1;
                }
            }
            match moved {
                0 => {}
                1 => changes.push("packed 1 version anew".to_owned()),
                more => changes.push(format!("packed {more} versions anew")),
            }
            if changes.is_empty() {
                return Ok(None);
            }
        }
        Content::Rekey(rekey) => {
            let lines = list_changes(before, &rekey.members, name);
            more = lines.len().saturating_sub(LINES) as u64;
            changes = lines.into_iter().take(LINES).collect();
        }
        Content::Genesis { .. } => changes.push("made the drive".to_owned()),
        Content::Close => changes.push("deleted the drive".to_owned()),
        Content::Reset => {
            if let Kind::Reset { lost, .. } = &opened.header.kind {
                let lines = lost.iter().map(lost_line);
                more = lost.len().saturating_sub(LINES) as u64;
                changes = lines.take(LINES).collect();
            }
        }
        Content::Home(_) | Content::Checkpoint(_) | Content::Prune => return Ok(None),
    }
    Ok(Some(Deed {
        seq: opened.seq,
        time,
        account: author.account,
        device: author.device,
        device_name: beginning(&payload.device_name, DEVICE).to_owned(),
        changes,
        more,
    }))
}

fn lost_line(range: &SeqRange) -> String {
    let entries = if range.from == range.to {
        format!("entry {}", range.from)
    } else {
        format!("entries {} to {}", range.from, range.to)
    };
    format!("after a restore of the server, contents that {entries} brought are lost")
}

/// Whole characters from the beginning, of at most so many bytes together.
fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

fn list_changes(before: &[Member], after: &[Member], name: &dyn Fn(&AccountId) -> String) -> Vec<String> {
    let role = |list: &[Member], account: &AccountId| {
        let member = list.iter().find(|member| member.account == *account);
        member.map(|member| member.role)
    };
    let mut lines = Vec::new();
    for member in after {
        let who = || name(&member.account);
        match role(before, &member.account) {
            None => lines.push(format!("{} is a member now: {}", who(), shown_role(member.role))),
            Some(old) if old != member.role => {
                lines.push(format!("{} is {} now", who(), shown_role(member.role)));
            }
            Some(_) => {}
        }
    }
    for member in before {
        if role(after, &member.account).is_none() {
            lines.push(format!("{} is no longer a member", name(&member.account)));
        }
    }
    if lines.is_empty() {
        lines.push("renewed the keys".to_owned());
    }
    lines
}

fn line(drive: &DriveStore<'_>, op: &DriveOp, applied: &Applied) -> Result<String, DbError> {
    let landed = match &applied.outcome {
        Outcome::Conflict(landing) | Outcome::Recovered(landing) => Some(landing.node),
        Outcome::Done | Outcome::Ignored(_) => None,
    };
    let (verb, node) = match op {
        DriveOp::Create { node, new, .. } => {
            let verb = match new {
                NewNode::Directory => "mkdir",
                NewNode::File { .. } => "put",
                NewNode::Symlink { .. } => "link",
            };
            (verb, *node)
        }
        DriveOp::Write { node, .. } => ("put", *node),
        DriveOp::Move { node, .. } => ("mv to", *node),
        DriveOp::Trash { node } => ("rm", *node),
        DriveOp::Restore { node } => ("restore", *node),
        DriveOp::SetAttrs { node, .. } => ("touch", *node),
        DriveOp::PurgeVersion { node, .. } => ("purge an old version of", *node),
        DriveOp::Repack { node, .. } => ("pack anew", *node),
        DriveOp::Purge { .. } => return Ok("purge something from the trash".to_owned()),
    };
    Ok(format!("{verb} {}", path(drive, landed.unwrap_or(node))?))
}

/// Where a node lies now. What is longer than can be shown loses its beginning.
fn path(drive: &DriveStore<'_>, node: NodeId) -> Result<String, DbError> {
    let (mut at, mut shown) = (node, String::new());
    for _ in 0..DEPTH {
        if at == NodeId::RECOVERED {
            return Ok(format!("/{}{shown}", crannog_core::drive::RECOVERED_NAME));
        }
        let Some(head) = drive.head(at)? else {
            return Ok(if shown.is_empty() { "/".to_owned() } else { shown });
        };
        shown = format!("/{}{shown}", head.name);
        if shown.len() > PATH {
            let cut = shown.len() - PATH;
            let cut = (cut..shown.len())
                .find(|at| shown.is_char_boundary(*at))
                .unwrap_or(0);
            return Ok(format!("…{}", shown.get(cut..).unwrap_or_default()));
        }
        at = head.parent;
    }
    Ok(format!("…{shown}"))
}

impl Shared {
    pub(crate) async fn log(self: &Arc<Self>, path: Option<RemotePath>, limit: u32) -> Result<Answer> {
        let journals = match path {
            Some(path) => vec![self.share_of(&path).await?],
            None => self
                .home()
                .drives()
                .filter_map(|drive| self.journal(&drive.journal))
                .collect(),
        };
        let mut log = Vec::new();
        for journal in journals {
            let (row, drive) = (journal.row, self.drive_name(&journal.id));
            let deeds = self.db.read(move |c| History(c).of(row, limit)).await?;
            log.extend(deeds.into_iter().map(|deed| LogInfo {
                drive: drive.clone(),
                journal: journal.id.to_string(),
                seq: deed.seq,
                time: deed.time,
                author: self.person(&deed.account, &deed.device_name),
                changes: deed.changes,
                more: deed.more,
            }));
        }
        log.sort_by_key(|entry| std::cmp::Reverse((entry.time, entry.seq)));
        log.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Answer::Log(log))
    }
}

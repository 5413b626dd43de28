//! Operations that bring or take bytes: Create, Write, PurgeVersion, Repack.

use super::super::name::NAMELESS;
use super::super::{HeadKind, Landing, NewNode, Version, VersionId};
use super::*;
use crate::content::Content;

/// The longest link target, bytes.
const TARGET_MAX: usize = 4_096;

impl<S: DriveState> Fold<'_, S> {
    pub(super) fn create(
        &mut self,
        node: NodeId,
        parent: NodeId,
        name: &str,
        attrs: Attrs,
        new: &NewNode,
    ) -> Result<Applied, S::Error> {
        if self.exists(node)? {
            return Ok(Applied::ignored(Ignored::IdTaken));
        }
        if !sensible(new) {
            return Ok(Applied::ignored(Ignored::Content));
        }
        // CHK-023. Content never vanishes; a folder or link without a name does.
        match (check_name(name), new) {
            (Ok(()), _) => self.place_new(node, parent, name, attrs, new).map(Applied::new),
            (Err(_), NewNode::File { .. }) => self.recover_new(node, NAMELESS, attrs, new),
            (Err(_), _) => Ok(Applied::ignored(Ignored::Name)),
        }
    }

    pub(super) fn write(
        &mut self,
        node: NodeId,
        base: VersionId,
        version: VersionId,
        attrs: Attrs,
        content: &Content,
    ) -> Result<Applied, S::Error> {
        // CHK-003, CHK-024
        if content.check_shape().is_err() {
            return Ok(Applied::ignored(Ignored::Content));
        }
        let sibling = NodeId(version.0);
        if is_fixed(sibling) || self.state.has_version(node, version)? {
            return Ok(Applied::ignored(Ignored::IdTaken));
        }
        let head = self.state.head(node)?;
        let name = head
            .as_ref()
            .map_or(NAMELESS.to_owned(), |head| head.name.clone());
        let live = is_live(self.state, node)?;
        let parent = match head {
            Some(mut head) if live => match head.kind {
                HeadKind::File { current } if current == base => {
                    head.kind = HeadKind::File { current: version };
                    head.attrs = sensible_attrs(attrs);
                    head.changed = self.entry.seq;
                    self.add_version(node, version, attrs, content)?;
                    self.state.put(head)?;
                    return Ok(Applied::new(Outcome::Done));
                }
                HeadKind::File { .. } => Some(head.parent),
                _ => None,
            },
            _ => None,
        };
        if self.exists(sibling)? {
            return Ok(Applied::ignored(Ignored::IdTaken));
        }
        let new = NewNode::File {
            version,
            content: content.clone(),
        };
        match parent {
            Some(parent) => self
                .place_new(sibling, parent, &name, attrs, &new)
                .map(Applied::new),
            None => self.recover_new(sibling, &name, attrs, &new),
        }
    }

    /// What lands in `/Recovered` though nobody asked for that place.
    fn recover_new(
        &mut self,
        node: NodeId,
        name: &str,
        attrs: Attrs,
        new: &NewNode,
    ) -> Result<Applied, S::Error> {
        Ok(Applied::new(
            match self.place_new(node, NodeId::RECOVERED, name, attrs, new)? {
                Outcome::Conflict(landing) => Outcome::Recovered(landing),
                _ => Outcome::Recovered(Landing {
                    node,
                    name: name.to_owned(),
                }),
            },
        ))
    }

    pub(super) fn purge_version(&mut self, node: NodeId, version: VersionId) -> Result<Applied, S::Error> {
        let old = match self.state.head(node)? {
            Some(head) if head.kind != (HeadKind::File { current: version }) => head,
            Some(_) => return Ok(Applied::ignored(Ignored::Version)),
            None => return Ok(Applied::ignored(Ignored::NotLive)),
        };
        let Some(content) = self.state.remove_version(node, version)? else {
            return Ok(Applied::ignored(Ignored::Version));
        };
        let mut applied = self.update(old)?;
        applied.removed.push(content);
        Ok(applied)
    }

    pub(super) fn repack(
        &mut self,
        node: NodeId,
        version: VersionId,
        content: &Content,
    ) -> Result<Applied, S::Error> {
        let Some(head) = self.state.head(node)? else {
            return Ok(Applied::ignored(Ignored::NotLive));
        };
        // Whoever has the keys can seal other bytes under them: nobody answers for bytes that another account chose.
        let own = |old: &Version| old.account == self.entry.account;
        let Some(old) = self.state.version(node, version)?.filter(own) else {
            return Ok(Applied::ignored(Ignored::Version));
        };
        if content.check_shape().is_err() || !content.has_pieces_of(&old.content) {
            return Ok(Applied::ignored(Ignored::Content));
        }
        self.state
            .move_version(node, version, self.entry.device, content.clone())?;
        let mut applied = self.update(head)?;
        applied.removed.push(old.content);
        Ok(applied)
    }

    fn place_new(
        &mut self,
        node: NodeId,
        parent: NodeId,
        name: &str,
        attrs: Attrs,
        new: &NewNode,
    ) -> Result<Outcome, S::Error> {
        let kind = match new {
            NewNode::Directory => HeadKind::Directory,
            NewNode::File { version, .. } => HeadKind::File { current: *version },
            NewNode::Symlink { target } => HeadKind::Symlink(target.clone()),
        };
        let seq = self.entry.seq;
        let name = name.to_owned();
        let attrs = sensible_attrs(attrs);
        let head = Head {
            node,
            parent,
            name,
            attrs,
            kind,
            created: seq,
            changed: seq,
            trashed: None,
        };
        let outcome = place(self.state, self.entry, head)?;
        if let NewNode::File { version, content } = new {
            self.add_version(node, *version, attrs, content)?;
        }
        Ok(outcome)
    }

    fn add_version(
        &mut self,
        node: NodeId,
        version: VersionId,
        attrs: Attrs,
        content: &Content,
    ) -> Result<(), S::Error> {
        let EntryMeta {
            seq,
            time,
            account,
            device,
            ..
        } = *self.entry;
        let attrs = sensible_attrs(attrs);
        self.state.add_version(
            node,
            Version {
                version,
                seq,
                time,
                account,
                device,
                attrs,
                content: content.clone(),
            },
        )
    }
}

/// CHK-003, CHK-024, CHK-023: bytes that can be read, a link that can be made.
fn sensible(new: &NewNode) -> bool {
    match new {
        NewNode::Directory => true,
        NewNode::File { content, .. } => content.check_shape().is_ok(),
        NewNode::Symlink { target } => sensible_target(target),
    }
}

/// 1 to 4,096 bytes without NUL.
pub(in super::super) fn sensible_target(target: &[u8]) -> bool {
    (1..=TARGET_MAX).contains(&target.len()) && !target.contains(&0)
}

//! Opening a body: the box, the author, her rights, what she said (CHK-002, CHK-017, CHK-018).

use crannog_proto::{EpochPublic, Header, Kind, limits};

use super::error::{ReadError, by_member};
use super::open::Sources;
use super::payload::{Author, Content, JournalKind, Member, Payload, Role};
use super::rights::{author_key, check_list};
use super::signed::{SignedIn, open_signed};
use super::state::{Epoch, JournalState};
use crate::check::Check;

/// What a body says, once its author is proved.
pub(super) struct Said {
    pub(super) author: Author,
    pub(super) payload: Payload,
    pub(super) epoch: Option<Epoch>,
}

impl JournalState {
    /// A body of the current epoch.
    pub(super) fn open_plain(
        &self,
        header: &Header,
        bytes: &[u8],
        sources: &Sources<'_>,
    ) -> Result<Said, ReadError> {
        let (seq, epoch) = (self.next_seq(), header.epoch);
        let key = self.body_key().ok_or(ReadError::NeedsSecrets { epoch })?;
        let signed = open_signed(key, header, bytes).map_err(|check| by_member(check, seq))?;
        // Nobody waits for a link that somebody who may only append says to exist.
        if header.kind == Kind::Append && !signed.claimed().cites.is_empty() {
            return Err(by_member(Check::Author, seq));
        }
        let (author, payload) = self.check_author(signed, header, self.members(), sources)?;
        if !fits(&header.kind, self.kind, &payload.content) {
            return Err(by_member(Check::Author, seq));
        }
        if ops(&payload.content) > limits::OPS_MAX {
            return Err(by_member(Check::Bounds, seq));
        }
        Ok(Said {
            author,
            payload,
            epoch: None,
        })
    }

    /// The first body: its list is its own authority, its secrets come from home or the account secret.
    pub(super) fn open_genesis(
        &self,
        header: &Header,
        public: &EpochPublic,
        bytes: &[u8],
        sources: &Sources<'_>,
    ) -> Result<Said, ReadError> {
        let grant = sources.keys.known(&self.id, self.kind, 0, public, 0)?;
        let grant = grant.ok_or(ReadError::NeedsSecrets { epoch: 0 })?;
        let key = grant.secrets(&self.id, 0).body_key();
        let signed = open_signed(&key, header, bytes).map_err(|check| by_member(check, 0))?;
        let Content::Genesis { kind, members } = &signed.claimed().content else {
            return Err(by_member(Check::Author, 0));
        };
        let (kind, members) = (*kind, members.clone());
        let (author, payload) = self.check_author(signed, header, &members, sources)?;
        if members
            .first()
            .is_none_or(|creator| creator.account != author.account)
        {
            return Err(by_member(Check::Author, 0));
        }
        check_list(&members, sources.chain, 0)?;
        if kind != self.kind || !self.home_list_fits(&members) {
            return Err(by_member(
                if self.kind == JournalKind::Home {
                    Check::Home
                } else {
                    Check::Author
                },
                0,
            ));
        }
        let epoch = Epoch {
            begins: 0,
            public: *public,
            members,
            grant,
        };
        Ok(Said {
            author,
            payload,
            epoch: Some(epoch),
        })
    }

    /// CHK-017: the author is in the list, may do this, with this device, and signed it. Her own citation counts too.
    pub(super) fn check_author(
        &self,
        signed: SignedIn,
        header: &Header,
        members: &[Member],
        sources: &Sources<'_>,
    ) -> Result<(Author, Payload), ReadError> {
        let (seq, author) = (self.next_seq(), signed.author());
        // CHK-024
        if signed.claimed().cites.len() > limits::OPS_MAX {
            return Err(by_member(Check::Bounds, seq));
        }
        let cites = signed
            .claimed()
            .cites
            .iter()
            .chain(self.cited.get(&author.account));
        let key = author_key(&author, &header.kind, members, cites, sources.chain, seq)?;
        signed.verify(header, &key).map_err(|check| by_member(check, seq))
    }

    /// CHK-005: home has one member.
    pub(super) fn home_list_fits(&self, members: &[Member]) -> bool {
        self.kind != JournalKind::Home
            || matches!(members, [only] if only.account == self.me && only.role == Role::Admin)
    }
}

/// Whether content of this variant belongs under this kind of header in this kind of journal.
fn fits(kind: &Kind, journal: JournalKind, content: &Content) -> bool {
    match (kind, content) {
        (Kind::Change, Content::Home(_)) => journal == JournalKind::Home,
        (Kind::Change, Content::Drive(_)) => journal == JournalKind::Drive,
        (Kind::Append, Content::Drive(batch)) => journal == JournalKind::Drive && batch.only_adds(),
        (Kind::Checkpoint { through }, Content::Checkpoint(manifest)) => manifest.through == *through,
        (Kind::Reset { .. }, Content::Reset)
        | (Kind::Prune { .. }, Content::Prune)
        | (Kind::Close, Content::Close) => true,
        _ => false,
    }
}

fn ops(content: &Content) -> usize {
    match content {
        Content::Home(ops) => ops.len(),
        Content::Drive(batch) => batch.ops.len(),
        _ => 0,
    }
}

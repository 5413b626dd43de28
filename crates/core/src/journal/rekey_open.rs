//! Reading a rekey: who may open an epoch, and with which secrets (CHK-022, CHK-004, CHK-005).

use crannog_proto::{EpochPublic, Header, Signer, decode};

use super::error::{Fault, ReadError, by_member, by_server};
use super::grant::EpochGrant;
use super::open::Sources;
use super::payload::{Content, JournalKind, Member, RekeyContent, Role, list_padding};
use super::rekey_body::{Notice, RekeyBody, envelope_tag};
use super::rights::{check_list, newest};
use super::said::Said;
use super::signed::open_signed;
use super::state::{Epoch, JournalState};
use crate::check::Check;

/// Secrets of the next epoch, and whether they came in an envelope of this rekey.
struct Received {
    grant: EpochGrant,
    enveloped: bool,
}

impl JournalState {
    /// Opens a rekey; `None` when it leaves this account out and its notice says so.
    pub(super) fn open_rekey(
        &self,
        header: &Header,
        signer: Signer,
        next: &EpochPublic,
        bytes: &[u8],
        sources: &Sources<'_>,
    ) -> Result<Option<Said>, ReadError> {
        let seq = self.next_seq();
        let refused = by_member(Check::Rekey, seq);
        let body: RekeyBody = decode(bytes).map_err(|_| by_member(Check::Decode, seq))?;
        let home = self.kind == JournalKind::Home;
        if home != body.envelopes.is_empty() || !(home || body.envelopes.len().is_power_of_two()) {
            return Err(refused);
        }
        let Some(received) = self.receive(header, next, &body, sources)? else {
            return self.check_removal(header, signer, &body).map(|()| None);
        };
        let epoch = header.epoch + 1;
        let key = received.grant.secrets(&self.id, epoch).body_key();
        let signed = open_signed(&key, header, &body.sealed).map_err(|check| by_member(check, seq))?;
        let (author, payload) = self.check_author(signed, header, self.members(), sources)?;
        let Content::Rekey(content) = &payload.content else {
            return Err(by_member(Check::Author, seq));
        };

        // CHK-018
        let padding = if home {
            0
        } else {
            list_padding(content.members.len())
        };
        if content.padding.len() != padding || content.padding.iter().any(|byte| *byte != 0) {
            return Err(by_member(Check::Body, seq));
        }
        check_list(&content.members, sources.chain, seq)?;
        self.check_continues(content, sources)?;
        self.check_previous(content)?;
        if signer == Signer::Writer && !self.is_refresh(&content.members, next) {
            return Err(refused);
        }
        let me = content.members.iter().find(|member| member.account == self.me);
        if received.enveloped && !me.is_some_and(|me| complete(&received.grant, me.role, signer)) {
            return Err(refused);
        }
        let members = content.members.clone();
        let epoch = Epoch {
            begins: seq,
            public: *next,
            members,
            grant: received.grant,
        };
        Ok(Some(Said {
            author,
            payload,
            epoch: Some(epoch),
        }))
    }

    /// The next epoch's secrets, from the account secret, from home, or from this account's envelope. Each gives its public half.
    /// Home may hold the grant of a rekey that lost the race for this epoch: then the envelope of the one that won decides.
    fn receive(
        &self,
        header: &Header,
        next: &EpochPublic,
        body: &RekeyBody,
        sources: &Sources<'_>,
    ) -> Result<Option<Received>, ReadError> {
        let (seq, epoch) = (self.next_seq(), header.epoch + 1);
        match sources.keys.known(&self.id, self.kind, epoch, next, seq) {
            Ok(Some(grant)) => {
                return Ok(Some(Received {
                    grant,
                    enveloped: false,
                }));
            }
            Err(error) if self.kind == JournalKind::Home => return Err(error),
            Ok(None) | Err(_) => {}
        }
        let ending = self
            .secrets(header.epoch)
            .ok_or(ReadError::NeedsSecrets { epoch: header.epoch })?;
        let tag = envelope_tag(&ending.envelope_tag_key(), &self.me, epoch);
        let Some(envelope) = body.envelopes.iter().find(|envelope| envelope.tag == tag) else {
            return Ok(None);
        };
        let mut opened = sources
            .keys
            .account
            .kem_keys()
            .map(|key| envelope.open(&key, &self.id, epoch, &self.me));
        let grant = opened.find_map(Result::ok).ok_or(by_member(Check::Seal, seq))?;
        if !grant.gives(&self.id, epoch, next) {
            return Err(by_member(Check::Secret, seq));
        }
        Ok(Some(Received {
            grant,
            enveloped: true,
        }))
    }

    /// A refresh leaves nobody out; a rekey that leaves this account out has a notice that names it.
    fn check_removal(&self, header: &Header, signer: Signer, body: &RekeyBody) -> Result<(), ReadError> {
        let refused = by_member(Check::Rekey, self.next_seq());
        let ending = self.secrets(header.epoch).ok_or(refused)?;
        let named = Notice::names(&self.me, &ending, &header.associated_data(), &body.notice)
            .map_err(|check| by_member(check, self.next_seq()))?;
        if signer == Signer::Admin && named {
            Ok(())
        } else {
            Err(refused)
        }
    }

    /// Nobody who stays is cited with an older link than the list of the ending epoch cites.
    fn check_continues(&self, content: &RekeyContent, sources: &Sources<'_>) -> Result<(), ReadError> {
        let seq = self.next_seq();
        if !self.home_list_fits(&content.members) {
            return Err(by_member(Check::Home, seq));
        }
        for member in &content.members {
            let Some(before) = self
                .members()
                .iter()
                .find(|other| other.account == member.account)
            else {
                continue;
            };
            let cites = [&before.chain, &member.chain];
            if newest(&member.account, cites.into_iter(), sources.chain)? != Some(member.chain) {
                return Err(by_member(Check::Rekey, seq));
            }
        }
        Ok(())
    }

    /// `previous` is the ending epoch's `K` (CHK-004); home has none (CHK-005).
    fn check_previous(&self, content: &RekeyContent) -> Result<(), ReadError> {
        let seq = self.next_seq();
        let refused = |check| ReadError::Refused {
            check,
            seq,
            by: Fault::Member,
        };
        let (Some(epoch), Some(public)) = (self.epoch(), self.public()) else {
            return Err(by_server(Check::Rekey, seq));
        };
        match (&content.previous, self.kind) {
            (None, JournalKind::Home) => Ok(()),
            (Some(_), JournalKind::Home) => Err(refused(Check::Home)),
            (None, _) => Err(refused(Check::Rekey)),
            (Some(read), _) => {
                let grant = EpochGrant::of_reader(read.clone());
                if grant.gives(&self.id, epoch, public) {
                    Ok(())
                } else {
                    Err(refused(Check::Secret))
                }
            }
        }
    }

    /// The same people in the same order with the same roles, and the same admin key.
    fn is_refresh(&self, members: &[Member], next: &EpochPublic) -> bool {
        let line = |member: &Member| (member.account, member.role);
        self.members().iter().map(line).eq(members.iter().map(line))
            && self
                .public()
                .is_some_and(|public| public.admin_key == next.admin_key)
    }
}

/// Whether the grant has what the role needs. A refresh gives nobody an `A`.
fn complete(grant: &EpochGrant, role: Role, signer: Signer) -> bool {
    grant.append.is_some() == (role == Role::Append)
        && grant.write.is_some() == (role >= Role::Writer)
        && grant.admin.is_some() == (role >= Role::Admin && signer == Signer::Admin)
}

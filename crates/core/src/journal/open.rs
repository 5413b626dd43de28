//! The ladder: from what the server sent to an entry of which everything was checked (`docs/spec/journal.md`, Reading).

use crannog_proto::api::Stored;
use crannog_proto::chain::next_head;
use crannog_proto::entry::{EntryIn, VerifiedEntry};
use crannog_proto::sigchain::{Cite, SigchainState};
use crannog_proto::{AccountId, BlobId, EntryId, Hash, Header, JournalId, Kind, Place, Seen, decode, limits};

use super::error::{Fault, ReadError, by_server, check_of};
use super::keys::Keys;
use super::payload::{Author, Payload};
use super::said::Said;
use super::state::{End, JournalState, StateChange};
use crate::check::Check;

/// What the reader's database and the directory say while an entry is opened.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The reader's own head at a place; `None` where it has none.
    pub head_at: &'a dyn Fn(u64) -> Option<Hash>,
    /// Whether an entry of this id was read before.
    pub entry_known: &'a dyn Fn(&EntryId) -> bool,
    /// Sigchains that verified.
    pub chain: &'a dyn Fn(&AccountId) -> Option<&'a SigchainState>,
    /// Secrets.
    pub keys: Keys<'a>,
    /// The `through` of the vouched checkpoint from which the reader starts: below it, bodies may be gone.
    pub floor: Option<u64>,
}

/// An entry of which everything was checked. Of one whose body is gone, that ends this account's membership, that was
/// [skipped](JournalState::skip) or passed over, only the header is known.
#[derive(Debug)]
pub struct OpenedEntry {
    /// Its place.
    pub seq: u64,
    /// The head there.
    pub head: Hash,
    /// What the server sees.
    pub header: Header,
    /// Who said it; verified.
    pub author: Option<Author>,
    /// What she said.
    pub payload: Option<Payload>,
    /// An append whose body is no good counts for the chain alone, and stops nobody: what was found wrong. `author` is then whoever signed
    /// it nevertheless, if that can be seen.
    pub passed_over: Option<Check>,
}

/// The blobs that must be fetched, in this order, and joined, before the entry can be opened. Nothing here is verified yet;
/// what does not decode has none.
pub fn pending_blobs(stored: &Stored) -> Vec<BlobId> {
    if stored.body_gone || stored.entry.header.len() > limits::HEADER_MAX {
        return Vec::new();
    }
    match decode::<Header>(&stored.entry.header).map(|header| header.body.place) {
        Ok(Place::Blobs(ids)) if ids.len() <= limits::BODY_MAX / limits::CHUNK => ids,
        _ => Vec::new(),
    }
}

impl JournalState {
    /// Opens the next entry. `body` are the joined bytes of [`pending_blobs`], if it has any. Nothing changes: the change is
    /// [committed](Self::commit) together with what the caller makes of the entry.
    pub fn open(
        &self,
        stored: &Stored,
        body: Option<&[u8]>,
        sources: &Sources<'_>,
    ) -> Result<(OpenedEntry, StateChange), ReadError> {
        let (mut opened, mut change) = self.open_header(stored, sources)?;
        if stored.body_gone {
            self.check_gone(&opened.header, stored.seq, sources)?;
            return Ok((opened, change));
        }
        let bytes = check_body(&opened.header, &stored.entry.body, body, stored.seq)?;
        let said = match &opened.header.kind {
            Kind::Genesis(public) => Some(self.open_genesis(&opened.header, public, bytes, sources)?),
            Kind::Rekey { signer, next } => self.open_rekey(&opened.header, *signer, next, bytes, sources)?,
            Kind::Append => match self.open_plain(&opened.header, bytes, sources) {
                Err(ReadError::Refused {
                    check,
                    by: Fault::Member,
                    ..
                }) => {
                    opened.passed_over = Some(check);
                    opened.author = self.said(stored, body, sources).map(|(author, _)| author);
                    return Ok((opened, change));
                }
                said => Some(said?),
            },
            _ => Some(self.open_plain(&opened.header, bytes, sources)?),
        };
        let Some(said) = said else {
            change.end = Some(End::Removed);
            return Ok((opened, change));
        };
        self.take_cites(&mut change, &said, sources)?;
        change.epoch = said.epoch;
        opened.author = Some(said.author);
        opened.payload = Some(said.payload);
        Ok((opened, change))
    }

    /// Everything but the body: what anybody can check, and the place among the entries read.
    pub(super) fn open_header(
        &self,
        stored: &Stored,
        sources: &Sources<'_>,
    ) -> Result<(OpenedEntry, StateChange), ReadError> {
        let verified = self.verify(stored)?;
        let head = self.check_place(stored, &verified, sources)?;
        let (header, _) = verified.into_parts();
        let seq = stored.seq;
        let change = self.change(&header, Seen { seq, head });
        let opened = OpenedEntry {
            seq,
            head,
            header,
            author: None,
            payload: None,
            passed_over: None,
        };
        Ok((opened, change))
    }

    /// Decodes, bounds, and checks what public keys can: CHK-010, 016, 018, 021, 024, 029.
    fn verify(&self, stored: &Stored) -> Result<VerifiedEntry, ReadError> {
        let seq = self.next_seq();
        match self.end {
            Some(End::Closed) => return Err(by_server(Check::EpochSignature, seq)),
            Some(End::Removed) => return Err(ReadError::NotMember),
            None if stored.seq != seq => return Err(by_server(Check::Head, seq)),
            None => {}
        }
        let entry = stored.entry.clone();
        let decoded = if stored.body_gone {
            EntryIn::with_body_gone(entry)
        } else {
            EntryIn::new(entry)
        };
        let entry = decoded.map_err(|error| by_server(check_of(error), seq))?;
        let keys = match (&entry.header().kind, self.public()) {
            (Kind::Genesis(own), None) if JournalId::of_genesis(&stored.entry.header) == self.id => own,
            (Kind::Genesis(_), _) | (_, None) => return Err(by_server(Check::JournalId, seq)),
            _ if entry.header().journal != self.id => return Err(by_server(Check::JournalId, seq)),
            _ if Some(entry.header().epoch) != self.epoch() => {
                return Err(by_server(Check::EpochSignature, seq));
            }
            (_, Some(keys)) => keys,
        };
        let keys = *keys;
        entry
            .verify(&keys)
            .map_err(|error| by_server(check_of(error), seq))
    }

    /// The entry's place among those read: CHK-011, 014, 015, and what its kind says about places (CHK-024).
    fn check_place(
        &self,
        stored: &Stored,
        entry: &VerifiedEntry,
        sources: &Sources<'_>,
    ) -> Result<Hash, ReadError> {
        let (seq, header) = (stored.seq, entry.header());
        let before = self.last.map_or(Hash::ZERO, |last| last.head);
        let head = next_head(&before, seq, &stored.entry.header);
        if head != stored.head {
            return Err(by_server(Check::Head, seq));
        }
        let seen = header.seen;
        let own = || self.own_head(seen.seq).or_else(|| (sources.head_at)(seen.seq));
        if seq > 0 && (seen.seq >= seq || own() != Some(seen.head)) {
            return Err(by_server(Check::Seen, seq));
        }
        if (sources.entry_known)(&header.entry) {
            return Err(by_server(Check::EntryId, seq));
        }
        let fits = match &header.kind {
            Kind::Checkpoint { through } => *through <= seen.seq,
            Kind::Prune { ranges } => ranges.iter().all(|range| Some(range.to) < self.checkpoint),
            _ => true,
        };
        if fits {
            Ok(head)
        } else {
            Err(by_server(Check::Bounds, seq))
        }
    }

    /// Only what a vouched checkpoint covers may be gone, and never what carries keys.
    fn check_gone(&self, header: &Header, seq: u64, sources: &Sources<'_>) -> Result<(), ReadError> {
        let keys = matches!(header.kind, Kind::Genesis(_) | Kind::Rekey { .. });
        if keys || sources.floor.is_none_or(|floor| seq > floor) {
            return Err(by_server(Check::Missing, seq));
        }
        Ok(())
    }

    fn change(&self, header: &Header, last: Seen) -> StateChange {
        let checkpoint = match header.kind {
            Kind::Checkpoint { through } => Some(through),
            _ => None,
        };
        let end = matches!(header.kind, Kind::Close).then_some(End::Closed);
        let (before, entry) = (self.last, header.entry);
        StateChange {
            before,
            last,
            entry,
            cites: Vec::new(),
            epoch: None,
            checkpoint,
            end,
        }
    }

    /// Members' newest citations after this entry.
    fn take_cites(
        &self,
        change: &mut StateChange,
        said: &Said,
        sources: &Sources<'_>,
    ) -> Result<(), ReadError> {
        let list = said.epoch.as_ref().map_or(self.members(), |epoch| &epoch.members);
        let fresh: Vec<Cite> = said
            .epoch
            .iter()
            .flat_map(|epoch| epoch.members.iter().map(|member| member.chain))
            .collect();
        for member in list {
            let known = said
                .payload
                .cites
                .iter()
                .chain(&fresh)
                .any(|cite| cite.account == member.account);
            if known {
                let more = [said.payload.cites.as_slice(), &fresh].concat();
                change
                    .cites
                    .extend(self.newest_cite(&member.account, &more, sources.chain)?);
            }
        }
        Ok(())
    }
}

/// CHK-018: the bytes are those that the header names.
pub(super) fn check_body<'b>(
    header: &Header,
    inline: &'b [u8],
    fetched: Option<&'b [u8]>,
    seq: u64,
) -> Result<&'b [u8], ReadError> {
    match header.body.place {
        // `EntryIn` has compared them already.
        Place::Inline => Ok(inline),
        Place::Blobs(ref ids) => {
            // Of no blobs there is nothing to wait for.
            let bytes = match fetched {
                None if ids.is_empty() => &[],
                fetched => fetched.ok_or(ReadError::NeedsBody)?,
            };
            let named = bytes.len() == header.body.len as usize && Hash::plain(bytes) == header.body.hash;
            if named {
                Ok(bytes)
            } else {
                Err(by_server(Check::Body, seq))
            }
        }
    }
}

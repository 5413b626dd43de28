//! A refused entry: what its header shows of the server, and what its author proved herself to have said.

use crannog_proto::chain::next_head;
use crannog_proto::entry::EntryIn;
use crannog_proto::sigchain::{SigchainState, verify_chain};
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{Entry, Header, JournalId, Kind, decode, limits};

use super::case::EntryCase;
use crate::check::Check;
use crate::journal::{Author, Content, Payload, Signed, device_key};

/// A header that an honest server would have taken.
pub(super) enum HeaderSeen {
    /// It decodes, holds to the limits and is of the journal.
    Fine(Box<Header>),
    /// It does not.
    Bad(&'static str),
}

/// What somebody proved herself to have said.
pub(super) struct Spoken {
    pub(super) author: Author,
    /// Whether the device is no longer valid at the end of the sigchain in the evidence.
    pub(super) revoked: bool,
    /// What is wrong with it, as far as that shows without the drive's keys.
    pub(super) wrong: Option<Check>,
}

/// Whether the receipt is the key's, and its head follows from `before` and this very header.
pub(super) fn is_covered(case: &EntryCase, journal: &JournalId, key: &VerifyingKey) -> bool {
    let stored = &case.stored;
    let head = next_head(&case.before, stored.seq, &stored.entry.header);
    case.receipt.is_some_and(|receipt| {
        receipt.verify(key).is_ok()
            && receipt.journal == *journal
            && (receipt.seq, receipt.head) == (stored.seq, head)
    })
}

/// Looks at the header alone: signature and body are not covered by any receipt, so anyone could have changed them since.
pub(super) fn look_at_header(case: &EntryCase, journal: &JournalId) -> HeaderSeen {
    let stored = &case.stored;
    let bare = Entry {
        body: Vec::new(),
        ..stored.entry.clone()
    };
    let Ok(entry) = EntryIn::with_body_gone(bare) else {
        return HeaderSeen::Bad("does not decode or breaks a limit");
    };
    let header = entry.header();
    let genesis = matches!(header.kind, Kind::Genesis(_));
    let of_journal = if stored.seq == 0 {
        genesis && JournalId::of_genesis(&stored.entry.header) == *journal
    } else {
        !genesis && header.journal == *journal
    };
    if of_journal {
        HeaderSeen::Fine(Box::new(header.clone()))
    } else {
        HeaderSeen::Bad("is not of this journal")
    }
}

/// CHK-017 without a member list: a device of a sigchain that verifies signed this payload with this header.
pub(super) fn who_spoke(case: &EntryCase, header: &Header) -> Option<Spoken> {
    let signed: Signed = decode(case.said.as_ref()?).ok()?;
    let chain = verify_chain(&case.links).ok()?;
    let author = signed.author;
    if chain.account != author.account {
        return None;
    }
    signed.verify(header, &device_key(&chain, &author.device)?).ok()?;
    Some(Spoken {
        author,
        revoked: is_revoked(&chain, &author),
        wrong: wrong(&header.kind, &signed.payload),
    })
}

fn is_revoked(chain: &SigchainState, author: &Author) -> bool {
    chain.device(&author.device).is_none()
}

/// What is wrong whatever the member list and the history say. The padding does not count: no author signs it.
fn wrong(kind: &Kind, payload: &[u8]) -> Option<Check> {
    let Ok(payload) = decode::<Payload>(payload) else {
        return Some(Check::Decode);
    };
    if payload.cites.len() > limits::OPS_MAX {
        return Some(Check::Bounds);
    }
    match (kind, &payload.content) {
        (Kind::Append, _) if !payload.cites.is_empty() => Some(Check::Author),
        (Kind::Append, Content::Drive(batch)) if batch.ops.len() > limits::OPS_MAX => Some(Check::Bounds),
        (Kind::Append, Content::Drive(batch)) if batch.only_adds() => None,
        (Kind::Change, Content::Home(ops)) if ops.len() > limits::OPS_MAX => Some(Check::Bounds),
        (Kind::Change, Content::Drive(batch)) if batch.ops.len() > limits::OPS_MAX => Some(Check::Bounds),
        (Kind::Checkpoint { through }, Content::Checkpoint(manifest)) if manifest.through == *through => None,
        (Kind::Change, Content::Home(_) | Content::Drive(_))
        | (Kind::Genesis(_), Content::Genesis { .. })
        | (Kind::Rekey { .. }, Content::Rekey(_))
        | (Kind::Reset { .. }, Content::Reset)
        | (Kind::Prune { .. }, Content::Prune)
        | (Kind::Close, Content::Close) => None,
        _ => Some(Check::Author),
    }
}

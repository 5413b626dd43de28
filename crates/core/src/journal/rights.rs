//! Who may write what, and with which devices (`docs/spec/journal.md`, Rekey).

use std::collections::BTreeSet;

use crannog_proto::sigchain::{Cite, SigchainState};
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{AccountId, Kind, Signer};

use super::error::{ReadError, by_member};
use super::payload::{Author, Member, Role};
use crate::check::Check;

/// The role without which an entry of this kind is refused.
pub(super) fn needed(kind: &Kind) -> Role {
    match kind {
        Kind::Append => Role::Append,
        Kind::Change
        | Kind::Checkpoint { .. }
        | Kind::Rekey {
            signer: Signer::Writer,
            ..
        } => Role::Writer,
        Kind::Genesis(_)
        | Kind::Rekey {
            signer: Signer::Admin,
            ..
        }
        | Kind::Reset { .. }
        | Kind::Prune { .. }
        | Kind::Close => Role::Admin,
    }
}

/// Looks up verified sigchains.
pub(super) type Chains<'a> = &'a dyn Fn(&AccountId) -> Option<&'a SigchainState>;

/// The newest of several citations of one account's sigchain. One that a root has cut off never counts while another stands.
pub(super) fn newest<'c>(
    account: &AccountId,
    cites: impl Iterator<Item = &'c Cite>,
    chains: Chains<'_>,
) -> Result<Option<Cite>, ReadError> {
    let chain = chains(account);
    let mut best: Option<Cite> = None;
    for cite in cites.filter(|cite| cite.account == *account) {
        let needs = ReadError::NeedsChain {
            account: *account,
            seq: cite.seq,
        };
        let there = chain.ok_or(needs)?.link_hash(cite.seq).ok_or(needs)?;
        if there == cite.head && best.is_none_or(|best| best.seq < cite.seq) {
            best = Some(*cite);
        }
    }
    Ok(best)
}

/// CHK-017: the key of the author's device, if the list gives her the right and the newest citation has the device.
pub(super) fn author_key<'c>(
    author: &Author,
    kind: &Kind,
    members: &'c [Member],
    cites: impl Iterator<Item = &'c Cite>,
    chains: Chains<'_>,
    seq: u64,
) -> Result<VerifyingKey, ReadError> {
    let refused = by_member(Check::Author, seq);
    let member = members
        .iter()
        .find(|member| member.account == author.account)
        .ok_or(refused)?;
    if member.role < needed(kind) {
        return Err(refused);
    }
    let cite = newest(&author.account, cites.chain([&member.chain]), chains)?.ok_or(refused)?;
    let device = chains(&author.account).and_then(|chain| chain.device_at(&cite, &author.device));
    device.map(|device| device.sign).ok_or(refused)
}

/// CHK-022: no account twice, somebody can rekey, and every citation stands on a chain that verified.
pub(super) fn check_list(members: &[Member], chains: Chains<'_>, seq: u64) -> Result<(), ReadError> {
    let refused = by_member(Check::Rekey, seq);
    if !members.iter().any(|member| member.role == Role::Admin) {
        return Err(refused);
    }
    let mut seen = BTreeSet::new();
    for member in members {
        if !seen.insert(member.account) || member.chain.account != member.account {
            return Err(refused);
        }
        newest(&member.account, [&member.chain].into_iter(), chains)?.ok_or(refused)?;
    }
    Ok(())
}

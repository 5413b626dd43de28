//! Sealing a rekey: it ends the ground's epoch and opens the next.

use crannog_proto::sigchain::{Cite, SigchainState};
use crannog_proto::{AccountId, EntryId, EpochPublic, Kind, Signer, encode};
use crannog_seal::asym::KemPublicKey;
use crannog_seal::schedule::EpochSecrets;
use rand_core::CryptoRng;

use super::error::WriteError;
use super::grant::{EpochGrant, public_halves};
use super::payload::{Content, JournalKind, Member, Payload, RekeyContent, Role, list_padding};
use super::rekey_body::{Envelope, Notice, RekeyBody, envelope_tag};
use super::seal::{Ground, SealedEntry, place_body};
use super::signed::seal_signed;
use super::state::JournalState;

/// What a rekey says.
#[derive(Debug)]
pub struct RekeyDraft<'a> {
    /// Random; kept by the caller.
    pub entry: EntryId,
    /// Writer: a refresh, whose list is the current one with newer citations and which keeps the admin key.
    pub signer: Signer,
    /// The complete next list.
    pub members: Vec<Member>,
    /// Home: the secrets of the new generation. Otherwise absent: fresh ones are drawn.
    pub secrets: Option<EpochSecrets>,
    /// The author's clock, milliseconds since 1970.
    pub time: i64,
    /// The author's name of her device.
    pub device_name: &'a str,
    /// Newer citations; the author's own, if the list of the ending epoch does not know her device.
    pub cites: Vec<Cite>,
}

/// A rekey ready to be appended.
#[derive(Debug)]
pub struct SealedRekey {
    /// The entry.
    pub sealed: SealedEntry,
    /// The next epoch's secrets, as far as the author has them; to be recorded in home **before** the entry is appended.
    pub grant: EpochGrant,
}

/// Seals a rekey on `state`, which the ground was made from. `chains` must have every member of the next list.
pub fn seal_rekey<'c>(
    state: &JournalState,
    ground: &Ground<'_>,
    draft: RekeyDraft<'_>,
    chains: &dyn Fn(&AccountId) -> Option<&'c SigchainState>,
    rng: &mut impl CryptoRng,
) -> Result<SealedRekey, WriteError> {
    let next_epoch = ground.secrets.epoch() + 1;
    let (secrets, next) = next_secrets(state, &draft, next_epoch, rng)?;
    let kind = Kind::Rekey {
        signer: draft.signer,
        next,
    };
    let mut header = ground.header(draft.entry, kind, Vec::new(), Vec::new());
    let home = state.kind() == JournalKind::Home;
    let padding = if home {
        0
    } else {
        list_padding(draft.members.len())
    };
    let content = RekeyContent {
        members: draft.members,
        previous: (!home).then(|| ground.secrets.read().clone()),
        padding: vec![0; padding],
    };
    let mut envelopes = Vec::new();
    if !home {
        let tag_key = ground.secrets.envelope_tag_key();
        for member in &content.members {
            let kem = chains(&member.account).and_then(|chain| chain.generation_at(&member.chain));
            let kem = kem.and_then(|generation| KemPublicKey::from_bytes(&generation.kem).ok());
            let tag = envelope_tag(&tag_key, &member.account, next_epoch);
            let grant = EpochGrant::for_role(&secrets, member.role);
            let (to, account) = (kem.ok_or(WriteError::Members)?, &member.account);
            envelopes.push(Envelope::seal(
                tag,
                &to,
                state.id(),
                next_epoch,
                account,
                &grant,
                rng,
            ));
        }
        let room = envelopes.len().next_power_of_two();
        envelopes.resize_with(room, || Envelope::dummy(rng));
        // By tag, so that the order says nothing about who is who.
        envelopes.sort_unstable_by_key(|envelope| envelope.tag);
    }
    let removed = state.members().iter().map(|member| member.account);
    let stays = |account: &AccountId| content.members.iter().any(|member| member.account == *account);
    let removed: Vec<AccountId> = removed.filter(|account| !stays(account)).collect();
    let notice = Notice::seal(removed, &ground.secrets, &header.associated_data(), rng);

    let payload = Payload {
        time: draft.time,
        device_name: draft.device_name.to_owned(),
        cites: draft.cites,
        content: Content::Rekey(content),
    };
    let sealed = seal_signed(
        &secrets.body_key(),
        &header,
        &payload,
        ground.author,
        ground.device_key,
        rng,
    );
    let body = place_body(
        &mut header,
        encode(&RekeyBody {
            sealed,
            envelopes,
            notice,
        }),
    );
    let grant = EpochGrant::for_role(&secrets, Role::Admin);
    Ok(SealedRekey {
        sealed: ground.finish(header, body)?,
        grant,
    })
}

/// The next epoch's secrets and public halves. A refresh has no `A` to give and names the current admin key again.
fn next_secrets(
    state: &JournalState,
    draft: &RekeyDraft<'_>,
    epoch: u64,
    rng: &mut impl CryptoRng,
) -> Result<(EpochSecrets, EpochPublic), WriteError> {
    let fresh = match &draft.secrets {
        Some(secrets) if secrets.epoch() == epoch => secrets.clone(),
        Some(_) => return Err(WriteError::Order),
        None => EpochSecrets::generate(&state.id().0, epoch, rng),
    };
    let mut public = public_halves(&fresh).ok_or(WriteError::NoKey)?;
    match draft.signer {
        Signer::Admin => Ok((fresh, public)),
        Signer::Writer => {
            public.admin_key = state.public().ok_or(WriteError::Order)?.admin_key;
            let (read, write) = (fresh.read().clone(), fresh.write().cloned());
            Ok((EpochSecrets::new(&state.id().0, epoch, read, write, None), public))
        }
    }
}

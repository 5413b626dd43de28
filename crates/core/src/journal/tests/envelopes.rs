//! Envelopes swapped, replaced, flipped: attack rows 2 and 5.

use crannog_proto::{Signer, decode, encode};
use crannog_seal::schedule::{EpochSecrets, ReadSecret};

use super::rekeys::{Three, rekey, rekey_on, three};
use super::world::*;
use crate::check::Check;
use crate::journal::rekey_body::{Envelope, RekeyBody, envelope_tag};
use crate::journal::seal::place_body;
use crate::journal::*;

/// Edits the frame of a rekey and signs the header again, as an admin with a modified client would.
fn reframe(sealed: &SealedEntry, ground: &Ground<'_>, edit: impl FnOnce(&mut RekeyBody)) -> SealedEntry {
    let mut body: RekeyBody = decode(&sealed.entry.body).unwrap();
    edit(&mut body);
    let mut header = sealed.header.clone();
    let placed = place_body(&mut header, encode(&body));
    ground.finish(header, placed).unwrap()
}

/// Row 5: a valid seal to my key, of secrets that somebody else chose.
#[test]
fn chk_004_chk_002_envelopes_swapped_replaced_and_flipped() {
    let Three { alice, bob, .. } = three();
    let mut rng = TestRng::new("envelopes");
    let (log, a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let b = join(&bob, Role::Writer, &a, &log);
    let made = rekey(
        &a,
        vec![member(&alice, Role::Admin), member(&bob, Role::Writer)],
        Signer::Admin,
        &mut rng,
    );
    let refused = |edit: &mut dyn FnMut(&mut RekeyBody)| {
        let stored = log
            .clone()
            .append(&reframe(&made.sealed, &a.ground(), edit))
            .clone();
        b.refusal(&stored)
    };
    let id = *a.state.id();
    let tag = envelope_tag(&a.state.secrets(0).unwrap().envelope_tag_key(), &bob.account, 1);
    let to = bob.secrets.current().unwrap().kem_key().public();
    let own = EpochGrant::for_role(&EpochSecrets::generate(&id.0, 1, &mut rng), Role::Writer);
    let theirs = Envelope::seal(tag, &to, &id, 1, &bob.account, &own, &mut rng);
    let mut theirs = Some(theirs);
    assert_eq!(
        refused(&mut |body| replace(body, tag, theirs.take().unwrap())),
        Check::Secret
    );
    let genuine = made.grant.clone();
    for (journal, epoch, account) in [
        (crannog_proto::JournalId([1; 32]), 1, bob.account),
        (id, 2, bob.account),
        (id, 1, alice.account),
    ] {
        let mut other = Some(Envelope::seal(
            tag, &to, &journal, epoch, &account, &genuine, &mut rng,
        ));
        assert_eq!(
            refused(&mut |body| replace(body, tag, other.take().unwrap())),
            Check::Seal
        );
    }
    // More, or less, than the role gets.
    for role in [Role::Admin, Role::Reader] {
        let grant = EpochGrant::for_role(&genuine.secrets(&id, 1), role);
        let mut other = Some(Envelope::seal(tag, &to, &id, 1, &bob.account, &grant, &mut rng));
        assert_eq!(
            refused(&mut |body| replace(body, tag, other.take().unwrap())),
            Check::Rekey
        );
    }
    let swap = &mut |body: &mut RekeyBody| {
        let (x, y) = (body.envelopes[0].tag, body.envelopes[1].tag);
        body.envelopes[0].tag = y;
        body.envelopes[1].tag = x;
    };
    assert_eq!(refused(swap), Check::Seal);
    assert_eq!(
        refused(&mut |body| body.envelopes.retain(|one| one.tag != tag)),
        Check::Rekey,
        "left out, no notice"
    );
    assert_eq!(refused(&mut |body| body.sealed[80] ^= 1), Check::Seal);
    let len = encode(&Envelope::dummy(&mut rng)).len();
    for at in (20..len).step_by(61) {
        let flip = &mut |body: &mut RekeyBody| {
            let mine = body.envelopes.iter_mut().find(|one| one.tag == tag).unwrap();
            let mut bytes = encode(mine);
            bytes[at] ^= 1;
            *mine = decode(&bytes).unwrap();
        };
        assert_eq!(refused(flip), Check::Seal, "byte {at}");
    }
}

fn replace(body: &mut RekeyBody, tag: [u8; 16], by: Envelope) {
    *body.envelopes.iter_mut().find(|one| one.tag == tag).unwrap() = by;
}

#[test]
fn chk_004_a_rekey_with_a_wrong_previous_secret() {
    let alice = person("alice");
    let mut rng = TestRng::new("previous");
    let (mut log, a) = drive(&alice, &[], &mut rng);
    let other = EpochGrant {
        read: ReadSecret::generate(&mut rng),
        ..a.state.grant(0).unwrap().clone()
    };
    // The previous secret comes from the ground's secrets; tags and signature come from the genuine ones.
    let made = rekey(&a, vec![member(&alice, Role::Admin)], Signer::Admin, &mut rng);
    let ground = Ground {
        secrets: other.secrets(a.state.id(), 0),
        ..a.ground()
    };
    let wrong = rekey_on(
        &a,
        &ground,
        vec![member(&alice, Role::Admin)],
        Signer::Admin,
        &mut rng,
    );
    let tag = envelope_tag(&a.state.secrets(0).unwrap().envelope_tag_key(), &alice.account, 1);
    let sealed = reframe(&wrong.sealed, &a.ground(), |body| body.envelopes[0].tag = tag);
    assert_eq!(a.refusal(log.clone().append(&sealed)), Check::Secret);
    let stored = log.append(&made.sealed).clone();
    assert!(a.open(&stored, None).is_ok());
}

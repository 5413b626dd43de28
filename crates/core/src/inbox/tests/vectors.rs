//! `vectors/core/note.json`.

use crannog_proto::sigchain::SignedLink;
use crannog_proto::sign::{Signature, message};
use crannog_proto::{encode, labels};
use crannog_seal::asym::{WRAP_OVERHEAD, wrap};
use serde_json::{Value, json};

use super::*;
use crate::identity::{revoke_device, root_words};
use crate::inbox::open::{Padded, SignedNote};
use crate::inbox::seal::info;
use crate::journal::tests::vectors::{RNG, account, compare, hex};
use crate::journal::tests::world::person;

fn outcome(result: Result<VerifiedNote, NoteRefused>) -> String {
    match result {
        Ok(_) => "ok".into(),
        Err(refused) => format!("CHK-{:03}", refused.check().number()),
    }
}

struct Cases<'a> {
    alice: &'a NewAccount,
    bob: &'a NewAccount,
    found: Vec<Value>,
}

impl Cases<'_> {
    fn sign(&self, note: Vec<u8>) -> SignedNote {
        let signature = Signature(self.alice.device_keys.signing.sign(&message(labels::NOTE, &note)));
        SignedNote { note, signature }
    }

    /// A case without its box.
    fn signed(&mut self, name: &str, bytes: Vec<u8>, links: &[SignedLink], now: i64, expected: &str) {
        let chain = crannog_proto::sigchain::verify_chain(links).unwrap();
        let length = bytes.len();
        let result = NoteIn::recorded(&bytes, &self.bob.account)
            .and_then(|note| note.verify(&chain, &self.bob.chain, now));
        assert_eq!(outcome(result), expected, "{name}, {length} bytes");
        self.found.push(json!({
            "name": name, "signed_note": hex(&bytes), "links": links.len(), "now": now, "outcome": expected,
        }));
    }

    fn edited(&mut self, name: &str, note: &Note, edit: impl FnOnce(&mut Note), expected: &str) {
        let mut note = note.clone();
        edit(&mut note);
        let bytes = encode(&self.sign(encode(&note)));
        let links = [self.alice.link.clone()];
        self.signed(name, bytes, &links, NOW, expected);
    }
}

#[test]
fn notes() {
    let (alice, bob) = (person("alice"), person("bob"));
    let mut rng = TestRng::new("vector note");
    let sent = note(&alice, &bob, &mut rng);
    let drop = sealed(&sent, &alice, &bob, &mut rng);
    let create = [alice.link.clone()];
    let gone = revoke_device(&alice.chain, &alice.secrets, author(&alice).device, &mut rng).unwrap();
    let mut cases = Cases {
        alice: &alice,
        bob: &bob,
        found: Vec::new(),
    };
    let signed = encode(&cases.sign(encode(&sent)));
    cases.signed("invite", signed.clone(), &create, NOW, "ok");
    cases.signed("in its last moment", signed.clone(), &create, sent.expires, "ok");
    cases.signed("expired", signed.clone(), &create, sent.expires + 1, "CHK-031");
    cases.signed("a day ahead", signed.clone(), &create, NOW - DAY, "ok");
    cases.signed(
        "from the future",
        signed.clone(),
        &create,
        NOW - DAY - 1,
        "CHK-031",
    );
    let revoked = [alice.link.clone(), gone.link.clone()];
    cases.signed("of a revoked device", signed.clone(), &revoked, NOW, "CHK-031");
    let mut flipped = signed.clone();
    *flipped.last_mut().unwrap() ^= 1;
    cases.signed("another signature", flipped, &create, NOW, "CHK-031");
    let mut longer = encode(&sent);
    longer.push(0);
    let longer = encode(&cases.sign(longer));
    cases.signed("a byte left over", longer, &create, NOW, "CHK-031");
    let journal = JournalId([5; 32]);
    cases.edited(
        "leave",
        &sent,
        |note| note.purpose = Purpose::Leave { journal, epoch: 3 },
        "ok",
    );
    cases.edited(
        "refresh",
        &sent,
        |note| note.purpose = Purpose::Refresh { journal },
        "ok",
    );
    cases.edited("version 2", &sent, |note| note.version = 2, "CHK-010");
    let other = alice.account;
    cases.edited(
        "for someone else",
        &sent,
        |note| note.recipient = other,
        "CHK-031",
    );
    let root = alice.chain.root;
    cases.edited(
        "for another root",
        &sent,
        |note| note.recipient_root = root,
        "CHK-031",
    );
    let root = bob.chain.root;
    cases.edited(
        "from another root",
        &sent,
        |note| note.sender_root = root,
        "CHK-031",
    );
    let chain = gone.chain.cite();
    cases.edited(
        "a link that the chain has not",
        &sent,
        |note| note.chain = chain,
        "CHK-031",
    );
    cases.edited("31 days", &sent, |note| note.expires = NOW + 31 * DAY, "CHK-031");
    cases.edited(
        "a name like a path",
        &sent,
        |note| {
            if let Purpose::Invite(invite) = &mut note.purpose {
                invite.name = "a/b".into();
            }
        },
        "CHK-031",
    );
    cases.edited(
        "into a home",
        &sent,
        |note| {
            if let Purpose::Invite(invite) = &mut note.purpose {
                invite.kind = JournalKind::Home;
            }
        },
        "CHK-031",
    );
    let padded = |signed: SignedNote, byte: u8, rng: &mut TestRng| {
        let mut padded = Padded {
            signed,
            padding: Vec::new(),
        };
        let room = 4_096 - WRAP_OVERHEAD - encode(&padded).len();
        padded.padding = vec![byte; room];
        wrap(&kem(&bob.chain), info(&bob.account), b"", &encode(&padded), rng)
    };
    let speaking = padded(cases.sign(encode(&sent)), 1, &mut rng);
    let mut flipped = drop.clone();
    flipped[2_000] ^= 1;
    let boxes: Vec<Value> = [
        ("invite", drop.clone(), "ok"),
        ("padding of ones", speaking, "CHK-031"),
        ("one bit flipped", flipped, "CHK-031"),
        ("a byte too long", [drop, vec![0]].concat(), "CHK-031"),
    ]
    .into_iter()
    .map(|(name, drop, expected)| {
        assert_eq!(outcome(take(&drop, &bob, &alice.chain, NOW)), expected, "{name}");
        json!({ "name": name, "drop": hex(&drop), "outcome": expected })
    })
    .collect();
    compare(
        "note",
        &json!({
            "rng": RNG, "account_seeds": ["alice", "bob"], "seed": "vector note",
            "sender": account(&alice), "recipient": account(&bob),
            "sender_links": revoked.iter().map(|link| hex(&encode(link))).collect::<Vec<_>>(),
            "sender_root_words": root_words(&alice.chain.root),
            "signed_notes": cases.found, "now": NOW, "drops": boxes,
        }),
    );
}

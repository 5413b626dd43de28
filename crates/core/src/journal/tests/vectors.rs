//! Language-neutral vectors, `vectors/core/*.json`: inputs and outputs in hex, compared with what this code makes.
//! `CRANNOG_BLESS=1` writes them anew; a change of bytes that no specification explains is a bug.

use crannog_proto::{Entry, EntryId, Header, JournalId, Signer, decode, encode};
use crannog_seal::schedule::EpochSecrets;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::world::*;
use crate::drive::NodeId;
use crate::identity::{HomeOp, NewAccount, close, new_words, recover, revoke_device};
use crate::inbox::tests::{NOW, note, sealed, take};
use crate::journal::*;

pub(crate) const RNG: &str =
    "every random byte, in the order drawn, is the output of BLAKE3 (XOF) over the ASCII seed";

pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

#[expect(clippy::disallowed_methods, reason = "vectors are files")]
pub(crate) fn compare(name: &str, made: &Value) {
    let path = format!("{}/../../vectors/core/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = format!("{}\n", serde_json::to_string_pretty(made).unwrap());
    if std::env::var_os("CRANNOG_BLESS").is_some() {
        std::fs::create_dir_all(format!("{}/../../vectors/core", env!("CARGO_MANIFEST_DIR"))).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).expect("run once with CRANNOG_BLESS=1");
    assert!(
        kept == text,
        "{path} differs; see the specification before you bless"
    );
}

/// An entry with everything that a reader computes on the way.
pub(crate) fn entry(stored: &crannog_proto::api::Stored, plain: Option<Vec<u8>>) -> Value {
    let header: Header = decode(&stored.entry.header).unwrap();
    json!({
        "seq": stored.seq, "header": hex(&stored.entry.header), "signature": hex(&stored.entry.signature.0),
        "body": hex(&stored.entry.body), "associated_data": hex(&header.associated_data()),
        "plain_body": plain.map(|bytes| hex(&bytes)), "head": stored.head.to_string(), "outcome": "ok",
    })
}

fn plain(entry: &Entry, secrets: &EpochSecrets) -> Option<Vec<u8>> {
    let header: Header = decode(&entry.header).unwrap();
    secrets
        .body_key()
        .open(&header.associated_data(), &entry.body)
        .ok()
}

pub(crate) fn grant(grant: &EpochGrant) -> Value {
    json!({
        "read": hex(&encode(&grant.read)), "append": grant.append.as_ref().map(|p| hex(&encode(p))),
        "write": grant.write.as_ref().map(|w| hex(&encode(w))),
        "admin": grant.admin.as_ref().map(|a| hex(&encode(a))),
    })
}

pub(crate) fn account(person: &NewAccount) -> Value {
    json!({
        "words": *person.words.phrase(), "device_seed": hex(&encode(&person.device_seed)),
        "device": author(person).device.to_string(), "link": hex(&encode(&person.link)),
        "account": person.account.to_string(),
        "account_secret_0": hex(person.secrets.current().unwrap().secret().expose_to_wrap()),
    })
}

#[test]
fn entries() {
    let alice = person("alice");
    let mut rng = TestRng::new("vector entry");
    let (mut log, mut reader) = drive(&alice, &[], &mut rng);
    log.append(&reader.change(&mut rng));
    reader.read_all(&log).unwrap();
    let zero = reader.state.secrets(0).unwrap();
    let draft = RekeyDraft {
        entry: EntryId(random(&mut rng)),
        signer: Signer::Admin,
        members: vec![member(&alice, Role::Admin)],
        secrets: None,
        time: 3_000,
        device_name: "laptop",
        cites: Vec::new(),
    };
    let made = seal_rekey(
        &reader.state,
        &reader.ground(),
        draft,
        &|_| Some(&alice.chain),
        &mut rng,
    )
    .unwrap();
    log.append(&made.sealed);
    reader.read_all(&log).unwrap();
    log.append(
        &seal_close(
            &reader.ground(),
            EntryId(random(&mut rng)),
            4_000,
            "laptop".into(),
            &mut rng,
        )
        .unwrap(),
    );
    let one = reader.state.secrets(1).unwrap();
    let mut flipped = log.stored[3].clone();
    flipped.entry.signature.0[0] ^= 1;
    assert_eq!(reader.refusal(&flipped).number(), 16);
    let mut bad = entry(&flipped, None);
    bad["outcome"] = "CHK-016".into();
    reader.read_all(&log).unwrap();
    let at = |n: usize, secrets| entry(&log.stored[n], plain(&log.stored[n].entry, secrets));
    compare(
        "entry",
        &json!({
            "rng": RNG, "account_seed": "alice", "seed": "vector entry", "author": account(&alice),
            "journal": reader.state.id().to_string(),
            "epoch_0": grant(reader.state.grant(0).unwrap()), "epoch_1": grant(reader.state.grant(1).unwrap()),
            "genesis": at(0, &zero), "change": at(1, &zero), "rekey": entry(&log.stored[2], None),
            "close": at(3, &one), "close_flipped": bad,
        }),
    );
}

#[test]
fn sigchain() {
    let alice = person("alice");
    let mut rng = TestRng::new("vector sigchain");
    let first = author(&alice).device;
    let gone = revoke_device(&alice.chain, &alice.secrets, first, &mut rng).unwrap();
    let id = crannog_proto::DeviceId(random(&mut rng));
    let seed = crannog_seal::schedule::DeviceSeed::generate(&mut rng);
    let keys = crannog_seal::schedule::DeviceKeys::new(&seed, &id.0);
    let back = recover(
        &gone.chain,
        &alice.words,
        gone.account.as_ref().unwrap(),
        (id, &keys),
        &[],
        &mut rng,
    )
    .unwrap();
    let words = new_words(
        &back.chain,
        &alice.words,
        back.account.as_ref().unwrap(),
        &[id],
        &mut rng,
    )
    .unwrap();
    let end = close(&words.new.chain, &words.words).unwrap();
    let plain = |link: &crannog_proto::sigchain::SignedLink, outcome: &str| {
        json!({
            "link": hex(&link.link), "signatures": link.signatures.iter().map(|s| hex(&s.0)).collect::<Vec<_>>(),
            "hash": link.hash().to_string(), "outcome": outcome,
        })
    };
    let message = crannog_proto::sign::message(crannog_proto::labels::LINK_SIGNATURE, &end.link.link);
    let account_key = words
        .new
        .account
        .as_ref()
        .unwrap()
        .current()
        .unwrap()
        .signing_key();
    let mut stolen = end.link.clone();
    stolen.signatures = vec![crannog_proto::sign::Signature(crannog_seal::sign::Signer::sign(
        &account_key,
        &message,
    ))];
    let link = |new: &crate::identity::NewLink| {
        json!({
            "link": hex(&new.link.link), "signatures": new.link.signatures.iter().map(|s| hex(&s.0)).collect::<Vec<_>>(),
            "hash": new.link.hash().to_string(), "secrets": hex(&encode(&new.secrets)),
            "account_secret": hex(new.account.as_ref().unwrap().current().unwrap().secret().expose_to_wrap()),
            "outcome": "ok",
        })
    };
    let mut unsigned = link(&words.new);
    unsigned["signatures"].as_array_mut().unwrap().remove(0);
    unsigned["outcome"] = "CHK-006".into();
    compare(
        "sigchain",
        &json!({
            "rng": RNG, "account_seed": "alice", "seed": "vector sigchain", "account": account(&alice),
            "create": hex(&encode(&alice.link)), "create_secrets": hex(&encode(&alice.sealed)),
            "revoke": link(&gone), "recover_device": id.to_string(), "recover_device_seed": hex(&encode(&seed)),
            "recover": link(&back), "new_words": link(&words.new), "words": *words.words.phrase(),
            "new_words_without_the_old_root": unsigned,
            "close": plain(&end.link, "ok"), "close_by_the_account_key": plain(&stolen, "CHK-006"),
        }),
    );
}

#[test]
fn home() {
    let alice = person("alice");
    let mut rng = TestRng::new("vector home");
    let mut log = Log::default();
    log.append(&alice.home_genesis);
    let mut reader = Reader::new(&alice, alice.home, JournalKind::Home, &[&alice]);
    reader.read_all(&log).unwrap();
    let secrets = EpochSecrets::generate(&[0; 32], 0, &mut rng);
    let journal = JournalId([1; 32]);
    let bob = person("bob");
    let sent = note(&bob, &alice, &mut rng);
    let invite = take(&sealed(&sent, &bob, &alice, &mut rng), &alice, &bob.chain, NOW).unwrap();
    let ops = vec![
        HomeOp::Secrets {
            journal,
            kind: JournalKind::Drive,
            epoch: 0,
            grant: EpochGrant::for_role(&secrets, Role::Writer),
        },
        HomeOp::DriveNamed {
            journal,
            name: "Photos".into(),
        },
        HomeOp::DefaultDrive { journal },
        HomeOp::Head {
            journal,
            seq: 7,
            head: crannog_proto::Hash([7; 32]),
        },
        HomeOp::DeviceNamed {
            device: author(&alice).device,
            name: "laptop".into(),
        },
        HomeOp::Mount {
            journal,
            drive: JournalId([2; 32]),
            node: NodeId([3; 16]),
        },
        HomeOp::Accepted { drop: [4; 16] },
        HomeOp::Removal {
            journal,
            account: bob.account,
            wanted: true,
        },
        HomeOp::Invited {
            drop: *invite.id(),
            note: invite.signed_bytes().clone(),
        },
        HomeOp::Sharing {
            journal,
            drive: JournalId([2; 32]),
            node: NodeId([3; 16]),
            done: false,
        },
    ];
    let encoded: Vec<String> = ops.iter().map(|op| hex(&encode(op))).collect();
    log.append(&reader.seal(crannog_proto::Kind::Change, Content::Home(ops), &mut rng));
    reader.read_all(&log).unwrap();
    let zero = reader.state.secrets(0).unwrap();
    let at = |n: usize| entry(&log.stored[n], plain(&log.stored[n].entry, &zero));
    compare(
        "home",
        &json!({
            "rng": RNG, "account_seed": "alice", "seed": "vector home", "account": account(&alice),
            "home": alice.home.to_string(), "epoch_0": grant(reader.state.grant(0).unwrap()),
            "genesis": at(0), "ops": encoded, "change": at(1),
        }),
    );
}

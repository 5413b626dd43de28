//! What is fuzzed: every decoder of bytes that someone else chose. A target may refuse, and must never panic, hang or take
//! memory that its input does not justify. The corpora are replayed by `crates/testkit/tests/fuzz_corpora.rs`.

use crannog_core::drive::{
    DriveBatch, EntryMeta, Loader, Manifest, MemoryDrive, Record, Segment, apply, check_manifest,
    open_segment,
};
use crannog_core::evidence::{Evidence, audit};
use crannog_core::identity::{AccountSecrets, HomeOp, HomeState, KnownChain, WrittenWords};
use crannog_core::inbox::NoteIn;
use crannog_core::journal::{JournalState, Payload};
use crannog_proto::entry::EntryIn;
use crannog_proto::sigchain::{GenerationSecrets, SignedLink, verify_chain};
use crannog_proto::{AccountId, BlobId, DeviceId, Entry, EpochPublic, Hash, Header, api, decode, encode};
use crannog_seal::content::ContentKey;

/// A target: its name, which is also its corpus' folder, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("entry", entry),
    ("header", header),
    ("sigchain", sigchain),
    ("api", messages),
    ("payload", payload),
    ("batch", batch),
    ("segment", segment),
    ("snapshots", snapshots),
    ("boxes", boxes),
    ("texts", texts),
    ("frames", frames),
    ("note", note),
    ("evidence", evidence),
];

/// Runs one target by name; for the fuzzers' entry points.
pub fn run(name: &str, data: &[u8]) {
    if let Some((_, target)) = TARGETS.iter().find(|(known, _)| *known == name) {
        target(data);
    }
}

fn entry(data: &[u8]) {
    let Ok(entry) = decode::<Entry>(data) else { return };
    assert_eq!(
        encode(&entry),
        data,
        "an encoding that is not canonical was taken"
    );
    if let Ok(entry) = EntryIn::new(entry) {
        let zero = crannog_proto::sign::VerifyingKey([0; 32]);
        let keys = EpochPublic {
            read_token_hash: Hash::ZERO,
            append_key: zero,
            write_key: zero,
            admin_key: zero,
        };
        let _ = entry.verify(&keys);
    }
}

fn header(data: &[u8]) {
    if let Ok(header) = decode::<Header>(data) {
        assert_eq!(
            encode(&header),
            data,
            "an encoding that is not canonical was taken"
        );
        let _ = (header.associated_data(), header.held_blobs().count());
    }
}

fn sigchain(data: &[u8]) {
    if let Ok(links) = decode::<Vec<SignedLink>>(data) {
        let _ = verify_chain(&links);
    }
    if let Ok(link) = decode::<SignedLink>(data) {
        let _ = verify_chain(&[link]);
    }
}

fn messages(data: &[u8]) {
    let _ = decode::<api::ServerInfo>(data);
    let _ = decode::<api::Register>(data);
    let _ = decode::<api::Login>(data);
    let _ = decode::<api::AccountView>(data);
    let _ = decode::<api::AppendLink>(data);
    let _ = decode::<api::Page>(data);
    let _ = decode::<api::Append>(data);
    let _ = decode::<api::Appended>(data);
    let _ = decode::<api::Hold>(data);
    let _ = decode::<api::Rung>(data);
    let _ = decode::<api::Inbox>(data);
    let _ = decode::<GenerationSecrets>(data);
}

fn payload(data: &[u8]) {
    if let Ok(payload) = decode::<Payload>(data) {
        let _ = encode(&payload);
    }
    if let Ok(ops) = decode::<Vec<HomeOp>>(data) {
        let mut home = HomeState::default();
        ops.iter().for_each(|op| home.apply(&DeviceId::ZERO, op));
    }
}

fn batch(data: &[u8]) {
    let Ok(batch) = decode::<DriveBatch>(data) else {
        return;
    };
    let mut drive = MemoryDrive::new();
    for (seq, op) in (1..).zip(&batch.ops) {
        let meta = EntryMeta {
            seq,
            index: 0,
            seen_seq: seq - 1,
            time: i64::MAX,
            account: AccountId::ZERO,
            device: DeviceId::ZERO,
            device_name: "a/b\0\u{1b}",
        };
        let _ = apply(&mut drive, &meta, op);
    }
}

fn segment(data: &[u8]) {
    if let Ok(manifest) = decode::<Manifest>(data) {
        let _ = check_manifest(&manifest);
        let _ = Loader::new(&manifest);
    }
    let _ = decode::<Vec<Record>>(data);
    if let Ok((segment, plaintext)) = decode::<(Segment, Vec<u8>)>(data) {
        let _ = open_segment(&segment, &plaintext);
    }
}

fn snapshots(data: &[u8]) {
    let _ = JournalState::restore(data);
    let _ = HomeState::restore(data);
    if let Ok(chain) = KnownChain::from_stored(data) {
        let _ = AccountSecrets::from_stored(chain.state(), data);
    }
}

fn boxes(data: &[u8]) {
    let _ = ContentKey::from_bytes(&[7; 32]).open(data);
    let blob = crannog_core::content::Blob::check(BlobId::of(data), data.to_vec());
    if let Ok(blob) = blob {
        let _ = crannog_core::content::OpenedPack::open(
            &blob,
            &crannog_seal::content::PackKey::from_bytes(&[7; 32]),
        );
    }
    let _ = crannog_seal::asym::KemPublicKey::from_bytes(data);
    // The parameters are bounded before anything is derived; what passes would cost a real derivation.
    if data.len() < 37 {
        let _ = crannog_seal::password::unwrap("password", data);
    }
}

fn texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = WrittenWords::parse(text);
    let _ = text.parse::<crannog_proto::ServerUrl>();
    let _ = text.parse::<crannog_proto::invite::Invite>();
    let _ = text.parse::<crannog_agent_api::RemotePath>();
    let _ = crannog_core::drive::check_name(text);
}

/// A SignedNote, the sender's links, the reader's.
fn note(data: &[u8]) {
    let _ = NoteIn::recorded(data, &AccountId::ZERO);
    let Ok((note, sender, me)) = decode::<(Vec<u8>, Vec<SignedLink>, Vec<SignedLink>)>(data) else {
        return;
    };
    let (Ok(sender), Ok(me)) = (verify_chain(&sender), verify_chain(&me)) else {
        return;
    };
    for now in [i64::MIN, 1_700_000_000_000, i64::MAX] {
        if let Ok(note) = NoteIn::recorded(&note, &me.account) {
            let _ = note.verify(&sender, &me, now);
        }
    }
}

fn evidence(data: &[u8]) {
    if let Ok(evidence) = decode::<Evidence>(data) {
        for certified in [false, true] {
            let verdict = audit(&evidence, certified);
            assert!(!verdict.findings.is_empty(), "an audit that says nothing");
        }
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(evidence) = Evidence::from_text(text)
    {
        let _ = audit(&evidence, true);
    }
}

fn frames(data: &[u8]) {
    let mut arrived = bytes::BytesMut::from(data);
    while let Ok(Some(frame)) = crannog_agent_api::frame::decode(&mut arrived) {
        if let crannog_agent_api::frame::Frame::Json(text) = frame {
            let _ = crannog_agent_api::connection::word::<crannog_agent_api::Request>(&text);
        }
    }
}

//! Whom evidence convicts, and whom it must not.

use crannog_proto::chain::{header_hash, next_head};
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{Hash, Header, JournalId, Kind, Receipt, Seen, encode, labels};
use crannog_seal::sign::RootSigningKey;
use proptest::prelude::*;

use super::*;
use crate::identity::NewAccount;
use crate::journal::tests::world::*;
use crate::journal::*;

/// A server that signs whatever it is told to.
struct Server(RootSigningKey);

impl Server {
    fn new(seed: u8) -> Self {
        Self(RootSigningKey::from_seed(&[seed; 32]))
    }

    fn proof(&self) -> ServerProof {
        ServerProof {
            ca: vec![1, 2, 3],
            receipt_key: VerifyingKey(self.0.public()),
            receipt_key_signature: Signature([0; 64]),
        }
    }

    fn receipt(&self, journal: &JournalId, seq: u64, head: Hash) -> Receipt {
        let data = message(labels::RECEIPT, &Receipt::statement(journal, seq, &head));
        Receipt {
            journal: *journal,
            seq,
            head,
            signature: Signature(self.0.sign(&data)),
        }
    }

    /// The part of a log from one place on, with the receipt for its end.
    fn branch(&self, journal: &JournalId, log: &Log, from: usize) -> Branch {
        let last = log.stored.last().unwrap();
        Branch {
            from: Seen {
                seq: from as u64,
                head: log.stored[from].head,
            },
            headers: log.stored[from + 1..]
                .iter()
                .map(|stored| header_hash(&stored.entry.header))
                .collect(),
            receipt: self.receipt(journal, last.seq, last.head),
        }
    }

    fn evidence(&self, journal: JournalId, case: Case) -> Evidence {
        Evidence {
            version: 1,
            found: 5,
            check: 13,
            journal,
            server: self.proof(),
            case,
        }
    }
}

/// A drive with some changes, and two logs that part after `common` of them.
fn fork(alice: &NewAccount, common: usize, each: usize) -> (JournalId, Log, Log) {
    let mut rng = TestRng::new("fork");
    let (mut log, mut a) = drive(alice, &[], &mut rng);
    for _ in 0..common {
        log.append(&a.change(&mut rng));
        a.read_all(&log).unwrap();
    }
    let (mut ours, mut theirs) = (log.clone(), log);
    for _ in 0..each {
        ours.append(&a.change(&mut rng));
        theirs.append(&a.change(&mut rng));
    }
    (*a.state.id(), ours, theirs)
}

fn convicts(evidence: &Evidence) -> Convicted {
    let again = Evidence::from_text(&evidence.to_text().unwrap()).unwrap();
    assert_eq!(again, *evidence);
    assert_eq!(
        audit(&again, false).convicts,
        match audit(&again, true).convicts {
            Convicted::Server => Convicted::Nobody,
            other => other,
        },
        "receipts of a key that no CA certified convict nobody"
    );
    audit(&again, true).convicts
}

#[test]
fn a_fork_convicts_the_server_and_honest_branches_do_not() {
    let alice = person("alice");
    let server = Server::new(1);
    let (journal, ours, theirs) = fork(&alice, 3, 2);
    let case = |ours, theirs| server.evidence(journal, Case::Fork { ours, theirs });
    for (a, b) in [(0, 0), (2, 5), (5, 3), (5, 5)] {
        let branches = (
            server.branch(&journal, &ours, a),
            server.branch(&journal, &theirs, b),
        );
        assert_eq!(
            convicts(&case(branches.0, branches.1)),
            Convicted::Server,
            "{a} {b}"
        );
    }
    let mut shorter = ours.clone();
    shorter.stored.truncate(3);
    for (a, b) in [
        (
            server.branch(&journal, &ours, 0),
            server.branch(&journal, &ours, 4),
        ),
        (
            server.branch(&journal, &ours, 1),
            server.branch(&journal, &shorter, 0),
        ),
        (
            server.branch(&journal, &ours, 4),
            server.branch(&journal, &shorter, 2),
        ),
    ] {
        assert_eq!(convicts(&case(a, b)), Convicted::Nobody);
    }
}

#[test]
fn forged_branches_convict_nobody() {
    let alice = person("alice");
    let (server, eve) = (Server::new(1), Server::new(2));
    let (journal, ours, theirs) = fork(&alice, 3, 2);
    let honest = server.branch(&journal, &ours, 0);
    let fork = |theirs: Branch| {
        server.evidence(
            journal,
            Case::Fork {
                ours: honest.clone(),
                theirs,
            },
        )
    };
    // A receipt by another key, or for something else.
    assert_eq!(
        convicts(&fork(eve.branch(&journal, &theirs, 0))),
        Convicted::Nobody
    );
    let mut moved = honest.clone();
    moved.receipt.seq += 1;
    assert_eq!(convicts(&fork(moved)), Convicted::Nobody);
    // Honest receipts with another past in front of them.
    let mut other = honest.clone();
    other.headers[0] = Hash([1; 32]);
    assert_eq!(convicts(&fork(other)), Convicted::Nobody);
    let mut other = honest.clone();
    other.from.head = Hash([1; 32]);
    assert_eq!(convicts(&fork(other)), Convicted::Nobody);
    let mut other = honest.clone();
    other.from.seq += 1;
    other.headers.remove(0);
    assert_eq!(convicts(&fork(other)), Convicted::Nobody);
    let mut other = server.branch(&journal, &ours, 4);
    other.from.seq = u64::MAX;
    assert_eq!(convicts(&fork(other)), Convicted::Nobody);
    // The end of one journal against another's.
    let mut rng = TestRng::new("other journal");
    let (log, b) = drive(&alice, &[], &mut rng);
    let foreign = server.branch(b.state.id(), &log, 0);
    assert_eq!(convicts(&fork(foreign.clone())), Convicted::Nobody);
    let both = Case::Fork {
        ours: foreign.clone(),
        theirs: foreign,
    };
    assert_eq!(convicts(&server.evidence(journal, both)), Convicted::Nobody);
}

fn entry_case(reader: &Reader<'_>, stored: &crannog_proto::api::Stored) -> EntryCase {
    let sources = Sources {
        head_at: &|seq| reader.heads.get(seq as usize).copied(),
        entry_known: &|_| false,
        chain: &|account| reader.chains.get(account),
        keys: Keys {
            account: &reader.me.secrets,
            given: &|_| None,
        },
        floor: None,
    };
    EntryCase {
        stored: stored.clone(),
        before: reader.state.last().unwrap().head,
        receipt: None,
        said: reader
            .state
            .said(stored, None, &sources)
            .map(|(_, bytes)| bytes.to_vec()),
        links: Vec::new(),
    }
}

#[test]
fn what_a_member_said_convicts_her_if_it_shows() {
    let (alice, bob) = (person("alice"), person("bob"));
    let server = Server::new(1);
    let mut rng = TestRng::new("said");
    let (log, a) = drive(&alice, &[(&bob, Role::Writer)], &mut rng);
    let journal = *a.state.id();
    let as_bob = Ground {
        author: author(&bob),
        device_key: &bob.device_keys.signing,
        ..a.ground()
    };
    let seal = |kind: Kind, content: Content, rng: &mut TestRng| {
        let draft = EntryDraft {
            entry: crannog_proto::EntryId(random(rng)),
            kind,
            adds: Vec::new(),
            drops: Vec::new(),
            payload: &said(content),
        };
        let sealed = seal_entry(&as_bob, draft, rng).unwrap();
        let stored = log.clone().append(&sealed).clone();
        EntryCase {
            links: vec![bob.link.clone()],
            ..entry_case(&a, &stored)
        }
    };
    let verdict = |case: &EntryCase| audit(&server.evidence(journal, Case::Entry(case.clone())), false);
    let fine = seal(Kind::Change, batch(), &mut rng);
    assert_eq!(
        (verdict(&fine).convicts, verdict(&fine).said),
        (Convicted::Nobody, Some(author(&bob))),
        "honest words convict nobody"
    );
    let bad = seal(Kind::Change, Content::Close, &mut rng);
    let member = Convicted::Member(author(&bob));
    assert_eq!(verdict(&bad).convicts, member);
    assert_eq!(
        convicts(&server.evidence(journal, Case::Entry(bad.clone()))),
        member
    );

    // Bob's words are lifted, his sigchain is another's or missing, his padding is not zero.
    let nobody = |case: &EntryCase| {
        let verdict = verdict(case);
        (verdict.convicts, verdict.said) == (Convicted::Nobody, None)
    };
    let mut lifted = bad.clone();
    lifted.stored = fine.stored.clone();
    assert!(nobody(&lifted));
    for links in [Vec::new(), vec![alice.link.clone()], vec![bob.link.clone(); 2]] {
        let mut other = bad.clone();
        other.links = links;
        assert!(nobody(&other));
    }
    let mut silent = bad.clone();
    silent.said = None;
    assert!(nobody(&silent));
    let elsewhere = server.evidence(JournalId([7; 32]), Case::Entry(bad.clone()));
    assert_eq!(convicts(&elsewhere), Convicted::Nobody);
    let mut padded = fine.clone();
    *padded.said.as_mut().unwrap().last_mut().unwrap() = 1;
    assert_eq!(
        (verdict(&padded).convicts, verdict(&padded).said),
        (Convicted::Nobody, Some(author(&bob))),
        "the padding is not signed"
    );
    assert!(!format!("{padded:?}").contains("payload"));
}

#[test]
fn a_header_that_no_server_takes_convicts_it_with_a_receipt() {
    let alice = person("alice");
    let (server, other) = (Server::new(1), Server::new(2));
    let mut rng = TestRng::new("header");
    let (mut log, a) = drive(&alice, &[], &mut rng);
    let journal = *a.state.id();
    let before = a.state.last().unwrap().head;
    let good = log.append(&a.change(&mut rng)).clone();
    let with_header = |header: Vec<u8>, server: &Server| {
        let mut case = EntryCase {
            links: Vec::new(),
            ..entry_case(&a, &good)
        };
        case.stored.entry.header = header;
        let head = next_head(&before, 1, &case.stored.entry.header);
        case.receipt = Some(server.receipt(&journal, 1, head));
        case
    };
    let found = |case: EntryCase| convicts(&server.evidence(journal, Case::Entry(case)));
    let honest = good.entry.header.clone();
    let decoded: Header = crannog_proto::decode(&honest).unwrap();
    let mut foreign = decoded.clone();
    foreign.journal = JournalId([8; 32]);
    let mut version = decoded.clone();
    version.version = 2;
    let mut long = honest.clone();
    long.push(0);
    assert_eq!(found(with_header(honest.clone(), &server)), Convicted::Nobody);
    let genesis = log.stored[0].entry.header.clone();
    for bad in [vec![1; 40], long, encode(&foreign), encode(&version), genesis] {
        assert_eq!(found(with_header(bad.clone(), &server)), Convicted::Server);
        assert_eq!(
            found(with_header(bad.clone(), &other)),
            Convicted::Nobody,
            "forged"
        );
        let mut bare = with_header(bad, &server);
        bare.receipt = None;
        assert_eq!(found(bare), Convicted::Nobody);
    }
    // The receipt covers the header alone: another body or signature is the finder's own work.
    let mut case = with_header(honest, &server);
    case.stored.entry.body = vec![1];
    case.stored.entry.signature = Signature([0; 64]);
    assert_eq!(found(case), Convicted::Nobody);
    // A receipt for the same header at another place.
    let mut case = with_header(vec![1; 40], &server);
    case.stored.seq = 2;
    assert_eq!(found(case), Convicted::Nobody);
    let mut case = with_header(vec![1; 40], &server);
    case.before = Hash([1; 32]);
    assert_eq!(found(case), Convicted::Nobody);
}

#[test]
fn files() {
    let server = Server::new(1);
    let evidence = server.evidence(JournalId([1; 32]), Case::Nothing);
    let text = evidence.to_text().unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("crannog evidence 1"));
    assert!(lines.all(|line| (1..=76).contains(&line.len())));
    let messy = format!("\n  {}  \r\n\n", text.replace('\n', "  \r\n\n "));
    assert_eq!(Evidence::from_text(&messy), Ok(evidence.clone()));
    let error = |text: &str| Evidence::from_text(text).unwrap_err();
    assert_eq!(error(""), EvidenceError::Title);
    assert_eq!(
        error(&text.replace("evidence 1", "evidence 2")),
        EvidenceError::Title
    );
    assert_eq!(error("crannog evidence 1\n"), EvidenceError::Base64);
    assert_eq!(error("crannog evidence 1\n****"), EvidenceError::Base64);
    assert_eq!(error("crannog evidence 1\nAg=="), EvidenceError::Version(2));
    assert!(matches!(
        error("crannog evidence 1\nAQ=="),
        EvidenceError::Decode(_)
    ));
    let large = format!("{text}{}", " ".repeat(16 * 1024 * 1024));
    assert_eq!(error(&large), EvidenceError::TooLarge);
    let mut large = evidence;
    large.server.ca = vec![0; 13 * 1024 * 1024];
    assert_eq!(large.to_text(), Err(EvidenceError::TooLarge));
    assert_eq!(audit(&large, true).convicts, Convicted::Nobody);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), case in 0u8..3) {
        let mut framed = encode(&Server::new(1).evidence(JournalId::ZERO, Case::Nothing));
        framed.pop();
        framed.push(case);
        framed.extend_from_slice(&bytes);
        for bytes in [bytes, framed] {
            if let Ok(evidence) = crannog_proto::decode::<Evidence>(&bytes) {
                prop_assert_eq!(audit(&evidence, true).convicts, Convicted::Nobody);
            }
        }
    }

    #[test]
    fn no_text_panics(text in "(crannog evidence 1\n)?[A-Za-z0-9+/=\n ]{0,200}") {
        let _ = Evidence::from_text(&text);
    }

    /// Of honest branches of one log, however cut, none convicts; of two logs that part, those do that share a place after it.
    #[test]
    fn branches_convict_exactly_when_they_part(a in 0usize..6, b in 0usize..6, split in any::<bool>()) {
        let alice = person("alice");
        let server = Server::new(1);
        let (journal, ours, theirs) = fork(&alice, 3, 2);
        let other = if split { &theirs } else { &ours };
        let case = Case::Fork { ours: server.branch(&journal, &ours, a), theirs: server.branch(&journal, other, b) };
        let expected = if split { Convicted::Server } else { Convicted::Nobody };
        prop_assert_eq!(audit(&server.evidence(journal, case), true).convicts, expected);
    }
}

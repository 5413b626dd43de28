//! Shapes of pages, results and receipts: CHK-011, CHK-019, CHK-024.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use crannog_core::check::Check;
use crannog_proto::api::{Append, AppendResult, Appended, Page, Register, Registered, Stored};
use crannog_proto::chain::next_head;
use crannog_proto::sigchain::{GenerationSecrets, SignedLink};
use crannog_proto::sign::Signature;
use crannog_proto::{
    BlobId, Body, Entry, EntryId, Hash, Header, JournalId, Kind, Place, Seen, decode, encode, limits,
};
use http::request::Parts;

use super::ca::Ca;
use super::world::{Key, Server, assert_lie, header, http, logged_in, ok, transport};
use crate::transport::{Transport, TransportError};

const JOURNAL: JournalId = JournalId([8; 32]);
const OTHER: JournalId = JournalId([9; 32]);
const TOKEN: [u8; 32] = [0x1f; 32];

fn entry(adds: Vec<BlobId>) -> Entry {
    let header = Header {
        version: 1,
        journal: JOURNAL,
        epoch: 0,
        entry: EntryId([1; 16]),
        seen: Seen::default(),
        kind: Kind::Change,
        adds,
        drops: Vec::new(),
        body: Body {
            hash: Hash::ZERO,
            len: 0,
            place: Place::Inline,
        },
    };
    Entry {
        header: encode(&header),
        signature: Signature([0; 64]),
        body: Vec::new(),
    }
}

fn head(seq: u64) -> Hash {
    Hash::plain(&seq.to_le_bytes())
}

fn page(journal: JournalId, seqs: impl IntoIterator<Item = u64>, last: u64) -> Page {
    let stored = |seq| Stored {
        seq,
        head: head(seq),
        entry: entry(Vec::new()),
        body_gone: false,
    };
    Page {
        entries: seqs.into_iter().map(stored).collect(),
        last: Key::new(1).receipt(journal, last, head(last)),
    }
}

fn saying(answer: Vec<u8>) -> Transport {
    logged_in(move |_, _| ok(answer.clone())).0
}

async fn read(page: &Page, after: Option<u64>, limit: usize) -> Result<Page, TransportError> {
    saying(encode(page)).entries(&JOURNAL, &TOKEN, after, limit).await
}

#[tokio::test]
async fn honest_pages_pass() {
    for (page, after, limit) in [
        (page(JOURNAL, 0..3, 9), None, 3),
        (page(JOURNAL, 5..8, 7), Some(4), 512),
        (page(JOURNAL, [], 4), Some(4), 1),
        // A dead token sees the newest receipt, but no entry of a later epoch.
        (page(JOURNAL, [], 9), Some(4), 1),
        // A server restored from a backup: for the reader to judge (CHK-012).
        (page(JOURNAL, [], 2), Some(4), 1),
    ] {
        assert_eq!(read(&page, after, limit).await.unwrap(), page);
    }
}

#[tokio::test]
async fn chk_011_gaps_repetitions_and_contradictions_are_refused() {
    let mut forked = page(JOURNAL, 5..8, 7);
    forked.last.head = Hash::ZERO;
    for page in [
        page(JOURNAL, [6, 7], 9),
        page(JOURNAL, [5, 7], 9),
        page(JOURNAL, [5, 5], 9),
        page(JOURNAL, [6, 5], 9),
        page(JOURNAL, [4, 5], 9),
        page(JOURNAL, 5..8, 6),
        forked,
    ] {
        assert_lie(read(&page, Some(4), 10).await, Check::Head);
    }
    assert_lie(read(&page(JOURNAL, [1, 3], 9), None, 10).await, Check::Head);
    assert_lie(
        read(&page(JOURNAL, [0], 9), Some(u64::MAX), 10).await,
        Check::Head,
    );
}

#[tokio::test]
async fn chk_024_no_more_entries_than_asked_for() {
    assert_lie(read(&page(JOURNAL, 0..4, 9), None, 3).await, Check::Bounds);
}

#[tokio::test]
async fn chk_019_a_page_of_another_journal_is_refused() {
    assert_lie(read(&page(OTHER, 0..3, 9), None, 3).await, Check::Receipt);
}

#[tokio::test]
async fn a_page_is_asked_for_as_specified() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let (transport, _) = logged_in(move |parts: &Parts, _| {
        let read = header(parts, "crannog-read").to_owned();
        noted.lock().unwrap().push((parts.uri.to_string(), read));
        ok(encode(&page(JOURNAL, [], 0)))
    });
    transport.entries(&JOURNAL, &TOKEN, None, 7).await.unwrap();
    transport.entries(&JOURNAL, &TOKEN, Some(3), 7).await.unwrap();
    for limit in [0, 513] {
        assert!(matches!(
            transport.entries(&JOURNAL, &TOKEN, None, limit).await,
            Err(TransportError::Misuse(_))
        ));
    }
    let read = "1f".repeat(32);
    let path = format!("/v1/journals/{JOURNAL}/entries");
    let expected = [
        (format!("{path}?limit=7"), read.clone()),
        (format!("{path}?after=3&limit=7"), read),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

fn done(journal: JournalId) -> AppendResult {
    AppendResult::Done(Key::new(1).receipt(journal, 3, head(3)))
}

fn refused() -> AppendResult {
    AppendResult::Refused {
        code: "stale_seen".to_owned(),
    }
}

async fn append(count: usize, results: Vec<AppendResult>) -> Result<Vec<AppendResult>, TransportError> {
    let entries = vec![entry(vec![BlobId([4; 32]), BlobId([5; 32])]); count];
    saying(encode(&Appended { results }))
        .append(&JOURNAL, &entries, &[])
        .await
}

#[tokio::test]
async fn honest_results_pass() {
    let missing = AppendResult::Missing(vec![BlobId([5; 32])]);
    for (count, results) in [
        (2, vec![done(JOURNAL), done(JOURNAL)]),
        (3, vec![done(JOURNAL), refused()]),
        (3, vec![missing.clone()]),
        (1, vec![missing]),
    ] {
        assert_eq!(append(count, results.clone()).await.unwrap(), results);
    }
}

#[tokio::test]
async fn chk_024_results_that_cannot_be_are_refused() {
    for (count, results) in [
        (1, vec![]),
        (1, vec![done(JOURNAL), done(JOURNAL)]),
        (3, vec![done(JOURNAL)]),
        (3, vec![refused(), done(JOURNAL), done(JOURNAL)]),
        (1, vec![AppendResult::Missing(vec![])]),
        (1, vec![AppendResult::Missing(vec![BlobId([6; 32])])]),
        (1, vec![AppendResult::Missing(vec![BlobId([5; 32]); 3])]),
    ] {
        assert_lie(append(count, results).await, Check::Bounds);
    }
}

#[tokio::test]
async fn chk_019_a_receipt_of_another_journal_is_refused() {
    assert_lie(append(2, vec![done(JOURNAL), done(OTHER)]).await, Check::Receipt);
}

#[tokio::test]
async fn an_append_travels_as_specified() {
    let (transport, logins) = logged_in(|parts, body| {
        let Append { entries } = decode(&body).unwrap();
        assert_eq!(entries, [entry(Vec::new())]);
        assert_eq!(
            header(parts, "crannog-read"),
            format!("{},{}", "1f".repeat(32), "20".repeat(32))
        );
        ok(encode(&Appended {
            results: vec![done(JOURNAL)],
        }))
    });
    transport
        .append(&JOURNAL, &[entry(Vec::new())], &[TOKEN, [0x20; 32]])
        .await
        .unwrap();
    assert_eq!(logins.load(Ordering::SeqCst), 1);
    for entries in [vec![], vec![entry(Vec::new()); limits::APPEND_ENTRIES + 1]] {
        let result = transport.append(&JOURNAL, &entries, &[]).await;
        assert!(matches!(result, Err(TransportError::Misuse(_))));
    }
}

#[tokio::test]
async fn chk_019_a_genesis_receipt_names_what_was_sent() {
    let genesis = entry(Vec::new());
    let journal = JournalId::of_genesis(&genesis.header);
    let first = next_head(&Hash::ZERO, 0, &genesis.header);
    let key = Key::new(1);
    let honest = key.receipt(journal, 0, first);
    assert_eq!(
        saying(encode(&honest)).create_journal(&genesis).await.unwrap(),
        honest
    );
    let register = Register {
        invite: "i".to_owned(),
        link: SignedLink {
            link: Vec::new(),
            signatures: Vec::new(),
        },
        secrets: GenerationSecrets {
            number: 0,
            recovery: Vec::new(),
            devices: Vec::new(),
            previous: None,
        },
        home: genesis.clone(),
    };
    saying(encode(&Registered { receipt: honest }))
        .register(&register)
        .await
        .unwrap();
    for receipt in [
        key.receipt(OTHER, 0, first),
        key.receipt(journal, 1, first),
        key.receipt(journal, 0, Hash::ZERO),
    ] {
        assert_lie(
            saying(encode(&receipt)).create_journal(&genesis).await,
            Check::Receipt,
        );
        assert_lie(
            saying(encode(&Registered { receipt })).register(&register).await,
            Check::Receipt,
        );
    }
}

#[tokio::test]
async fn chk_019_a_receipt_is_of_the_receipt_key() {
    let ca = Ca::new();
    let info = encode(&ca.server_info());
    let server = Server::raw(ca.config(), move |_, stream| {
        let info = info.clone();
        async move { http(stream, |_, _| ok(info.clone())).await }
    });
    let server = transport(ca.fingerprint(), &server).server_info().await.unwrap();
    let receipt = Key::new(1).receipt(JOURNAL, 3, head(3));
    server.verify_receipt(&JOURNAL, &receipt).unwrap();
    assert_lie(server.verify_receipt(&OTHER, &receipt), Check::Receipt);
    assert_lie(
        server.verify_receipt(&JOURNAL, &Key::new(2).receipt(JOURNAL, 3, head(3))),
        Check::Receipt,
    );
}

//! An audit log, as the service writes it, and what somebody made of it.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};

use crannog_fuzz::keyd::fixed::{Fixed, STORE};
use crannog_keyd_audit::{
    Anchor, AnchorStore, Detail, Event, Log, NoteSigner, Options, Outcome, Record, SignedNote, Subject, Time,
};
use crannog_seal::keyd::{AuditRoot, AuditSigningKey};

use crate::{edited, seed};

const ORIGIN: &str = "crannog-keyd/5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

struct Signer(AuditSigningKey);

impl NoteSigner for Signer {
    fn public(&self) -> [u8; 32] {
        self.0.public()
    }

    fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.0.sign(text)
    }
}

#[derive(Clone, Default)]
struct Anchors(Arc<Mutex<Option<Anchor>>>);

impl AnchorStore for Anchors {
    fn load(&self) -> io::Result<Option<Anchor>> {
        Ok(self.0.lock().expect("nobody panics").clone())
    }

    fn save(&self, anchor: &Anchor) -> io::Result<()> {
        *self.0.lock().expect("nobody panics") = Some(anchor.clone());
        Ok(())
    }
}

/// A log with its notes, the note that was made last, key and anchor.
struct Written {
    lines: String,
    notes: String,
    last: SignedNote,
    key: String,
    anchor: Anchor,
}

fn written() -> Written {
    let folder = tempfile::tempdir().expect("a folder");
    let anchors = Anchors::default();
    let root = AuditRoot::generate(&mut Fixed(30));
    let signer = Box::new(Signer(root.signing_key(&STORE.0)));
    let stored = Box::new(anchors.clone());
    let (log, _) = Log::open(folder.path(), ORIGIN, signer, stored, Options::default()).expect("a log");
    let time = Time::from_micros(1_795_286_027_123_456);
    for (at, op) in ["encrypt", "decrypt", "sign"].into_iter().enumerate() {
        let record = Record {
            op: Some(op.into()),
            key: Some("shop-orders".into()),
            version: Some(3),
            subject: Some(Subject {
                uid: Some(1000),
                socket: Some("clients".into()),
                ..Subject::default()
            }),
            rule: Some("\"shop\" \u{fc}ber alles\n".into()),
            result: Some(Outcome::Ok),
            status: Some(200),
            detail: Some(Detail::default().number("items", 7).text("note", "\u{1}")),
            ..Record::new(time, Event::Request)
        };
        log.append(&record).expect("a record");
        if at == 1 {
            log.checkpoint().expect("a checkpoint");
        }
    }
    let last = log.checkpoint().expect("a checkpoint");
    let key = log.verifier_key().to_string();
    drop(log);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("a file of the log");
    let anchor = anchors.load().expect("memory").expect("an anchor");
    Written {
        lines: read("0000000000000000.jsonl"),
        notes: read("checkpoints"),
        last,
        key,
        anchor,
    }
}

pub fn write() {
    let Written {
        lines,
        notes,
        last,
        key,
        anchor,
    } = written();
    let plain = borsh::to_vec(&anchor).expect("an anchor");
    let anchors = |name, bytes: &[u8]| seed("keyd_record", name, [b"anchor\n", bytes].concat());
    anchors("taken-anchor", &plain);
    anchors("refused-anchor-cut", &plain[..plain.len() - 1]);
    anchors("refused-anchor-root", &edited(&plain, 16, &[0; 32]));
    anchors("refused-anchor-count", &edited(&plain, 48, &[0xff; 4]));

    let log = |name: &str, lines: &str, notes: &str, elsewhere: &str, anchor: &[u8]| {
        let text = format!("{lines}--\n{notes}--\n{elsewhere}--\n{key}\n--\n");
        seed("keyd_audit", name, [text.as_bytes(), anchor].concat());
    };
    let elsewhere = last.to_string();
    log("taken-anchored", &lines, &notes, "", &plain);
    log("taken-elsewhere", &lines, &notes, &elsewhere, b"");
    log("taken-lines-alone", &lines, "", "", b"");
    log(
        "taken-unfinished",
        &format!("{lines}{{\"n\":5,"),
        &notes,
        "",
        &plain,
    );
    log(
        "refused-edited",
        &lines.replacen("decrypt", "encrypt", 1),
        &notes,
        "",
        b"",
    );
    log(
        "refused-spaces",
        &lines.replacen("\",\"", "\", \"", 1),
        &notes,
        "",
        b"",
    );
    let cut: String = lines.split_inclusive('\n').take(3).collect();
    log("refused-tail", &cut, "", &elsewhere, b"");
    log("refused-tail-anchored", &cut, "", "", &plain);
    let moved: String = lines.split_inclusive('\n').rev().collect();
    log("refused-moved", &moved, &notes, "", b"");
    let first: String = lines.split_inclusive('\n').skip(1).collect();
    log("refused-beginning", &first, &notes, "", b"");
    log(
        "refused-signature",
        &lines,
        &notes.replacen("\n4\n", "\n9\n", 1),
        "",
        b"",
    );
    let twice = [&*notes, &*notes].concat();
    log("refused-notes-again", &lines, &twice, "", b"");
    log(
        "refused-other-origin",
        &lines,
        "",
        &elsewhere.replacen("5a5a", "5b5b", 1),
        b"",
    );
    log("refused-empty", "", "", "", b"");
    let other_key = format!("{lines}--\n{notes}--\n--\n{}\n--\n", key.replacen("5a", "5b", 1));
    seed("keyd_audit", "refused-key", other_key);
}

//! An audit log that somebody else wrote, or edited.

use borsh::BorshDeserialize;
use crannog_keyd_audit::{
    Anchor, Checkpoint, Evidence, FoundNote, Line, NotesFile, SignedNote, VerifierKey, verify,
};

/// Parts of an input end with this; where a part's last line is ended, it is a line.
const END: &[u8] = b"--\n";

/// The lines of the log, the notes beside it, notes from elsewhere, the log's key, and the anchor if there is one. Taken is a log of
/// which nothing is wrong.
pub fn audit(data: &[u8]) -> bool {
    let mut rest = data;
    let [log, notes, elsewhere, key] = std::array::from_fn(|_| part(&mut rest));
    let notes = read_notes(notes);
    let elsewhere = read_notes(elsewhere);
    let key = std::str::from_utf8(key).unwrap_or_default().trim_end();
    let Ok(vkey) = key.parse::<VerifierKey>() else {
        return false;
    };
    assert_eq!(vkey.to_string(), key, "a key with two texts");
    for note in notes.iter().chain(&elsewhere) {
        signed(note, &vkey);
    }
    let anchor = Anchor::try_from_slice(rest).ok();
    let lines: Vec<Line> = lines(log).collect();
    for line in &lines {
        let _ = (line.number(), line.record());
    }
    let evidence = Evidence {
        vkey: &vkey,
        anchor: anchor.as_ref(),
        notes: &notes,
        elsewhere: &elsewhere,
    };
    let report = verify(lines.into_iter().map(Ok), &evidence);
    for problem in &report.problems {
        let _ = (problem.to_string(), format!("{problem:?}"));
    }
    report.ok() && report.size > 0
}

fn part<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let mut ends = rest.windows(END.len());
    let end = ends.position(|bytes| bytes == END).unwrap_or(rest.len());
    let (part, after) = rest.split_at(end);
    *rest = after.get(END.len()..).unwrap_or_default();
    part
}

/// Lines as a segment's reader gives them.
fn lines(log: &[u8]) -> impl Iterator<Item = Line> {
    log.split_inclusive(|byte| *byte == b'\n').map(|bytes| {
        let whole = bytes.ends_with(b"\n");
        Line {
            bytes: bytes.strip_suffix(b"\n").unwrap_or(bytes).to_vec(),
            whole,
            segment: None,
        }
    })
}

fn read_notes(bytes: &[u8]) -> Vec<SignedNote> {
    let mut file = NotesFile::new(bytes);
    let mut notes = Vec::new();
    while let Some(found) = file.next_note().expect("memory can be read") {
        if let FoundNote::Note(note) = found {
            assert_eq!(SignedNote::parse(note.to_string().as_bytes()), Ok(note.clone()));
            notes.push(note);
        }
    }
    notes
}

fn signed(note: &SignedNote, key: &VerifierKey) {
    let Ok(text) = note.text_signed_by(key) else {
        return;
    };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text, "a checkpoint with two texts");
    }
    let _ = Checkpoint::of_note(note, key);
}

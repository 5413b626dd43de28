//! What tests of a whole log need: a signer, a disk, somebody who waits.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use crate::folder::fake::Disk;
use crate::log::Limits;
use crate::*;

pub(crate) const ORIGIN: &str = "crannog-keyd/000102030405060708090a0b0c0d0e0f";

pub(crate) struct Signer(Ed25519KeyPair);

impl Signer {
    pub(crate) fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }
}

impl NoteSigner for Signer {
    fn public(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }

    fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.0.sign(text).as_ref().try_into().unwrap()
    }
}

pub(crate) fn vkey() -> VerifierKey {
    VerifierKey::new(ORIGIN, Signer::new(1).public()).unwrap()
}

/// Nothing happens by itself but syncs, and a segment ends after a few records.
pub(crate) fn small() -> Options {
    Options {
        limits: Limits {
            segment_size: 600,
            reserve: 1200,
            last: 400,
            anchor_age: Duration::from_hours(1),
            checkpoint_age: Duration::from_hours(1),
            stall: Duration::from_secs(20),
            ..Limits::default()
        },
        ..Options::default()
    }
}

/// The same with one segment.
pub(crate) fn quiet() -> Options {
    let mut options = small();
    options.limits.segment_size = 1 << 30;
    options
}

pub(crate) fn open(disk: &Disk, options: Options) -> Result<(Log, Opened), LogError> {
    let anchors = Box::new(disk.clone());
    Log::open_in(
        Arc::new(disk.clone()),
        ORIGIN,
        Box::new(Signer::new(1)),
        anchors,
        options,
    )
}

/// A record that says `text`.
pub(crate) fn record(text: &str) -> Record<'static> {
    Record {
        op: Some("encrypt".into()),
        key: Some(text.to_owned().into()),
        ..Record::new(Time::from_micros(1_795_286_027_123_456), Event::Request)
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Spins until something is so.
pub(crate) fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        std::thread::yield_now();
    }
}

/// Appends a record and waits until it is on disk.
pub(crate) fn write(log: &Log, text: &str) -> Written {
    let written = log.append(&record(text)).unwrap();
    wait(log.synced(written)).unwrap();
    written
}

/// The notes in the log's own file.
pub(crate) fn notes(disk: &Disk) -> Vec<SignedNote> {
    let bytes = disk.bytes("checkpoints");
    let mut file = NotesFile::new(&bytes[..]);
    let mut notes = Vec::new();
    while let Some(found) = file.next_note().unwrap() {
        if let FoundNote::Note(note) = found {
            notes.push(note);
        }
    }
    notes
}

/// All lines of a log.
pub(crate) fn lines(disk: &Disk) -> Vec<Line> {
    let lines = Segments::of(Arc::new(disk.clone())).unwrap();
    lines.map(Result::unwrap).collect()
}

/// What `verify` says of a log with its own notes and anchor, and notes that lay elsewhere.
pub(crate) fn judge(disk: &Disk, elsewhere: &[SignedNote]) -> Report {
    let (vkey, notes, anchor) = (vkey(), notes(disk), disk.anchor());
    let evidence = Evidence {
        vkey: &vkey,
        anchor: anchor.as_ref(),
        notes: &notes,
        elsewhere,
    };
    verify(Segments::of(Arc::new(disk.clone())).unwrap(), &evidence)
}

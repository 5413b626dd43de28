//! The sealed stream and the keys; whole repositories are tested with the binary.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crannog_proto::Fingerprint;

use super::key::{BackupIdentity, Recipient};
use super::sealed::{Extent, Opening, Purpose, Sealing};
use super::{BackupError, files};

const CHUNK: usize = 1 << 20;
const SEALED: usize = CHUNK + 16;
const START: usize = 18 + 32;

struct Fixture {
    folder: tempfile::TempDir,
    recipient: Recipient,
    identity: BackupIdentity,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let recipient = BackupIdentity::generate(&file).unwrap();
        let identity = BackupIdentity::load(&file).unwrap();
        Self {
            folder,
            recipient,
            identity,
        }
    }

    fn purpose<'a>(&self, id: &'a str) -> Purpose<'a> {
        Purpose {
            server: Fingerprint([7; 32]),
            recipient: self.recipient,
            id,
        }
    }

    fn seal(&self, content: &[u8]) -> (Vec<u8>, Extent) {
        let path = self.folder.path().join("sealed");
        files::remove(&path).unwrap();
        let mut sealing = Sealing::begin(&path, self.purpose("one")).unwrap();
        for piece in content.chunks(300_001) {
            sealing.push(piece).unwrap();
        }
        let extent = sealing.finish().unwrap();
        (std::fs::read(path).unwrap(), extent)
    }

    fn open(&self, id: &str, sealed: &[u8]) -> Result<(Vec<u8>, Extent), BackupError> {
        let (from, to) = (self.folder.path().join("in"), self.folder.path().join("out"));
        files::remove(&to).unwrap();
        std::fs::write(&from, sealed).unwrap();
        let extent = Opening::begin(&from, self.purpose(id), &self.identity)?.rest_into(&to)?;
        Ok((std::fs::read(to).unwrap(), extent))
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[test]
fn what_is_sealed_opens() {
    let fixture = Fixture::new();
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5] {
        let (sealed, extent) = fixture.seal(&content(length));
        assert_eq!(extent.length, sealed.len() as u64);
        assert_eq!(&extent.hash, blake3::hash(&sealed).as_bytes());
        assert!(fixture.open("one", &sealed).unwrap() == (content(length), extent));
    }
}

#[test]
fn what_was_changed_does_not_open() {
    let fixture = Fixture::new();
    let (sealed, _) = fixture.seal(&content(3 * CHUNK));
    assert_eq!(sealed.len(), START + 3 * SEALED);
    let refused = |bytes: &[u8]| {
        assert!(matches!(
            fixture.open("one", bytes),
            Err(BackupError::Damaged { .. })
        ))
    };
    for at in [0, 17, 18, 49, 50, START + SEALED, sealed.len() - 1] {
        let mut flipped = sealed.clone();
        flipped[at] ^= 1;
        refused(&flipped);
    }
    // Cut: within a chunk, between chunks, before the first one, within the start.
    for length in [
        sealed.len() - 1,
        START + 2 * SEALED,
        START + SEALED,
        START,
        START - 1,
        0,
    ] {
        refused(&sealed[..length]);
    }
    // Lengthened: by a byte, by the last chunk once more.
    refused(&[sealed.as_slice(), &[0]].concat());
    refused(&[sealed.as_slice(), &sealed[START + 2 * SEALED..]].concat());
    // Reordered, and one left out.
    let (start, chunks) = sealed.split_at(START);
    let chunk = |at: usize| &chunks[at * SEALED..(at + 1) * SEALED];
    refused(&[start, chunk(1), chunk(0), chunk(2)].concat());
    refused(&[start, chunk(0), chunk(2)].concat());
    // Another snapshot's name.
    assert!(fixture.open("two", &sealed).is_err());
    // Another's identity.
    let mut other = Fixture::new();
    other.recipient = fixture.recipient;
    assert!(other.open("one", &sealed).is_err());
}

#[test]
fn a_head_is_taken_before_the_rest() {
    let fixture = Fixture::new();
    let (sealed, _) = fixture.seal(&content(CHUNK + 10));
    let (from, to) = (
        fixture.folder.path().join("in"),
        fixture.folder.path().join("rest"),
    );
    std::fs::write(&from, &sealed).unwrap();
    let mut opening = Opening::begin(&from, fixture.purpose("one"), &fixture.identity).unwrap();
    let whole = content(CHUNK + 10);
    assert!(opening.take(4).unwrap() == whole[..4]);
    assert!(opening.take(CHUNK).unwrap() == whole[4..CHUNK + 4]);
    opening.rest_into(&to).unwrap();
    assert!(std::fs::read(to).unwrap() == whole[CHUNK + 4..]);
    let mut opening = Opening::begin(&from, fixture.purpose("one"), &fixture.identity).unwrap();
    assert!(opening.take(CHUNK + 11).is_err());
}

#[test]
fn keys_as_text() {
    let fixture = Fixture::new();
    let file = fixture.folder.path().join("key");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = fixture.recipient.to_string();
    assert_eq!(text.parse::<Recipient>().unwrap(), fixture.recipient);
    assert_eq!(Recipient::given(&text).unwrap(), fixture.recipient);
    let public = fixture.folder.path().join("key.pub");
    std::fs::write(&public, format!("# ours\n{text}\n")).unwrap();
    assert_eq!(
        Recipient::given(public.to_str().unwrap()).unwrap(),
        fixture.recipient
    );
    let mut mistyped = text.clone().into_bytes();
    mistyped[30] = if mistyped[30] == b'0' { b'1' } else { b'0' };
    assert!(String::from_utf8(mistyped).unwrap().parse::<Recipient>().is_err());
    // A private key is neither taken for a public one nor repeated.
    let secret = std::fs::read_to_string(&file).unwrap();
    let secret = secret.lines().last().unwrap();
    let told = format!("{:?}", Recipient::given(secret).unwrap_err());
    assert!(!told.contains(secret.split(':').next_back().unwrap()), "{told}");
    assert!(matches!(
        Recipient::given(file.to_str().unwrap()),
        Err(BackupError::BadKey(_))
    ));
    assert_eq!(format!("{:?}", fixture.identity), "BackupIdentity");
    assert!(BackupIdentity::generate(&file).is_err(), "never over another");
    assert!(BackupIdentity::load(Path::new("/dev/null")).is_err());
}

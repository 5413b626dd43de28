//! Published notes and keys (golang.org/x/mod/sumdb/note and tlog, c2sp.org), and what is none.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE64;
use proptest::prelude::*;

use super::*;
use crate::tree::Hash;

const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// The seed in `PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz`.
const PETER_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER_LINE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH_LINE: &str = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";
/// The example of c2sp.org/tlog-checkpoint.
const SOFA: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
const TREE: &str = "go.sum database tree\n123456789012\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n";

struct Signer(Ed25519KeyPair);

impl Signer {
    fn peter() -> Self {
        let typed = BASE64.decode(PETER_SEED.as_bytes()).unwrap();
        Self(Ed25519KeyPair::from_seed_unchecked(&typed[1..]).unwrap())
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

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

#[test]
fn published_keys() {
    for text in [PETER, ENOCH] {
        assert_eq!(key(text).to_string(), text);
    }
    assert_eq!(key(PETER).id(), [0xc7, 0x4f, 0x20, 0xa3]);
    for (from, to) in (0..PETER.len()).flat_map(|from| (from..=PETER.len()).map(move |to| (from, to))) {
        if (from, to) != (0, PETER.len()) {
            assert!(PETER[from..to].parse::<VerifierKey>().is_err(), "{from}..{to}");
        }
    }
    for at in 0..PETER.len() {
        let mut bytes = PETER.as_bytes().to_vec();
        bytes[at] += 1;
        assert!(
            String::from_utf8(bytes).unwrap().parse::<VerifierKey>().is_err(),
            "{at}"
        );
    }
    let longer = "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==";
    assert!(longer.parse::<VerifierKey>().is_err());
    let other = "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(other.parse::<VerifierKey>(), Err(KeyError::Type));
}

#[test]
fn the_published_signature_is_made() {
    let note = SignedNote::sign(TEXT.into(), "PeterNeumann", &Signer::peter()).unwrap();
    assert_eq!(note.to_string(), format!("{TEXT}\n{PETER_LINE}"));
    let refused = |text: &str, name| SignedNote::sign(text.into(), name, &Signer::peter());
    assert_eq!(refused("abc", "PeterNeumann"), Err(NoteError::Malformed));
    assert_eq!(refused(TEXT, "a+b"), Err(NoteError::Malformed));
}

#[test]
fn published_notes_open_and_broken_ones_do_not() {
    let open = |note: &str, key: &VerifierKey| {
        SignedNote::parse(note.as_bytes()).and_then(|note| note.text_signed_by(key).map(str::to_owned))
    };
    let (peter, enoch) = (key(PETER), key(ENOCH));
    let both = format!("{TEXT}\n{PETER_LINE}{ENOCH_LINE}");
    assert_eq!(open(&both, &peter).as_deref(), Ok(TEXT));
    assert_eq!(open(&both, &enoch).as_deref(), Ok(TEXT));
    assert_eq!(SignedNote::parse(both.as_bytes()).unwrap().to_string(), both);
    assert_eq!(
        open(&format!("{TEXT}\n{PETER_LINE}"), &enoch),
        Err(NoteError::OtherKey)
    );
    let twice = format!("{TEXT}\n{PETER_LINE}{PETER_LINE}{ENOCH_LINE}");
    assert_eq!(open(&twice, &peter).as_deref(), Ok(TEXT));
    let edited = format!("{}\n{PETER_LINE}", TEXT.replace("answer", "Answer"));
    assert_eq!(open(&edited, &peter), Err(NoteError::Signature));
    let line = PETER_LINE.replace("UgYN", "UgYM");
    assert_eq!(
        open(&format!("{TEXT}\n{PETER_LINE}{line}"), &peter),
        Err(NoteError::Signature)
    );
    let renamed = PETER_LINE.replace("PeterNeumann", "CarmenSandiego");
    assert_eq!(
        open(&format!("{TEXT}\n{renamed}"), &peter),
        Err(NoteError::OtherKey)
    );

    let many = |count| format!("{TEXT}\n{}", PETER_LINE.repeat(count));
    assert_eq!(open(&many(100), &peter).as_deref(), Ok(TEXT));
    let malformed = [
        TEXT.to_owned(),
        format!("{TEXT}\n"),
        format!("{TEXT}\n{}", PETER_LINE.trim_end()),
        format!("\x01{TEXT}\n{PETER_LINE}"),
        format!("{TEXT}\n{}", PETER_LINE.replace("PeterNeumann", "Bad Name")),
        format!("{TEXT}\n{PETER_LINE}Unexpected line.\n"),
        many(101),
        format!("{}{TEXT}\n{PETER_LINE}", "x".repeat(MAX_NOTE)),
    ];
    for note in malformed {
        assert_eq!(open(&note, &peter), Err(NoteError::Malformed), "{note:.200}");
    }
    let bytes = [b"\xff", TEXT.as_bytes(), b"\n", PETER_LINE.as_bytes()].concat();
    assert_eq!(SignedNote::parse(&bytes), Err(NoteError::Malformed));
}

#[test]
fn published_checkpoints() {
    let hello = Checkpoint {
        origin: "go.sum database tree".into(),
        size: 123_456_789_012,
        root: Hash::leaf(b"hello world"),
    };
    assert_eq!(Checkpoint::parse(TREE).as_ref(), Ok(&hello));
    assert_eq!(hello.to_string(), TREE);
    let sofa = SignedNote::parse(SOFA.as_bytes()).unwrap();
    assert_eq!(sofa.to_string(), SOFA);
    let text = SOFA.split_inclusive('\n').take(3).collect::<String>();
    assert_eq!(Checkpoint::parse(&text).unwrap().size, 20_852_163);
    let malformed = [
        TREE.replace("123456789012", "0xabcdef"),
        TREE.replace("123456789012", "0123"),
        TREE.replace("123456789012", "+123"),
        TREE.replace("123456789012", "18446744073709551616"),
        TREE.replace("uwBb0=", "uwBTOOBIG="),
        TREE.replace("go.sum database tree", ""),
        format!("{TREE}extension\n"),
        TREE.trim_end().to_owned(),
    ];
    for text in malformed {
        assert_eq!(
            Checkpoint::parse(&text),
            Err(CheckpointError::Malformed),
            "{text}"
        );
    }
}

#[test]
fn a_checkpoint_counts_for_its_own_log_only() {
    let signer = Signer::peter();
    let ours = VerifierKey::new("log/a", signer.public()).unwrap();
    let checkpoint = |origin: &str| Checkpoint {
        origin: origin.into(),
        size: 3,
        root: Hash::empty(),
    };
    let note = checkpoint("log/a").sign(&signer).unwrap();
    assert_eq!(Checkpoint::of_note(&note, &ours), Ok(checkpoint("log/a")));
    let foreign = SignedNote::sign(checkpoint("log/b").to_string(), "log/a", &signer).unwrap();
    assert_eq!(Checkpoint::of_note(&foreign, &ours), Err(CheckpointError::Origin));
    let other = checkpoint("log/b").sign(&signer).unwrap();
    assert_eq!(
        Checkpoint::of_note(&other, &ours),
        Err(NoteError::OtherKey.into())
    );
    let no_checkpoint = SignedNote::sign(TEXT.into(), "log/a", &signer).unwrap();
    assert_eq!(
        Checkpoint::of_note(&no_checkpoint, &ours),
        Err(CheckpointError::Malformed)
    );
}

#[test]
fn notes_of_a_file_come_one_by_one_and_a_torn_one_is_last() {
    let peter = format!("{TEXT}\n{PETER_LINE}{ENOCH_LINE}");
    let file = format!("{peter}{SOFA}{peter}");
    for cut in 0..=file.len() {
        let mut notes = NotesFile::new(&file.as_bytes()[..cut]);
        let (mut whole, mut at) = (0, 0);
        while let Some(found) = notes.next_note().unwrap() {
            match found {
                FoundNote::Note(note) => {
                    at += note.to_string().len();
                    whole += 1;
                }
                FoundNote::Torn(offset) => assert_eq!(offset as usize, at),
                FoundNote::Bad(_) => assert!(cut < file.len(), "the whole file holds notes only"),
            }
        }
        assert!(whole <= 3 && at <= cut);
        assert_eq!(cut == file.len(), at == file.len());
    }
}

proptest! {
    #[test]
    fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0_usize..300) {
        let mut mutated = SOFA.as_bytes().to_vec();
        let at = at % mutated.len();
        mutated.splice(at..(at + bytes.len() % 7).min(SOFA.len()), bytes.iter().take(5).copied());
        for input in [&bytes, &mutated] {
            if let Ok(note) = SignedNote::parse(input) {
                prop_assert_eq!(SignedNote::parse(note.to_string().as_bytes()), Ok(note));
            }
            let text = String::from_utf8_lossy(input);
            let _ = (Checkpoint::parse(&text), text.parse::<VerifierKey>());
            let mut notes = NotesFile::new(&input[..]);
            while let Ok(Some(_)) = notes.next_note() {}
        }
    }
}

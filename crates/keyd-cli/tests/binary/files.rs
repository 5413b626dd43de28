//! Files that `encrypt` writes: whole, or not there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::run::run_with;
use crate::service::{Service, with_data_keys};

const LEN: usize = 300_000;

fn plain() -> Vec<u8> {
    (0..LEN).map(|at| (at / 3) as u8).collect()
}

/// A folder with `big` in it, and `big.crkd`.
fn encrypted(service: &Service) -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("big");
    fs::write(&path, plain()).unwrap();
    let ended = service.run(&["encrypt", "--key", "shop", path.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(ended.json()["bytes"], LEN);
    scratch
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn there_and_back() {
    let service = with_data_keys();
    let scratch = encrypted(&service);
    let (big, sealed) = (scratch.path().join("big"), scratch.path().join("big.crkd"));
    assert_eq!(fs::metadata(&sealed).unwrap().mode() & 0o777, 0o600);
    assert!(fs::read(&sealed).unwrap().starts_with(b"CRKDFIL1\x04\0shop"));

    // Nothing is replaced unasked, in either direction.
    for words in [
        ["encrypt", "--key", "shop", big.to_str().unwrap()],
        ["decrypt", "--key", "shop", sealed.to_str().unwrap()],
    ] {
        assert_eq!(service.run(&words).why().1, "conflict");
    }
    fs::remove_file(&big).unwrap();
    assert_eq!(service.run(&["decrypt", sealed.to_str().unwrap()]).code, 0);
    assert_eq!(fs::read(&big).unwrap(), plain());
    assert_eq!(fs::metadata(&big).unwrap().mode() & 0o777, 0o600);
    fs::write(&big, "old").unwrap();
    assert_eq!(
        service
            .run(&["decrypt", "--force", sealed.to_str().unwrap()])
            .code,
        0
    );
    assert_eq!(fs::read(&big).unwrap(), plain());

    // From and to the standard streams.
    let socket = service.socket();
    let words = ["--socket", socket.to_str().unwrap(), "decrypt"];
    let ended = run_with(words, &fs::read(&sealed).unwrap());
    assert_eq!((ended.code, ended.out), (0, plain()));
    let words = [
        "--socket",
        socket.to_str().unwrap(),
        "encrypt",
        "--key",
        "shop",
        "-",
    ];
    let piped = run_with(words, &plain());
    assert!(piped.out.starts_with(b"CRKDFIL1"));
    assert_eq!(names(scratch.path()), ["big", "big.crkd"]);
}

/// Truncated, segments swapped, edited, relabelled: 11, and nothing is left or printed.
#[test]
fn a_file_that_was_changed_leaves_nothing() {
    let service = with_data_keys();
    let scratch = encrypted(&service);
    let sealed = fs::read(scratch.path().join("big.crkd")).unwrap();
    let body = sealed.len() - LEN - 32 * LEN.div_ceil(65_504);
    let mut swapped = sealed.clone();
    swapped[body..body + 65_536].copy_from_slice(&sealed[body + 65_536..body + 131_072]);
    swapped[body + 65_536..body + 131_072].copy_from_slice(&sealed[body..body + 65_536]);
    let mut edited = sealed.clone();
    edited[body + 200_000] ^= 1;
    let relabelled = |name: &[u8; 4]| {
        let mut file = sealed.clone();
        file[10..14].copy_from_slice(name);
        file
    };
    let mut other_key = sealed.clone();
    other_key[16 + 9] ^= 1;
    for (what, file) in [
        ("the last byte cut", sealed[..sealed.len() - 1].to_vec()),
        ("the last segment cut", sealed[..body + 4 * 65_536].to_vec()),
        ("cut within the head", sealed[..20].to_vec()),
        ("swapped", swapped),
        ("edited", edited),
        ("another key's name", relabelled(b"ship")),
        ("no key's name", relabelled(b"..op")),
        ("another data key", other_key),
        ("extended", [&sealed[..], b"x"].concat()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.crkd");
        fs::write(&path, file).unwrap();
        let ended = service.run(&["decrypt", path.to_str().unwrap()]);
        assert_eq!(
            (ended.code, ended.why().1.as_str()),
            (11, "verification_failed"),
            "{what}"
        );
        assert!(ended.why().2.starts_with("CHK-"), "{what}");
        assert_eq!(names(folder.path()), ["f.crkd"], "{what}");

        let socket = service.socket();
        let words = [
            "--socket",
            socket.to_str().unwrap(),
            "decrypt",
            "--output",
            "-",
            path.to_str().unwrap(),
        ];
        let ended = run_with(words, b"");
        assert_eq!((ended.code, ended.out.len()), (11, 0), "{what}");
    }
    let sealed = scratch.path().join("big.crkd");
    let ended = service.run(&["decrypt", "--key", "ship", "--force", sealed.to_str().unwrap()]);
    assert_eq!(ended.code, 11);
    assert_eq!(fs::read(scratch.path().join("big")).unwrap(), plain());
}

#[test]
fn several_files_fail_by_themselves() {
    let service = with_data_keys();
    let scratch = encrypted(&service);
    let out = tempfile::tempdir().unwrap();
    let bad = scratch.path().join("bad.crkd");
    fs::write(&bad, b"CRKDFIL1 and nothing behind").unwrap();
    let sealed = scratch.path().join("big.crkd");
    let words = [
        "decrypt",
        "--output",
        out.path().to_str().unwrap(),
        bad.to_str().unwrap(),
        sealed.to_str().unwrap(),
    ];
    let ended = service.run(&words);
    assert_eq!((ended.code, ended.why().1.as_str()), (3, "partly_done"));
    assert_eq!(names(out.path()), ["big"]);
}

/// Ctrl-C in the middle: 130, and no file, whole or not.
#[test]
fn what_is_broken_off_leaves_nothing() {
    let (asked, told) = std::sync::mpsc::channel();
    let service = Service::new(move |_| {
        // The program waits for its data key now, and goes on waiting.
        asked.send(()).unwrap();
        loop {
            std::thread::park();
        }
    });
    let scratch = tempfile::tempdir().unwrap();
    let (big, out) = (scratch.path().join("big"), scratch.path().join("out"));
    fs::write(&big, plain()).unwrap();
    fs::create_dir(&out).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_crannog-keyd"))
        .args(["--json", "--socket", service.socket().to_str().unwrap()])
        .args([
            "encrypt",
            "--output",
            out.to_str().unwrap(),
            big.to_str().unwrap(),
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    told.recv().unwrap();
    assert_eq!(names(&out).len(), 1, "the file that is not whole yet");
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    assert!(
        String::from_utf8(ended.stderr)
            .unwrap()
            .contains("\"interrupted\"")
    );
    assert_eq!(names(&out), [""; 0]);
}

use std::fs;
use std::process::{Command, Stdio};

use crate::run::run;

#[test]
fn words_that_are_off_end_with_2() {
    for words in [
        &["nothing"][..],
        &["keys", "config", "shop"],
        &["random", "0"],
        &["random", "131073"],
        &["verify", "x"],
        &["verify", "--signature", "a", "--hmac", "b"],
        &["datakey", "--bits", "100"],
        &["keys", "export", "shop", "--what", "everything"],
        &["audit", "show", "--since", "yesterday"],
        &["--cert", "x", "status"],
        &["--address", "https://localhost:1", "status"],
        &["encrypt", "-", "-"],
        &["keys", "delete", "shop"],
        &["keys", "trim", "shop", "--below", "2"],
    ] {
        let words: Vec<&str> = ["--json"].iter().chain(words).copied().collect();
        let ended = run(&words);
        assert_eq!(ended.why().1, "usage", "{words:?}");
        assert_eq!((ended.code, ended.text().as_str()), (2, ""), "{words:?}");
    }
    let ended = run(["keys", "delete", "shop"]);
    assert_eq!(ended.err.lines().last(), Some("hint: give --yes"));
    assert!(ended.err.starts_with("error: "), "{}", ended.err);
}

/// KEY-015.
#[test]
fn a_name_is_checked_before_anything_is_sent() {
    for name in ["", "a/b", ".hidden", "a..", "ä"] {
        let ended = run(["--json", "keys", "show", name]);
        assert_eq!(ended.why(), (2, "usage".into(), "KEY-015".into()), "{name}");
    }
}

#[test]
fn who_does_not_answer_is_told_apart() {
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("keyd.sock");
    let status = || run(["--json", "--socket", socket.to_str().unwrap(), "status"]);
    let ended = status();
    assert_eq!(ended.why(), (5, "try_again".into(), String::new()));
    assert_eq!(ended.error()["object"], socket.to_str().unwrap());
    // A socket that nobody listens on any more.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert_eq!(status().code, 5);
    let ended = run(["--json", "encrypt", scratch.path().to_str().unwrap()]);
    assert_eq!((ended.code, ended.why().1.as_str()), (2, "usage"));
    let ended = run(["--json", "decrypt", "no-such-file"]);
    assert_eq!(ended.why().1, "not_found");
}

#[test]
fn completions_and_manual_pages() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = run(["completions", shell]);
        assert_eq!(ended.code, 0);
        assert!(ended.text().contains("crannog-keyd"), "{shell}");
    }
    assert!(run(["man"]).text().contains(".TH crannog-keyd"));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(["man", folder.path().to_str().unwrap()]).code, 0);
    for page in [
        "crannog-keyd.1",
        "crannog-keyd-encrypt.1",
        "crannog-keyd-keys-create.1",
    ] {
        assert!(
            fs::read_to_string(folder.path().join(page))
                .unwrap()
                .contains(".TH"),
            "{page}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crannog-keyd"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

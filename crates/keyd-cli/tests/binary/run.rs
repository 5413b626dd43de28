//! Runs the program.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// How it ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }

    /// The object on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.out).unwrap()
    }

    /// The last error of standard error.
    pub(crate) fn error(&self) -> Value {
        let line = self.err.lines().last().unwrap();
        serde_json::from_str::<Value>(line).unwrap()["error"].clone()
    }

    /// Code and check of the last error.
    pub(crate) fn why(&self) -> (i32, String, String) {
        let error = self.error();
        let field = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (self.code, field("code"), field("check"))
    }
}

pub(crate) fn run<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Ended {
    run_with(words, b"")
}

/// With this on standard input.
pub(crate) fn run_with<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>, input: &[u8]) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crannog-keyd"))
        .args(words)
        .env_remove("CRANNOG_KEYD_SOCKET")
        .env_remove("CRANNOG_KEYD_KEY")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = std::thread::spawn(move || {
        // A program that does not read it is content with less.
        let _ = to.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: output.stdout,
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

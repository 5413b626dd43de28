//! What a command may print.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::bin::{Device, crannog};

/// What does something else than be read: control characters, directions, what is invisible.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Fails unless all of it can be read: lines, and nothing that acts on a terminal.
#[track_caller]
pub(crate) fn assert_harmless(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{what}: not UTF-8"));
    if let Some((at, c)) = text.char_indices().find(|(_, c)| *c != '\n' && acts(*c)) {
        let around: String = text[..at].chars().rev().take(60).collect();
        let around: String = around.chars().rev().collect();
        panic!("{what}: {c:?} after {around:?}");
    }
}

/// A command as a person gives it.
pub(crate) fn person<S: AsRef<OsStr>>(device: &Device, words: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(crannog());
    command
        .args(words)
        .env("CRANNOG_HOME", &device.home)
        .env("CRANNOG_PASSWORD_FILE", &device.password)
        .env("XDG_RUNTIME_DIR", device.password.parent().unwrap())
        .stdin(Stdio::null());
    command
}

/// Both ways to print, standard output and standard error: harmless all of it. What a person sees.
#[track_caller]
pub(crate) fn harmless(device: &Device, words: &[&str]) -> String {
    let for_person = person(device, words).output().unwrap();
    let for_program = device.command(words).output().unwrap();
    let what = format!("crannog {words:?}");
    for output in [&for_person, &for_program] {
        assert_harmless(&what, &output.stdout);
        assert_harmless(&format!("{what}, standard error"), &output.stderr);
    }
    document(&what, &for_program);
    String::from_utf8(for_person.stdout).unwrap()
}

/// One JSON document, which may say that it failed.
#[track_caller]
pub(crate) fn document(what: &str, output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!(
            "{what}: {error}: {text:.200}{:.500}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

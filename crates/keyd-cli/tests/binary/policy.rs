use std::fs;

use crate::run::{Ended, run};

const GOOD: &str = "format = 1\n[[rule]]\nname = \"shop\"\nsubjects = [\"uid:1000\"]\nkeys = [\"shop-*\"]\nallow = [\"use\"]\n";

fn check(text: &str) -> Ended {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("policy.toml");
    fs::write(&path, text).unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o640);
    fs::set_permissions(&path, permissions).unwrap();
    run(["--json", "policy", "check", path.to_str().unwrap()])
}

#[test]
fn a_policy_in_order() {
    let ended = check(GOOD);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(
        ended.json(),
        serde_json::json!({"ok": true, "warnings": [], "errors": []})
    );
}

#[test]
fn faults_have_line_and_column() {
    for (from, to, place) in [
        ("allow = [\"use\"]", "allow = [\"use\", \"fly\"]", ":6:17"),
        ("uid:1000", "uid:01000", ":4:13"),
        ("format = 1", "format = 2", ":1:10"),
        ("keys =", "key =", ":5:1"),
    ] {
        let ended = check(&GOOD.replace(from, to));
        assert_eq!(ended.why(), (1, "other".into(), String::new()), "{to}");
        let object = ended.error()["object"].as_str().unwrap().to_owned();
        assert!(object.ends_with(&format!("policy.toml{place}")), "{to}: {object}");
    }
}

#[test]
fn what_is_hardly_meant_is_a_warning_and_unknown_names_are_errors() {
    let ended = check(&GOOD.replace("uid:1000", "any").replace("\"use\"", "\"all\""));
    assert_eq!(ended.code, 0);
    assert_eq!(ended.json()["warnings"][0]["line"], 3);

    let ended = check(&GOOD.replace("uid:1000", "user:nobody-of-this-name"));
    assert_eq!(ended.code, 1);
    let document = ended.json();
    assert_eq!(document["ok"], false);
    assert_eq!(
        (&document["errors"][0]["line"], &document["errors"][0]["column"]),
        (&4.into(), &13.into())
    );
}

/// KEY-010, KEY-015.
#[test]
fn a_file_that_others_may_write_or_that_is_huge_is_refused() {
    let ended = check(&format!("{GOOD}#{}\n", "x".repeat(1 << 20)));
    assert_eq!(ended.why(), (8, "quota".into(), "KEY-015".into()));
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("policy.toml");
    fs::write(&path, GOOD).unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o666);
    fs::set_permissions(&path, permissions).unwrap();
    let ended = run(["--json", "policy", "check", path.to_str().unwrap()]);
    assert_eq!(ended.why(), (11, "verification_failed".into(), "KEY-010".into()));
    let ended = run(["--json", "policy", "check", "no-such-file"]);
    assert_eq!(ended.why().1, "not_found");
}

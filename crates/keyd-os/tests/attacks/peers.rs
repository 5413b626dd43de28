use std::path::Path;

use crate::trial::{Trial, root};

fn connect(arguments: &[&str]) -> (String, u32) {
    let state = tempfile::tempdir().unwrap();
    open_to_all(state.path());
    let place = state.path().display().to_string();
    let mut server = Trial::start(&["server", &place, &place, "open"]);
    server.line();
    server.say("accept");
    let socket = format!("{place}/s.sock");
    let mut client = Trial::start(&[&["connect", &socket][..], arguments].concat());
    let (lines, status) = client.end();
    assert!(status.success(), "{status}");
    (server.line(), lines[0].parse().unwrap())
}

fn open_to_all(folder: &Path) {
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder, all).unwrap();
}

#[test]
fn a_peer_is_exactly_who_connected() {
    if !root("connecting as another user") {
        return;
    }
    let (seen, pid) = connect(&["1234", "4321", "100", "5555"]);
    assert_eq!(
        seen,
        format!(
            "user Some(1234) group Some(1234) groups [100, 4321, 5555] pid Some({pid}) program Some(\"keyd-os-trial\")"
        )
    );
    let (seen, _) = connect(&["1235"]);
    assert!(
        seen.starts_with("user Some(1235) group Some(1235) groups [] pid"),
        "{seen}"
    );
}

#[test]
fn many_groups_are_all_seen() {
    if !root("connecting with a thousand groups") {
        return;
    }
    let groups: Vec<String> = (2000..3000).map(|group: u32| group.to_string()).collect();
    let arguments: Vec<&str> = ["1234"]
        .into_iter()
        .chain(groups.iter().map(String::as_str))
        .collect();
    let (seen, _) = connect(&arguments);
    assert!(
        seen.contains(&format!("groups [{}]", groups.join(", "))),
        "{seen}"
    );
}

#[test]
fn key_008_overflow_ids_match_nobody() {
    if !root("connecting as the overflow user") {
        return;
    }
    let (seen, _) = connect(&["65534", "65534", "100"]);
    assert!(
        seen.starts_with("user None group None groups [100] pid"),
        "{seen}"
    );
}

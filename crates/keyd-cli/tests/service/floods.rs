//! What nobody should send, and too much of it: clear answers, bounded room, and others are served meanwhile (KEY-015).

use std::io::{BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use crate::world::http::Answer;
use crate::world::people::Person;
use crate::world::{World, program, text};
use serde_json::json;

/// Everybody on this host may use keys here.
const ANYBODY: &str = r#"
format = 1
[[rule]]
name = "anybody"
subjects = ["any"]
keys = ["*"]
allow = ["all"]
"#;

fn opened(world: &World) {
    use std::os::unix::fs::PermissionsExt;
    for (name, mode) in [("run/clients", 0o755), ("run/clients/keyd.sock", 0o666)] {
        std::fs::set_permissions(world.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[test]
fn one_who_takes_all_connections_leaves_others_theirs() {
    let world = World::with_config(
        ANYBODY,
        "[limits]\nconnections = 40\nconnections_per_subject = 20\n",
    );
    let _service = world.start();
    opened(&world);
    let http = world.http();
    http.post("transit/keys/a", &json!({}));
    // Root takes its share, and tries for more: those get 429 and an end.
    let held: Vec<UnixStream> = (0..60).map(|_| http.connect().unwrap()).collect();
    let mut served = Vec::new();
    for mut stream in &held {
        let _ = stream.write_all(b"GET /v1/transit/keys/a HTTP/1.1\r\nHost: x\r\n\r\n");
        served.push(crate::world::http::read(&mut BufReader::new(stream)).unwrap());
    }
    let count = |status| served.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(429)), (20, 40));
    let refused = served.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(
        (refused.error(), refused.header("retry-after")),
        ("too many requests", Some("1"))
    );
    let other = Person::new("bob");
    let mut command = other.command(&[], &program());
    let sealed = command
        .arg("--socket")
        .arg(world.socket())
        .args(["encrypt", "--text", "x", "--key", "a"])
        .output()
        .unwrap();
    assert!(sealed.status.success(), "{}", text(&sealed));
    drop(held);
}

#[test]
fn half_a_request_holds_nothing_but_its_own_connection() {
    let world = World::with_config(ANYBODY, "[limits]\nhead_time = 1\nbody_time = 1\nidle = 2\n");
    let _service = world.start();
    let http = world.http();
    http.post("transit/keys/a", &json!({}));
    let ended = |bytes: &[u8]| {
        let mut stream = http.connect().unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    };
    assert_eq!(
        ended(b"GET /v1/sys/health HTTP/1.1\r\nHo"),
        "",
        "a head that never ends"
    );
    assert_eq!(ended(b""), "", "nothing at all");
    let slow = ended(b"POST /v1/transit/encrypt/a HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n{\"plain");
    assert!(slow.starts_with("HTTP/1.1 408"), "{slow}");
    assert!(slow.contains("the request is too slow"), "{slow}");
}

#[test]
fn what_is_too_large_or_malformed_is_told_so() {
    let world = World::with_config(ANYBODY, "[limits]\nbody = \"64KiB\"\nbatch = 10\n");
    let _service = world.start();
    let http = world.http();
    http.post("transit/keys/a", &json!({}));
    let large = json!({ "plaintext": "A".repeat(70_000) });
    assert_eq!(http.post("transit/encrypt/a", &large).status, 413);
    let chunked = format!(
        "POST /v1/transit/encrypt/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}",
        70_000,
        "A".repeat(70_000)
    );
    assert_eq!(http.raw(chunked.as_bytes()).unwrap().status, 413);
    let items: Vec<_> = (0..11).map(|_| json!({ "plaintext": "" })).collect();
    let batch = http.post("transit/encrypt/a", &json!({ "batch_input": items }));
    assert_eq!(
        (batch.status, batch.error()),
        (400, "batch_input has more than 10 items")
    );
    let deep = format!("{}1{}", "{\"a\":".repeat(20), "}".repeat(20));
    assert_eq!(
        http.send("POST", "transit/encrypt/a", &deep).error(),
        "the body is nested too deeply"
    );
    let long = format!(
        "GET /v1/transit/keys/{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "a".repeat(5_000)
    );
    assert_eq!(http.raw(long.as_bytes()).unwrap().status, 431);
    let many: String = (0..100).map(|n| format!("X-{n}: 1\r\n")).collect();
    let many = format!("GET /v1/sys/health HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    assert_eq!(http.raw(many.as_bytes()).unwrap().status, 431);
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"GET\r\n\r\n",
        b"GET /v1/sys/health HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ] {
        let status = http.raw(garbage).map(|answer: Answer| answer.status);
        assert!(matches!(status, Some(400) | None), "{garbage:?}: {status:?}");
    }
    assert_eq!(http.get("sys/health").status, 200, "and it goes on");
}

#[test]
fn requests_a_second_are_each_subjects_own() {
    let world = World::with_config(ANYBODY, "[limits]\nrate = 5\n");
    let _service = world.start();
    opened(&world);
    let http = world.http();
    let mut refused = None;
    for _ in 0..50 {
        let answer = http.post("transit/random/8", &json!({}));
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    assert!(refused.expect("a limit").header("retry-after").is_some());
    let other = Person::new("carol");
    let mut command = other.command(&[], &program());
    let random = command
        .arg("--socket")
        .arg(world.socket())
        .args(["random", "8"])
        .output()
        .unwrap();
    assert!(random.status.success(), "{}", text(&random));
}

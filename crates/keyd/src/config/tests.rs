use std::path::Path;
use std::time::Duration;

use super::{Config, WhenFull};

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("config.toml")).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_is_the_defaults_of_the_page() {
    let config = parse("").unwrap();
    assert_eq!(config.state, Path::new("/var/lib/crannog-keyd"));
    assert_eq!(config.limits.body.0, 4 << 20);
    assert_eq!(config.limits.idle.0, Duration::from_secs(300));
    assert_eq!(config.http.default_type, "xaes256-gcm");
    assert!(config.identity.nss && !config.http.upsert);
}

#[test]
fn sizes_and_durations_are_read_as_people_write_them() {
    let config = parse(
        "[limits]\nbody = \"1MiB\"\nhead_time = \"1m30s\"\nidle = 90\n[audit]\nwhen_full = \"drop-oldest\"\nmax_size = \"1GiB\"\n",
    )
    .unwrap();
    assert_eq!(config.limits.body.0, 1 << 20);
    assert_eq!(config.limits.head_time.0, config.limits.idle.0);
    assert_eq!(config.audit.when_full, WhenFull::DropOldest);
}

#[test]
fn whatever_is_wrong_is_named() {
    for (text, told) in [
        ("stat = \"/x\"", "stat"),
        ("[limits]\nbodies = 1", "bodies"),
        ("[limits]\nbody = \"1GB\"", "KiB"),
        ("[limits]\nbody = \"64MiB\"", "limits.body"),
        ("[http]\nmount = \"sys\"", "http.mount"),
        ("[http]\ndefault_type = \"fernet\"", "http.default_type"),
        ("[[socket]]\nname = \"admin\"\ngroup = \"x\"", "socket.name"),
        (
            "[[socket]]\nname = \"a\"\ngroup = \"x\"\n[[socket]]\nname = \"a\"\ngroup = \"y\"",
            "socket.name",
        ),
        ("[tls]\ntoken_ttl = \"2d\"", "tls.token_ttl"),
        ("[audit]\nmax_size = 1", "audit.max_size"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(told), "{text}: {error}");
    }
}

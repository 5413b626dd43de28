//! The binary's settings, from file, environment and options; and a server made before it serves.

use std::process::{Command, Output};

use crannog_proto::ServerUrl;

use crate::client::Client;
use crate::fixtures::Person;
use crate::operate::{Daemon, crannogd, json};

fn config(args: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crannogd"))
        .arg("config")
        .args(args)
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn what_is_printed_can_be_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crannogd.toml");
    std::fs::write(
        &file,
        "public_address = \"cloud.example:443\"\n[limits]\nuploads = 9\n",
    )
    .unwrap();
    let path = file.to_str().unwrap();
    let environment = [("CRANNOGD_LEASE_DAYS", "2"), ("CRANNOGD_LIMITS_UPLOADS", "11")];
    let printed = config(
        &["print", "--config", path, "--listen", "[::]:8443"],
        &environment,
    );
    assert!(printed.status.success(), "{printed:?}");
    let text = String::from_utf8(printed.stdout).unwrap();
    for (start, origin) in [
        ("listen = \"[::]:8443\"", "option; CRANNOGD_LISTEN"),
        ("uploads = 11", "environment; CRANNOGD_LIMITS_UPLOADS"),
        ("public_address = \"cloud.example:443\"", "file;"),
        ("grace_days = 30", "default;"),
    ] {
        let line = text.lines().find(|line| line.starts_with(start)).unwrap();
        assert!(line.contains(origin), "{line}");
    }
    let again = folder.path().join("again.toml");
    std::fs::write(&again, &text).unwrap();
    let args = ["print", "--json", "--config", again.to_str().unwrap()];
    let read = json(&config(&args, &[]));
    let all = read.as_object().unwrap();
    assert!(
        all.values()
            .all(|row| row["origin"] == "file" || row["value"].is_null()),
        "{read}"
    );
    assert_eq!(
        (&read["limits.uploads"]["value"], &read["lease_days"]["value"]),
        (&11.into(), &2.into())
    );
}

#[test]
fn what_no_server_could_run_with_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crannogd.toml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "grace_days = 1\n").unwrap();
    let well = config(
        &["check", "--config", path, "--json"],
        &[("CRANNOGD_GRASE_DAYS", "1")],
    );
    let well = json(&well);
    let ignored = well["ignored"].as_array().unwrap();
    assert!(ignored.iter().any(|name| name == "CRANNOGD_GRASE_DAYS"), "{well}");
    for (content, environment, expected) in [
        ("lisen = \"x\"", ("CRANNOGD_LOG", "info"), "unknown field `lisen`"),
        (
            "lease_days = 0",
            ("CRANNOGD_LOG", "info"),
            "lease_days must not be 0",
        ),
        (
            "",
            ("CRANNOGD_LISTEN", "nowhere"),
            "the setting listen is not address:port",
        ),
        (
            "",
            ("CRANNOGD_GRACE_DAYS", "many"),
            "the variable CRANNOGD_GRACE_DAYS is not a number",
        ),
    ] {
        std::fs::write(&file, content).unwrap();
        let refused = config(&["check", "--config", path], &[environment]);
        assert_eq!(refused.status.code(), Some(1));
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(told.contains(expected) && told.contains("hint: "), "{told}");
        let data = folder.path().join("data");
        let serve = Command::new(env!("CARGO_BIN_EXE_crannogd"))
            .args(["serve", "--config", path, "--data"])
            .arg(&data)
            .env(environment.0, environment.1)
            .output()
            .unwrap();
        assert!(!serve.status.success() && !data.exists(), "{serve:?}");
    }
}

#[tokio::test]
async fn a_server_is_made_before_it_serves() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let made = json(&crannogd(
        &data,
        &["init", "--listen", "127.0.0.1:0", "--quota", "1GiB", "--json"],
    ));
    let promised: ServerUrl = made["server"].as_str().unwrap().parse().unwrap();
    let again = crannogd(&data, &["init"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("holds a server already"),
        "{again:?}"
    );
    let daemon = Daemon::start(&data);
    let health = json(&crannogd(&data, &["health", "--json"]));
    let url: ServerUrl = health["server"].as_str().unwrap().parse().unwrap();
    assert_eq!(url.fingerprint, promised.fingerprint);
    let mut client = Client::connect(&url, &data).await;
    client
        .register(&Person::new("alice"), made["invite"].as_str().unwrap())
        .await
        .read::<crannog_proto::api::Registered>();
    let accounts = json(&crannogd(&data, &["account", "list", "--json"]));
    assert_eq!(accounts[0]["quota"], 1 << 30);
    daemon.stop();
    let public = folder.path().join("public.toml");
    std::fs::write(&public, "public_address = \"cloud.example:443\"\n").unwrap();
    let other = crannogd(
        &folder.path().join("other"),
        &["init", "--config", public.to_str().unwrap()],
    );
    let text = String::from_utf8(other.stdout).unwrap();
    assert!(
        text.contains("crannog://cloud.example:443#") && !text.contains("No client reaches"),
        "{text}"
    );
    let blind = crannogd(&folder.path().join("blind"), &["init"]);
    assert!(
        String::from_utf8(blind.stdout)
            .unwrap()
            .contains("set public_address")
    );
}

//! Where systemd runs: the credential, the units, and what systemd's own tools say of them.

use std::fs;
use std::process::Command;

use crannog_keyd_install::Note;
use crannog_keyd_keys::Opener;

use crate::host::{Host, Person};

#[test]
fn the_key_is_a_credential_that_nobody_else_opens() {
    let Some(host) = Host::with_systemd() else { return };
    let (report, _) = host.install();
    let credential = "etc/credstore.encrypted/crannog-keyd.master";
    assert_eq!(host.rights(credential), "0600 root:root");
    assert_eq!(host.rights("etc/credstore.encrypted"), "0700 root:root");
    assert!(!host.path("etc/crannog-keyd/master.key").exists());
    assert!(!report.notes.iter().any(|note| matches!(note, Note::Start(_))));
    let secret = host.path("var/lib/systemd/credential.secret");
    let decrypt = |name: &str| {
        let mut command = Command::new("systemd-creds");
        command.env("SYSTEMD_CREDENTIAL_SECRET", &secret);
        command
            .args(["decrypt", name])
            .arg(host.path(credential))
            .arg("-")
            .output()
            .unwrap()
    };
    let output = decrypt("--name=master");
    let key: [u8; 32] = output.stdout.try_into().unwrap();
    assert!(host.open(&Opener::KeyFile(&key)).is_some());
    assert!(!decrypt("--name=other").status.success());
    fs::remove_file(&secret).unwrap();
    assert!(!decrypt("--name=master").status.success());
}

#[test]
fn units_are_enabled_and_folders_made() {
    let Some(host) = Host::with_systemd() else { return };
    host.install();
    let wants = "etc/systemd/system/multi-user.target.wants";
    assert!(fs::symlink_metadata(host.path(wants).join("crannog-keyd.service")).is_ok());
    assert!(fs::symlink_metadata(host.path(wants).join("crannog-keyd-tls.service")).is_err());
    for (path, rights) in [
        ("run/crannog-keyd", "0755 crannog-keyd:crannog-keyd"),
        (
            "run/crannog-keyd/clients",
            "2750 crannog-keyd:crannog-keyd-clients",
        ),
        ("run/crannog-keyd/proxy", "2750 crannog-keyd:crannog-keyd-tls"),
        ("run/crannog-keyd/app", "0755 crannog-keyd:crannog-keyd"),
    ] {
        assert_eq!(host.rights(path), rights, "{path}");
    }
    let mut plan = host.plan();
    plan.tls = Some("127.0.0.1:8200".parse().unwrap());
    plan.install(&mut Person::default()).unwrap();
    assert!(fs::symlink_metadata(host.path(wants).join("crannog-keyd-tls.service")).is_ok());
}

fn analyze(arguments: &[&str], unit: &std::path::Path) -> (bool, String) {
    let output = Command::new("systemd-analyze")
        .args(["--no-pager", "--man=no"])
        .args(arguments)
        .arg(unit)
        .output()
        .expect("apt-get install systemd: it judges units");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn units_are_as_shut_in_as_the_page_says() {
    let Some(host) = Host::new() else { return };
    host.install();
    for (unit, at_most) in [("crannog-keyd.service", 6), ("crannog-keyd-tls.service", 16)] {
        let path = host.path("etc/systemd/system").join(unit);
        let threshold = |tenths: u32| format!("--threshold={tenths}");
        let (fine, said) = analyze(&["security", "--offline=true", &threshold(at_most)], &path);
        assert!(fine, "{said}");
        // The threshold is one: a unit that is open is above it.
        let open = host.path(unit);
        fs::write(&open, "[Service]\nExecStart=/bin/true\n").unwrap();
        let (fine, said) = analyze(&["security", "--offline=true", &threshold(at_most)], &open);
        assert!(!fine, "{said}");
    }
}

#[test]
fn units_are_what_systemd_reads() {
    let Some(host) = Host::new() else { return };
    let mut plan = host.plan();
    // One that is there: whether the program exists is asked too.
    plan.program = "/usr/bin/env".into();
    plan.install(&mut Person::default()).unwrap();
    let units = host.path("etc/systemd/system");
    fs::copy(
        units.join("crannog-keyd-app@.socket"),
        units.join("crannog-keyd-app@shop.socket"),
    )
    .unwrap();
    for unit in [
        "crannog-keyd.service",
        "crannog-keyd-tls.service",
        "crannog-keyd-app@shop.socket",
    ] {
        let (fine, said) = analyze(&["verify"], &units.join(unit));
        assert!(fine && said.is_empty(), "{unit}: {said}");
    }
}

//! What a run leaves on a host that had nothing, and that it leaves it once.

use std::collections::BTreeSet;
use std::fs;

use crannog_keyd::policy::{Names, Op, Policy, WarningKind};
use crannog_keyd_install::{Action, InstallError, Note};
use crannog_keyd_keys::{KeyName, KeyType, Opener, RecoveryKey};
use crannog_keyd_os::{DirectoryError, GroupId, UserId};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, parse_x509_pem};

use crate::host::{Host, Person, changes, refused};

#[test]
fn everything_belongs_to_whom_the_page_says() {
    let Some(host) = Host::new() else { return };
    let mut plan = host.plan();
    plan.tls = Some("192.0.2.7:8200".parse().unwrap());
    plan.clients = vec!["alice".to_owned()];
    let report = plan.install(&mut Person::default()).unwrap();
    for (path, rights) in [
        ("etc/crannog-keyd", "0750 root:crannog-keyd"),
        ("etc/crannog-keyd/config.toml", "0640 root:crannog-keyd"),
        ("etc/crannog-keyd/policy.toml", "0640 root:crannog-keyd"),
        ("etc/crannog-keyd/master.key", "0400 crannog-keyd:crannog-keyd"),
        ("etc/crannog-keyd/tls", "0750 root:crannog-keyd-tls"),
        ("etc/crannog-keyd/tls/key.pem", "0640 root:crannog-keyd-tls"),
        ("etc/crannog-keyd/tls/cert.pem", "0644 root:crannog-keyd-tls"),
        ("etc/systemd/system/crannog-keyd.service", "0644 root:root"),
        ("etc/systemd/system/crannog-keyd-tls.service", "0644 root:root"),
        ("etc/systemd/system/crannog-keyd-app@.socket", "0644 root:root"),
        ("usr/lib/tmpfiles.d/crannog-keyd.conf", "0644 root:root"),
        ("run/crannog-keyd", "0755 crannog-keyd:crannog-keyd"),
        (
            "run/crannog-keyd/clients",
            "2750 crannog-keyd:crannog-keyd-clients",
        ),
        ("run/crannog-keyd/proxy", "2750 crannog-keyd:crannog-keyd-tls"),
        ("run/crannog-keyd/app", "0755 crannog-keyd:crannog-keyd"),
        ("var/lib/crannog-keyd", "0700 crannog-keyd:crannog-keyd"),
    ] {
        assert_eq!(host.rights(path), rights, "{path}");
    }
    for (path, entry) in host.tree() {
        if path.starts_with("var/lib/crannog-keyd") {
            let mode = if host.path(path.to_str().unwrap()).is_dir() {
                "0700"
            } else {
                "0600"
            };
            assert_eq!(
                entry.rights,
                format!("{mode} crannog-keyd:crannog-keyd"),
                "{path:?}"
            );
        }
        assert!(!path.to_string_lossy().contains(".new"), "{path:?} was left");
    }
    for user in ["crannog-keyd", "crannog-keyd-tls"] {
        let passwd = host.text("etc/passwd");
        let line = passwd
            .lines()
            .find(|line| line.starts_with(&format!("{user}:")))
            .unwrap();
        let fields: Vec<&str> = line.split(':').collect();
        assert!(fields[2].parse::<u32>().unwrap() < 1000);
        assert_eq!(fields[5..], ["/nonexistent", "/usr/sbin/nologin"]);
    }
    let groups = host.text("etc/group");
    let members = |group: &str| {
        let line = groups.lines().find(|line| line.starts_with(&format!("{group}:")));
        line.unwrap().rsplit(':').next().unwrap().to_owned()
    };
    assert_eq!(members("crannog-keyd-clients"), "alice");
    assert_eq!(members("crannog-keyd"), "crannog-keyd-tls");
    let starts = report.notes.iter().filter(|note| matches!(note, Note::Start(_)));
    assert_eq!(starts.count(), 2);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 1);
    assert_eq!(json["done"][0]["action"], "made");
    assert_eq!(json["done"][0]["what"], "group crannog-keyd");
}

#[test]
fn a_second_run_does_nothing_and_asks_nothing() {
    for host in [Host::new(), Host::with_systemd()].into_iter().flatten() {
        let mut plan = host.plan();
        plan.tls = Some("127.0.0.1:8200".parse().unwrap());
        plan.clients = vec!["alice".to_owned()];
        let mut person = Person::default();
        plan.install(&mut person).unwrap();
        let before = host.tree();
        let mut other = Person::default();
        let report = plan.install(&mut other).unwrap();
        assert_eq!(changes(&report), Vec::<&_>::new());
        assert_eq!((other.asked, other.shown), (0, None));
        assert_eq!(other.steps, report.done);
        assert_eq!(host.tree(), before);
    }
}

#[test]
fn what_the_operator_changed_stays() {
    let Some(host) = Host::new() else { return };
    host.install();
    fs::write(host.path("etc/crannog-keyd/policy.toml"), "format = 1\n").unwrap();
    fs::write(host.path("etc/systemd/system/crannog-keyd.service"), "[Unit]\n").unwrap();
    let mut plan = host.plan();
    plan.tls = Some("0.0.0.0:8443".parse().unwrap());
    let report = plan.install(&mut Person::default()).unwrap();
    assert_eq!(host.text("etc/crannog-keyd/policy.toml"), "format = 1\n");
    let listen = report
        .notes
        .iter()
        .any(|note| matches!(note, Note::Listen { .. }));
    assert!(listen, "{:?}", report.notes);
    // Units are the program's: another version brings its own.
    let changed: Vec<_> = changes(&report).iter().map(|step| step.what.as_str()).collect();
    assert_eq!(changed, ["TLS key", "TLS certificate", "unit"]);
}

#[test]
fn a_dry_run_touches_nothing() {
    for host in [Host::new(), Host::with_systemd()].into_iter().flatten() {
        let mut plan = host.plan();
        plan.tls = Some("127.0.0.1:8200".parse().unwrap());
        plan.recovery_file = Some(host.path("recovery"));
        plan.dry_run = true;
        let before = host.tree();
        let report = plan.install(&mut Person::default()).unwrap();
        assert_eq!(host.tree(), before);
        assert!(
            report.done.iter().all(|step| step.action == Action::Would),
            "{report:?}"
        );

        // It says what the run then does.
        plan.dry_run = false;
        let done = plan.install(&mut Person::default()).unwrap();
        let paths = |report: &crannog_keyd_install::Report| {
            let paths = report.done.iter().map(|step| step.path.clone());
            paths.collect::<BTreeSet<_>>()
        };
        assert_eq!(paths(&report), paths(&done));

        plan.dry_run = true;
        let before = host.tree();
        let report = plan.install(&mut Person::default()).unwrap();
        assert_eq!(changes(&report), Vec::<&_>::new());
        assert_eq!(host.tree(), before);
    }
}

#[test]
fn the_store_opens_with_the_key_file_and_with_the_recovery_key() {
    let Some(host) = Host::new() else { return };
    let (report, person) = host.install();
    let store = host.open(&Opener::KeyFile(&host.key_file())).unwrap();
    let key = store.get(&KeyName::parse("default").unwrap()).unwrap();
    assert_eq!((key.key_type(), store.names().len()), (KeyType::Xaes256Gcm, 1));
    let origin = format!("crannog-keyd/{}+", data_encoding::HEXLOWER.encode(&store.id().0));
    assert!(report.verifier_key.unwrap().starts_with(&origin));
    drop(store);
    let recovery = RecoveryKey::parse(&person.shown.unwrap()).unwrap();
    assert!(host.open(&Opener::Recovery(&recovery)).is_some());
    assert!(host.open(&Opener::KeyFile(&[7; 32])).is_none());
}

#[test]
fn a_passphrase_takes_the_place_of_a_key() {
    let Some(host) = Host::new() else { return };
    let mut plan = host.plan();
    plan.passphrase = Some("eleven char".to_owned().into());
    let before = host.tree();
    refused(plan.install(&mut Person::default()));
    assert_eq!(host.tree(), before);
    plan.passphrase = Some("twelve chars".to_owned().into());
    plan.install(&mut Person::default()).unwrap();
    assert!(!host.path("etc/crannog-keyd/master.key").exists());
    assert!(host.open(&Opener::Passphrase("twelve chars")).is_some());
    let report = plan.install(&mut Person::default()).unwrap();
    assert_eq!(changes(&report), Vec::<&_>::new());
}

/// One group and one user.
struct Directory;

impl Names for Directory {
    fn user(&self, name: &str) -> Result<Option<UserId>, DirectoryError> {
        Ok((name == "root").then(|| UserId::from_number(0)))
    }

    fn group(&self, name: &str) -> Result<Option<GroupId>, DirectoryError> {
        Ok((name == "crannog-keyd-clients").then(|| GroupId::from_number(77)))
    }

    fn is_member(&self, user: UserId, _: GroupId) -> Result<bool, DirectoryError> {
        Ok(user.number() == 1000)
    }
}

#[test]
fn key_010_the_policy_lets_clients_use_one_key() {
    let Some(host) = Host::new() else { return };
    host.install();
    let (policy, warnings) = Policy::parse(&host.text("etc/crannog-keyd/policy.toml"), &Directory).unwrap();
    // Root may do everything, also what hands out keys: that is said.
    let odd = |kind: &WarningKind| !matches!(kind, WarningKind::SecretsOfAllKeys(_));
    let odd = warnings
        .iter()
        .filter(|warning| warning.rule != "root" || odd(&warning.kind));
    assert_eq!(odd.count(), 0, "{warnings:?}");
    let facts = |text| crannog_keyd::identity::Facts::supposed(text, &policy, &Directory).unwrap();
    let (client, root) = (
        facts("uid:1000+gid:77+socket:clients"),
        facts("uid:0+socket:clients"),
    );
    let (default, other) = (
        KeyName::parse("default").unwrap(),
        KeyName::parse("other").unwrap(),
    );
    assert!(policy.decide(&client, Op::Decrypt, Some(&default)).allowed());
    assert!(!policy.decide(&client, Op::Decrypt, Some(&other)).allowed());
    assert!(!policy.decide(&client, Op::Delete, Some(&default)).allowed());
    assert!(policy.decide(&root, Op::Delete, Some(&other)).allowed());
    assert!(
        !policy
            .decide(&facts("uid:1001+socket:clients"), Op::Encrypt, Some(&default))
            .allowed()
    );
}

#[test]
fn the_configuration_names_every_setting_of_the_page() {
    let Some(host) = Host::new() else { return };
    host.install();
    let text = host.text("etc/crannog-keyd/config.toml");
    let as_it_is: toml::Table = text.parse().unwrap();
    let set = as_it_is
        .values()
        .filter_map(toml::Value::as_table)
        .any(|table| !table.is_empty());
    assert!(!set, "a default is set: {as_it_is:?}");
    let settings = text.lines().filter_map(|line| {
        let setting = line.strip_prefix('#').unwrap_or(line);
        (setting.starts_with(|c: char| c.is_ascii_lowercase() || c == '[')).then_some(setting)
    });
    let all: toml::Table = settings.collect::<Vec<_>>().join("\n").parse().unwrap();

    let page = include_str!("../../../../docs/spec/keyd.md");
    let (_, section) = page.split_once("## Configuration").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let mut named = BTreeSet::new();
    for row in rows {
        let field = row.split('|').nth(1).unwrap();
        let names = field.split('`').skip(1).step_by(2);
        named.extend(names.filter(|name| !name.starts_with("[[")).map(str::to_owned));
    }
    let mut there = BTreeSet::new();
    for (name, value) in &all {
        match value {
            toml::Value::Table(table) => there.extend(table.keys().map(|key| format!("{name}.{key}"))),
            toml::Value::Array(_) => {}
            _ => drop(there.insert(name.clone())),
        }
    }
    assert_eq!(there, named);
    assert_eq!(all["socket"][0]["group"].as_str(), Some("shop"));
}

#[test]
fn the_certificate_is_of_its_key_and_its_address() {
    let Some(host) = Host::new() else { return };
    let mut plan = host.plan();
    plan.tls = Some("192.0.2.7:8200".parse().unwrap());
    plan.install(&mut Person::default()).unwrap();
    assert!(
        host.text("etc/crannog-keyd/config.toml")
            .contains("\nlisten = \"192.0.2.7:8200\"\n")
    );
    let pem = host.text("etc/crannog-keyd/tls/cert.pem");
    let (_, pem) = parse_x509_pem(pem.as_bytes()).unwrap();
    let (_, certificate) = X509Certificate::from_der(&pem.contents).unwrap();
    let key = rcgen::KeyPair::from_pem(&host.text("etc/crannog-keyd/tls/key.pem")).unwrap();
    assert_eq!(key.algorithm(), &rcgen::PKCS_ECDSA_P256_SHA256);
    assert_eq!(
        certificate.public_key().subject_public_key.data,
        key.public_key_raw()
    );
    assert!(certificate.validity().is_valid());
    assert!(!certificate.is_ca());
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    let has = |name| names.value.general_names.contains(&name);
    assert!(has(GeneralName::IPAddress(&[192, 0, 2, 7])));
    assert!(has(GeneralName::DNSName("localhost")));
}

#[test]
fn what_cannot_be_is_refused_before_anything_changes() {
    let Some(host) = Host::with_systemd() else { return };
    let before = host.tree();
    let mut plan = host.plan();
    for program in [
        "bin/crannog-keyd",
        "/usr/local/my bin/crannog-keyd",
        "/opt/%h/crannog-keyd",
    ] {
        plan.program = program.into();
        let error = refused(plan.install(&mut Person::default()));
        assert!(matches!(error, InstallError::PathInUnit { .. }), "{error}");
    }
    plan.program = "/home/alice/crannog-keyd".into();
    let error = refused(plan.install(&mut Person::default()));
    assert!(matches!(error, InstallError::HiddenProgram { .. }), "{error}");
    let mut plan = host.plan();
    plan.clients = vec!["bob".to_owned()];
    assert!(matches!(
        refused(plan.install(&mut Person::default())),
        InstallError::NoUser(_)
    ));
    plan.clients = vec!["--root=/".to_owned()];
    assert!(matches!(
        refused(plan.install(&mut Person::default())),
        InstallError::Name(_)
    ));
    assert_eq!(host.tree(), before);
}

//! `audit verify --dir` of a real store's log, honest and attacked: KEY-011.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crannog_keyd::store::{StateDir, Store};
use crannog_keyd_audit::{Event, Log, NoteSigner, Options, Record, Time};
use crannog_keyd_client::{
    Answer, AuditLines, AuditStatus, Call, Checkpoint, HashedValue, HealthState, Refusal, Status,
};
use crannog_keyd_keys::{NewSlot, RecoveryKey, StoreId, UnlockFile};
use crannog_seal::keyd::{AuditSigningKey, StoreKey};
use tempfile::TempDir;

use crate::run::{Ended, run};
use crate::service::Service;

struct Signer(AuditSigningKey);

impl NoteSigner for Signer {
    fn public(&self) -> [u8; 32] {
        self.0.public()
    }

    fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.0.sign(text)
    }
}

/// A state directory, and what its owner keeps elsewhere.
struct World {
    scratch: TempDir,
    vkey: String,
}

impl World {
    /// A store whose log has 20 records, two checkpoints and an anchor.
    fn new(id: u8) -> Self {
        Self::with_log(id).0
    }

    fn with_log(id: u8) -> (Self, Log) {
        let scratch = tempfile::tempdir().unwrap();
        let state = scratch.path().join("state");
        fs::create_dir(&state).unwrap();
        let (mut rng, store) = (rand::rng(), StoreId([id; 16]));
        let (key, recovery) = (StoreKey::generate(&mut rng), RecoveryKey::generate(&mut rng));
        let unlock =
            UnlockFile::create(&store, &key, &NewSlot::KeyFile(&[id; 32]), &recovery, &mut rng).unwrap();
        let dir = StateDir::lock(&state).unwrap();
        dir.make(&key, &unlock, 1_800_000_000_000).unwrap();
        let (opened, _) = Store::open(dir, key, None).unwrap();
        let signer = Signer(opened.audit_root().unwrap().signing_key(&store.0));
        let origin = format!("crannog-keyd/{}", format!("{id:02x}").repeat(16));
        let anchors = Box::new(opened.anchor());
        let (log, _) = Log::open(
            &state.join("audit"),
            &origin,
            Box::new(signer),
            anchors,
            Options::default(),
        )
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut last = log.append(&record("key-0")).unwrap();
        for n in 1..10 {
            last = log.append(&record(&format!("key-{n}"))).unwrap();
        }
        log.checkpoint().unwrap();
        for n in 10..20 {
            last = log.append(&record(&format!("key-{n}"))).unwrap();
        }
        let elsewhere = log.checkpoint().unwrap();
        runtime.block_on(log.anchored(last)).unwrap();
        let world = Self {
            vkey: log.verifier_key().to_string(),
            scratch,
        };
        fs::write(world.path("elsewhere"), elsewhere.to_string()).unwrap();
        fs::write(
            world.path("master.key"),
            format!("{}\n", format!("{id:02x}").repeat(32)),
        )
        .unwrap();
        fs::set_permissions(world.path("master.key"), Permissions::from_mode(0o400)).unwrap();
        fs::write(world.path("recovery"), recovery.to_text().as_bytes()).unwrap();
        (world, log)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn verify(&self, options: &[&str]) -> Ended {
        let state = self.path("state");
        let words = ["--json", "audit", "verify", "--dir", state.to_str().unwrap()];
        run(words.iter().chain(options))
    }

    fn with_key(&self) -> Ended {
        self.verify(&["--key-file", self.path("master.key").to_str().unwrap()])
    }

    fn with_checkpoint(&self) -> Ended {
        self.verify(&[
            "--vkey",
            &self.vkey,
            "--checkpoint",
            self.path("elsewhere").to_str().unwrap(),
        ])
    }

    fn segment(&self) -> PathBuf {
        self.path("state/audit/0000000000000000.jsonl")
    }

    fn edit(path: &Path, change: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, change(text)).unwrap();
    }
}

fn record(key: &str) -> Record<'static> {
    Record {
        op: Some("encrypt".into()),
        key: Some(key.to_owned().into()),
        ..Record::new(Time::from_micros(1_795_286_027_123_456), Event::Request)
    }
}

fn is_found(ended: &Ended, code: &str) {
    assert_eq!(
        ended.why(),
        (11, "verification_failed".into(), "KEY-011".into()),
        "{}",
        ended.text()
    );
    let document = ended.json();
    assert_eq!(document["ok"], false);
    let problems = document["problems"].as_array().unwrap();
    assert!(
        problems.iter().any(|problem| problem["code"] == code),
        "{document}"
    );
}

#[test]
fn an_honest_log() {
    let world = World::new(1);
    let ended = world.with_key();
    assert_eq!(ended.code, 0, "{}{}", ended.text(), ended.err);
    let document = ended.json();
    assert_eq!(
        (&document["ok"], &document["anchor"]),
        (&true.into(), &"checked".into())
    );
    assert!(document["size"].as_u64().unwrap() >= 20 && document["problems"] == serde_json::json!([]));
    assert_eq!(
        world
            .verify(&["--recovery-file", world.path("recovery").to_str().unwrap()])
            .code,
        0
    );
    assert_eq!(world.with_checkpoint().code, 0);
    // Nothing says how long it must be.
    let ended = world.verify(&["--vkey", &world.vkey]);
    assert_eq!(
        (ended.why().0, ended.error()["message"].as_str()),
        (3, Some("the tail cannot be judged"))
    );
    assert_eq!(ended.json()["anchor"], "unknown");
    assert_eq!(world.verify(&[]).why().1, "usage");
}

#[test]
fn a_cut_tail() {
    let world = World::new(1);
    World::edit(&world.segment(), |text| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.truncate(15);
        lines.join("\n") + "\n"
    });
    is_found(&world.with_key(), "tail");
    is_found(&world.with_checkpoint(), "tail");
}

#[test]
fn an_edited_line() {
    let world = World::new(1);
    World::edit(&world.segment(), |text| text.replace("key-12", "key-99"));
    is_found(&world.with_key(), "root");
    let ended = world.with_checkpoint();
    is_found(&ended, "root");
    let document = ended.json();
    let problem = &document["problems"][0];
    let (from, to) = (problem["from"].as_u64().unwrap(), problem["to"].as_u64().unwrap());
    assert!((from..=to).contains(&12) && from >= 10, "{problem}");
}

#[test]
fn checkpoints_that_are_not_these() {
    let world = World::new(1);
    let (notes, honest) = (world.path("state/audit/checkpoints"), World::new(1));
    // Another log's, signed with another key.
    fs::copy(World::new(2).path("state/audit/checkpoints"), &notes).unwrap();
    is_found(&world.with_key(), "checkpoint");
    // The same store's name, another key.
    fs::copy(honest.path("state/audit/checkpoints"), &notes).unwrap();
    is_found(&world.with_key(), "checkpoint");
    fs::write(&notes, "").unwrap();
    is_found(&world.with_key(), "checkpoint-missing");
}

#[test]
fn keys_that_do_not_fit() {
    let (world, other) = (World::new(1), World::new(2));
    let ended = world.verify(&["--key-file", other.path("master.key").to_str().unwrap()]);
    assert_eq!(ended.why(), (11, "verification_failed".into(), "CHK-002".into()));
    let key = world.path("master.key");
    let ended = world.verify(&["--vkey", &other.vkey, "--key-file", key.to_str().unwrap()]);
    assert_eq!(ended.why().2, "KEY-011");
    fs::set_permissions(&key, Permissions::from_mode(0o440)).unwrap();
    assert_eq!(world.with_key().why().2, "KEY-004");
    assert_eq!(
        run([
            "--json",
            "audit",
            "verify",
            "--dir",
            "/nonexistent",
            "--vkey",
            &world.vkey
        ])
        .why()
        .0,
        4
    );
}

/// A service with this log, which changes each line that it shows.
fn serving((world, log): (World, Log), show: fn(u64, String) -> Option<String>) -> (World, Service) {
    let service = Service::new(move |call| match call {
        Call::Health(_) => Ok(Answer::Health(health())),
        Call::Status => Ok(Answer::Status(Box::new(Status {
            version: "1.15.0".into(),
            store: "01".repeat(16),
            sealed: false,
            keys: 0,
            damaged_keys: 0,
            policy: String::new(),
            measures: Vec::new(),
            missing_measures: Vec::new(),
            locked_bytes: 0,
            unlocked_bytes: 0,
            connections: 1,
            audit: AuditStatus {
                origin: log.verifier_key().name().to_owned(),
                verifier_key: log.verifier_key().to_string(),
                size: log.size(),
                dropped: 0,
                full: false,
            },
        }))),
        Call::AuditCheckpoint => Ok(Answer::Checkpoint(Checkpoint {
            note: log.checkpoint().unwrap().to_string(),
        })),
        Call::AuditRecords(asked) => {
            let lines = log.read(asked.from, (asked.count as usize).min(7)).unwrap();
            let next = asked.from + lines.len() as u64;
            let lines = (asked.from..).zip(lines).filter_map(|(n, line)| show(n, line));
            Ok(Answer::AuditLines(AuditLines {
                records: lines.collect(),
                next,
            }))
        }
        Call::AuditHash(_) => Ok(Answer::HashedValue(HashedValue { hash: "00".into() })),
        _ => Err(Refusal::denied()),
    });
    (world, service)
}

fn health() -> HealthState {
    let word = String::new;
    HealthState {
        initialized: true,
        sealed: false,
        standby: false,
        performance_standby: false,
        replication_performance_mode: word(),
        replication_dr_mode: word(),
        server_time_utc: 4_000_000_000,
        version: word(),
        cluster_name: word(),
        cluster_id: word(),
    }
}

#[test]
fn through_a_service_that_lies_or_does_not() {
    let (_honest, honest) = serving(World::with_log(1), |_, line| Some(line));
    let ended = honest.run(&["audit", "verify"]);
    assert_eq!(ended.code, 0, "{}{}", ended.text(), ended.err);
    let (_hides, hides) = serving(World::with_log(1), |n, line| (n < 18).then_some(line));
    is_found(&hides.run(&["audit", "verify"]), "tail");
    let (_edits, edits) = serving(World::with_log(1), |_, line| {
        Some(line.replace("key-12", "key-99"))
    });
    is_found(&edits.run(&["audit", "verify"]), "root");

    // The history is whole, but not the one that was vouched for before.
    let (world, other) = (World::new(1), World::with_log(1));
    let checkpoint = world.path("elsewhere");
    let words = ["audit", "verify", "--checkpoint", checkpoint.to_str().unwrap()];
    let (_other, other) = serving(other, |_, line| Some(line));
    is_found(&other.run(&words), "checkpoint");
    let words = ["audit", "verify", "--vkey", &world.vkey];
    assert_eq!(honest.run(&words).why().2, "KEY-011");
}

#[test]
fn records_are_shown_as_they_stand() {
    let (world, log) = World::with_log(1);
    let line = log.read(12, 1).unwrap().remove(0);
    let (_world, service) = serving((world, log), |_, line| Some(line));
    let ended = service.run(&["audit", "show", "--key", "key-11"]);
    assert_eq!(
        (ended.code, ended.text()),
        (0, format!("{line}\n")),
        "{}",
        ended.err
    );
    let ended = service.run(&["audit", "show", "--value", "plaintext=/dev/null"]);
    assert_eq!((ended.code, ended.text().as_str()), (0, ""));
}

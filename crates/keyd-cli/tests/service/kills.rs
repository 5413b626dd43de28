//! Killed at any point: what was told is there, what was counted stays counted, and the log is whole.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::world::{Http, ROOT_ALONE, World};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// The page's promise is made for two hundred.
const KILLS: usize = 200;

/// What was answered before a kill, and so must be there after it.
#[derive(Default)]
struct Told {
    /// By key: its latest version, and a ciphertext of each version that gave one.
    keys: BTreeMap<String, (u64, Vec<String>)>,
}

/// Makes, rotates and uses keys until the service is gone.
fn work(http: &Http, round: usize, told: &Mutex<Told>, begun: &AtomicUsize) {
    for at in 0.. {
        let name = format!("k{}", (round + at) % 7);
        let kind = if ((round + at) % 7).is_multiple_of(2) {
            "aes256-gcm96"
        } else {
            "xaes256-gcm"
        };
        let post = |path: String, body: Value| {
            begun.fetch_add(1, Ordering::AcqRel);
            post(http, &path, &body)
        };
        let Some(made) = post(format!("keys/{name}"), json!({ "type": kind })) else {
            return;
        };
        note(told, &name, &made);
        let Some(rotated) = post(format!("keys/{name}/rotate"), json!({})) else {
            return;
        };
        note(told, &name, &rotated);
        let Some(sealed) = post(format!("encrypt/{name}"), json!({ "plaintext": "eA==" })) else {
            return;
        };
        let text = sealed["ciphertext"].as_str().unwrap().to_owned();
        told.lock().unwrap().keys.get_mut(&name).unwrap().1.push(text);
    }
}

fn note(told: &Mutex<Told>, name: &str, object: &Value) {
    let latest = object["latest_version"].as_u64().unwrap();
    let mut told = told.lock().unwrap();
    let entry = told.keys.entry(name.to_owned()).or_default();
    entry.0 = entry.0.max(latest);
}

/// `None` when the service is gone.
fn post(http: &Http, path: &str, body: &Value) -> Option<Value> {
    let text = body.to_string();
    let head = format!(
        "POST /v1/transit/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    let answer = http.try_raw(format!("{head}{text}").as_bytes())?;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    Some(answer.body["data"].clone())
}

fn reserved(http: &Http) -> BTreeMap<(String, String), u64> {
    let mut found = BTreeMap::new();
    for name in (0..7).map(|at| format!("k{at}")) {
        let answer = http.get(&format!("transit/keys/{name}"));
        for (version, uses) in answer.body["data"]["uses"].as_object().into_iter().flatten() {
            found.insert((name.clone(), version.clone()), uses.as_u64().unwrap());
        }
    }
    found
}

#[test]
fn after_two_hundred_kills_every_version_answers_and_no_count_went_back() {
    let world = World::new(ROOT_ALONE);
    let told = Arc::new(Mutex::new(Told::default()));
    let mut before: BTreeMap<(String, String), u64> = BTreeMap::new();
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    for round in 0..KILLS {
        let service = world.start();
        let http = world.http();
        let now = reserved(&http);
        for (version, uses) in &before {
            assert!(
                now.get(version) >= Some(uses),
                "KEY-007: {version:?} {uses} {now:?}"
            );
        }
        // After so many requests, and so long into one: wherever in a change that is.
        let (most, into) = (
            dice.random_range(1..8),
            Duration::from_micros(dice.random_range(0..8_000)),
        );
        let begun = Arc::new(AtomicUsize::new(0));
        let worker = {
            let (socket, told, begun) = (world.socket(), told.clone(), begun.clone());
            thread::spawn(move || work(&Http::new(&socket), round, &told, &begun))
        };
        while begun.load(Ordering::Acquire) < most {
            thread::yield_now();
        }
        let start = Instant::now();
        while start.elapsed() < into {
            std::hint::spin_loop();
        }
        service.kill();
        worker.join().unwrap();
        before = now;
    }
    let _service = world.start();
    let http = world.http();
    let told = told.lock().unwrap();
    for (name, (latest, ciphertexts)) in &told.keys {
        let object = http.get(&format!("transit/keys/{name}"));
        assert!(
            object.data()["latest_version"].as_u64().unwrap() >= *latest,
            "{name}: {object:?}"
        );
        for text in ciphertexts {
            let opened = http.post(&format!("transit/decrypt/{name}"), &json!({ "ciphertext": text }));
            assert_eq!(opened.data()["plaintext"], "eA==", "{name} {text}: {opened:?}");
        }
    }
    let versions: u64 = told.keys.values().map(|(latest, _)| latest).sum();
    println!(
        "{KILLS} kills, {} keys, {versions} versions, all answer",
        told.keys.len()
    );
    let status = Http::new(&world.admin()).get("sys/keyd/status");
    assert_eq!(status.data()["damaged_keys"], 0);
    let verified = world.command(&["audit", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", crate::world::text(&verified));
}

//! The power goes, or the process, at every operation on the disk, and everything that may then be found is opened.

use std::collections::BTreeMap;

use crannog_keyd_keys::{Cipher, ConfigWish, Key, Plain, USES_BLOCK, Uses};

use super::super::disk::Disk;
use super::super::disk::fake::{FOUND, Fake, Found};
use super::super::*;
use super::world::*;

/// What whoever used the store was told before the end.
#[derive(Default, Clone)]
struct Told {
    generation: u64,
    /// By name: the generation, a ciphertext of every version, and how many uses were granted; `None` once it is deleted.
    keys: BTreeMap<&'static str, Option<State>>,
    /// What was asked for last, and not answered.
    pending: Option<&'static str>,
}

#[derive(Default, Clone)]
struct State {
    generation: u64,
    texts: Vec<String>,
    granted: u64,
    min_decryption: usize,
}

/// A life with every kind of change.
async fn live(store: &Store, told: &mut Told) -> Result<(), StoreError> {
    for text in ["plain", "counted"] {
        let spec = if text == "plain" { uncounted() } else { counted() };
        told.pending = Some(text);
        let key = create(store, text, &spec).await?;
        tell(store, told, text, &key).await?;
    }
    for text in ["plain", "counted", "plain"] {
        told.pending = Some(text);
        let key = rotate(store, text).await?;
        tell(store, told, text, &key).await?;
    }
    told.pending = Some("plain");
    let wish = ConfigWish {
        min_decryption: Some(2),
        min_encryption: Some(2),
        ..ConfigWish::default()
    };
    let key = store.commit(store.get(&name("plain"))?.configure(&wish)?).await?;
    if let Some(Some(state)) = told.keys.get_mut("plain") {
        state.min_decryption = 2;
    }
    tell(store, told, "plain", &key).await?;
    told.pending = Some("plain");
    let key = store.commit(store.get(&name("plain"))?.trim(2)?).await?;
    tell(store, told, "plain", &key).await?;
    told.pending = Some("counted");
    store.delete(&store.get(&name("counted"))?).await?;
    told.keys.insert("counted", None);
    told.generation = store.generation();
    told.pending = Some("counted");
    let key = create(store, "counted", &counted()).await?;
    tell(store, told, "counted", &key).await?;
    told.pending = None;
    Ok(())
}

/// Notes what is known, with a ciphertext of the latest version.
async fn tell(store: &Store, told: &mut Told, text: &'static str, key: &Key) -> Result<(), StoreError> {
    let entry = told.keys.entry(text).or_default();
    let fresh = key.generation() == 1;
    let mut state = if fresh {
        State::default()
    } else {
        entry.clone().unwrap_or_default()
    };
    state.generation = key.generation();
    *entry = Some(state.clone());
    told.generation = store.generation();
    let mut uses = match key.uses_needed(None)? {
        None => Uses::uncounted(),
        Some(version) => store.take_uses(key, version, 1).await?,
    };
    if key.reserved(key.latest()).is_some() {
        state.granted = 1;
        // The reservation was a change of its own.
        state.generation += 1;
    }
    let sealed = key.encrypt(&Plain::new(text.as_bytes()), &mut uses, &mut rand::rng())?;
    if key.latest() as usize > state.texts.len() {
        state.texts.push(sealed.text);
    }
    told.keys.insert(text, Some(state));
    told.generation = store.generation();
    Ok(())
}

/// A run on a disk that fails after so many operations.
fn run(operations: u64, torn: usize) -> (Fake, Told) {
    let disk = disk();
    disk.lose_power_after(operations, torn);
    let mut told = Told::default();
    if let Ok((store, _)) = open(&disk) {
        // A refusal is what is expected here.
        let _ = runtime().block_on(live(&store, &mut told));
    }
    (disk, told)
}

/// Everything that was told holds, and the store goes on.
fn judge(disk: &Fake, told: &Told, at: &str) {
    let (store, findings) = open(disk).unwrap_or_else(|error| panic!("{at}: {error}"));
    assert!(findings.damaged.is_empty(), "{at}: {findings:?}");
    assert!(store.generation() >= told.generation, "{at}");
    for (text, state) in &told.keys {
        let key = store.get(&name(text));
        let pending = told.pending == Some(*text);
        let Some(state) = state else {
            assert!(key.is_err() || pending, "{at}: a deleted key is there");
            continue;
        };
        let Ok(key) = key else {
            assert!(pending, "{at}: {text} is gone");
            continue;
        };
        if key.generation() < state.generation {
            panic!("{at}: {text} went back");
        }
        for (index, sealed) in state.texts.iter().enumerate() {
            if index + 1 >= state.min_decryption && !(pending && index == 0) {
                let opened = key.decrypt(&Cipher::new(sealed));
                let opened = opened.unwrap_or_else(|error| panic!("{at}: {text}: {error}"));
                assert_eq!(opened.expose(), text.as_bytes());
            }
        }
        if state.granted > 0 && !pending {
            assert!(
                key.reserved(key.latest()) >= Some(USES_BLOCK),
                "{at}: the counter went back"
            );
        }
    }
    runtime().block_on(async {
        create(&store, "after", &counted()).await.unwrap();
        for text in store.names() {
            rotate(&store, text.as_str()).await.unwrap();
        }
    });
    drop(store);
    let store = clean(disk);
    assert!(store.get(&name("after")).is_ok(), "{at}");
    assert!(disk.list("tmp").unwrap().is_empty(), "{at}");
}

fn length() -> u64 {
    let disk = disk();
    let before = disk.operations();
    let mut told = Told::default();
    let (store, _) = open(&disk).unwrap();
    runtime().block_on(live(&store, &mut told)).unwrap();
    assert!(told.pending.is_none());
    disk.operations() - before
}

#[test]
fn a_store_opens_wherever_the_power_went() {
    let length = length();
    assert!(length > 100);
    for operations in 0..=length {
        for torn in [0, 11] {
            let (disk, told) = run(operations, torn);
            for found in FOUND {
                judge(
                    &disk.after_power_loss(found),
                    &told,
                    &format!("operation {operations}, {torn} bytes torn, {found:?}"),
                );
            }
        }
    }
}

#[test]
fn a_start_may_break_off_too() {
    let length = length();
    for operations in (0..length).step_by(5) {
        let (disk, told) = run(operations, 0);
        let disk = disk.after_power_loss(Found::All);
        for second in 0..12 {
            let disk = disk.copy();
            disk.lose_power_after(second, 3);
            let _ = open(&disk);
            for found in FOUND {
                let at = format!("operation {operations}, then {second}, {found:?}");
                judge(&disk.after_power_loss(found), &told, &at);
            }
        }
    }
}

#[test]
fn a_process_may_be_killed_and_then_the_power_goes() {
    for operations in 0..length() {
        for second in 0..24 {
            let (disk, mut told) = run(operations, 0);
            // What the first process did not sync is still there for the second one, and not on the disk.
            disk.lose_power_after(second, 0);
            if let Ok((store, _)) = open(&disk) {
                runtime().block_on(async {
                    if let Ok(key) = create(&store, "second", &uncounted()).await {
                        tell(&store, &mut told, "second", &key).await.unwrap();
                    }
                });
            }
            for found in [Found::Nothing, Found::LowerNames] {
                let at = format!("operation {operations}, then {second} of another process, {found:?}");
                judge(&disk.after_power_loss(found), &told, &at);
            }
        }
    }
}

#[test]
fn making_a_store_may_break_off_and_is_done_again() {
    for operations in 0.. {
        let disk = Fake::default();
        disk.lose_power_after(operations, 5);
        let made = make(&StateDir::on(Arc::new(disk.clone())));
        for found in FOUND {
            let disk = disk.after_power_loss(found);
            let dir = StateDir::on(Arc::new(disk.clone()));
            match dir.unlock_file() {
                Ok(_) => assert!(matches!(make(&dir), Err(StoreError::Occupied))),
                Err(StoreError::NotInstalled) => {
                    assert!(made.is_err());
                    make(&dir).unwrap();
                }
                Err(error) => panic!("{operations}, {found:?}: {error}"),
            }
            drop(dir);
            let store = clean(&disk);
            store.audit_root().unwrap();
        }
        if made.is_ok() {
            return;
        }
    }
}

#[test]
fn a_failed_disk_changes_nothing_or_stops_the_store() {
    let length = length();
    for operations in 0..length {
        let disk = disk();
        let (store, _) = open(&disk).unwrap();
        disk.lose_power_after(operations, 0);
        let mut told = Told::default();
        let failed = runtime().block_on(live(&store, &mut told));
        disk.restore_power();
        if failed.is_err() {
            // What is served is what was told, and the next change works or is refused as a whole.
            let changed = runtime().block_on(create(&store, "next", &uncounted()));
            if let Err(error) = changed {
                assert!(matches!(error, StoreError::Broken), "{operations}: {error}");
            }
        }
        drop(store);
        judge(&disk, &told, &format!("operation {operations}"));
    }
}

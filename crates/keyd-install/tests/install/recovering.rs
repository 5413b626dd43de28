//! Recovering: the recovery key and a copy of the state directory are enough, and nothing less is.

use std::fs;

use crannog_keyd::store::StoreError;
use crannog_keyd_install::{InstallError, Recover};
use crannog_keyd_keys::{KeyName, Opener, RecordError, RecoveryKey, SlotKind};

use crate::host::{Host, Person, another_key, changes, copy_folder, refused};

fn recover(host: &Host, key: &str, passphrase: Option<&str>) -> Recover {
    Recover {
        places: host.places(),
        recovery: key.to_owned().into(),
        passphrase: passphrase.map(|text| text.to_owned().into()),
    }
}

#[test]
fn a_copy_of_the_state_opens_on_another_host() {
    let Some(lost) = Host::new() else { return };
    let (_, person) = lost.install();
    let key = person.shown.unwrap();
    for next in [Host::new(), Host::with_systemd()].into_iter().flatten() {
        let state = next.path("var/lib/crannog-keyd");
        copy_folder(&lost.path("var/lib/crannog-keyd"), &state);
        // Only a key of this host unlocks a host.
        let error = refused(next.plan().install(&mut Person::default()));
        assert!(matches!(error, InstallError::NothingUnlocks { .. }), "{error}");

        recover(&next, &key, None)
            .recover(&mut Person::default())
            .unwrap();
        let kinds: Vec<_> = next
            .unlock_file()
            .slots()
            .iter()
            .map(|slot| slot.kind().unwrap())
            .collect();
        assert_eq!(kinds, [SlotKind::Recovery, SlotKind::KeyFile]);
        assert!(next.open(&Opener::KeyFile(&lost.key_file())).is_none());
        let recovery = RecoveryKey::parse(&key).unwrap();
        let store = next.open(&Opener::Recovery(&recovery)).unwrap();
        store.get(&KeyName::parse("default").unwrap()).unwrap();
        drop(store);

        let mut person = Person {
            shown: Some(key.clone()),
            ..Person::default()
        };
        next.plan().install(&mut person).unwrap();
        assert_eq!(person.asked, 1);
        assert_eq!(
            next.rights("var/lib/crannog-keyd/unlock"),
            "0600 crannog-keyd:crannog-keyd"
        );
        assert_eq!(
            changes(&next.plan().install(&mut person).unwrap()),
            Vec::<&_>::new()
        );
    }
}

#[test]
fn the_old_key_is_dropped_and_the_new_one_opens() {
    let Some(host) = Host::new() else { return };
    let (_, person) = host.install();
    let (key, old) = (person.shown.unwrap(), host.key_file());
    recover(&host, &key, None)
        .recover(&mut Person::default())
        .unwrap();
    assert_ne!(host.key_file(), old);
    assert!(host.open(&Opener::KeyFile(&old)).is_none());
    assert!(host.open(&Opener::KeyFile(&host.key_file())).is_some());
    // The service goes on as before.
    assert_eq!(
        host.rights("etc/crannog-keyd/master.key"),
        "0400 crannog-keyd:crannog-keyd"
    );
    assert_eq!(
        host.rights("var/lib/crannog-keyd/unlock"),
        "0600 crannog-keyd:crannog-keyd"
    );
    assert_eq!(
        changes(&host.plan().install(&mut Person::default()).unwrap()),
        Vec::<&_>::new()
    );

    recover(&host, &key, Some("a long passphrase"))
        .recover(&mut Person::default())
        .unwrap();
    assert!(!host.path("etc/crannog-keyd/master.key").exists());
    assert!(host.open(&Opener::Passphrase("a long passphrase")).is_some());
    assert_eq!(host.unlock_file().slots().len(), 2);
}

#[test]
fn without_the_recovery_key_nothing_changes() {
    let Some(host) = Host::new() else { return };
    let (_, person) = host.install();
    let key = person.shown.unwrap();
    let before = host.tree();
    let error = refused(recover(&host, &another_key(), None).recover(&mut Person::default()));
    assert!(
        matches!(error, InstallError::Record(RecordError::Unopened)),
        "{error}"
    );
    let slip = key.replace(&key[30..32], if &key[30..32] == "00" { "01" } else { "00" });
    let error = refused(recover(&host, &slip, None).recover(&mut Person::default()));
    assert!(
        matches!(error, InstallError::Record(RecordError::RecoveryKey)),
        "{error}"
    );
    let error = refused(recover(&host, &key, Some("too short")).recover(&mut Person::default()));
    assert!(
        matches!(error, InstallError::Record(RecordError::PassphraseLength)),
        "{error}"
    );
    let running = host.open(&Opener::KeyFile(&host.key_file())).unwrap();
    let error = refused(recover(&host, &key, None).recover(&mut Person::default()));
    assert!(
        matches!(
            error,
            InstallError::Store {
                source: StoreError::InUse,
                ..
            }
        ),
        "{error}"
    );
    drop(running);
    assert_eq!(host.tree(), before);
}

#[test]
fn a_file_with_a_second_name_is_not_given_away() {
    let Some(host) = Host::new() else { return };
    let (_, person) = host.install();
    // As the service's user could, where links to files of others are allowed.
    fs::write(host.path("shadow"), "secret").unwrap();
    let lock = host.path("var/lib/crannog-keyd/lock");
    fs::remove_file(&lock).unwrap();
    fs::hard_link(host.path("shadow"), &lock).unwrap();
    refused(recover(&host, &person.shown.unwrap(), None).recover(&mut Person::default()));
    assert_eq!(host.rights("shadow").split(' ').nth(1), Some("root:root"));
}

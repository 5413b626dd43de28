//! Uninstalling: what stays, what goes, and whom it asks.

use std::fs;

use crannog_keyd::store::{StateDir, StoreError};
use crannog_keyd_install::{Action, InstallError, Uninstall};
use crannog_keyd_keys::Opener;
use data_encoding::HEXLOWER;

use crate::host::{Host, Person, changes, refused};

fn going(host: &Host, purge: bool) -> Uninstall {
    Uninstall {
        places: host.places(),
        purge,
        dry_run: false,
    }
}

/// Who names this store.
fn naming(id: &[u8]) -> Person {
    Person {
        store: Some(HEXLOWER.encode(id)),
        ..Person::default()
    }
}

#[test]
fn the_store_and_what_belongs_to_it_stays() {
    for host in [Host::new(), Host::with_systemd()].into_iter().flatten() {
        let (_, mut person) = host.install();
        let before = host.shape();
        let report = going(&host, false).uninstall(&mut person).unwrap();
        for gone in [
            "etc/systemd/system/crannog-keyd.service",
            "etc/systemd/system/crannog-keyd-tls.service",
            "etc/systemd/system/crannog-keyd-app@.socket",
            "etc/systemd/system/multi-user.target.wants/crannog-keyd.service",
            "usr/lib/tmpfiles.d/crannog-keyd.conf",
            "run/crannog-keyd",
        ] {
            assert!(fs::symlink_metadata(host.path(gone)).is_err(), "{gone} stayed");
        }
        let kept = |what: &str| {
            let mut steps = report.done.iter();
            steps.any(|step| step.what == what && step.action == Action::Kept)
        };
        for what in ["store", "unlocking key", "configuration", "user crannog-keyd"] {
            assert!(kept(what), "{what}: {report:?}");
        }
        let report = going(&host, false).uninstall(&mut Person::default()).unwrap();
        assert_eq!(changes(&report), Vec::<&_>::new());
        // And comes back.
        let mut other = Person::default();
        host.plan().install(&mut other).unwrap();
        assert_eq!(other.asked, 0);
        assert_eq!(host.shape(), before);
    }
}

#[test]
fn a_purge_needs_the_id_of_the_store() {
    for host in [Host::new(), Host::with_systemd()].into_iter().flatten() {
        let accounts = (host.text("etc/passwd"), host.text("etc/group"));
        let mut plan = host.plan();
        plan.tls = Some("127.0.0.1:8200".parse().unwrap());
        plan.install(&mut Person::default()).unwrap();
        let id = host.unlock_file().store().0;
        let before = host.tree();
        for mut person in [
            Person::default(),
            naming(&[0; 16]),
            naming(&id[..15]),
            naming(&[]),
        ] {
            let error = refused(going(&host, true).uninstall(&mut person));
            assert!(matches!(error, InstallError::AnotherStore { .. }), "{error}");
            assert_eq!(host.tree(), before);
        }
        let mut dry = going(&host, true);
        dry.dry_run = true;
        dry.uninstall(&mut Person::default()).unwrap();
        assert_eq!(host.tree(), before);

        going(&host, true).uninstall(&mut naming(&id)).unwrap();
        let left = host.tree();
        let ours = left
            .keys()
            .filter(|path| path.to_string_lossy().contains("crannog"));
        assert_eq!(ours.count(), 0, "{left:?}");
        assert_eq!((host.text("etc/passwd"), host.text("etc/group")), accounts);
        // Nothing is left to name.
        going(&host, true).uninstall(&mut Person::default()).unwrap();
    }
}

#[test]
fn a_purge_that_broke_off_asks_again_and_ends() {
    let Some(whole) = Host::new() else { return };
    whole.install();
    let id = whole.unlock_file().store().0;
    let steps = going(&whole, true)
        .uninstall(&mut naming(&id))
        .unwrap()
        .done
        .len();
    for step in 1..=steps {
        let host = Host::new().unwrap();
        host.install();
        let id = host.unlock_file().store().0;
        let mut person = naming(&id);
        person.power = Some(step);
        let purge = std::panic::AssertUnwindSafe(|| going(&host, true).uninstall(&mut person));
        assert!(std::panic::catch_unwind(purge).is_err());
        if host.path("etc/crannog-keyd").exists() {
            let error = refused(going(&host, true).uninstall(&mut Person::default()));
            assert!(
                matches!(error, InstallError::AnotherStore { .. }),
                "step {step}: {error}"
            );
        }
        going(&host, true).uninstall(&mut naming(&id)).unwrap();
        assert_eq!(host.shape(), whole.shape());
    }
}

#[test]
fn a_purge_does_not_take_the_key_of_a_store_that_is_not_mounted() {
    let Some(host) = Host::new() else { return };
    host.install();
    fs::rename(host.path("var/lib/crannog-keyd"), host.path("var/lib/elsewhere")).unwrap();
    let before = host.tree();
    let error = refused(going(&host, true).uninstall(&mut Person::default()));
    assert!(matches!(error, InstallError::NoStoreToName { .. }), "{error}");
    assert_eq!(host.tree(), before);
}

#[test]
fn a_service_that_runs_is_not_taken_away() {
    let Some(host) = Host::new() else { return };
    host.install();
    let before = host.tree();
    let store = host.open(&Opener::KeyFile(&host.key_file())).unwrap();
    for purge in [false, true] {
        let mut person = naming(&store.id().0);
        let error = refused(going(&host, purge).uninstall(&mut person));
        let in_use = matches!(
            &error,
            InstallError::Store {
                source: StoreError::InUse,
                ..
            }
        );
        assert!(in_use && error.hint().is_some(), "{error}");
        assert_eq!(host.tree(), before);
    }
    drop(store);
    assert!(StateDir::lock(&host.path("var/lib/crannog-keyd")).is_ok());
    going(&host, false).uninstall(&mut Person::default()).unwrap();
}

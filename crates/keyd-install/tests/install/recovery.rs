//! KEY-014: nothing depends on a recovery key that nobody has.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use crannog_keyd_install::{Install, InstallError};
use crannog_keyd_keys::{Opener, RecoveryKey};

use crate::host::{Host, Person, another_key, refused};

#[test]
fn key_014_a_wrong_recovery_key_ends_it_with_nothing_to_undo() {
    let Some(host) = Host::new() else { return };
    let mut person = Person {
        slips: 3,
        ..Person::default()
    };
    let error = refused(host.plan().install(&mut person));
    assert!(matches!(error, InstallError::RecoveryUnproven));
    assert!(error.to_string().starts_with("KEY-014: "));
    assert_eq!(person.asked, 3);
    assert!(!host.path("var/lib/crannog-keyd").exists());
    assert!(!host.path("etc/crannog-keyd/master.key").exists());

    let first = person.shown.clone();
    person = Person {
        refuses: true,
        ..Person::default()
    };
    let error = refused(host.plan().install(&mut person));
    assert!(matches!(error, InstallError::RecoveryNotGiven));
    assert!(!host.path("var/lib/crannog-keyd").exists());

    // Honestly, with a slip of the hand.
    person = Person {
        slips: 2,
        ..Person::default()
    };
    host.plan().install(&mut person).unwrap();
    assert_ne!(person.shown, first, "a key that opens nothing is not shown again");
    let key = RecoveryKey::parse(&person.shown.unwrap()).unwrap();
    assert!(host.open(&Opener::Recovery(&key)).is_some());
    let never = RecoveryKey::parse(&first.unwrap()).unwrap();
    assert!(host.open(&Opener::Recovery(&never)).is_none());
}

fn to_file(host: &Host) -> Install {
    let mut plan = host.plan();
    plan.recovery_file = Some(host.path("recovery"));
    plan
}

#[test]
fn key_014_a_recovery_file_is_read_back() {
    let Some(host) = Host::new() else { return };
    let mut person = Person::default();
    to_file(&host).install(&mut person).unwrap();
    assert_eq!((person.shown, person.asked), (None, 0));
    assert_eq!(host.rights("recovery"), "0600 root:root");
    let key = RecoveryKey::parse(&host.text("recovery")).unwrap();
    assert!(host.open(&Opener::Recovery(&key)).is_some());
}

#[test]
fn key_014_a_recovery_file_of_others_is_not_used() {
    let Some(host) = Host::new() else { return };
    let file = host.path("recovery");
    let elsewhere = host.path("elsewhere");
    let tries: [(&str, &dyn Fn()); 3] = [
        ("others can read it", &|| {
            fs::write(&file, another_key()).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        }),
        ("another user owns it", &|| {
            fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(&file, Some(1000), Some(1000)).unwrap();
        }),
        ("a link to one", &|| {
            fs::remove_file(&file).unwrap();
            fs::write(&elsewhere, another_key()).unwrap();
            fs::set_permissions(&elsewhere, Permissions::from_mode(0o600)).unwrap();
            symlink(&elsewhere, &file).unwrap();
        }),
    ];
    for (what, prepare) in tries {
        prepare();
        let before = host.tree();
        refused(to_file(&host).install(&mut Person::default()));
        assert_eq!(host.tree(), before, "{what}");
    }
    // Honestly: what a run that broke off left there.
    fs::remove_file(&file).unwrap();
    fs::rename(&elsewhere, &file).unwrap();
    let key = host.text("recovery");
    to_file(&host).install(&mut Person::default()).unwrap();
    assert_eq!(host.text("recovery"), key);
    let key = RecoveryKey::parse(&key).unwrap();
    assert!(host.open(&Opener::Recovery(&key)).is_some());
}

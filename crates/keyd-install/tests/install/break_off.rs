//! A run that breaks off anywhere leaves what a second run completes.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use crannog_keyd::store::StoreError;
use crannog_keyd_install::InstallError;
use crannog_keyd_keys::{KeyName, Opener, RecoveryKey};

use crate::host::{Host, Person, refused};

/// Opens by what is there, and by the recovery key.
fn works(host: &Host, person: &Person) {
    let default = KeyName::parse("default").unwrap();
    let recovery = RecoveryKey::parse(person.shown.as_ref().unwrap()).unwrap();
    for opener in [Opener::KeyFile(&host.key_file()), Opener::Recovery(&recovery)] {
        host.open(&opener).unwrap().get(&default).unwrap();
    }
}

#[test]
fn the_power_goes_after_any_step() {
    let Some(whole) = Host::new() else { return };
    let (report, _) = whole.install();
    let shape = whole.shape();
    for step in 1..=report.done.len() {
        let host = Host::new().unwrap();
        let mut person = Person {
            power: Some(step),
            ..Person::default()
        };
        let broken = catch_unwind(AssertUnwindSafe(|| host.plan().install(&mut person)));
        assert!(broken.is_err());
        person.power = None;
        host.plan().install(&mut person).unwrap();
        assert_eq!(host.shape(), shape, "after step {step}");
        works(&host, &person);
    }
}

#[test]
fn something_is_in_the_way() {
    let Some(whole) = Host::new() else { return };
    whole.install();
    let shape = whole.shape();
    let files = [
        "etc/crannog-keyd",
        "var/lib",
        "var/lib/crannog-keyd",
        "run/crannog-keyd",
        "usr/lib/tmpfiles.d",
        "etc/systemd",
    ];
    let folders = [
        "etc/crannog-keyd/config.toml",
        "etc/crannog-keyd/policy.toml",
        "var/lib/crannog-keyd/lock",
        "var/lib/crannog-keyd/head",
        "var/lib/crannog-keyd/unlock",
        "etc/systemd/system/crannog-keyd.service",
    ];
    for (path, is_file) in files
        .map(|path| (path, true))
        .into_iter()
        .chain(folders.map(|path| (path, false)))
    {
        let host = Host::new().unwrap();
        let obstacle = host.path(path);
        fs::create_dir_all(obstacle.parent().unwrap()).unwrap();
        if is_file {
            fs::write(&obstacle, "in the way").unwrap();
        } else {
            fs::create_dir(&obstacle).unwrap();
        }
        let mut person = Person::default();
        refused(host.plan().install(&mut person));
        if is_file {
            fs::remove_file(&obstacle).unwrap();
        } else {
            fs::remove_dir(&obstacle).unwrap();
        }
        host.plan().install(&mut person).unwrap();
        assert_eq!(host.shape(), shape, "{path}");
        works(&host, &person);
    }
}

/// A small disk, unmounted on drop.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, size: &str) -> Self {
        fs::create_dir_all(at).unwrap();
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "none"])
            .arg(at));
        Self(at.to_owned())
    }

    fn grow(&self, size: &str) {
        run(Command::new("mount")
            .args(["-o", &format!("remount,size={size}")])
            .arg(&self.0));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run(Command::new("umount").arg(&self.0));
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_disk_is_full() {
    for size in ["4k", "8k", "12k", "16k", "20k"] {
        let Some(host) = Host::new() else { return };
        let disk = Disk::mount(&host.path("var/lib/crannog-keyd"), size);
        let mut person = Person::default();
        let error = refused(host.plan().install(&mut person));
        let full = matches!(
            &error,
            InstallError::Store {
                source: StoreError::Io { .. },
                ..
            }
        );
        assert!(full, "{size}: {error}");
        disk.grow("1m");
        host.plan().install(&mut person).unwrap();
        works(&host, &person);
    }
}

#[test]
fn key_004_the_key_of_a_store_that_is_not_mounted_is_not_reused() {
    let Some(host) = Host::new() else { return };
    host.install();
    fs::rename(host.path("var/lib/crannog-keyd"), host.path("var/lib/elsewhere")).unwrap();
    let before = host.tree();
    let error = refused(host.plan().install(&mut Person::default()));
    assert!(matches!(error, InstallError::KeyWithoutStore { .. }), "{error}");
    assert_eq!(host.tree(), before);
}

#[test]
fn key_004_an_unlocking_key_that_others_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let Some(host) = Host::new() else { return };
    fs::create_dir_all(host.path("etc/crannog-keyd")).unwrap();
    let key = host.path("etc/crannog-keyd/master.key");
    fs::write(&key, "07".repeat(32) + "\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o444)).unwrap();
    let before = host.tree();
    let error = refused(host.plan().install(&mut Person::default()));
    assert!(error.to_string().contains("KEY-004"), "{error}");
    assert_eq!(host.tree(), before);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    host.install();
    assert_eq!(host.key_file(), [7; 32]);
}

#[test]
fn what_is_no_store_is_not_written_over() {
    let Some(host) = Host::new() else { return };
    let (_, person) = host.install();
    fs::remove_file(host.path("var/lib/crannog-keyd/unlock")).unwrap();
    let before = host.tree();
    let error = refused(host.plan().install(&mut Person::default()));
    assert!(matches!(error, InstallError::NotAStore { .. }), "{error}");
    assert_eq!(host.tree(), before);
    drop(person);
}

//! The service's own certificate and key.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use crannog_keyd_tls::{CertificateError, FileError, ServerCertificate};
use nix::unistd::{getegid, geteuid};
use rcgen::date_time_ymd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::parties::Party;
use crate::world::{World, replace, write_pair};

#[test]
fn key_004_a_key_that_others_can_read_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = write_pair(folder.path(), &Party::new());
    let load = || ServerCertificate::load(&cert, &key);
    let set = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o400, 0o600] {
        set(mode);
        load().unwrap();
    }
    for mode in [0o604, 0o644, 0o620, 0o660, 0o700, 0o601] {
        set(mode);
        let error = load().unwrap_err();
        assert!(
            matches!(error, CertificateError::File(FileError::Mode { .. })),
            "{error}"
        );
        assert!(error.to_string().starts_with("KEY-004"), "{error}");
    }
    set(0o600);
    let link = folder.path().join("link.pem");
    symlink(&key, &link).unwrap();
    for no_file in [&link, folder.path()] {
        let error = ServerCertificate::load(&cert, no_file).unwrap_err();
        assert!(
            matches!(error, CertificateError::File(FileError::NotAFile(_))),
            "{error}"
        );
    }
}

#[test]
fn key_004_a_key_of_root_may_be_read_by_the_services_group() {
    if !geteuid().is_root() {
        eprintln!("skipped, needs root: files of others");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = write_pair(folder.path(), &Party::new());
    let own = |user, group, mode| {
        chown(&key, Some(user), Some(group)).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        ServerCertificate::load(&cert, &key)
    };
    let group = getegid().as_raw();
    own(0, group, 0o640).unwrap();
    own(0, group, 0o440).unwrap();
    let others = own(0, group + 1, 0o640).unwrap_err();
    assert!(
        matches!(others, CertificateError::File(FileError::Mode { .. })),
        "{others}"
    );
    let theirs = own(1, group, 0o600).unwrap_err();
    assert!(
        matches!(theirs, CertificateError::File(FileError::Owner { owner: 1, .. })),
        "{theirs}"
    );
}

#[test]
fn what_is_no_certificate_and_no_key_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (party, other) = (Party::new(), Party::new());
    let (cert, key) = write_pair(folder.path(), &party);
    let load = |cert_text: &str, key_text: &str| {
        replace(&cert, cert_text, 0o644);
        replace(&key, key_text, 0o600);
        ServerCertificate::load(&cert, &key)
    };
    let (cert_pem, key_pem) = (party.cert_pem(), party.key.serialize_pem());
    load(&cert_pem, &key_pem).unwrap();
    let error = load(&cert_pem, &other.key.serialize_pem()).unwrap_err();
    assert!(matches!(error, CertificateError::Mismatch { .. }), "{error}");
    for no_cert in [
        "",
        &key_pem,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let error = load(no_cert, &key_pem).unwrap_err();
        assert!(matches!(error, CertificateError::NotACertificate(_)), "{error}");
    }
    for no_key in [
        "",
        &cert_pem,
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ] {
        let error = load(&cert_pem, no_key).unwrap_err();
        assert!(matches!(error, CertificateError::NotAKey(_)), "{error}");
    }
    let long = "x".repeat((1 << 18) + 1);
    for (cert_text, key_text) in [(&long, &key_pem), (&cert_pem, &long)] {
        let error = load(cert_text, key_text).unwrap_err();
        assert!(
            matches!(error, CertificateError::File(FileError::TooLong(_))),
            "{error}"
        );
        assert!(error.to_string().starts_with("KEY-015"), "{error}");
    }
    fs::remove_file(&key).unwrap();
    let error = ServerCertificate::load(&cert, &key).unwrap_err();
    assert!(
        matches!(error, CertificateError::File(FileError::Io { .. })),
        "{error}"
    );
}

#[test]
fn clocks_are_wrong_too_so_an_old_certificate_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let old = Party::with(|params| params.not_after = date_time_ymd(2020, 1, 1));
    let (cert, key) = write_pair(folder.path(), &old);
    ServerCertificate::load(&cert, &key).unwrap();
}

#[test]
fn nothing_of_a_key_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = write_pair(folder.path(), &Party::new());
    let certificate = ServerCertificate::load(&cert, &key).unwrap();
    assert_eq!(format!("{certificate:?}"), format!("ServerCertificate({cert:?})"));
}

#[tokio::test]
async fn a_new_certificate_counts_for_the_next_and_drops_nobody() {
    let mut world = World::new();
    let (mut client, mut keys) = world.served(&Party::new()).await;
    let fresh = Party::new();
    replace(
        &world.folder.path().join("key.pem"),
        &fresh.key.serialize_pem(),
        0o600,
    );
    // Half of the pair is there: nothing changes.
    let error = world.certificate.reload().unwrap_err();
    assert!(matches!(error, CertificateError::Mismatch { .. }), "{error}");
    world.still_serves().await;

    write_pair(world.folder.path(), &fresh);
    world.certificate.reload().unwrap();
    let refused = world.connect(&Party::new()).await.unwrap_err();
    assert!(
        refused.get_ref().unwrap().is::<rustls::Error>(),
        "the old one is gone: {refused:?}"
    );
    world.server = fresh;
    world.still_serves().await;

    client.write_all(b"still here").await.unwrap();
    let mut heard = [0; 10];
    keys.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still here");
}

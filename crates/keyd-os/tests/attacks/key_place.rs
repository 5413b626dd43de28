use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use crannog_keyd_os::{KeyPlace, KeyPlaceError, Linux, Platform};

use crate::trial::root;

const HEX: &str = "00ff0123456789abcdefABCDEF00112233445566778899aabbccddeeff102030";

fn write(path: &Path, bytes: impl AsRef<[u8]>, mode: u32) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn read(credentials: Option<&Path>, file: &Path) -> Result<Option<Vec<u8>>, KeyPlaceError> {
    let place = KeyPlace { credentials, file };
    let key = Linux::new().unlocking_key(&place)?;
    Ok(key.map(|key| key.expose().to_vec()))
}

#[test]
fn a_private_file_holds_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.key");
    assert_eq!(read(None, &file).unwrap(), None);
    for (text, mode) in [(format!("{HEX}\n"), 0o400), (HEX.to_owned(), 0o600)] {
        write(&file, text, mode);
        let key = read(None, &file).unwrap().unwrap();
        assert_eq!(key.len(), 32);
        assert_eq!(
            key[..12],
            [0, 0xff, 1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xab, 0xcd]
        );
        assert_eq!(key[31], 0x30);
    }
}

#[test]
fn the_credential_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let (file, master) = (folder.path().join("master.key"), folder.path().join("master"));
    write(&file, HEX, 0o400);
    assert_eq!(read(Some(folder.path()), &file).unwrap().unwrap()[1], 0xff);
    write(&master, [9; 32], 0o440);
    assert_eq!(read(Some(folder.path()), &file).unwrap().unwrap(), [9; 32]);
    for wrong in [&[9; 31][..], &[9; 33], b""] {
        write(&master, wrong, 0o400);
        assert!(matches!(
            read(Some(folder.path()), &file),
            Err(KeyPlaceError::NotAKey { .. })
        ));
    }
}

#[test]
fn key_004_what_others_can_reach_is_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.key");
    for wrong in [0o440, 0o404, 0o620, 0o602, 0o644, 0o700, 0o4400] {
        write(&file, HEX, wrong);
        let error = read(None, &file).unwrap_err();
        assert!(
            matches!(error, KeyPlaceError::Mode { mode, .. } if mode == wrong),
            "{error}"
        );
    }
    for wrong in [0o404, 0o460, 0o444] {
        write(&folder.path().join("master"), [9; 32], wrong);
        assert!(matches!(
            read(Some(folder.path()), &file),
            Err(KeyPlaceError::Mode { .. })
        ));
    }
    let (link, real) = (folder.path().join("link"), folder.path().join("real"));
    write(&real, HEX, 0o400);
    symlink(&real, &link).unwrap();
    assert!(matches!(read(None, &link), Err(KeyPlaceError::NotAFile { .. })));
    assert!(matches!(
        read(None, folder.path()),
        Err(KeyPlaceError::NotAFile { .. })
    ));
    if root("a file of another user") {
        chown(&real, Some(1234), None).unwrap();
        assert!(matches!(
            read(None, &real),
            Err(KeyPlaceError::Owner { owner: 1234, .. })
        ));
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.key");
    let wrong = [
        String::new(),
        HEX[1..].to_owned(),
        format!("{HEX}\n\n"),
        format!("{HEX}\r\n"),
        format!("{HEX}0"),
        format!(" {}", &HEX[1..]),
        HEX.replace('f', "g"),
        HEX.repeat(1000),
    ];
    for text in wrong {
        write(&file, &text, 0o400);
        assert!(
            matches!(read(None, &file), Err(KeyPlaceError::NotAKey { .. })),
            "{text:.70}"
        );
    }
}

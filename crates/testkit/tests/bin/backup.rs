//! A backup of a running server, and the day on which it takes the lost disk's place.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Done, Server, admin, crannogd};

/// Backs a server up into `folder/backup`, sealed to a new key in `folder/backup.key`.
pub(crate) fn back_up(server: &Server, folder: &Path) {
    let (backup, key) = places(folder);
    let mut keygen = Command::new(crannogd());
    keygen
        .args(["backup", "keygen", &key, "--json"])
        .stdin(Stdio::null());
    let key = Done::new(&keygen.output().unwrap());
    let public = key.json["key"].as_str().unwrap();
    let made = admin(&server.data, &["backup", "create", &backup, "--key", public]);
    assert_eq!(made.code, 0, "{made:?}");
}

/// The disk is lost, and the backup takes its place: what `start` makes of a data directory and the old address.
pub(crate) fn lose_and_restore(
    old: Server,
    folder: &Path,
    start: impl FnOnce(&Path, &str) -> Server,
) -> Server {
    let (address, data) = (old.address.clone(), old.data.clone());
    old.kill();
    fs::remove_dir_all(&data).unwrap();
    let (new, (backup, key)) = (folder.join("restored"), places(folder));
    let restored = admin(&new, &["backup", "restore", &backup, "--identity", &key]);
    assert_eq!(restored.code, 0, "{restored:?}");
    start(&new, &address)
}

fn places(folder: &Path) -> (String, String) {
    let text = |name| folder.join(name).to_str().unwrap().to_owned();
    (text("backup"), text("backup.key"))
}

/// The paths that `heal` names as lost.
pub(crate) fn lost(healed: &Value) -> BTreeSet<String> {
    let named = healed["lost"].as_array().unwrap().iter();
    named
        .map(|lost| lost["path"].as_str().unwrap().to_owned())
        .collect()
}

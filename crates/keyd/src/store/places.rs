//! Where things lie below the state directory.

use crannog_keyd_keys::KeyName;

pub(super) const LOCK: &str = "lock";
pub(super) const UNLOCK: &str = "unlock";
pub(super) const HEAD: &str = "head";
pub(super) const AUDIT_ROOT: &str = "audit-root";
pub(super) const KEYS: &str = "keys";
pub(super) const WRAPPING: &str = "wrapping";
pub(super) const AUDIT: &str = "audit";
pub(super) const ANCHOR: &str = "audit/anchor";
pub(super) const TMP: &str = "tmp";
/// The file of a key's folder that is the key record.
pub(super) const KEY: &str = "key";
/// The state directory itself.
pub(super) const TOP: &str = "";

/// The folder of a key.
pub(super) fn folder(name: &KeyName) -> String {
    if *name == KeyName::wrapping() {
        WRAPPING.to_owned()
    } else {
        format!("{KEYS}/{}", name.folder())
    }
}

/// The folder in which the folder of a key lies.
pub(super) fn parent(name: &KeyName) -> &'static str {
    if *name == KeyName::wrapping() { TOP } else { KEYS }
}

/// Where the folder of a deleted key waits to be wiped. No temporary file has such a name.
pub(super) fn deleted(name: &KeyName) -> String {
    format!("{TMP}/{}", name.folder())
}

/// The temporary file of this number.
pub(super) fn temporary(number: u64) -> String {
    format!("{TMP}/~{number}")
}

/// The version whose file has this name.
pub(super) fn version(file: &str) -> Option<u32> {
    let number = file.strip_prefix('v')?.parse().ok()?;
    (crannog_keyd_keys::RecordFile::version_name(number) == file).then_some(number)
}

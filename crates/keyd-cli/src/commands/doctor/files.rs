//! Files of an installed service, as far as this user sees them.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crannog_keyd::policy::{WarningKind, load};
use crannog_keyd_os::{Linux, UserId};

use super::finding::Finding;
use crate::commands::policy::{INSTALLED, refused};

/// What must be closed to whom, and which check says so.
const CLOSED: [(&str, u32, Option<&str>); 4] = [
    ("/var/lib/crannog-keyd", 0o077, None),
    ("/etc/crannog-keyd", 0o027, None),
    ("/etc/crannog-keyd/master.key", 0o077, Some("KEY-004")),
    ("/etc/crannog-keyd/config.toml", 0o027, None),
];

/// Looks at rights and at the policy.
pub(super) fn look() -> Vec<Finding> {
    let closed = CLOSED
        .iter()
        .filter_map(|(path, mask, check)| rights(Path::new(path), *mask, *check));
    closed.chain(policy(Path::new(INSTALLED))).collect()
}

/// None where there is nothing, or nothing that this user may look at.
fn rights(path: &Path, mask: u32, check: Option<&str>) -> Option<Finding> {
    let mode = std::fs::symlink_metadata(path).ok()?.mode() & 0o7777;
    let object = path.display().to_string();
    if mode & mask == 0 {
        return Some(Finding::ok(object, format!("mode {mode:04o}")));
    }
    let finding = Finding::broken(object, format!("mode {mode:04o}: open to others"));
    Some(match check {
        Some(check) => finding.check(check),
        None => finding,
    })
}

/// KEY-010, and what the service would warn of at its next start.
fn policy(path: &Path) -> Vec<Finding> {
    let object = path.display().to_string();
    match load(path, UserId::from_number(0), &Linux::new()) {
        Ok(loaded) if loaded.warnings.is_empty() => vec![Finding::ok(object, "in order")],
        Ok(loaded) => {
            let finding = |warning: crannog_keyd::policy::Warning| match warning.kind {
                WarningKind::UnknownName(_) => Finding::broken(object.clone(), warning.to_string()),
                _ => Finding::warning(object.clone(), warning.to_string()),
            };
            loaded.warnings.into_iter().map(finding).collect()
        }
        Err(crannog_keyd::policy::LoadError::Io(error))
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) =>
        {
            Vec::new()
        }
        Err(error) => vec![Finding::failed(&object, &refused(path, &error))],
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::super::finding::State;
    use super::rights;

    /// KEY-004.
    #[test]
    fn an_open_key_file_is_broken() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("master.key");
        assert!(rights(&path, 0o077, None).is_none());
        fs::write(&path, "x").unwrap();
        for (mode, state) in [
            (0o400, State::Ok),
            (0o600, State::Ok),
            (0o640, State::Broken),
            (0o404, State::Broken),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let finding = rights(&path, 0o077, Some("KEY-004")).unwrap();
            assert_eq!(finding.state, state, "{mode:o}");
            assert_eq!(finding.check.is_some(), state == State::Broken);
        }
    }
}

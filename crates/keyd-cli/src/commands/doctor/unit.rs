//! What the unit must not say.

use std::fs;
use std::path::{Path, PathBuf};

use super::finding::Finding;

/// Later folders lose.
const FOLDERS: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];
const UNIT: &str = "crannog-keyd.service";

/// Looks at the unit and what is dropped in, where there are some.
pub(super) fn look() -> Vec<Finding> {
    let folders = FOLDERS.map(PathBuf::from);
    let Some(unit) = folders
        .iter()
        .map(|folder| folder.join(UNIT))
        .find(|path| path.exists())
    else {
        return Vec::new();
    };
    let mut texts = vec![(unit.clone(), fs::read_to_string(&unit).unwrap_or_default())];
    texts.extend(drop_ins(&folders));
    vec![private_users(&unit, &texts)]
}

/// Peers would all be the overflow ids, which never match (KEY-008). What is said last counts.
fn private_users(unit: &Path, texts: &[(PathBuf, String)]) -> Finding {
    let said = texts.iter().rev().find_map(|(path, text)| {
        let value = text
            .lines()
            .rev()
            .find_map(|line| line.trim().strip_prefix("PrivateUsers="));
        value.map(|value| (path, value.trim()))
    });
    match said {
        Some((path, value)) if !matches!(value, "no" | "false" | "0" | "off" | "") => {
            let text = format!("PrivateUsers={value}: no user matches any rule");
            Finding::broken(path.display().to_string(), text).check("KEY-008")
        }
        _ => Finding::ok(unit.display().to_string(), "PrivateUsers is off"),
    }
}

/// By name of file, wherever they lie; of two with one name the first folder's counts.
fn drop_ins(folders: &[PathBuf]) -> Vec<(PathBuf, String)> {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let entries = fs::read_dir(folder.join(format!("{UNIT}.d")))
            .into_iter()
            .flatten()
            .flatten();
        for path in entries.map(|entry| entry.path()) {
            let known = found.iter().any(|known| known.file_name() == path.file_name());
            if path.extension().is_some_and(|extension| extension == "conf") && !known {
                found.push(path);
            }
        }
    }
    found.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    found
        .into_iter()
        .filter_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::finding::State;
    use super::private_users;

    #[test]
    fn what_is_said_last_counts() {
        let state = |texts: &[&str]| {
            let texts: Vec<(PathBuf, String)> = texts
                .iter()
                .map(|text| ("u".into(), (*text).to_owned()))
                .collect();
            private_users(Path::new("u"), &texts).state
        };
        assert_eq!(state(&["[Service]\nPrivateUsers=no\n"]), State::Ok);
        assert_eq!(state(&["[Service]\n"]), State::Ok);
        assert_eq!(state(&["PrivateUsers=no", "PrivateUsers=yes\n"]), State::Broken);
        assert_eq!(
            state(&["PrivateUsers=identity", "# PrivateUsers=no"]),
            State::Broken
        );
        assert_eq!(state(&["PrivateUsers=yes\nPrivateUsers=no"]), State::Ok);
    }
}

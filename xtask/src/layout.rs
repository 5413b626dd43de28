//! Where things are.

use std::path::{Path, PathBuf};

/// The repository's top folder.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// Cargo's target folder of the workspace.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// The Python environment of the language-neutral reader.
pub fn venv() -> PathBuf {
    target().join("venv")
}

/// Tools that `setup` built for this project alone.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// What a long run that failed leaves to look at.
pub fn kept() -> PathBuf {
    target().join("long-runs")
}

/// One of the two build profiles in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Demo and tests.
    Dev,
    /// Benches.
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Where cargo puts a program.
pub fn program(name: &str, profile: Profile) -> PathBuf {
    target().join(profile.folder()).join(name)
}

/// The two programs.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// The server.
    pub crannogd: PathBuf,
    /// The command line.
    pub crannog: PathBuf,
}

impl Binaries {
    /// Where cargo puts them.
    pub fn of(profile: Profile) -> Self {
        Self {
            crannogd: program("crannogd", profile),
            crannog: program("crannog", profile),
        }
    }
}

/// Every file below `folder` that git would know of, sorted, relative to the repository.
pub fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
        .iter()
        .filter_map(|path| path.strip_prefix(root()).ok().map(Path::to_path_buf))
        .collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && !path.is_symlink() {
            if name != "target" && name != ".git" && name != "node_modules" {
                walk(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

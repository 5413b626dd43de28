//! Where the built programs are.

use std::path::PathBuf;

/// The server's binary: `CRANNOGD_BIN`, or the one beside the tests.
pub fn crannogd() -> PathBuf {
    find("CRANNOGD_BIN", "crannogd")
}

/// The command line's binary: `CRANNOG_BIN`, or the one beside the tests.
pub fn crannog() -> PathBuf {
    find("CRANNOG_BIN", "crannog")
}

fn find(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let here = std::env::current_exe().expect("the test's own path");
    let beside = here.ancestors().skip(1).take(3).map(|folder| folder.join(name));
    beside
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{variable} must name the built {name}; `cargo xtask test` sets it"))
}

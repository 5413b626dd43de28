//! Which program file runs: version, time and size of the file. An agent compares this with that of a command.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Of the program that runs now, even if its file was replaced since.
pub fn running() -> String {
    of(Path::new("/proc/self/exe"))
}

/// Of a program file, taken to be of this version.
pub fn of(program: &Path) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match std::fs::metadata(program) {
        Ok(meta) => format!(
            "{version}-{:x}.{:x}-{:x}",
            meta.mtime(),
            meta.mtime_nsec(),
            meta.size()
        ),
        Err(_) => version.to_owned(),
    }
}

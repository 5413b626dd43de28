//! Are two folders the same: kinds, bytes, permissions, times, targets of links?

use std::fs::{self, Metadata};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::Outcome;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Names, kinds and bytes.
    Contents,
    /// Permission bits, modification times to the nanosecond and targets of links too.
    Everything,
}

/// How much was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes in files.
    pub bytes: u64,
}

/// Compares; an error lists the differences.
pub fn same(one: &Path, other: &Path, what: What) -> Outcome<Totals> {
    let mut comparison = Comparison {
        what,
        totals: Totals::default(),
        differences: Vec::new(),
    };
    comparison.entry(one, other)?;
    if comparison.differences.is_empty() {
        return Ok(comparison.totals);
    }
    let (count, shown) = (
        comparison.differences.len(),
        comparison.differences.iter().take(20),
    );
    let list: String = shown.map(|line| format!("\n  {line}")).collect();
    Err(format!(
        "{} and {} differ in {count} places:{list}",
        one.display(),
        other.display()
    )
    .into())
}

struct Comparison {
    what: What,
    totals: Totals,
    differences: Vec<String>,
}

impl Comparison {
    fn differ(&mut self, path: &Path, how: impl AsRef<str>) {
        self.differences
            .push(format!("{}: {}", path.display(), how.as_ref()));
    }

    fn entry(&mut self, one: &Path, other: &Path) -> Outcome {
        let here = fs::symlink_metadata(one).map_err(|error| format!("{}: {error}", one.display()))?;
        let kind = here.file_type();
        if kind.is_socket() || kind.is_fifo() || kind.is_block_device() || kind.is_char_device() {
            return Ok(());
        }
        let Ok(there) = fs::symlink_metadata(other) else {
            self.differ(other, "is missing");
            return Ok(());
        };
        if kind != there.file_type() {
            self.differ(other, "is another kind of thing");
            return Ok(());
        }
        if self.what == What::Everything {
            self.attributes(other, &here, &there);
        }
        if kind.is_symlink() {
            self.totals.links += 1;
            if fs::read_link(one)? != fs::read_link(other)? {
                self.differ(other, "points elsewhere");
            }
        } else if kind.is_dir() {
            self.totals.folders += 1;
            self.folder(one, other)?;
        } else {
            self.totals.files += 1;
            self.totals.bytes += here.len();
            if here.len() != there.len() {
                self.differ(
                    other,
                    format!("has {} bytes instead of {}", there.len(), here.len()),
                );
            } else if !same_bytes(one, other)? {
                self.differ(other, "has other bytes");
            }
        }
        Ok(())
    }

    fn attributes(&mut self, path: &Path, here: &Metadata, there: &Metadata) {
        let (wanted, found) = (here.mode() & 0o777, there.mode() & 0o777);
        if wanted != found && !here.is_symlink() {
            self.differ(path, format!("has mode {found:o} instead of {wanted:o}"));
        }
        if (here.mtime(), here.mtime_nsec()) != (there.mtime(), there.mtime_nsec()) {
            let time = |of: &Metadata| format!("{}.{:09}", of.mtime(), of.mtime_nsec());
            self.differ(path, format!("is of {} instead of {}", time(there), time(here)));
        }
    }

    fn folder(&mut self, one: &Path, other: &Path) -> Outcome {
        let (here, there) = (names(one)?, names(other)?);
        for extra in there.iter().filter(|name| here.binary_search(name).is_err()) {
            self.differ(&other.join(extra), "is too much");
        }
        for name in &here {
            self.entry(&one.join(name), &other.join(name))?;
        }
        Ok(())
    }
}

fn names(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(PathBuf::from(entry?.file_name()));
    }
    names.sort();
    Ok(names)
}

fn same_bytes(one: &Path, other: &Path) -> Outcome<bool> {
    let (mut one, mut other) = (fs::File::open(one)?, fs::File::open(other)?);
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let (n, m) = (fill(&mut one, &mut left)?, fill(&mut other, &mut right)?);
        if left.get(..n) != right.get(..m) {
            return Ok(false);
        }
        if n == 0 {
            return Ok(true);
        }
    }
}

fn fill(from: &mut fs::File, buffer: &mut [u8]) -> Outcome<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest)? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::{What, same};
    use std::fs;

    #[test]
    fn finds_what_differs() {
        let top = std::env::temp_dir().join(format!("xtask-compare-{}", std::process::id()));
        let (a, b) = (top.join("a"), top.join("b"));
        for side in [&a, &b] {
            fs::create_dir_all(side.join("sub")).expect("folders");
            fs::write(side.join("sub/file"), "the same").expect("file");
            std::os::unix::fs::symlink("sub/file", side.join("link")).expect("link");
        }
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
        let file = fs::File::options()
            .write(true)
            .open(b.join("sub/file"))
            .expect("opens");
        file.set_modified(later).expect("another time");
        let totals = same(&a, &b, What::Contents).expect("equal");
        assert_eq!(
            (totals.files, totals.folders, totals.links, totals.bytes),
            (1, 2, 1, 8)
        );
        assert!(same(&a, &b, What::Everything).is_err(), "their times differ");
        fs::write(b.join("sub/file"), "the sane").expect("file");
        fs::write(b.join("extra"), "").expect("file");
        let said = same(&a, &b, What::Contents).expect_err("differs").to_string();
        assert!(
            said.contains("has other bytes") && said.contains("is too much"),
            "{said}"
        );
        fs::remove_dir_all(top).expect("cleaned");
    }
}

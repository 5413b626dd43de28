//! Are two folders the same: names, kinds, bytes, permissions, times, targets of links?

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How much was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) files: u64,
    pub(crate) folders: u64,
    pub(crate) links: u64,
    pub(crate) bytes: u64,
}

/// Fails with a list of the differences.
#[track_caller]
pub(crate) fn assert_same(one: &Path, other: &Path) -> Totals {
    let (mut totals, mut differences) = (Totals::default(), Vec::new());
    compare(one, other, &mut totals, &mut differences);
    let shown: Vec<_> = differences.iter().take(20).collect();
    assert!(
        differences.is_empty(),
        "{} differences: {shown:#?}",
        differences.len()
    );
    totals
}

/// The differences.
pub(crate) fn differences(one: &Path, other: &Path) -> Vec<String> {
    let mut differences = Vec::new();
    compare(one, other, &mut Totals::default(), &mut differences);
    differences
}

fn compare(one: &Path, other: &Path, totals: &mut Totals, differences: &mut Vec<String>) {
    let here = fs::symlink_metadata(one).unwrap();
    let mut differ = |how: String| differences.push(format!("{other:?} {how}"));
    let Ok(there) = fs::symlink_metadata(other) else {
        return differ("is missing".into());
    };
    if here.file_type() != there.file_type() {
        return differ("is another kind of thing".into());
    }
    if here.mode() & 0o777 != there.mode() & 0o777 && !here.is_symlink() {
        differ(format!("has mode {:o}, not {:o}", there.mode(), here.mode()));
    }
    let time = |of: &Metadata| (of.mtime(), of.mtime_nsec());
    if time(&here) != time(&there) {
        differ(format!("is of {:?}, not {:?}", time(&there), time(&here)));
    }
    if here.is_symlink() {
        totals.links += 1;
        if fs::read_link(one).unwrap() != fs::read_link(other).unwrap() {
            differ("points elsewhere".into());
        }
    } else if here.is_dir() {
        totals.folders += 1;
        let (left, right) = (names(one), names(other));
        for extra in right.difference(&left) {
            differ(format!("has {extra:?} too much"));
        }
        for name in left {
            compare(&one.join(&name), &other.join(&name), totals, differences);
        }
    } else {
        totals.files += 1;
        totals.bytes += here.len();
        if here.len() != there.len() || !same_bytes(one, other) {
            differ(format!("has other bytes ({} and {})", here.len(), there.len()));
        }
    }
}

fn names(folder: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

/// The two files have the same bytes.
pub(crate) fn same_bytes(one: &Path, other: &Path) -> bool {
    let open = |path| std::io::BufReader::with_capacity(1 << 20, fs::File::open(path).unwrap());
    let (mut one, mut other) = (open(one), open(other));
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let (n, m) = (fill(&mut one, &mut left), fill(&mut other, &mut right));
        if left[..n] != right[..m] {
            return false;
        }
        if n == 0 {
            return true;
        }
    }
}

fn fill(from: &mut impl Read, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]).unwrap() {
            0 => break,
            n => filled += n,
        }
    }
    filled
}

//! The control data, and the archive itself.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tree::{Tree, read};
use super::{Stamp, Which, depends};
use crate::{Outcome, run};

const SCRIPTS: &[&str] = &["postinst", "prerm", "postrm"];
const CONFIGURATION: &str = "etc/crannogd/config.toml";

/// Writes `DEBIAN/`, then the archive: sorted, without owners and late times, packed by one thread, so that the same files always
/// make the same bytes.
pub fn make(tree: &Tree, which: Which, stamp: &Stamp, out: &Path) -> Outcome<PathBuf> {
    let architecture = run::capture(Command::new("dpkg").arg("--print-architecture"))?;
    let architecture = architecture.trim();
    let package = which.package();
    let files = tree.files()?;
    let control = read(&format!("packaging/debian/{package}/control"))?
        .replace("@ARCHITECTURE@", architecture)
        .replace("@VERSION@", &stamp.version)
        .replace("@SIZE@", &kibibytes(tree, &files)?.to_string())
        .replace("@DEPENDS@", &depends::of(tree, which)?);
    if let Some(open) = control
        .lines()
        .find(|line| line.contains('@') && !line.starts_with("Maintainer:"))
    {
        return Err(format!("{package}/control: nothing is known for {open:?}").into());
    }
    tree.file("DEBIAN/control", 0o644, control)?;
    tree.file("DEBIAN/md5sums", 0o644, sums(tree, &files)?)?;
    if files.iter().any(|path| path == Path::new(CONFIGURATION)) {
        tree.file("DEBIAN/conffiles", 0o644, format!("/{CONFIGURATION}\n"))?;
    }
    for script in SCRIPTS {
        if let Ok(text) = read(&format!("packaging/debian/{package}/{script}")) {
            tree.file(&format!("DEBIAN/{script}"), 0o755, text)?;
        }
    }
    let archive = out.join(format!("{package}_{}_{architecture}.deb", stamp.version));
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.env("SOURCE_DATE_EPOCH", stamp.epoch.to_string()).args([
        "--root-owner-group",
        "--threads-max=1",
        "-Zxz",
        "--build",
    ]);
    run::capture(dpkg.arg(tree.path("")).arg(&archive))?;
    Ok(archive)
}

/// As `dpkg-gencontrol` counts.
fn kibibytes(tree: &Tree, files: &[PathBuf]) -> Outcome<u64> {
    let mut sum = 0;
    for path in files {
        sum += tree.path("").join(path).symlink_metadata()?.size().div_ceil(1024);
    }
    let mut folders: Vec<&Path> = files.iter().flat_map(|path| path.ancestors().skip(1)).collect();
    folders.sort_unstable();
    folders.dedup();
    Ok(sum + u64::try_from(folders.len())?)
}

fn sums(tree: &Tree, files: &[PathBuf]) -> Outcome<String> {
    let plain = files.iter().filter(|path| *path != Path::new(CONFIGURATION));
    run::capture(Command::new("md5sum").current_dir(tree.path("")).args(plain))
}

/// One entry: what changed stands in the project's own changelog.
pub fn changelog(stamp: &Stamp) -> Outcome<String> {
    let mut date = Command::new("date");
    date.args(["-u", "-R", "-d", &format!("@{}", stamp.epoch)]);
    Ok(format!(
        "crannog ({}) bookworm; urgency=medium\n\n  * What changed stands in changelog.gz.\n\n -- The Crannog authors \
         <packages@crannog.invalid>  {}",
        stamp.version,
        run::capture(date.env("LC_ALL", "C"))?
    ))
}

/// With the text of the licence that Debian does not carry.
pub fn copyright() -> Outcome<String> {
    let licence = read("LICENSE-MIT")?;
    let text = licence
        .lines()
        .skip_while(|line| !line.starts_with("Permission"))
        .map(|line| {
            if line.is_empty() {
                " .".to_owned()
            } else {
                format!(" {line}")
            }
        })
        .collect::<Vec<_>>()
        .join("\n");
    Ok(read("packaging/debian/copyright")?.replace("@MIT@", &text))
}

//! What lies where in a package.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Stamp, Which, archive, manual, third_party};
use crate::layout::{Binaries, root};
use crate::{Outcome, run};

/// A package's root folder while it is being filled.
#[derive(Debug)]
pub struct Tree {
    top: PathBuf,
}

impl Tree {
    /// An empty one.
    pub fn new(top: PathBuf) -> Outcome<Self> {
        let tree = Self { top };
        tree.folder(&tree.top)?;
        Ok(tree)
    }

    /// Where a file of the package lies now.
    pub fn path(&self, to: &str) -> PathBuf {
        self.top.join(to)
    }

    /// Whatever the umask is.
    fn folder(&self, path: &Path) -> Outcome {
        if path != self.top && !path.starts_with(&self.top) {
            return Ok(());
        }
        if !path.is_dir() {
            if let Some(parent) = path.parent() {
                self.folder(parent)?;
            }
            fs::create_dir_all(path)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }

    /// Adds a file.
    pub fn file(&self, to: &str, mode: u32, content: impl AsRef<[u8]>) -> Outcome {
        let path = self.path(to);
        self.folder(path.parent().unwrap_or(&self.top))?;
        fs::write(&path, content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        Ok(())
    }

    /// Adds one of the repository's files.
    pub fn copy(&self, from: &str, to: &str, mode: u32) -> Outcome {
        let content = fs::read(root().join(from)).map_err(|error| format!("{from}: {error}"))?;
        self.file(to, mode, content)
    }

    /// Adds a file that gzip has packed, without name and time.
    pub fn packed(&self, to: &str, content: impl AsRef<[u8]>) -> Outcome {
        let plain = to.strip_suffix(".gz").unwrap_or(to);
        self.file(plain, 0o644, content)?;
        run::quietly(Command::new("gzip").arg("-9n").arg(self.path(plain)))
    }

    /// Every file, relative to the top, sorted; without those for `dpkg` itself.
    pub fn files(&self) -> Outcome<Vec<PathBuf>> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Outcome {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, found)?;
                } else {
                    found.push(path);
                }
            }
            Ok(())
        }
        let mut found = Vec::new();
        walk(&self.top, &mut found)?;
        found.sort();
        let inside = found.iter().filter_map(|path| path.strip_prefix(&self.top).ok());
        Ok(inside
            .filter(|path| !path.starts_with("DEBIAN"))
            .map(Path::to_path_buf)
            .collect())
    }
}

/// Everything but the control data.
pub fn fill(tree: &Tree, which: Which, binaries: &Binaries, stamp: &Stamp) -> Outcome {
    let (package, program) = (which.package(), which.program());
    let binary = format!("usr/bin/{program}");
    tree.file(&binary, 0o755, fs::read(which.binary(binaries))?)?;
    let mut strip = Command::new("strip");
    strip.args(["--strip-unneeded", "--remove-section=.comment"]);
    run::quietly(strip.arg(tree.path(&binary)))?;

    let doc = format!("usr/share/doc/{package}");
    tree.file(&format!("{doc}/copyright"), 0o644, archive::copyright()?)?;
    tree.packed(&format!("{doc}/changelog.gz"), read("CHANGELOG.md")?)?;
    tree.packed(&format!("{doc}/changelog.Debian.gz"), archive::changelog(stamp)?)?;
    tree.packed(&format!("{doc}/third-party.gz"), third_party::notices(which)?)?;
    manual::pages(tree, which, binaries, stamp)?;
    for (shell, to) in [
        ("bash", format!("usr/share/bash-completion/completions/{program}")),
        ("zsh", format!("usr/share/zsh/vendor-completions/_{program}")),
        (
            "fish",
            format!("usr/share/fish/vendor_completions.d/{program}.fish"),
        ),
    ] {
        let script = run::capture(Command::new(which.binary(binaries)).args(["completions", shell]))?;
        tree.file(&to, 0o644, script)?;
    }
    match which {
        Which::Server => {
            tree.copy(
                "packaging/systemd/crannogd.service",
                "usr/lib/systemd/system/crannogd.service",
                0o644,
            )?;
            tree.copy(
                "packaging/debian/crannog-server/config.toml",
                "etc/crannogd/config.toml",
                0o644,
            )?;
            for page in ["server.md", "install.md"] {
                tree.copy(&format!("docs/operate/{page}"), &format!("{doc}/{page}"), 0o644)?;
            }
        }
        Which::Client => {
            let unit = "usr/lib/systemd/user/crannog-agent.service";
            tree.copy("packaging/systemd/user/crannog-agent.service", unit, 0o644)?;
            for page in fs::read_dir(root().join("docs/use"))? {
                let name = page?.file_name().to_string_lossy().into_owned();
                tree.copy(&format!("docs/use/{name}"), &format!("{doc}/{name}"), 0o644)?;
            }
        }
    }
    Ok(())
}

/// One of the repository's texts.
pub fn read(path: &str) -> Outcome<String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}").into())
}

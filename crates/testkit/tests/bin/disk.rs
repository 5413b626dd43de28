//! Small file systems: full, read-only, and with room again.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn mount(words: &[&str], at: &Path) {
    let output = Command::new("mount").args(words).arg(at).output().unwrap();
    assert!(output.status.success(), "mount {words:?}: {output:?}");
}

/// A small file system of its own.
#[derive(Debug)]
pub(crate) struct Small(pub(crate) PathBuf);

impl Small {
    pub(crate) fn memory(at: PathBuf, size: &str) -> Self {
        fs::create_dir_all(&at).unwrap();
        mount(
            &["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "none"],
            &at,
        );
        Self(at)
    }

    /// ext4 in a file.
    pub(crate) fn image(at: PathBuf, mib: u64) -> Self {
        fs::create_dir_all(&at).unwrap();
        let image = at.with_extension("image");
        fs::File::create(&image).unwrap().set_len(mib << 20).unwrap();
        let made = Command::new("mkfs.ext4")
            .args(["-q", "-F"])
            .arg(&image)
            .output()
            .unwrap();
        assert!(made.status.success(), "mkfs.ext4: {made:?}");
        mount(&["-o", "loop", image.to_str().unwrap()], &at);
        Self(at)
    }

    /// A folder that is there already, mounted on itself.
    pub(crate) fn bound(at: &Path) -> Self {
        mount(&["--bind", at.to_str().unwrap()], at);
        Self(at.to_path_buf())
    }

    /// Not a byte is left; the file that takes them all.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.0.join("stuff");
        let mut file = fs::File::create(&path).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
        path
    }

    pub(crate) fn remount(&self, options: &str) {
        mount(&["-o", &format!("remount,{options}")], &self.0);
    }

    pub(crate) fn mount_again(&self) {
        self.unmount();
        mount(
            &["-o", "loop", self.0.with_extension("image").to_str().unwrap()],
            &self.0,
        );
    }

    fn unmount(&self) {
        let output = Command::new("umount").arg(&self.0).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

pub(crate) fn may_mount(what: &str) -> bool {
    if !super::is_root() {
        println!("NOT DONE, only root may mount: {what}");
    }
    super::is_root()
}

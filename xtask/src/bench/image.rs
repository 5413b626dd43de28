//! A fresh ext4 per contender and run, in an image on a loop device; as an ordinary user a fresh folder, and we say so.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tidy::Mounted;
use crate::{Outcome, run};

const SIZE: u64 = 8 << 30;

/// What `fresh` makes.
pub fn kind() -> &'static str {
    if root() {
        "a fresh ext4 image on a loop device with direct I/O per run"
    } else {
        "fresh folders (no root: no file system images)"
    }
}

fn root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

/// An empty file system; gone when dropped.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    image: PathBuf,
    mounted: Option<Mounted>,
}

impl Place {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.mounted.take());
        let _ = std::fs::remove_dir_all(&self.path);
        let _ = std::fs::remove_file(&self.image);
    }
}

/// The image is to be a disk: one that is cached by the file system below it would keep, and wait for, a second copy of everything.
fn past_the_cache(image: &Path) -> Outcome {
    let device = run::capture(
        Command::new("losetup")
            .args(["-n", "-O", "NAME", "-j"])
            .arg(image),
    )?;
    run::capture(Command::new("losetup").args(["--direct-io=on", device.trim()]))?;
    Ok(())
}

/// Makes one below `parent`.
pub fn fresh(parent: &Path) -> Outcome<Place> {
    let (path, image) = (parent.join("room"), parent.join("room.img"));
    std::fs::create_dir_all(&path)?;
    let mut place = Place {
        path,
        image,
        mounted: None,
    };
    if root() {
        File::create(&place.image)?.set_len(SIZE)?;
        run::capture(
            Command::new("/sbin/mkfs.ext4")
                .args(["-q", "-F"])
                .arg(&place.image),
        )?;
        let mut mount = Command::new("mount");
        run::capture(
            mount
                .args(["-o", "loop,noatime,noinit_itable"])
                .arg(&place.image)
                .arg(&place.path),
        )?;
        place.mounted = Some(Mounted::new(&place.path));
        past_the_cache(&place.image)?;
    }
    Ok(place)
}

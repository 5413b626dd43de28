//! A world for attacks: one account, a victim behind a liar, and an author who writes past it.

use std::fs;
use std::path::Path;

use crannog_agent_api::{Failure, Secret};
use crannog_client::Engine;
use tempfile::TempDir;

use crate::{Device, Liar, PASSWORD, Sheet, Site};

/// A site with a liar before it, and an account with two devices. The victim's profile is kept as it was before the author's last
/// writes, so that one world serves many lies.
#[derive(Debug)]
pub struct World {
    /// Stands before the site.
    pub liar: Liar,
    /// Writes straight to the site.
    pub author: Device,
    /// The account's words.
    pub sheet: Sheet,
    /// The real server.
    pub site: Site,
    before: TempDir,
}

/// What is left of a victim once she was lied to.
#[derive(Debug)]
pub struct Victim {
    /// The device.
    pub device: Device,
    /// Why she stopped, if she did.
    pub failure: Option<Failure>,
}

impl World {
    /// Builds it. `early` happens before the victim goes away (she has read it), `late` while she is gone.
    pub async fn new(early: impl AsyncFnOnce(&Device), late: impl AsyncFnOnce(&Device)) -> Self {
        let site = Site::start();
        let liar = Liar::before(&site).await;
        let (_, invite) = site.invite();
        let (victim, sheet) = Device::join(&liar.url(), &invite, "alice").await.unwrap();
        let author = Device::recover(&site.url(), "alice", &sheet.words, "author")
            .await
            .unwrap();
        early(&author).await;
        victim.sync().await.unwrap();
        // Answered once the background's own first catch-up is over: nothing touches the profile after that.
        victim.paths().await;
        let Device {
            engine,
            profile,
            scratch,
        } = victim;
        engine.close(true).await;
        let before = tempfile::tempdir().unwrap();
        copy_folder(&profile, before.path());
        drop(scratch);
        late(&author).await;
        Self {
            liar,
            author,
            sheet,
            site,
            before,
        }
    }

    /// The victim comes back and catches up with whoever answers.
    pub async fn victim(&self) -> Victim {
        let device = self.unlocked().await;
        let failure = match device.sync().await {
            Err(failure) => Some(failure),
            Ok(()) => device.status().await.alarms.into_iter().next(),
        };
        Victim { device, failure }
    }

    /// The victim unlocked; what she hears at once is the background's affair.
    pub async fn unlocked(&self) -> Device {
        let scratch = tempfile::tempdir().unwrap();
        let profile = scratch.path().join("profile");
        copy_folder(self.before.path(), &profile);
        let engine = Engine::unlock(&profile, &Secret::new(PASSWORD.to_owned()))
            .await
            .unwrap();
        Device {
            engine,
            profile,
            scratch,
        }
    }
}

/// Copies a folder with all that is below it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_folder(&entry.path(), &target);
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

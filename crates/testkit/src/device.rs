//! A device: a real engine with a profile of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use crannog_agent_api::answer::{Changed, DriveInfo, Finding, NodeInfo, Status};
use crannog_agent_api::request::{Filter, PutSource};
use crannog_agent_api::{Answer, Event, Failure, RemotePath, Request, Secret};
use crannog_client::{Caller, Cancel, Dialogue, Engine};
use tempfile::TempDir;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use zeroize::Zeroizing;

use crate::copy_folder;

/// The password of every device here; a canary too.
pub const PASSWORD: &str = "canary-password-heron-7f3a91";

/// What a person wrote down.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// The twelve words.
    pub words: String,
    /// The whole sheet.
    pub text: String,
}

/// Says yes, and keeps the sheet.
#[derive(Default)]
struct Yes(Mutex<Option<Sheet>>);

impl Dialogue for Yes {
    async fn confirm(&self, event: Event) -> Result<Vec<String>, Failure> {
        if let Event::Sheet { words, sheet } = event {
            *self.0.lock().unwrap() = Some(Sheet {
                words: words.0.to_string(),
                text: sheet.0.to_string(),
            });
        }
        Ok(Vec::new())
    }
}

/// An unlocked device.
#[derive(Debug)]
pub struct Device {
    /// The engine itself.
    pub engine: Engine,
    /// Its profile.
    pub profile: PathBuf,
    /// A folder for local files.
    pub scratch: TempDir,
}

/// A device that is off, as it was when it went to rest.
#[derive(Debug)]
pub struct Resting {
    profile: PathBuf,
    scratch: TempDir,
    key: Zeroizing<[u8; 32]>,
}

impl Resting {
    /// Unlocks.
    pub async fn wake(self) -> Device {
        let Self { profile, scratch, .. } = self;
        let engine = Engine::unlock(&profile, &Secret::new(PASSWORD.to_owned()))
            .await
            .unwrap();
        Device {
            engine,
            profile,
            scratch,
        }
    }

    /// Unlocks a copy: it can be woken as often as a test likes, always as it was.
    pub async fn wake_copy(&self) -> Device {
        let scratch = tempfile::tempdir().unwrap();
        let profile = scratch.path().join("profile");
        copy_folder(&self.profile, &profile);
        let engine = Engine::unlock_with_key(&profile, self.key.clone()).await.unwrap();
        Device {
            engine,
            profile,
            scratch,
        }
    }
}

impl Device {
    /// Makes an account.
    pub async fn join(url: &str, invite: &str, name: &str) -> Result<(Self, Sheet), Failure> {
        let scratch = tempfile::tempdir().unwrap();
        Self::join_in(scratch.path().join("profile"), scratch, url, invite, name).await
    }

    /// The same with the profile elsewhere.
    pub async fn join_in(
        profile: PathBuf,
        scratch: TempDir,
        url: &str,
        invite: &str,
        name: &str,
    ) -> Result<(Self, Sheet), Failure> {
        let request = Request::Join {
            server: url.to_owned(),
            invite: Secret::new(invite.to_owned()),
            name: name.to_owned(),
            device: format!("{name} laptop"),
            password: Secret::new(PASSWORD.to_owned()),
        };
        let yes = Yes::default();
        let engine = Engine::join(&profile, request, &yes).await?;
        let sheet = yes.0.into_inner().unwrap().expect("a sheet was shown");
        Ok((
            Self {
                engine,
                profile,
                scratch,
            },
            sheet,
        ))
    }

    /// Makes a device from words (or a whole sheet). `device` is its name.
    pub async fn recover(url: &str, name: &str, words: &str, device: &str) -> Result<Self, Failure> {
        let scratch = tempfile::tempdir().unwrap();
        let profile = scratch.path().join("profile");
        let engine = Self::try_recover(&profile, url, name, words, device).await?;
        Ok(Self {
            engine,
            profile,
            scratch,
        })
    }

    /// The same into a profile that the test looks at afterwards.
    pub async fn try_recover(
        profile: &Path,
        url: &str,
        name: &str,
        words: &str,
        device: &str,
    ) -> Result<Engine, Failure> {
        let request = Request::Recover {
            server: url.to_owned(),
            name: name.to_owned(),
            device: device.to_owned(),
            words: Secret::new(words.to_owned()),
            password: Secret::new(PASSWORD.to_owned()),
        };
        Engine::recover(profile, request, &Yes::default()).await
    }

    /// Locks and unlocks: the engine as it is after a restart.
    pub async fn restart(self) -> Self {
        self.rest().await.wake().await
    }

    /// Locks: nothing runs until it is woken.
    pub async fn rest(self) -> Resting {
        let Self {
            engine,
            profile,
            scratch,
        } = self;
        let key = engine.export_key();
        engine.close(true).await;
        Resting {
            profile,
            scratch,
            key,
        }
    }

    /// Ends the engine.
    pub async fn close(self) {
        self.engine.close(true).await;
    }

    /// Does a request; data that it gives out is collected.
    pub async fn request(&self, request: Request) -> (Result<Answer, Failure>, Vec<u8>, Vec<Event>) {
        self.request_with(request, Vec::new()).await
    }

    /// The same with data for standard input.
    pub async fn request_with(
        &self,
        request: Request,
        input: Vec<Bytes>,
    ) -> (Result<Answer, Failure>, Vec<u8>, Vec<Event>) {
        let (events, mut heard) = mpsc::channel(65_536);
        let (feed, fed) = mpsc::channel(64);
        let (output, mut given) = mpsc::channel::<Bytes>(64);
        let caller = Caller {
            events,
            input: AsyncMutex::new(fed),
            output,
            umask: 0o022,
            cancel: Arc::new(Cancel::default()),
        };
        let feeding = async move {
            for bytes in input {
                if feed.send(bytes).await.is_err() {
                    break;
                }
            }
        };
        let collecting = async {
            let mut bytes = Vec::new();
            while let Some(part) = given.recv().await {
                bytes.extend_from_slice(&part);
            }
            bytes
        };
        let working = async {
            let caller = caller;
            self.engine.perform(request, &caller).await
        };
        let (answer, (), bytes) = tokio::join!(working, feeding, collecting);
        let mut said = Vec::new();
        while let Ok(event) = heard.try_recv() {
            said.push(event);
        }
        (answer, bytes, said)
    }

    /// Does a request.
    pub async fn perform(&self, request: Request) -> Result<Answer, Failure> {
        self.request(request).await.0
    }

    /// Catches up.
    pub async fn sync(&self) -> Result<(), Failure> {
        self.perform(Request::Sync).await.map(drop)
    }

    /// Somebody looked at the alarm of a journal.
    pub async fn dismiss(&self, journal: &str) -> Result<(), Failure> {
        let journal = journal.to_owned();
        self.perform(Request::Dismiss { journal }).await.map(drop)
    }

    /// How things are.
    pub async fn status(&self) -> Status {
        match self.perform(Request::Status).await {
            Ok(Answer::Status(status)) => status,
            other => panic!("status: {other:?}"),
        }
    }

    /// Everything below a path.
    pub async fn list(&self, path: &str) -> Result<Vec<NodeInfo>, Failure> {
        let request = Request::List {
            path: remote(path),
            recursive: true,
        };
        match self.perform(request).await? {
            Answer::Nodes(nodes) => Ok(nodes),
            other => panic!("list: {other:?}"),
        }
    }

    /// Paths below the top, sorted.
    pub async fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self
            .list("/")
            .await
            .unwrap()
            .into_iter()
            .map(|node| node.path)
            .collect();
        paths.sort();
        paths
    }

    /// The drives.
    pub async fn drives(&self) -> Vec<DriveInfo> {
        match self.perform(Request::DriveList).await {
            Ok(Answer::Drives(drives)) => drives,
            other => panic!("drives: {other:?}"),
        }
    }

    /// Makes a drive.
    pub async fn create_drive(&self, name: &str) -> Result<(), Failure> {
        let request = Request::DriveCreate {
            name: name.to_owned(),
            dry_run: false,
        };
        self.perform(request).await.map(drop)
    }

    /// Puts bytes at a remote path (a name that may exist: a new version then).
    pub async fn put(&self, path: &str, bytes: &[u8]) -> Result<Changed, Failure> {
        let request = Request::Put {
            sources: Vec::new(),
            target: remote(path),
            recursive: false,
            filter: Filter::default(),
            dry_run: false,
            stdin: true,
            limits: Default::default(),
        };
        let input = bytes.chunks(64 * 1024).map(Bytes::copy_from_slice).collect();
        changed(self.request_with(request, input).await.0)
    }

    /// Puts a folder's contents into a remote folder.
    pub async fn put_tree(&self, local: &Path, target: &str) -> Result<Changed, Failure> {
        let request = Request::Put {
            sources: vec![PutSource {
                path: local.to_owned(),
                contents: true,
            }],
            target: remote(target),
            recursive: true,
            filter: Filter::default(),
            dry_run: false,
            stdin: false,
            limits: Default::default(),
        };
        changed(self.perform(request).await)
    }

    /// Gets a path to a new local name below the scratch folder.
    pub async fn get(&self, path: &str, name: &str) -> Result<PathBuf, Failure> {
        let target = self.scratch.path().join(name);
        let request = Request::Get {
            sources: vec![remote(path)],
            target: target.clone(),
            recursive: true,
            filter: Filter::default(),
            dry_run: false,
            overwrite: false,
            limits: Default::default(),
        };
        changed(self.perform(request).await)?;
        Ok(target)
    }

    /// A file's bytes.
    pub async fn cat(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let request = Request::Cat {
            path: remote(path),
            version: None,
        };
        let (answer, bytes, _) = self.request(request).await;
        answer.map(|_| bytes)
    }

    /// Makes a folder.
    pub async fn mkdir(&self, path: &str) -> Result<(), Failure> {
        let request = Request::Mkdir {
            paths: vec![remote(path)],
            parents: true,
            dry_run: false,
        };
        self.perform(request).await.map(drop)
    }

    /// Checks every byte of the default drive.
    pub async fn verify_store(&self) -> Result<Vec<Finding>, Failure> {
        let request = Request::VerifyStore {
            drive: None,
            repair_from: Vec::new(),
            limits: Default::default(),
        };
        match self.perform(request).await? {
            Answer::Findings(findings) => Ok(findings),
            other => panic!("verify-store: {other:?}"),
        }
    }

    /// All that a lie must not change: the tree, the drives, the devices (but when they were heard).
    pub async fn picture(&self) -> String {
        let tree = match self.list("/").await {
            Ok(nodes) => serde_json::to_string(&nodes).unwrap(),
            Err(failure) => failure.message,
        };
        let drives = serde_json::to_string(&self.drives().await).unwrap();
        let Ok(Answer::Devices(devices)) = self.perform(Request::Devices).await else {
            panic!("devices")
        };
        let devices: Vec<_> = devices.iter().map(|device| (&device.id, &device.name)).collect();
        format!("{tree}\n{drives}\n{devices:?}")
    }

    /// Writes a file with these bytes below the scratch folder.
    pub fn local(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.scratch.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn changed(answer: Result<Answer, Failure>) -> Result<Changed, Failure> {
    match answer? {
        Answer::Changed(changed) => Ok(changed),
        other => panic!("{other:?}"),
    }
}

fn remote(path: &str) -> RemotePath {
    path.parse().unwrap()
}

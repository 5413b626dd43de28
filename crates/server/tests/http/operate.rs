//! The binary: serving, admin commands, fsck, one server per data directory, full disks.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crannog_proto::{BlobId, Kind, ServerUrl};

use crate::TestServer;
use crate::client::Client;
use crate::fixtures::{Person, noise};

pub(crate) fn crannogd(data: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crannogd"))
        .args(args)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap()
}

pub(crate) fn json(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) struct Daemon(Child);

impl Daemon {
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, "")
    }

    /// With a configuration file.
    pub(crate) fn start_with(data: &Path, config: &str) -> Self {
        Self::start_logged(data, config, Stdio::null())
    }

    /// With a log.
    pub(crate) fn start_logged(data: &Path, config: &str, log: Stdio) -> Self {
        let file = data.with_extension("toml");
        std::fs::write(&file, format!("limits.logins_per_minute = 10000\n{config}")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_crannogd"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .arg("--config")
            .arg(file)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.starts_with("listening on 127.0.0.1:"), "{line}");
        Self(child)
    }

    /// Stops it and gives back its log.
    pub(crate) fn log(&mut self) -> String {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        let mut log = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(self.0.wait().unwrap().success());
        log
    }

    pub(crate) fn stop(mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_binary_serves_and_is_operated() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let nobody = crannogd(data, &["stats"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&nobody.stderr).contains("crannogd is not running"),
        "{nobody:?}"
    );
    let daemon = Daemon::start(data);
    let made = json(&crannogd(
        data,
        &["invite", "create", "--quota", "1GiB", "--json"],
    ));
    let url: ServerUrl = made["server"].as_str().unwrap().parse().unwrap();
    let (alice, mut client) = (Person::new("alice"), Client::connect(&url, data).await);
    client
        .register(&alice, made["invite"].as_str().unwrap())
        .await
        .read::<crannog_proto::api::Registered>();
    client.login(&alice).await;
    let mut journal = client.create().await;
    let id = client.put_ok(&journal, noise(1000)).await;
    let add = journal.entry(Kind::Change, &[id], &[]);
    client.done(&mut journal, &add).await;

    let second = Command::new(env!("CARGO_BIN_EXE_crannogd"))
        .arg("serve")
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another crannogd"));
    assert_eq!(json(&crannogd(data, &["stats", "--json"]))["accounts"], 1);
    assert_eq!(
        json(&crannogd(data, &["account", "list", "--json"]))[0]["quota"],
        1 << 30
    );
    let shown = crannogd(data, &["inspect", "alice"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains(&journal.id.to_string()));
    assert!(
        crannogd(data, &["quota", "set", "alice", "2GiB"])
            .status
            .success()
    );
    assert!(crannogd(data, &["health"]).status.success());
    assert!(crannogd(data, &["fsck", "--full"]).status.success());
    let invite = json(&crannogd(data, &["invite", "create", "--json"]));
    let list = json(&crannogd(data, &["invite", "list", "--json"]));
    let open = list
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["used"] == 0)
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(crannogd(data, &["invite", "revoke", &open]).status.success());
    let refused = client
        .register(&Person::new("bob"), invite["invite"].as_str().unwrap())
        .await;
    assert_eq!(refused.code(), "invite_invalid");

    assert!(crannogd(data, &["account", "suspend", "alice"]).status.success());
    assert_eq!(client.get("/v1/account").await.code(), "suspended");
    assert!(
        crannogd(data, &["account", "suspend", "alice", "--undo"])
            .status
            .success()
    );
    assert_eq!(client.get("/v1/account").await.status, 200);
    assert!(
        !crannogd(data, &["account", "delete", "alice"]).status.success(),
        "not without --yes"
    );
    daemon.stop();

    for file in crate::blobs::walk(&data.join("blobs")) {
        std::fs::write(&file, noise(1000)).unwrap();
    }
    assert!(
        crannogd(data, &["fsck"]).status.success(),
        "offline, without hashing"
    );
    let broken = crannogd(data, &["fsck", "--full", "--json"]);
    assert_eq!(broken.status.code(), Some(1));
    let daemon = Daemon::start(data);
    assert!(
        crannogd(data, &["account", "delete", "alice", "--yes"])
            .status
            .success()
    );
    assert_eq!(json(&crannogd(data, &["stats", "--json"]))["journals"], 0);
    assert_eq!(
        crannogd(data, &["account", "show", "alice"]).status.code(),
        Some(1)
    );
    daemon.stop();
    assert!(crannogd(data, &["fsck"]).status.success());
    assert_eq!(crannogd(&data.join("nowhere"), &["fsck"]).status.code(), Some(1));
}

/// A small file system, where the one who runs the tests may make one.
struct Mount(PathBuf);

impl Mount {
    fn new(path: &Path) -> Option<Self> {
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"])
            .arg(path)
            .output();
        done.is_ok_and(|output| output.status.success())
            .then(|| Self(path.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::new(folder.path()) else {
        println!("skipped: no tmpfs can be mounted here");
        return;
    };
    let server = TestServer::start_in(folder, |_| ()).await;
    let (_, mut client) = server.person("alice").await;
    let mut journal = client.create().await;
    let reserve = server.folder.path().join("reserve");
    std::fs::write(&reserve, noise(2 << 20)).unwrap();
    let mut put = Vec::new();
    let full = loop {
        let bytes = noise(1 << 20);
        let id = BlobId::of(&bytes);
        let answer = client.put(&journal, id, bytes).await;
        if answer.status != 204 {
            break answer.code();
        }
        put.push(id);
    };
    assert_eq!(full, "storage_full");
    // The last free bytes go too: now no row can be written either.
    let mut file = std::fs::File::create(server.folder.path().join("filler")).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
    drop(file);
    let mut header = journal.header(Kind::Change);
    let body = noise(16_000);
    header.body = crate::fixtures::inline(&body);
    let mut code = None;
    for _ in 0..400 {
        header.entry.0 = crate::fixtures::random();
        let entry = crate::fixtures::seal(&header, &journal.epoch.write, &body);
        let answer = client.append_raw(journal.id, std::slice::from_ref(&entry)).await;
        if answer.status != 200 {
            code = Some(answer.code());
            break;
        }
        journal.saw(&entry);
        header.seen = journal.seen;
    }
    assert_eq!(code.as_deref(), Some("storage_full"));
    std::fs::remove_file(reserve).unwrap();
    let page = client.pages(&journal, "?limit=1").await;
    assert_eq!(
        (page.last.seq, page.last.head),
        (journal.seen.seq, journal.seen.head),
        "nothing half written"
    );
    let mut header = journal.header(Kind::Change);
    header.adds = put;
    header.adds.sort_unstable();
    let add = journal.seal(&header);
    client.done(&mut journal, &add).await;
    let report = crannogd(server.folder.path(), &["fsck", "--full", "--json"]);
    assert!(report.status.success(), "{report:?}");
    let _folder = server.stop().await;
}

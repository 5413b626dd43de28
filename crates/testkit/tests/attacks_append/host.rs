//! Alice's drive of backups, the machine that fills it, and the hand of whoever took that machine.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use crannog_agent_api::request::Role;
use crannog_client::transport::{GrantKey, TransportError};
use crannog_core::drive::{DriveBatch, DriveOp};
use crannog_core::journal::{
    Author, Content, EntryDraft, Ground, Payload, SealedEntry, WriteError, seal_entry,
};
use crannog_proto::api::AppendResult;
use crannog_proto::sign::{Signature, message};
use crannog_proto::{BlobId, Entry, ErrorCode, Header, JournalId, Kind, decode, encode, labels};
use crannog_seal::sign::EpochAppendKey;
use crannog_testkit::{DEVICE_NAME, Device, Insider, Loot, Member, NOW, Sheet, Site, python, random_entry};

/// Last week's backup: a large file, and so many small ones that the entry's body lies in a blob.
const LAST_WEEK: &str = "2026-11-14";

/// Files by path.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

pub(crate) struct Backups {
    pub(crate) alice: Device,
    words: Sheet,
    /// The machine, while it is honest.
    pub(crate) nas: Device,
    /// Whoever took it: every key and token of that account and its device.
    pub(crate) hand: Insider,
    pub(crate) journal: JournalId,
    /// All that is to be got back.
    pub(crate) kept: Tree,
    pub(crate) site: Site,
}

/// The append key as a grant for PUT.
pub(crate) struct Grant(pub(crate) u64, pub(crate) EpochAppendKey);

impl GrantKey for Grant {
    fn epoch(&self) -> u64 {
        self.0
    }

    fn sign_grant(&self, label: &'static str, statement: &[u8]) -> Signature {
        Signature(self.1.sign(&message(label, statement)))
    }
}

pub(crate) fn noise(len: u32, seed: u32) -> Vec<u8> {
    (0..len)
        .map(|i| ((i ^ seed).wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

pub(crate) fn ops(ops: Vec<DriveOp>) -> Content {
    let filler = Vec::new();
    Content::Drive(DriveBatch { ops, filler })
}

pub(crate) fn payload(content: Content) -> Payload {
    Payload {
        time: NOW,
        device_name: DEVICE_NAME.to_owned(),
        cites: Vec::new(),
        content,
    }
}

fn read_tree(top: &Path, prefix: &str, into: &mut Tree) {
    for entry in fs::read_dir(top).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            read_tree(&entry.path(), &path, into);
        } else {
            into.insert(path, fs::read(entry.path()).unwrap());
        }
    }
}

impl Backups {
    pub(crate) async fn new() -> Self {
        let site = Site::start();
        let (url, invite) = site.invite();
        let (alice, words) = Device::join(&url, &invite, "alice").await.unwrap();
        let hand = Insider::join(&url, &site.invite().1, "nas").await;
        let nas = Device::recover(&url, "nas", &hand.sheet.words, "nas")
            .await
            .unwrap();
        nas.create_drive("main").await.unwrap();
        alice.create_drive("backups").await.unwrap();
        alice.share("backups:/", "nas", Role::Append).await.unwrap();
        nas.sync().await.unwrap();
        nas.accept("backups", None).await.unwrap();
        let mut backups = Self {
            alice,
            words,
            nas,
            hand,
            journal: JournalId([0; 32]),
            kept: Tree::new(),
            site,
        };
        backups.run(LAST_WEEK, 1).await;
        // Alice has something of her own there, with an old version.
        backups.alice.sync().await.unwrap();
        for version in [b"old".as_slice(), b"new"] {
            backups.alice.put("backups:/hers", version).await.unwrap();
        }
        backups.kept.insert("/hers".into(), b"new".to_vec());
        backups.nas.sync().await.unwrap();
        backups.hand.sync().await;
        let home = backups.hand.home_state.clone();
        let main = *home.default_drive().unwrap();
        let mut drives = home.drives().map(|drive| drive.journal);
        backups.journal = drives.find(|journal| *journal != main).unwrap();
        drop(drives);
        backups
    }

    /// A backup run: a folder of its own, read back.
    pub(crate) async fn run(&mut self, name: &str, seed: u32) {
        let folder = self.nas.scratch.path().join(name);
        fs::create_dir_all(folder.join("small")).unwrap();
        fs::write(folder.join("large"), noise(5_000_000, seed)).unwrap();
        for at in 0..300u32 {
            fs::write(folder.join(format!("small/{at:03}")), noise(at, seed)).unwrap();
        }
        let changed = self
            .nas
            .put_tree(&folder, &format!("backups:/{name}"))
            .await
            .unwrap();
        assert_eq!(changed.files, 301);
        let back = self
            .nas
            .get(&format!("backups:/{name}"), &format!("back-{name}"))
            .await
            .unwrap();
        let (mut sent, mut read) = (Tree::new(), Tree::new());
        read_tree(&folder, &format!("/{name}"), &mut sent);
        read_tree(&back, &format!("/{name}"), &mut read);
        assert!(sent == read, "what it added it reads");
        self.kept.extend(sent);
    }

    /// Alice, on the device that was there and on one that knows nothing but her words, gets every byte back.
    pub(crate) async fn assert_kept(&self, what: &str) {
        self.alice.sync().await.unwrap();
        assert_eq!(self.alice.status().await.alarms, [], "{what}");
        let url = self.site.url();
        let fresh = Device::recover(&url, "alice", &self.words.words, "fresh")
            .await
            .unwrap();
        fresh.sync().await.unwrap();
        assert_eq!(fresh.status().await.alarms, [], "{what}");
        for device in [&self.alice, &fresh] {
            let name = format!("back-{:016x}", rand::random::<u64>());
            let back = device.get("backups:/", &name).await.unwrap();
            let mut tree = Tree::new();
            read_tree(&back, "", &mut tree);
            for (path, bytes) in &self.kept {
                assert!(tree.get(path) == Some(bytes), "{what}: {path}");
            }
        }
        fresh.close().await;
    }

    /// All that the hand can keep of the drive, up to now.
    pub(crate) async fn loot(&mut self) -> Loot {
        self.nas.sync().await.unwrap();
        self.hand.sync().await;
        let me = Member {
            transport: &self.hand.transport,
            account: self.hand.account,
            secrets: &self.hand.secrets,
            chain: &self.hand.known,
            home: &self.hand.home_state,
        };
        Loot::take(me, self.journal, &["alice"]).await
    }

    pub(crate) fn author(&self) -> Author {
        self.hand.author()
    }

    pub(crate) fn ground<'a>(&'a self, loot: &Loot) -> Ground<'a> {
        loot.state.ground(self.author(), &self.hand.keys.signing).unwrap()
    }

    pub(crate) fn grant(&self, loot: &Loot) -> Grant {
        let epoch = loot.state.epoch().unwrap();
        Grant(epoch, loot.state.secrets(epoch).unwrap().append_key().unwrap())
    }

    /// An append that says this, whatever it is.
    pub(crate) fn seal(&self, ground: &Ground<'_>, payload: &Payload, adds: Vec<BlobId>) -> SealedEntry {
        self.seal_kind(ground, Kind::Append, payload, adds).unwrap()
    }

    pub(crate) fn seal_kind(
        &self,
        ground: &Ground<'_>,
        kind: Kind,
        payload: &Payload,
        adds: Vec<BlobId>,
    ) -> Result<SealedEntry, WriteError> {
        let draft = EntryDraft {
            entry: random_entry(),
            kind,
            adds,
            drops: Vec::new(),
            payload,
        };
        seal_entry(ground, draft, &mut rand::rng())
    }

    /// The same entry with another header, under the append key.
    pub(crate) fn bent(&self, loot: &Loot, entry: &Entry, bend: impl FnOnce(&mut Header)) -> Entry {
        let mut header: Header = decode(&entry.header).unwrap();
        bend(&mut header);
        let header = encode(&header);
        let key = self.grant(loot).1;
        Entry {
            signature: Signature(key.sign(&message(labels::ENTRY, &header))),
            header,
            body: entry.body.clone(),
        }
    }

    pub(crate) async fn put(&self, loot: &Loot, id: BlobId, bytes: Vec<u8>) -> Result<(), ErrorCode> {
        let (grant, bytes) = (self.grant(loot), Bytes::from(bytes));
        let put = self
            .hand
            .transport
            .put_blob(&self.journal, &grant, &id, bytes)
            .await;
        put.map_err(|error: TransportError| error.code().expect("the server's own word"))
    }

    pub(crate) async fn append(&self, entry: &Entry) -> AppendResult {
        self.hand.try_append(&self.journal, entry).await
    }

    pub(crate) async fn end(self) {
        self.alice.close().await;
        self.nas.close().await;
        self.site.assert_sound();
    }

    /// The same, and then the reader that was written from the specification: it gets every byte too, and passes over as many entries.
    pub(crate) async fn end_read_by_another_program(mut self, passed_over: usize) {
        self.alice.close().await;
        self.nas.close().await;
        self.site.assert_sound();
        self.site.stop();
        let folder = tempfile::tempdir().unwrap();
        let (words, out) = (folder.path().join("words"), folder.path().join("out"));
        fs::write(&words, &self.words.words).unwrap();
        let reader = |command: &[&OsStr]| {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/reader/crannog_read.py");
            let mut reader = Command::new(python());
            reader.arg(script).arg("--words").arg(&words);
            reader.arg("--data").arg(&self.site.data);
            let output = reader
                .args(["--drive", "backups"])
                .args(command)
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let told = reader(&["info".as_ref()]);
        let passed = told.lines().filter(|line| line.starts_with("passed over entry"));
        assert_eq!(passed.count(), passed_over, "{told}");
        reader(&["get-all".as_ref(), out.as_os_str()]);
        let mut tree = Tree::new();
        read_tree(&out, "", &mut tree);
        for (path, bytes) in &self.kept {
            assert!(tree.get(path) == Some(bytes), "{path}");
        }
    }
}

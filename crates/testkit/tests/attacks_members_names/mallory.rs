//! Mallory: a member whose entries are made by hand. What an honest client refuses to write does not stop her.

use std::path::PathBuf;

use bytes::Bytes;
use crannog_client::transport::GrantKey;
use crannog_core::content::{Chunk, Chunks, Content, PackBuilder, SealedChunk, seal_chunk};
use crannog_core::drive::{Attrs, DriveBatch, DriveOp, NewNode, NodeId, VersionId};
use crannog_core::journal::{self, Author, EntryDraft, Ground, Payload, seal_entry};
use crannog_proto::api::AppendResult;
use crannog_proto::sign::{Signature, message};
use crannog_proto::{BlobId, JournalId, Kind, Seen, limits};
use crannog_seal::schedule::EpochSecrets;
use crannog_seal::sign::EpochWriteKey;
use crannog_testkit::Device as Engine;
use serde_json::Value;

use crate::bin::{Device, Scratch, Server};
use crannog_testkit::{DEVICE_NAME, Insider, NOW, random_entry};

/// The top of the share.
pub(crate) const TOP: NodeId = NodeId::ROOT;
/// What an honest client gives a file.
pub(crate) const ATTRS: Attrs = Attrs {
    mtime_s: 1_700_000_000,
    mtime_ns: 0,
    mode: 0o644,
};

/// Alice, who shared `/photos`, and mallory, who may write there. Fields end in this order: the agent first.
pub(crate) struct World {
    pub(crate) alice: Device,
    pub(crate) mallory: Mallory,
    pub(crate) server: Server,
    pub(crate) scratch: Scratch,
}

impl World {
    /// A file that is hers alone, one in the share.
    pub(crate) async fn new() -> Self {
        let scratch = Scratch::new();
        let server = Server::start(&scratch.join("server"));
        let invite = server.invite("64GiB");
        let alice = Device::new(scratch.path(), "laptop");
        let mut mallory = Mallory::join(&server.invite("1GiB")).await;
        alice.join(&invite, "alice");
        let honest = scratch.join("honest.txt");
        std::fs::write(&honest, "honest").unwrap();
        let honest = honest.to_str().unwrap();
        alice.ok(["mkdir", "/photos"]);
        alice.ok(["put", honest, "/photos/honest.txt"]);
        alice.ok(["put", honest, "/private.txt"]);
        alice.ok(["share", "/photos", "mallory", "--role", "writer"]);
        mallory.accept("photos").await;
        Self {
            alice,
            mallory,
            server,
            scratch,
        }
    }

    /// Nothing else was harmed: no alarm, and both files are what they were.
    #[track_caller]
    pub(crate) fn unharmed(&self) {
        self.alice.ok(["sync"]);
        let status = self.alice.ok(["status"]);
        assert_eq!(status["alarms"], Value::Null, "{status}");
        self.still_works();
    }

    /// Whatever became of the share: what is hers alone still works.
    #[track_caller]
    pub(crate) fn still_works(&self) {
        let back = self.scratch.join("back");
        self.alice
            .ok(["get", "--overwrite", "/private.txt", back.to_str().unwrap()]);
        assert_eq!(std::fs::read(&back).unwrap(), b"honest");
        self.alice
            .ok(["put", back.to_str().unwrap(), "/also-private.txt"]);
    }

    /// A new empty folder.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.scratch.join(name);
        std::fs::create_dir(&path).unwrap();
        path
    }
}

/// What she says beside her operations.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) time: i64,
    pub(crate) device_name: String,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            time: NOW,
            device_name: DEVICE_NAME.to_owned(),
        }
    }
}

/// A member of the share.
pub(crate) struct Mallory {
    pub(crate) insider: Insider,
    /// Her honest client.
    pub(crate) engine: Engine,
    pub(crate) journal: JournalId,
    pub(crate) secrets: Option<EpochSecrets>,
    seen: Option<Seen>,
    /// Stored, and named by no entry yet.
    adds: Vec<BlobId>,
}

struct WriteKey(u64, EpochWriteKey);

impl GrantKey for WriteKey {
    fn epoch(&self) -> u64 {
        self.0
    }

    fn sign_grant(&self, label: &'static str, statement: &[u8]) -> Signature {
        Signature(self.1.sign(&message(label, statement)))
    }
}

impl Mallory {
    async fn join(invite: &Value) -> Self {
        let text = |key: &str| invite[key].as_str().unwrap().to_owned();
        let (url, code) = (text("server"), text("invite"));
        let mut insider = Insider::join(&url, &code, "mallory").await;
        let engine = Engine::recover(&url, "mallory", &insider.sheet.words, "mallory engine")
            .await
            .unwrap();
        engine.create_drive("main").await.unwrap();
        insider.sync().await;
        Self {
            insider,
            engine,
            journal: JournalId([0; 32]),
            secrets: None,
            seen: None,
            adds: Vec::new(),
        }
    }

    /// Her client accepts, and she takes the keys out of home.
    pub(crate) async fn accept(&mut self, name: &str) {
        self.engine.sync().await.unwrap();
        self.engine.accept(name, None).await.unwrap();
        self.insider.sync().await;
        let home = &self.insider.home_state;
        self.journal = home
            .drives()
            .find(|drive| drive.name == Some(name))
            .unwrap()
            .journal;
        let (_, _, epoch) = home.journals().find(|(id, ..)| *id == self.journal).unwrap();
        let grant = home.secrets(&self.journal, epoch).unwrap();
        self.secrets = Some(grant.secrets(&self.journal, epoch));
        self.look().await;
    }

    fn secrets(&self) -> &EpochSecrets {
        self.secrets.as_ref().expect("keys of the share")
    }

    /// The newest place; nothing is opened.
    pub(crate) async fn look(&mut self) -> Seen {
        let token = *self.secrets().read_token().expose_to_server();
        loop {
            let after = self.seen.map(|seen| seen.seq);
            let page = self
                .insider
                .transport
                .entries(&self.journal, &token, after, limits::PAGE_ENTRIES)
                .await
                .unwrap();
            let Some(last) = page.entries.last() else { break };
            self.seen = Some(Seen {
                seq: last.seq,
                head: last.head,
            });
        }
        self.seen.expect("a journal with entries")
    }

    /// Every operation in as many entries as it takes.
    pub(crate) async fn post(&mut self, ops: Vec<DriveOp>) {
        for ops in ops.chunks(limits::OPS_MAX) {
            self.say(ops.to_vec(), &Said::default()).await;
        }
    }

    /// One entry, whatever it holds.
    pub(crate) async fn say(&mut self, ops: Vec<DriveOp>, said: &Said) {
        let seen = self.look().await;
        self.say_on(seen, ops, said).await;
    }

    /// The same, having seen no more than this.
    pub(crate) async fn say_on(&mut self, seen: Seen, ops: Vec<DriveOp>, said: &Said) {
        let batch = DriveBatch {
            ops,
            filler: Vec::new(),
        };
        let payload = Payload {
            time: said.time,
            device_name: said.device_name.clone(),
            cites: Vec::new(),
            content: journal::Content::Drive(batch),
        };
        let grant = self
            .insider
            .home_state
            .secrets(&self.journal, self.secrets().epoch());
        let ground = Ground {
            journal: self.journal,
            secrets: grant.unwrap().secrets(&self.journal, self.secrets().epoch()),
            admin: None,
            seen,
            author: Author {
                account: self.insider.account,
                device: self.insider.device,
            },
            device_key: &self.insider.keys.signing,
        };
        let draft = EntryDraft {
            entry: random_entry(),
            kind: Kind::Change,
            adds: std::mem::take(&mut self.adds),
            drops: Vec::new(),
            payload: &payload,
        };
        let sealed = seal_entry(&ground, draft, &mut rand::rng()).unwrap();
        for (id, bytes) in &sealed.body_blobs {
            self.put_blob(*id, bytes.clone()).await;
        }
        let results = self
            .insider
            .transport
            .append(&self.journal, std::slice::from_ref(&sealed.entry), &[])
            .await
            .unwrap();
        let [AppendResult::Done(receipt)] = results.as_slice() else {
            panic!("{results:?}")
        };
        self.seen = Some(Seen {
            seq: receipt.seq,
            head: receipt.head,
        });
    }

    async fn put_blob(&self, id: BlobId, bytes: Vec<u8>) {
        let secrets = self.secrets();
        let key = WriteKey(secrets.epoch(), secrets.write_key().expect("a writer"));
        self.insider
            .transport
            .put_blob(&self.journal, &key, &id, Bytes::from(bytes))
            .await
            .unwrap();
    }

    /// A blob that the next entry adds.
    pub(crate) async fn store(&mut self, id: BlobId, bytes: Vec<u8>) {
        self.put_blob(id, bytes).await;
        self.adds.push(id);
    }

    /// A short file's content, stored.
    pub(crate) async fn content(&mut self, bytes: &[u8]) -> Content {
        let SealedChunk::Piece(piece) = seal_chunk(bytes, &mut rand::rng()).unwrap() else {
            panic!("too long for a pack")
        };
        let mut pack = PackBuilder::new();
        assert!(pack.add(piece).is_ok());
        let sealed = pack.finish(0, &mut rand::rng());
        self.store(sealed.blob.id(), sealed.blob.bytes().to_vec()).await;
        Content {
            size: bytes.len() as u64,
            chunks: Chunks::Inline(sealed.chunks),
        }
    }

    /// A whole piece of 4 MiB, stored.
    pub(crate) async fn whole(&mut self) -> Chunk {
        let SealedChunk::Whole { chunk, blob } =
            seal_chunk(&vec![7; limits::CHUNK], &mut rand::rng()).unwrap()
        else {
            panic!("a whole piece")
        };
        self.store(blob.id(), blob.into_bytes()).await;
        chunk
    }
}

/// Ids that nobody has.
pub(crate) fn node() -> NodeId {
    NodeId::generate(NOW, &mut rand::rng())
}

/// The same for versions.
pub(crate) fn version() -> VersionId {
    VersionId::generate(NOW, &mut rand::rng())
}

/// A content of no bytes, which needs no blob.
pub(crate) fn empty() -> Content {
    Content {
        size: 0,
        chunks: Chunks::Inline(Vec::new()),
    }
}

pub(crate) fn create(node: NodeId, parent: NodeId, name: &str, new: NewNode) -> DriveOp {
    DriveOp::Create {
        node,
        parent,
        name: name.to_owned(),
        attrs: ATTRS,
        new,
    }
}

/// A new file.
pub(crate) fn file(parent: NodeId, name: &str, content: &Content) -> DriveOp {
    let new = NewNode::File {
        version: version(),
        content: content.clone(),
    };
    create(node(), parent, name, new)
}

/// A new folder, with its id.
pub(crate) fn folder(parent: NodeId, name: &str) -> (NodeId, DriveOp) {
    let id = node();
    let op = DriveOp::Create {
        node: id,
        parent,
        name: name.to_owned(),
        attrs: Attrs { mode: 0o755, ..ATTRS },
        new: NewNode::Directory,
    };
    (id, op)
}

/// A new link, with its id.
pub(crate) fn link(parent: NodeId, name: &str, target: &[u8]) -> (NodeId, DriveOp) {
    let id = node();
    let new = NewNode::Symlink {
        target: target.to_vec(),
    };
    (id, create(id, parent, name, new))
}

pub(crate) fn relocate(node: NodeId, parent: NodeId, name: &str) -> DriveOp {
    DriveOp::Move {
        node,
        parent,
        name: name.to_owned(),
    }
}

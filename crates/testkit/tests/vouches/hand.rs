//! Mallory, who writes checkpoints by hand, and Bob, who has a real client and may vouch for them.

use std::slice;

use crannog_client::transport::GrantKey;
use crannog_core::content::{Chunks, Content as Bytes, PackBuilder, SealedChunk, blobs_of, seal_chunk};
use crannog_core::drive::{
    Attrs, DriveOp, EntryMeta, Manifest, MemoryDrive, NewNode, NodeId, Record, Segment, apply, segment_of,
    segment_plaintext,
};
use crannog_core::inbox::Purpose;
use crannog_core::journal::{Content, EntryDraft, Payload, Role, seal_entry};
use crannog_proto::api::AppendResult;
use crannog_proto::sign::{Signature, message};
use crannog_proto::{AccountId, Entry, Header, JournalId, Kind, decode, encode};
use crannog_seal::sign::EpochWriteKey;
use crannog_testkit::{DEVICE_NAME, Device, Insider, NOW, Reading, Site, random_entry};

/// So many entries after a checkpoint the second device of an account may vouch for it.
const APART: usize = 64;

struct WriteKey(u64, EpochWriteKey);

impl GrantKey for WriteKey {
    fn epoch(&self) -> u64 {
        self.0
    }

    fn sign_grant(&self, label: &'static str, statement: &[u8]) -> Signature {
        Signature(self.1.sign(&message(label, statement)))
    }
}

pub(crate) struct Ground {
    pub(crate) mallory: Insider,
    /// Reads his home.
    pub(crate) bob: Insider,
    pub(crate) victim: Device,
    bobs: AccountId,
    pub(crate) site: Site,
}

/// A drive of Mallory's, in which Bob writes too.
pub(crate) struct Share {
    pub(crate) name: String,
    pub(crate) read: Reading,
}

impl Share {
    pub(crate) fn id(&self) -> JournalId {
        self.read.id()
    }

    pub(crate) fn last(&self) -> u64 {
        self.read.last().0
    }

    /// What an honest fold says up to a place.
    pub(crate) fn records(&self, after: u64, to: u64) -> Vec<Record> {
        let mut state = MemoryDrive::new();
        let told = self.read.payloads.iter().zip(&self.read.authors);
        for (stored, (payload, author)) in self.read.stored.iter().zip(told) {
            let Content::Drive(batch) = &payload.content else {
                continue;
            };
            let header: Header = decode(&stored.entry.header).unwrap();
            for (index, op) in (0..).zip(&batch.ops) {
                let meta = EntryMeta {
                    seq: stored.seq,
                    index,
                    seen_seq: header.seen.seq,
                    time: payload.time,
                    account: author.account,
                    device: author.device,
                    device_name: &payload.device_name,
                };
                if stored.seq <= to {
                    apply(&mut state, &meta, op).unwrap();
                }
            }
        }
        let (_, plain) = segment_plaintext(&state, after, to, u64::MAX).unwrap().unwrap();
        decode(&plain).unwrap()
    }
}

/// A folder at the top.
pub(crate) fn folder(node: NodeId, name: &str) -> DriveOp {
    DriveOp::Create {
        node,
        parent: NodeId::ROOT,
        name: name.to_owned(),
        attrs: Attrs::default(),
        new: NewNode::Directory,
    }
}

pub(crate) fn fresh() -> NodeId {
    NodeId::generate(NOW, &mut rand::rng())
}

impl Ground {
    pub(crate) async fn new() -> Self {
        let site = Site::start();
        let (url, invite) = site.invite();
        let bob = Insider::join(&url, &invite, "bob").await;
        let victim = Device::recover(&url, "bob", &bob.sheet.words, "victim")
            .await
            .unwrap();
        victim.create_drive("main").await.unwrap();
        let mut mallory = Insider::join(&url, &site.invite().1, "mallory").await;
        let bobs = mallory.meet("bob").await;
        Self {
            mallory,
            bob,
            victim,
            bobs,
            site,
        }
    }

    pub(crate) async fn share(&mut self, name: &str) -> Share {
        let mut read = self.mallory.create_share().await;
        self.mallory.admit(&mut read, &[(self.bobs, Role::Writer)]).await;
        let invite = self.mallory.invite(&read, &self.bobs, name);
        self.mallory.send(&self.bobs, Purpose::Invite(invite)).await;
        self.victim.sync().await.unwrap();
        self.victim.accept(name, None).await.unwrap();
        let name = name.to_owned();
        Share { name, read }
    }

    pub(crate) async fn write(&mut self, share: &mut Share, ops: Vec<DriveOp>) {
        let sealed = self.mallory.seal_ops(&share.read, ops, Vec::new());
        self.mallory.append(&share.id(), &sealed).await;
        self.mallory.read_on(&mut share.read).await;
    }

    /// A segment that says this, its bytes on the server. `hidden`: they are others than its hash says.
    pub(crate) async fn segment(
        &self,
        share: &Share,
        (after, to): (u64, u64),
        records: &[Record],
        hidden: Option<&[Record]>,
    ) -> Segment {
        let plain = encode(&records);
        let stored = hidden.map_or(plain.clone(), |hidden| encode(&hidden));
        let SealedChunk::Piece(piece) = seal_chunk(&stored, &mut rand::rng()).unwrap() else {
            panic!("too long for a pack")
        };
        let mut pack = PackBuilder::new();
        assert!(pack.add(piece).is_ok());
        let sealed = pack.finish(0, &mut rand::rng());
        let epoch = share.read.state.epoch().unwrap();
        let key = share.read.state.secrets(epoch).unwrap().write_key().unwrap();
        let (id, bytes) = (sealed.blob.id(), sealed.blob.into_bytes());
        self.mallory
            .transport
            .put_blob(&share.id(), &WriteKey(epoch, key), &id, bytes.into())
            .await
            .unwrap();
        let content = Bytes {
            size: plain.len() as u64,
            chunks: Chunks::Inline(sealed.chunks),
        };
        segment_of(after, to, records.len() as u64, &plain, content)
    }

    /// Appends a checkpoint of these segments; Bob's device reads it, and later has its turn, if it was not its turn at once.
    pub(crate) async fn checkpoint(&mut self, share: &mut Share, through: u64, segments: &[Segment]) {
        let payload = Payload {
            time: NOW,
            device_name: DEVICE_NAME.to_owned(),
            cites: Vec::new(),
            content: Content::Checkpoint(Manifest {
                through,
                forgotten: 0,
                segments: segments.to_vec(),
            }),
        };
        let contents = segments.iter().flat_map(|segment| blobs_of(&segment.content));
        let draft = EntryDraft {
            entry: random_entry(),
            kind: Kind::Checkpoint { through },
            adds: contents.collect(),
            drops: Vec::new(),
            payload: &payload,
        };
        let sealed = seal_entry(&self.mallory.ground(&share.read), draft, &mut rand::rng()).unwrap();
        self.mallory.append(&share.id(), &sealed).await;
        self.mallory.read_on(&mut share.read).await;
        // It is read before anything follows; its drive may be frozen then, and takes nothing.
        drop(self.victim.sync().await);
        let idle: Vec<Entry> = (0..APART)
            .map(|_| {
                let name = encode(&fresh());
                let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
                let ops = vec![folder(fresh(), &name)];
                self.mallory.seal_ops(&share.read, ops, Vec::new()).entry
            })
            .collect();
        for entry in idle.chunks(16) {
            let taken = self
                .mallory
                .transport
                .append(&share.id(), entry, &[])
                .await
                .unwrap();
            assert!(
                taken.iter().all(|one| matches!(one, AppendResult::Done(_))),
                "{taken:?}"
            );
        }
        let path = format!("{}:/{}", share.name, share.last());
        drop(self.victim.sync().await);
        drop(self.victim.mkdir(&path).await);
        self.mallory.read_on(&mut share.read).await;
    }

    /// Up to where Bob's home vouches for a drive.
    pub(crate) async fn vouched(&mut self, share: &Share) -> Option<u64> {
        self.bob.sync().await;
        self.bob.home_state.vouch(&share.id()).map(|vouch| vouch.through)
    }

    pub(crate) async fn until_vouched(&mut self, share: &Share, through: u64) {
        while self.vouched(share).await.is_none_or(|vouched| vouched < through) {
            tokio::task::yield_now().await;
        }
    }

    /// The honest twin: after it Bob's device has looked at all that came before.
    pub(crate) async fn honest(&mut self, name: &str) -> Share {
        let mut share = self.share(name).await;
        self.write(&mut share, vec![folder(fresh(), "one"), folder(fresh(), "two")])
            .await;
        let through = share.last();
        let told = share.records(0, through);
        let segment = self.segment(&share, (0, through), &told, None).await;
        // What is only made meanwhile takes nothing away.
        self.write(&mut share, vec![folder(fresh(), "three")]).await;
        self.checkpoint(&mut share, through, slice::from_ref(&segment))
            .await;
        self.until_vouched(&share, through).await;
        share
    }
}

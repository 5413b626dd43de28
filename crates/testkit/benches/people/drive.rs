//! A drive by hand: its epoch's secrets, and small changes sealed under them.

use crannog_client::transport::Transport;
use crannog_core::drive::{Attrs, DriveBatch, DriveOp, NewNode, NodeId};
use crannog_core::journal::{
    Content, EntryDraft, Ground, JournalKind, Member, Payload, Role, SealedEntry, seal_entry, seal_genesis,
};
use crannog_proto::api::{AppendResult, Held};
use crannog_proto::{EntryId, JournalId, Kind, Receipt, Seen};
use crannog_seal::schedule::EpochSecrets;

use crate::person::{Person, now};

/// A drive of epoch 0.
pub(crate) struct Drive {
    pub(crate) id: JournalId,
    /// Its genesis.
    pub(crate) first: Seen,
    secrets: EpochSecrets,
}

impl Drive {
    /// Makes one on the server.
    pub(crate) async fn create(owner: &Person, session: &Transport) -> Self {
        let secrets = EpochSecrets::generate(&[0; 32], 0, &mut rand::rng());
        let members = vec![Member {
            account: owner.author.account,
            role: Role::Admin,
            chain: owner.chain.cite(),
        }];
        let kind = JournalKind::Drive;
        let payload = payload(Content::Genesis { kind, members });
        let key = &owner.keys().signing;
        let (id, sealed) = seal_genesis(
            &secrets,
            &payload,
            owner.author,
            key,
            entry_id(),
            &mut rand::rng(),
        )
        .unwrap();
        let receipt = session.create_journal(&sealed.entry).await.unwrap();
        let first = seen(&receipt);
        Self { id, first, secrets }
    }

    /// The token that reads it.
    pub(crate) fn token(&self) -> [u8; 32] {
        *self.secrets.read_token().expose_to_server()
    }

    /// To be held by a bell.
    pub(crate) fn held(&self) -> Held {
        Held {
            journal: self.id,
            token: self.token(),
        }
    }

    /// Seals a small change: a new folder.
    pub(crate) fn seal(&self, author: &Person, seen: Seen) -> SealedEntry {
        let mut rng = rand::rng();
        let make = DriveOp::Create {
            node: NodeId::generate(now(), &mut rng),
            parent: NodeId::ROOT,
            name: format!("folder {:016x}", rand::random::<u64>()),
            attrs: Attrs::default(),
            new: NewNode::Directory,
        };
        let payload = payload(Content::Drive(DriveBatch {
            ops: vec![make],
            filler: Vec::new(),
        }));
        let ground = Ground {
            journal: self.id,
            secrets: self.secrets.clone(),
            admin: None,
            seen,
            author: author.author,
            device_key: &author.keys().signing,
        };
        let draft = EntryDraft {
            entry: entry_id(),
            kind: Kind::Change,
            adds: Vec::new(),
            drops: Vec::new(),
            payload: &payload,
        };
        seal_entry(&ground, draft, &mut rng).unwrap()
    }

    /// Appends one entry, which the server must take.
    pub(crate) async fn append(&self, session: &Transport, sealed: &SealedEntry) -> Seen {
        let entries = std::slice::from_ref(&sealed.entry);
        let results = session.append(&self.id, entries, &[]).await.unwrap();
        match results.as_slice() {
            [AppendResult::Done(receipt)] => seen(receipt),
            other => panic!("{other:?}"),
        }
    }
}

fn payload(content: Content) -> Payload {
    Payload {
        time: now(),
        device_name: "by hand".to_owned(),
        cites: Vec::new(),
        content,
    }
}

fn seen(receipt: &Receipt) -> Seen {
    Seen {
        seq: receipt.seq,
        head: receipt.head,
    }
}

fn entry_id() -> EntryId {
    EntryId(rand::random())
}

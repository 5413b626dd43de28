//! Keys, people, journals and entries, signed for real; bodies are noise, for the server cannot tell.

use aws_lc_rs::rand;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use crannog_proto::chain::next_head;
use crannog_proto::entry::VERSION;
use crannog_proto::sigchain::{
    Device, DeviceEnvelope, Generation, GenerationSecrets, Link, LinkKind, SignedLink,
};
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{
    BlobId, Body, DeviceId, Entry, EntryId, EpochPublic, Hash, Header, JournalId, Kind, Place, Seen, Signer,
    encode, labels, limits,
};

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).unwrap();
    bytes
}

pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rand::fill(&mut bytes).unwrap();
    bytes
}

pub(crate) struct Key(Ed25519KeyPair);

impl Key {
    pub(crate) fn new() -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&random::<32>()).unwrap())
    }

    pub(crate) fn public(&self) -> VerifyingKey {
        VerifyingKey(self.0.public_key().as_ref().try_into().unwrap())
    }

    pub(crate) fn sign(&self, label: &'static str, data: &[u8]) -> Signature {
        Signature(self.0.sign(&message(label, data)).as_ref().try_into().unwrap())
    }
}

pub(crate) struct Epoch {
    pub(crate) token: [u8; 32],
    pub(crate) append: Key,
    pub(crate) write: Key,
    pub(crate) admin: Key,
}

impl Epoch {
    pub(crate) fn new() -> Self {
        Self {
            token: random(),
            append: Key::new(),
            write: Key::new(),
            admin: Key::new(),
        }
    }

    pub(crate) fn public(&self) -> EpochPublic {
        EpochPublic {
            read_token_hash: Hash::of(labels::READ_TOKEN_HASH, &self.token),
            append_key: self.append.public(),
            write_key: self.write.public(),
            admin_key: self.admin.public(),
        }
    }
}

/// A journal as its members know it.
pub(crate) struct Journal {
    pub(crate) id: JournalId,
    pub(crate) number: u64,
    pub(crate) epoch: Epoch,
    pub(crate) genesis: Entry,
    pub(crate) seen: Seen,
}

impl Journal {
    pub(crate) fn new() -> Self {
        let epoch = Epoch::new();
        let header = Header {
            version: VERSION,
            journal: JournalId::ZERO,
            epoch: 0,
            entry: EntryId(random()),
            seen: Seen::default(),
            kind: Kind::Genesis(epoch.public()),
            adds: vec![],
            drops: vec![],
            body: inline(b"genesis"),
        };
        let genesis = seal(&header, &epoch.admin, b"genesis");
        let head = next_head(&Hash::ZERO, 0, &genesis.header);
        Self {
            id: JournalId::of_genesis(&genesis.header),
            number: 0,
            epoch,
            genesis,
            seen: Seen { seq: 0, head },
        }
    }

    pub(crate) fn header(&self, kind: Kind) -> Header {
        Header {
            version: VERSION,
            journal: self.id,
            epoch: self.number,
            entry: EntryId(random()),
            seen: self.seen,
            kind,
            adds: vec![],
            drops: vec![],
            body: inline(b"body"),
        }
    }

    pub(crate) fn entry(&self, kind: Kind, adds: &[BlobId], drops: &[BlobId]) -> Entry {
        let mut header = self.header(kind);
        (header.adds, header.drops) = (adds.to_vec(), drops.to_vec());
        header.adds.sort_unstable();
        self.seal(&header)
    }

    pub(crate) fn change(&self) -> Entry {
        self.entry(Kind::Change, &[], &[])
    }

    pub(crate) fn seal(&self, header: &Header) -> Entry {
        let admin = matches!(
            header.kind,
            Kind::Rekey {
                signer: Signer::Admin,
                ..
            } | Kind::Reset { .. }
                | Kind::Prune { .. }
                | Kind::Close
        );
        seal(
            header,
            if header.kind == Kind::Append {
                &self.epoch.append
            } else if admin {
                &self.epoch.admin
            } else {
                &self.epoch.write
            },
            b"body",
        )
    }

    pub(crate) fn rekey(&self, next: &Epoch) -> Entry {
        self.entry(
            Kind::Rekey {
                signer: Signer::Admin,
                next: next.public(),
            },
            &[],
            &[],
        )
    }

    /// The member has seen this entry in its place.
    pub(crate) fn saw(&mut self, entry: &Entry) {
        let seq = self.seen.seq + 1;
        self.seen = Seen {
            seq,
            head: next_head(&self.seen.head, seq, &entry.header),
        };
    }
}

pub(crate) fn inline(body: &[u8]) -> Body {
    Body {
        hash: Hash::plain(body),
        len: u32::try_from(body.len()).unwrap(),
        place: Place::Inline,
    }
}

pub(crate) fn seal(header: &Header, key: &Key, body: &[u8]) -> Entry {
    let body = if header.body.place == Place::Inline {
        body.to_vec()
    } else {
        vec![]
    };
    let header = encode(header);
    Entry {
        signature: key.sign(labels::ENTRY, &header),
        header,
        body,
    }
}

/// A person with one device.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) root: Key,
    pub(crate) account: Key,
    pub(crate) device: Key,
    pub(crate) device_id: DeviceId,
    pub(crate) create: SignedLink,
    pub(crate) home: Journal,
}

impl Person {
    pub(crate) fn new(name: &str) -> Self {
        let (root, account, device, device_id) = (Key::new(), Key::new(), Key::new(), DeviceId(random()));
        let kind = LinkKind::Create {
            name: name.to_owned(),
            root: root.public(),
            recovery_kem: noise(limits::KEM_PUBLIC),
            generation: generation(0, &account),
            device: device_of(device_id, &device),
        };
        let create = sign_link(0, Hash::ZERO, kind, &[&root, &account, &device]);
        Self {
            name: name.to_owned(),
            root,
            account,
            device,
            device_id,
            create,
            home: Journal::new(),
        }
    }
}

pub(crate) fn generation(number: u32, key: &Key) -> Generation {
    Generation {
        number,
        sign: key.public(),
        kem: noise(limits::KEM_PUBLIC),
    }
}

pub(crate) fn device_of(id: DeviceId, key: &Key) -> Device {
    Device {
        id,
        sign: key.public(),
        kem: noise(limits::KEM_PUBLIC),
    }
}

pub(crate) fn sign_link(seq: u32, prev: Hash, kind: LinkKind, keys: &[&Key]) -> SignedLink {
    let link = encode(&Link {
        version: 1,
        seq,
        prev,
        kind,
    });
    let signatures = keys
        .iter()
        .map(|key| key.sign(labels::LINK_SIGNATURE, &link))
        .collect();
    SignedLink { link, signatures }
}

pub(crate) fn secrets(number: u32, device: DeviceId) -> GenerationSecrets {
    let devices = vec![DeviceEnvelope {
        device,
        wrapped: noise(limits::WRAPPED_SECRET),
    }];
    GenerationSecrets {
        number,
        recovery: noise(limits::WRAPPED_SECRET),
        devices,
        previous: None,
    }
}

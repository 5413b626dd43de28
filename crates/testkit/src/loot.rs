//! All that a member can keep of a share: read by hand, with core and transport alone.

use std::collections::{BTreeMap, BTreeSet};

use crannog_client::transport::Transport;
use crannog_core::content::{Chunk, Chunks};
use crannog_core::drive::{DriveOp, NewNode};
use crannog_core::identity::{AccountSecrets, Expected, HomeState, KnownChain};
use crannog_core::journal::{
    Content, EpochGrant, JournalKind, JournalState, Keys, Payload, Sources, grant_of_rekey, pending_blobs,
    previous_read_secret,
};
use crannog_proto::api::Stored;
use crannog_proto::sigchain::SigchainState;
use crannog_proto::{AccountId, BlobId, Hash, Header, JournalId, Kind, decode, limits};

/// Who reads.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    /// Her session.
    pub transport: &'a Transport,
    /// Her account.
    pub account: AccountId,
    /// Its generations.
    pub secrets: &'a AccountSecrets,
    /// Her own sigchain.
    pub chain: &'a KnownChain,
    /// What her home says.
    pub home: &'a HomeState,
}

impl std::fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Member")
    }
}

/// A piece of a file, with its keys.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Of a file of so many bytes.
    pub size: u64,
    /// Which one.
    pub index: u64,
    /// Where, and its keys.
    pub chunk: Chunk,
}

/// Every key, entry and blob id of a journal that a member could learn at one moment.
#[derive(Debug)]
pub struct Loot {
    /// Which journal.
    pub journal: JournalId,
    /// The secrets of each epoch, as far as she had them; of those before she came `K` alone.
    pub grants: BTreeMap<u64, EpochGrant>,
    /// Every entry.
    pub stored: Vec<Stored>,
    /// Their sealed bodies, by place.
    pub bodies: BTreeMap<u64, Vec<u8>>,
    /// What they say.
    pub payloads: Vec<Payload>,
    /// The fold.
    pub state: JournalState,
    /// Every piece of every file.
    pub pieces: Vec<Piece>,
    /// Other members' sigchains.
    pub chains: BTreeMap<AccountId, KnownChain>,
}

impl Loot {
    /// Reads the journal as a member, from its genesis to its end.
    pub async fn take(me: Member<'_>, journal: JournalId, others: &[&str]) -> Self {
        let mut chains = BTreeMap::new();
        for name in others {
            let entry = me.transport.directory(name).await.unwrap();
            let known = KnownChain::first(entry.links, &Expected::default()).unwrap();
            chains.insert(known.state().account, known);
        }
        let known = me.home.journals().find(|(id, ..)| *id == journal);
        let epoch = known.expect("a journal that home knows").2;
        let newest = me.home.secrets(&journal, epoch).unwrap().clone();
        let token = *newest.secrets(&journal, epoch).read_token().expose_to_server();
        let (mut stored, mut bodies) = (Vec::<Stored>::new(), BTreeMap::new());
        loop {
            let after = stored.last().map(|stored| stored.seq);
            let page = me.transport.entries(&journal, &token, after, 512).await.unwrap();
            if page.entries.is_empty() {
                break;
            }
            for entry in page.entries {
                let mut body = entry.entry.body.clone();
                for blob in pending_blobs(&entry) {
                    let blob = me
                        .transport
                        .get_blob(&journal, &token, &blob, limits::BLOB_MAX)
                        .await;
                    body.extend_from_slice(blob.unwrap().bytes());
                }
                bodies.insert(entry.seq, body);
                stored.push(entry);
            }
        }
        let grants = walk(me, journal, epoch, newest, &stored, &bodies);
        let mut loot = Self {
            journal,
            grants,
            state: JournalState::new(journal, JournalKind::Drive, me.account),
            stored: Vec::new(),
            bodies,
            payloads: Vec::new(),
            pieces: Vec::new(),
            chains,
        };
        for entry in stored {
            loot.open(me, entry);
        }
        loot
    }

    fn open(&mut self, me: Member<'_>, stored: Stored) {
        let (opened, change) = {
            let head_at = |seq: u64| {
                self.stored
                    .get(usize::try_from(seq).ok()?)
                    .map(|stored| stored.head)
            };
            let given = |epoch| self.grants.get(&epoch).cloned();
            let sources = Sources {
                head_at: &head_at,
                entry_known: &|_| false,
                chain: &|account| self.chain(me, account),
                keys: Keys {
                    account: me.secrets,
                    given: &given,
                },
                floor: None,
            };
            let body = (!pending_blobs(&stored).is_empty()).then(|| self.bodies[&stored.seq].as_slice());
            self.state.open(&stored, body, &sources).unwrap()
        };
        self.state.commit(change).unwrap();
        let Some(payload) = opened.payload else {
            assert!(opened.passed_over.is_some(), "a member's entry");
            return self.stored.push(stored);
        };
        if let Content::Drive(batch) = &payload.content {
            batch.ops.iter().for_each(|op| self.keep(op));
        }
        self.payloads.push(payload);
        self.stored.push(stored);
    }

    /// A sigchain.
    pub fn chain<'a>(&'a self, me: Member<'a>, account: &AccountId) -> Option<&'a SigchainState> {
        if *account == me.account {
            return Some(me.chain.state());
        }
        self.chains.get(account).map(KnownChain::state)
    }

    fn keep(&mut self, op: &DriveOp) {
        let content = match op {
            DriveOp::Create {
                new: NewNode::File { content, .. },
                ..
            }
            | DriveOp::Write { content, .. } => content,
            _ => return,
        };
        if let Chunks::Inline(chunks) = &content.chunks {
            let pieces = (0..).zip(chunks).map(|(index, chunk)| Piece {
                size: content.size,
                index,
                chunk: chunk.clone(),
            });
            self.pieces.extend(pieces);
        }
    }

    /// The ids of all blobs that entries named.
    pub fn blobs(&self) -> BTreeSet<BlobId> {
        let header = |stored: &Stored| decode::<Header>(&stored.entry.header).unwrap();
        let held = |header: Header| header.held_blobs().copied().collect::<Vec<_>>();
        self.stored.iter().map(header).flat_map(held).collect()
    }

    /// Every secret of 32 bytes in here: `K`, `W`, `A` of all epochs, and the keys of content.
    pub fn raw(&self) -> BTreeSet<[u8; 32]> {
        let mut raw = BTreeSet::new();
        let mut keep = |bytes: Vec<u8>| {
            if let Ok(bytes) = bytes.try_into() {
                raw.insert(bytes);
            }
        };
        for grant in self.grants.values() {
            keep(crannog_proto::encode(&grant.read));
            grant
                .append
                .iter()
                .for_each(|secret| keep(crannog_proto::encode(secret)));
            grant
                .write
                .iter()
                .for_each(|secret| keep(crannog_proto::encode(secret)));
            grant
                .admin
                .iter()
                .for_each(|secret| keep(crannog_proto::encode(secret)));
        }
        for piece in &self.pieces {
            keep(crannog_proto::encode(&piece.chunk.key));
            piece
                .chunk
                .slot
                .iter()
                .for_each(|slot| keep(crannog_proto::encode(&slot.key)));
        }
        raw
    }

    /// The first place of an epoch and its last, the rekey included, among `stored`.
    pub fn range(stored: &[Stored], epoch: u64) -> (u64, u64) {
        let of = |stored: &&Stored| decode::<Header>(&stored.entry.header).unwrap().epoch == epoch;
        let mut places = stored.iter().filter(of).map(|stored| stored.seq);
        let first = places.next().expect("an epoch with entries");
        (first, places.next_back().unwrap_or(first))
    }

    /// The head at a place.
    pub fn head(&self, seq: u64) -> Hash {
        self.stored[usize::try_from(seq).unwrap()].head
    }
}

/// Back with `previous` down to epoch 0, then forward with the envelopes.
fn walk(
    me: Member<'_>,
    journal: JournalId,
    newest: u64,
    grant: EpochGrant,
    stored: &[Stored],
    bodies: &BTreeMap<u64, Vec<u8>>,
) -> BTreeMap<u64, EpochGrant> {
    let mut grants = BTreeMap::from([(newest, grant)]);
    let rekeys: BTreeMap<u64, &Stored> = stored
        .iter()
        .filter_map(|stored| {
            let header: Header = decode(&stored.entry.header).unwrap();
            matches!(header.kind, Kind::Rekey { .. }).then_some((header.epoch, stored))
        })
        .collect();
    for epoch in (0..newest).rev() {
        let (rekey, next) = (rekeys[&epoch], grants[&(epoch + 1)].secrets(&journal, epoch + 1));
        let body = bodies[&rekey.seq].as_slice();
        let read = previous_read_secret(&rekey.entry, Some(body), &next)
            .unwrap()
            .expect("a drive's rekey");
        grants.insert(epoch, EpochGrant::of_reader(read));
    }
    for (epoch, rekey) in rekeys {
        let Some(ending) = grants.get(&epoch).map(|grant| grant.secrets(&journal, epoch)) else {
            continue;
        };
        let body = bodies[&rekey.seq].as_slice();
        let given = grant_of_rekey(&rekey.entry, Some(body), &ending, me.secrets, &me.account).unwrap();
        if let Some(given) = given {
            grants.insert(epoch + 1, given);
        }
    }
    grants
}

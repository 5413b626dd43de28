//! People, a log, readers: the pieces that every test here is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use crannog_proto::api::Stored;
use crannog_proto::chain::next_head;
use crannog_proto::sigchain::SigchainState;
use crannog_proto::sign::{Signature, message};
use crannog_proto::{
    AccountId, DeviceId, Entry, EntryId, Hash, Header, JournalId, Kind, Place, encode, labels,
};
use crannog_seal::schedule::EpochSecrets;
use rand_core::{CryptoRng, TryCryptoRng, TryRng};

use crate::drive::DriveBatch;
use crate::identity::{NewAccount, create_account};
use crate::journal::*;

/// The output of BLAKE3 as an XOF over a seed: any language can make it again.
pub(crate) struct TestRng(blake3::OutputReader);

impl TestRng {
    pub(crate) fn new(seed: &str) -> Self {
        Self(blake3::Hasher::new().update(seed.as_bytes()).finalize_xof())
    }
}

impl TryRng for TestRng {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(dst);
        Ok(())
    }
}
impl TryCryptoRng for TestRng {}

pub(crate) fn random<const N: usize>(rng: &mut impl CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

pub(crate) fn person(name: &str) -> NewAccount {
    let mut rng = TestRng::new(name);
    create_account(name, DeviceId(random(&mut rng)), "laptop", 1_000, &mut rng).unwrap()
}

pub(crate) fn author(person: &NewAccount) -> Author {
    Author {
        account: person.account,
        device: person.chain.devices[0].id,
    }
}

pub(crate) fn member(person: &NewAccount, role: Role) -> Member {
    Member {
        account: person.account,
        role,
        chain: person.chain.cite(),
    }
}

pub(crate) fn said(content: Content) -> Payload {
    Payload {
        time: 2_000,
        device_name: "laptop".into(),
        cites: Vec::new(),
        content,
    }
}

pub(crate) fn batch() -> Content {
    Content::Drive(DriveBatch::default())
}

/// What a server stores, and may lie about.
#[derive(Clone, Default)]
pub(crate) struct Log {
    pub(crate) stored: Vec<Stored>,
    pub(crate) bodies: Vec<Option<Vec<u8>>>,
}

impl Log {
    pub(crate) fn append(&mut self, sealed: &SealedEntry) -> &Stored {
        let joined = sealed
            .body_blobs
            .iter()
            .flat_map(|(_, bytes)| bytes.clone())
            .collect();
        self.bodies
            .push((!sealed.body_blobs.is_empty()).then_some(joined));
        self.push(sealed.entry.clone())
    }

    pub(crate) fn push(&mut self, entry: Entry) -> &Stored {
        let seq = self.stored.len() as u64;
        let before = self.stored.last().map_or(Hash::ZERO, |stored| stored.head);
        let head = next_head(&before, seq, &entry.header);
        self.stored.push(Stored {
            seq,
            head,
            entry,
            body_gone: false,
        });
        self.bodies.resize(self.stored.len(), None);
        self.stored.last().unwrap()
    }
}

/// One account's device that reads a log.
pub(crate) struct Reader<'p> {
    pub(crate) me: &'p NewAccount,
    pub(crate) state: JournalState,
    pub(crate) heads: Vec<Hash>,
    pub(crate) ids: BTreeSet<EntryId>,
    pub(crate) given: BTreeMap<u64, EpochGrant>,
    pub(crate) chains: BTreeMap<AccountId, SigchainState>,
    pub(crate) floor: Option<u64>,
}

impl<'p> Reader<'p> {
    pub(crate) fn new(me: &'p NewAccount, id: JournalId, kind: JournalKind, people: &[&NewAccount]) -> Self {
        Self {
            me,
            state: JournalState::new(id, kind, me.account),
            heads: Vec::new(),
            ids: BTreeSet::new(),
            given: BTreeMap::new(),
            chains: people
                .iter()
                .map(|person| (person.account, person.chain.clone()))
                .collect(),
            floor: None,
        }
    }

    pub(crate) fn open(
        &self,
        stored: &Stored,
        body: Option<&[u8]>,
    ) -> Result<(OpenedEntry, StateChange), ReadError> {
        let before = self.state.snapshot();
        let sources = Sources {
            head_at: &|seq| self.heads.get(seq as usize).copied(),
            entry_known: &|id| self.ids.contains(id),
            chain: &|account| self.chains.get(account),
            keys: Keys {
                account: &self.me.secrets,
                given: &|epoch| self.given.get(&epoch).cloned(),
            },
            floor: self.floor,
        };
        let result = self.state.open(stored, body, &sources);
        assert_eq!(*before, *self.state.snapshot(), "opening changes nothing");
        result
    }

    pub(crate) fn read(&mut self, stored: &Stored, body: Option<&[u8]>) -> Result<OpenedEntry, ReadError> {
        let (opened, change) = self.open(stored, body)?;
        self.heads.push(opened.head);
        self.ids.insert(*change.entry());
        self.state.commit(change).unwrap();
        Ok(opened)
    }

    pub(crate) fn read_all(&mut self, log: &Log) -> Result<(), ReadError> {
        for (stored, body) in log.stored.iter().zip(&log.bodies).skip(self.heads.len()) {
            self.read(stored, body.as_deref())?;
        }
        Ok(())
    }

    /// The check that refuses this entry.
    pub(crate) fn refusal(&self, stored: &Stored) -> crate::check::Check {
        match self.open(stored, None).map(|_| ()) {
            Err(ReadError::Refused { check, .. }) => check,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) fn ground(&self) -> Ground<'p> {
        self.state
            .ground(author(self.me), &self.me.device_keys.signing)
            .unwrap()
    }

    pub(crate) fn change(&self, rng: &mut TestRng) -> SealedEntry {
        self.seal(Kind::Change, batch(), rng)
    }

    pub(crate) fn seal(&self, kind: Kind, content: Content, rng: &mut TestRng) -> SealedEntry {
        let payload = said(content);
        let entry = EntryId(random(rng));
        let draft = EntryDraft {
            entry,
            kind,
            adds: Vec::new(),
            drops: Vec::new(),
            payload: &payload,
        };
        seal_entry(&self.ground(), draft, rng).unwrap()
    }
}

/// Alice's drive with these members, and her reader of its genesis.
pub(crate) fn drive<'p>(
    alice: &'p NewAccount,
    others: &[(&NewAccount, Role)],
    rng: &mut TestRng,
) -> (Log, Reader<'p>) {
    let secrets = EpochSecrets::generate(&[0; 32], 0, rng);
    let mut members = vec![member(alice, Role::Admin)];
    members.extend(others.iter().map(|(person, role)| member(person, *role)));
    let payload = said(Content::Genesis {
        kind: JournalKind::Drive,
        members,
    });
    let key = &alice.device_keys.signing;
    let (id, sealed) =
        seal_genesis(&secrets, &payload, author(alice), key, EntryId(random(rng)), rng).unwrap();
    let mut log = Log::default();
    log.append(&sealed);
    let mut people = vec![alice];
    people.extend(others.iter().map(|(person, _)| *person));
    let mut reader = Reader::new(alice, id, JournalKind::Drive, &people);
    reader
        .given
        .insert(0, EpochGrant::for_role(&secrets, Role::Admin));
    reader.read_all(&log).unwrap();
    (log, reader)
}

/// Another member's reader of the same drive, from genesis, with the same secrets as far as her role has them.
pub(crate) fn join<'p>(other: &'p NewAccount, role: Role, alice: &Reader<'_>, log: &Log) -> Reader<'p> {
    let id = *alice.state.id();
    let mut reader = Reader::new(other, id, JournalKind::Drive, &[]);
    reader.chains = alice.chains.clone();
    let secrets = alice.state.secrets(0).unwrap();
    reader.given.insert(0, EpochGrant::for_role(&secrets, role));
    reader.read_all(log).unwrap();
    reader
}

/// What a malicious holder of the epoch's keys can do: change the header and sign it again.
pub(crate) fn resign(
    stored: &Stored,
    before: Hash,
    secrets: &EpochSecrets,
    edit: impl FnOnce(&mut Header),
) -> Stored {
    let mut header: Header = crannog_proto::decode(&stored.entry.header).unwrap();
    edit(&mut header);
    let bytes = encode(&header);
    let message = message(labels::ENTRY, &bytes);
    let writer = matches!(header.kind, Kind::Change | Kind::Checkpoint { .. })
        || matches!(
            header.kind,
            Kind::Rekey {
                signer: crannog_proto::Signer::Writer,
                ..
            }
        );
    let signature = if header.kind == Kind::Append {
        secrets.append_key().unwrap().sign(&message)
    } else if writer {
        secrets.write_key().unwrap().sign(&message)
    } else {
        secrets.admin_key().unwrap().sign(&message)
    };
    let entry = Entry {
        header: bytes,
        signature: Signature(signature),
        body: stored.entry.body.clone(),
    };
    let head = next_head(&before, stored.seq, &entry.header);
    Stored {
        seq: stored.seq,
        head,
        entry,
        body_gone: false,
    }
}

pub(crate) fn body_ids(header: &Header) -> usize {
    match &header.body.place {
        Place::Inline => 0,
        Place::Blobs(ids) => ids.len(),
    }
}

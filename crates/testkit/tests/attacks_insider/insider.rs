//! A device of the account itself that signs whatever a test wants: core and transport by hand, no engine.

use std::sync::Arc;

use crannog_client::transport::{LoginKey, Transport};
use crannog_core::drive::DriveOp;
use crannog_core::identity::{
    AccountSecrets, Expected, HomeState, KnownChain, NewAccount, Opener, RecoverySheet, create_account,
};
use crannog_core::journal::{
    Author, Content, EntryDraft, Ground, JournalKind, JournalState, Keys, Payload, SealedEntry, Sources,
    pending_blobs, seal_entry,
};
use crannog_proto::api::{AppendResult, Principal, Register, Stored};
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{AccountId, BlobId, DeviceId, Entry, EntryId, Hash, JournalId, Kind, Receipt, limits};
use crannog_seal::schedule::{DeviceKeys, DeviceSeed};
use rand::Rng;

use crannog_testkit::Sheet;

/// The name of its device.
pub(crate) const DEVICE_NAME: &str = "insider";

/// One journal, read from its beginning.
#[derive(Debug)]
pub(crate) struct Reading {
    /// As far as it was read.
    pub(crate) state: JournalState,
    /// Every entry, as the server gave it.
    pub(crate) stored: Vec<Stored>,
    /// What the entries say.
    pub(crate) payloads: Vec<Payload>,
}

impl Reading {
    /// Its last place.
    pub(crate) fn last(&self) -> (u64, Hash) {
        let last = self.stored.last().expect("a journal that was read");
        (last.seq, last.head)
    }

    /// The operations of all its entries.
    pub(crate) fn drive_ops(&self) -> impl Iterator<Item = &DriveOp> {
        self.payloads.iter().flat_map(|payload| match &payload.content {
            Content::Drive(batch) => batch.ops.as_slice(),
            _ => &[],
        })
    }
}

/// The hostile device. It made the account, so it has every key.
pub(crate) struct Insider {
    /// What it wrote down.
    pub(crate) sheet: Sheet,
    /// The account.
    pub(crate) account: AccountId,
    /// Its device.
    pub(crate) device: DeviceId,
    /// That device's keys.
    pub(crate) keys: DeviceKeys,
    /// A real transport, straight to the server.
    pub(crate) transport: Transport,
    /// The sigchain.
    pub(crate) known: KnownChain,
    /// The account's secrets.
    pub(crate) secrets: AccountSecrets,
    /// Home, read.
    pub(crate) home: Option<Reading>,
    /// What home says.
    pub(crate) home_state: HomeState,
    /// The default drive, read.
    pub(crate) drive: Option<Reading>,
    home_id: JournalId,
    receipt_key: VerifyingKey,
}

impl std::fmt::Debug for Insider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Insider")
    }
}

struct Login(DeviceId, DeviceKeys);

impl LoginKey for Login {
    fn principal(&self) -> Principal {
        Principal::Device(self.0)
    }

    fn sign_login(&self, label: &'static str, statement: &[u8]) -> Signature {
        Signature(self.1.signing.sign(&message(label, statement)))
    }
}

/// Milliseconds since 1970 of everything that insiders write.
pub(crate) const NOW: i64 = 1_800_000_000_000;

impl Insider {
    /// Makes an account of its own.
    pub(crate) async fn join(url: &str, invite: &str, name: &str) -> Self {
        let transport = Transport::connect(url.parse().unwrap()).unwrap();
        let server = transport.server_info().await.unwrap();
        let device = DeviceId(rand::random());
        let made = create_account(name, device, DEVICE_NAME, NOW, &mut rand::rng()).unwrap();
        let NewAccount {
            words,
            secrets,
            device_seed,
            link,
            sealed,
            home_genesis,
            home,
            chain,
            account,
            ..
        } = made;
        let sheet = RecoverySheet::new(url.parse().unwrap(), words, &chain);
        let sheet = Sheet {
            words: sheet.words.phrase().to_string(),
            text: sheet.format().to_string(),
        };
        transport
            .register(&Register {
                invite: invite.to_owned(),
                link: link.clone(),
                secrets: sealed,
                home: home_genesis.entry,
            })
            .await
            .unwrap();
        let keys = |seed: &DeviceSeed| DeviceKeys::new(seed, &device.0);
        transport.set_login(name, Arc::new(Login(device, keys(&device_seed))));
        let mut insider = Self {
            sheet,
            account,
            device,
            keys: keys(&device_seed),
            transport,
            known: KnownChain::first(vec![link], &Expected::default()).unwrap(),
            secrets,
            home: None,
            home_state: HomeState::default(),
            drive: None,
            home_id: home,
            receipt_key: server.receipt_key,
        };
        insider.sync().await;
        insider
    }

    /// Reads everything anew.
    pub(crate) async fn sync(&mut self) {
        let view = self.transport.account().await.unwrap();
        let (known, _) = self.known.follow(view.links).unwrap();
        self.secrets = AccountSecrets::open(
            known.state(),
            &view.secrets,
            Opener::Device(self.device, &self.keys.kem),
        )
        .unwrap();
        self.known = known;
        let epoch = u64::from(self.secrets.current().unwrap().generation());
        let grant = self.secrets.home_grant(&self.home_id, epoch).unwrap();
        let token = *grant
            .secrets(&self.home_id, epoch)
            .read_token()
            .expose_to_server();
        self.home_state = HomeState::default();
        let home = self.read(self.home_id, JournalKind::Home, token).await;
        for (payload, author) in home.1 {
            if let Content::Home(ops) = &payload.content {
                ops.iter()
                    .for_each(|op| self.home_state.apply(&author.device, op));
            }
        }
        self.home = Some(home.0);
        let drive = self.home_state.default_drive().copied();
        let drive = drive.or_else(|| self.home_state.drives().map(|drive| drive.journal).next());
        if let Some(id) = drive {
            let epochs = self.home_state.journals().find(|(journal, ..)| *journal == id);
            let epoch = epochs.map_or(0, |(_, _, epoch)| epoch);
            let secrets = self.home_state.secrets(&id, epoch).unwrap().secrets(&id, epoch);
            let token = *secrets.read_token().expose_to_server();
            self.drive = Some(self.read(id, JournalKind::Drive, token).await.0);
        }
    }

    async fn read(
        &self,
        id: JournalId,
        kind: JournalKind,
        token: [u8; 32],
    ) -> (Reading, Vec<(Payload, Author)>) {
        let mut reading = Reading {
            state: JournalState::new(id, kind, self.account),
            stored: Vec::new(),
            payloads: Vec::new(),
        };
        let mut said = Vec::new();
        loop {
            let after = reading.stored.last().map(|stored| stored.seq);
            let page = self.transport.entries(&id, &token, after, 512).await.unwrap();
            if page.entries.is_empty() {
                return (reading, said);
            }
            for stored in page.entries {
                let mut body = Vec::new();
                let blobs = pending_blobs(&stored);
                for blob in &blobs {
                    let blob = self
                        .transport
                        .get_blob(&id, &token, blob, limits::BLOB_MAX)
                        .await
                        .unwrap();
                    body.extend_from_slice(blob.bytes());
                }
                let (payload, author) = self.open(&mut reading, stored, (!blobs.is_empty()).then_some(body));
                reading.payloads.push(payload.clone());
                said.push((payload, author));
            }
        }
    }

    fn open(&self, reading: &mut Reading, stored: Stored, body: Option<Vec<u8>>) -> (Payload, Author) {
        let (opened, change) = {
            let head_at = |seq: u64| {
                reading
                    .stored
                    .get(usize::try_from(seq).ok()?)
                    .map(|stored| stored.head)
            };
            let given = |epoch| self.home_state.secrets(reading.state.id(), epoch).cloned();
            let sources = Sources {
                head_at: &head_at,
                entry_known: &|_| false,
                chain: &|account| (*account == self.account).then_some(self.known.state()),
                keys: Keys {
                    account: &self.secrets,
                    given: &given,
                },
                floor: None,
            };
            reading.state.open(&stored, body.as_deref(), &sources).unwrap()
        };
        reading.state.commit(change).unwrap();
        reading.stored.push(stored);
        (opened.payload.unwrap(), opened.author.unwrap())
    }

    /// The drive, read.
    pub(crate) fn the_drive(&self) -> &Reading {
        self.drive.as_ref().expect("a drive")
    }

    /// Where it would write next.
    pub(crate) fn ground(&self, reading: &Reading) -> Ground<'_> {
        let author = Author {
            account: self.account,
            device: self.device,
        };
        reading
            .state
            .ground(author, &self.keys.signing)
            .expect("a ground")
    }

    /// Seals a change on a ground that may be as crooked as the test likes.
    pub(crate) fn seal_on(&self, ground: &Ground<'_>, content: Content, adds: Vec<BlobId>) -> SealedEntry {
        let payload = Payload {
            time: NOW,
            device_name: DEVICE_NAME.to_owned(),
            cites: Vec::new(),
            content,
        };
        let draft = EntryDraft {
            entry: random_entry(),
            kind: Kind::Change,
            adds,
            drops: Vec::new(),
            payload: &payload,
        };
        seal_entry(ground, draft, &mut rand::rng()).unwrap()
    }

    /// Seals an honest change of the drive.
    pub(crate) fn seal_drive(&self, ops: Vec<DriveOp>, adds: Vec<BlobId>) -> SealedEntry {
        let batch = crannog_core::drive::DriveBatch {
            ops,
            filler: Vec::new(),
        };
        self.seal_on(&self.ground(self.the_drive()), Content::Drive(batch), adds)
    }

    /// Appends to the real server, which must take it.
    pub(crate) async fn append(&self, journal: &JournalId, sealed: &SealedEntry) -> Receipt {
        let results = self
            .transport
            .append(journal, std::slice::from_ref(&sealed.entry), &[])
            .await
            .unwrap();
        match results.as_slice() {
            [AppendResult::Done(receipt)] => {
                receipt.verify(&self.receipt_key).unwrap();
                *receipt
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A fresh entry id.
pub(crate) fn random_entry() -> EntryId {
    let mut id = EntryId::ZERO;
    rand::rng().fill_bytes(&mut id.0);
    id
}

/// An entry as a server would show it, number and head to be filled in by the liar's order.
pub(crate) fn unplaced(entry: Entry) -> Stored {
    Stored {
        seq: 0,
        head: Hash::ZERO,
        entry,
        body_gone: false,
    }
}

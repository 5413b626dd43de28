//! A person who signs whatever a test wants: core and transport by hand, no engine. Her heads, receipts and outer signatures are right
//! unless the test bends them.

mod notes;
mod reading;
mod shares;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crannog_client::transport::{LoginKey, Transport};
use crannog_core::drive::{DriveBatch, DriveOp};
use crannog_core::identity::{
    AccountSecrets, Expected, HomeState, KnownChain, NewAccount, Opener, RecoverySheet, create_account,
};
use crannog_core::journal::{
    Author, Content, EntryDraft, EpochGrant, Ground, JournalKind, Payload, SealedEntry, seal_entry,
};
use crannog_proto::api::{AppendResult, Principal, Register, Stored};
use crannog_proto::sigchain::SigchainState;
use crannog_proto::sign::{Signature, VerifyingKey, message};
use crannog_proto::{AccountId, BlobId, DeviceId, Entry, EntryId, Hash, JournalId, Kind, Receipt};
use crannog_seal::schedule::{DeviceKeys, DeviceSeed};
use rand::Rng;

use crate::Sheet;

pub use self::notes::{Dropped, Signed};
pub use self::reading::Reading;
pub use self::shares::Envelopes;

/// The name of an insider's device.
pub const DEVICE_NAME: &str = "insider";

/// Milliseconds since 1970 of all entries that insiders write.
pub const NOW: i64 = 1_800_000_000_000;

/// The hostile person. She made the account, so she has every key of it.
pub struct Insider {
    /// Her name.
    pub name: String,
    /// What she wrote down.
    pub sheet: Sheet,
    /// The account.
    pub account: AccountId,
    /// Her device.
    pub device: DeviceId,
    /// That device's keys.
    pub keys: DeviceKeys,
    /// A real transport, straight to the server.
    pub transport: Transport,
    /// Her sigchain.
    pub known: KnownChain,
    /// The account's secrets.
    pub secrets: AccountSecrets,
    /// Home, read.
    pub home: Option<Reading>,
    /// What home says.
    pub home_state: HomeState,
    /// The default drive, read.
    pub drive: Option<Reading>,
    /// Sigchains of others, as she asked for them last.
    pub others: HashMap<AccountId, KnownChain>,
    /// Secrets that she was given, or that she drew herself.
    pub grants: BTreeMap<(JournalId, u64), EpochGrant>,
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

impl Insider {
    /// Makes an account of her own.
    pub async fn join(url: &str, invite: &str, name: &str) -> Self {
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
            name: name.to_owned(),
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
            others: HashMap::new(),
            grants: BTreeMap::new(),
            home_id: home,
            receipt_key: server.receipt_key,
        };
        insider.sync().await;
        insider
    }

    /// Reads home and the default drive anew.
    pub async fn sync(&mut self) {
        let view = self.transport.account().await.unwrap();
        let (known, _) = self.known.follow(view.links).unwrap();
        self.secrets = AccountSecrets::open(
            known.state(),
            &view.secrets,
            Opener::Device(self.device, &self.keys.kem),
        )
        .unwrap();
        self.known = known;
        self.home_state = HomeState::default();
        let home = self.read(self.home_id, JournalKind::Home).await;
        for (payload, author) in home.payloads.iter().zip(&home.authors) {
            if let Content::Home(ops) = &payload.content {
                ops.iter()
                    .for_each(|op| self.home_state.apply(&author.device, op));
            }
        }
        self.home = Some(home);
        let drive = self.home_state.default_drive().copied();
        let drive = drive.or_else(|| self.home_state.drives().map(|drive| drive.journal).next());
        if let Some(id) = drive {
            self.drive = Some(self.read(id, JournalKind::Drive).await);
        }
    }

    /// The default drive, read.
    pub fn the_drive(&self) -> &Reading {
        self.drive.as_ref().expect("a drive")
    }

    /// What a person's sigchain says, as far as she knows.
    pub fn chain(&self, account: &AccountId) -> Option<&SigchainState> {
        if *account == self.account {
            return Some(self.known.state());
        }
        self.others.get(account).map(KnownChain::state)
    }

    /// Herself, as the author of entries and notes.
    pub fn author(&self) -> Author {
        Author {
            account: self.account,
            device: self.device,
        }
    }

    /// Where she would write next.
    pub fn ground(&self, reading: &Reading) -> Ground<'_> {
        reading
            .state
            .ground(self.author(), &self.keys.signing)
            .expect("a ground")
    }

    /// Seals a change on a ground that may be as crooked as the test likes.
    pub fn seal_on(&self, ground: &Ground<'_>, content: Content, adds: Vec<BlobId>) -> SealedEntry {
        let payload = Payload {
            time: NOW,
            device_name: DEVICE_NAME.to_owned(),
            cites: Vec::new(),
            content,
        };
        seal_payload(ground, &payload, adds)
    }

    /// Seals an honest change of the default drive.
    pub fn seal_drive(&self, ops: Vec<DriveOp>, adds: Vec<BlobId>) -> SealedEntry {
        self.seal_ops(self.the_drive(), ops, adds)
    }

    /// Seals an honest change of a drive.
    pub fn seal_ops(&self, reading: &Reading, ops: Vec<DriveOp>, adds: Vec<BlobId>) -> SealedEntry {
        let batch = DriveBatch {
            ops,
            filler: Vec::new(),
        };
        self.seal_on(&self.ground(reading), Content::Drive(batch), adds)
    }

    /// Appends to the real server; what it answers.
    pub async fn try_append(&self, journal: &JournalId, entry: &Entry) -> AppendResult {
        let results = self
            .transport
            .append(journal, std::slice::from_ref(entry), &[])
            .await
            .unwrap();
        results.into_iter().next().expect("one result for one entry")
    }

    /// Appends to the real server, which must take it.
    pub async fn append(&self, journal: &JournalId, sealed: &SealedEntry) -> Receipt {
        match self.try_append(journal, &sealed.entry).await {
            AppendResult::Done(receipt) => {
                receipt.verify(&self.receipt_key).unwrap();
                receipt
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Seals a change that says just this.
pub fn seal_payload(ground: &Ground<'_>, payload: &Payload, adds: Vec<BlobId>) -> SealedEntry {
    let draft = EntryDraft {
        entry: random_entry(),
        kind: Kind::Change,
        adds,
        drops: Vec::new(),
        payload,
    };
    seal_entry(ground, draft, &mut rand::rng()).unwrap()
}

/// A fresh entry id.
pub fn random_entry() -> EntryId {
    let mut id = EntryId::ZERO;
    rand::rng().fill_bytes(&mut id.0);
    id
}

/// An entry as a server would show it, number and head to be filled in by the liar's order.
pub fn unplaced(entry: Entry) -> Stored {
    Stored {
        seq: 0,
        head: Hash::ZERO,
        entry,
        body_gone: false,
    }
}

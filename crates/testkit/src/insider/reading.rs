//! Journals as an insider reads them: forward with every check that core makes, and back for the epochs before hers.

use crannog_core::drive::DriveOp;
use crannog_core::identity::{Expected, KnownChain};
use crannog_core::journal::{
    Author, Content, EpochGrant, JournalKind, JournalState, Keys, OpenedEntry, Payload, ReadError, Sources,
    StateChange, pending_blobs, previous_read_secret,
};
use crannog_proto::api::Stored;
use crannog_proto::{AccountId, Hash, Header, JournalId, Kind, decode, limits};

use super::Insider;

/// One journal, read from its beginning.
#[derive(Debug)]
pub struct Reading {
    /// As far as it was read.
    pub state: JournalState,
    /// Every entry, as the server gave it.
    pub stored: Vec<Stored>,
    /// What the entries say.
    pub payloads: Vec<Payload>,
    /// Who says it.
    pub authors: Vec<Author>,
}

impl Reading {
    /// Its id.
    pub fn id(&self) -> JournalId {
        *self.state.id()
    }

    /// Its last place.
    pub fn last(&self) -> (u64, Hash) {
        let last = self.stored.last().expect("a journal that was read");
        (last.seq, last.head)
    }

    /// The operations of all its entries.
    pub fn drive_ops(&self) -> impl Iterator<Item = &DriveOp> {
        self.payloads.iter().flat_map(|payload| match &payload.content {
            Content::Drive(batch) => batch.ops.as_slice(),
            _ => &[],
        })
    }

    /// The same place in the same journal once more.
    pub fn again(&self) -> Self {
        Self {
            state: JournalState::restore(&self.state.snapshot()).unwrap(),
            stored: self.stored.clone(),
            payloads: self.payloads.clone(),
            authors: self.authors.clone(),
        }
    }
}

impl Insider {
    /// Asks the directory for a person by name.
    pub async fn meet(&mut self, name: &str) -> AccountId {
        let entry = self.transport.directory(name).await.unwrap();
        let known = KnownChain::first(entry.links, &Expected::default()).unwrap();
        let account = known.state().account;
        self.others.insert(account, known);
        account
    }

    /// Asks the directory for a person by account.
    pub async fn meet_account(&mut self, account: &AccountId) {
        let entry = self.transport.directory_of(account).await.unwrap();
        let known = KnownChain::first(entry.links, &Expected::default()).unwrap();
        self.others.insert(*account, known);
    }

    /// Reads a share of which she was given, or drew, the newest secrets.
    pub async fn read_share(&mut self, id: JournalId) -> Reading {
        self.walk_back(&id).await;
        self.read(id, JournalKind::Drive).await
    }

    pub(super) async fn read(&mut self, id: JournalId, kind: JournalKind) -> Reading {
        let mut reading = Reading {
            state: JournalState::new(id, kind, self.account),
            stored: Vec::new(),
            payloads: Vec::new(),
            authors: Vec::new(),
        };
        self.read_on(&mut reading).await;
        reading
    }

    /// Reads what the server has beyond this, until the end or until she is removed.
    pub async fn read_on(&mut self, reading: &mut Reading) {
        let id = reading.id();
        while !reading.state.is_removed() {
            let after = reading.state.last().map(|last| last.seq);
            let token = self.token(reading);
            let page = self.transport.entries(&id, &token, after, 512).await.unwrap();
            if page.entries.is_empty() {
                return;
            }
            for stored in page.entries {
                let body = self.body(&id, &token, &stored).await;
                self.take(reading, stored, body).await;
                if reading.state.is_removed() {
                    return;
                }
            }
        }
    }

    /// Reads one entry that must be good; asks for sigchains that it needs.
    pub async fn take(&mut self, reading: &mut Reading, stored: Stored, body: Option<Vec<u8>>) {
        for _ in 0..8 {
            match self.try_open(reading, &stored, body.as_deref()) {
                Ok((opened, change)) => {
                    reading.state.commit(change).unwrap();
                    reading.stored.push(stored);
                    reading.payloads.extend(opened.payload);
                    reading.authors.extend(opened.author);
                    return;
                }
                Err(ReadError::NeedsChain { account, .. }) => self.meet_account(&account).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("a sigchain that the directory does not give");
    }

    /// Opens an entry as the next one; nothing is kept.
    pub fn try_open(
        &self,
        reading: &Reading,
        stored: &Stored,
        body: Option<&[u8]>,
    ) -> Result<(OpenedEntry, StateChange), ReadError> {
        let head_at = |seq: u64| {
            reading
                .stored
                .get(usize::try_from(seq).ok()?)
                .map(|stored| stored.head)
        };
        let id = reading.id();
        let given = |epoch| {
            let recorded = self.home_state.secrets(&id, epoch).cloned();
            recorded.or_else(|| self.grants.get(&(id, epoch)).cloned())
        };
        let sources = Sources {
            head_at: &head_at,
            entry_known: &|_| false,
            chain: &|account| self.chain(account),
            keys: Keys {
                account: &self.secrets,
                given: &given,
            },
            floor: None,
        };
        reading.state.open(stored, body, &sources)
    }

    /// An entry's body, if it travels in blobs.
    async fn body(&self, id: &JournalId, token: &[u8; 32], stored: &Stored) -> Option<Vec<u8>> {
        let blobs = pending_blobs(stored);
        let mut body = Vec::new();
        for blob in &blobs {
            let blob = self.transport.get_blob(id, token, blob, limits::BLOB_MAX).await;
            body.extend_from_slice(blob.unwrap().bytes());
        }
        (!blobs.is_empty()).then_some(body)
    }

    /// The newest token that she has.
    pub fn token(&self, reading: &Reading) -> [u8; 32] {
        let id = reading.id();
        let (epoch, grant) = self.newest_grant(reading).expect("secrets of the journal");
        *grant.secrets(&id, epoch).read_token().expose_to_server()
    }

    fn newest_grant(&self, reading: &Reading) -> Option<(u64, EpochGrant)> {
        let id = reading.id();
        if id == self.home_id {
            let epoch = u64::from(self.secrets.current()?.generation());
            return Some((epoch, self.secrets.home_grant(&id, epoch)?));
        }
        let (state, home) = (&reading.state, &self.home_state);
        let read = state
            .epoch()
            .and_then(|epoch| Some((epoch, state.grant(epoch)?.clone())));
        let recorded = home.journals().find(|(journal, ..)| *journal == id);
        let recorded = recorded.and_then(|(.., epoch)| Some((epoch, home.secrets(&id, epoch)?.clone())));
        let given = self.grants.range((id, 0)..=(id, u64::MAX)).next_back();
        let given = given.map(|((_, epoch), grant)| (*epoch, grant.clone()));
        let all = [read, recorded, given].into_iter().flatten();
        all.max_by_key(|(epoch, _)| *epoch)
    }

    /// Every entry that her newest token shows, unread.
    pub async fn raw(&self, id: &JournalId, token: &[u8; 32]) -> Vec<Stored> {
        let mut all: Vec<Stored> = Vec::new();
        loop {
            let after = all.last().map(|stored| stored.seq);
            let page = self.transport.entries(id, token, after, 512).await.unwrap();
            if page.entries.is_empty() {
                return all;
            }
            all.extend(page.entries);
        }
    }

    /// The read secrets of the epochs before the newest that she was given.
    async fn walk_back(&mut self, id: &JournalId) {
        let given = self.grants.range((*id, 0)..=(*id, u64::MAX)).next_back();
        let (newest, grant) = given
            .map(|((_, epoch), grant)| (*epoch, grant.clone()))
            .expect("an invite");
        let token = *grant.secrets(id, newest).read_token().expose_to_server();
        let all = self.raw(id, &token).await;
        for epoch in (1..=newest).rev() {
            let opened_it = |stored: &&Stored| {
                let header: Header = decode(&stored.entry.header).unwrap();
                matches!(header.kind, Kind::Rekey { .. }) && header.epoch + 1 == epoch
            };
            let rekey = all.iter().find(opened_it).expect("a rekey");
            let body = self.body(id, &token, rekey).await;
            let secrets = self.grants[&(*id, epoch)].secrets(id, epoch);
            let read = previous_read_secret(&rekey.entry, body.as_deref(), &secrets);
            let read = read.unwrap().expect("a drive");
            let before = self.grants.entry((*id, epoch - 1));
            before.or_insert(EpochGrant::of_reader(read));
        }
    }
}

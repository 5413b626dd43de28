//! What a reader keeps of a journal between entries.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::sigchain::Cite;
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{AccountId, DecodeError, EntryId, EpochPublic, Hash, JournalId, Seen, decode, encode};
use crannog_seal::schedule::{BodyKey, EpochSecrets};
use crannog_seal::sign::{DeviceSigningKey, EpochAdminKey};
use zeroize::Zeroizing;

use super::error::WriteError;
use super::grant::EpochGrant;
use super::payload::{Author, JournalKind, Member, Role};
use super::rights::{Chains, newest};
use super::seal::Ground;

/// The version of the snapshot's bytes; version 1 kept every list.
const SNAPSHOT: u8 = 2;

/// The reign of one set of keys.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(super) struct Epoch {
    /// The entry that opened it.
    pub(super) begins: u64,
    pub(super) public: EpochPublic,
    pub(super) members: Vec<Member>,
    pub(super) grant: EpochGrant,
}

/// Why nothing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum End {
    /// A Close.
    Closed,
    /// A rekey without this account.
    Removed,
}

/// A journal as far as this device has read it: epochs with members and secrets, the last head, citations.
///
/// It is changed by [`commit`](Self::commit) alone. Its snapshot holds secrets: into the encrypted database with it.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub struct JournalState {
    pub(super) id: JournalId,
    pub(super) kind: JournalKind,
    pub(super) me: AccountId,
    /// By number. Only the last one has its list.
    pub(super) epochs: Vec<Epoch>,
    /// Since which epoch, opened where, each member is one without a break.
    since: BTreeMap<AccountId, (u64, u64)>,
    creator: Option<AccountId>,
    /// Some list had more than one member.
    shared: bool,
    /// The newest citation of everyone who was ever cited.
    pub(super) cited: BTreeMap<AccountId, Cite>,
    pub(super) last: Option<Seen>,
    /// The highest `through` of a checkpoint.
    pub(super) checkpoint: Option<u64>,
    pub(super) end: Option<End>,
    #[borsh(skip)]
    body_key: OnceLock<BodyKey>,
}

/// What an opened entry changes. Made by [`JournalState::open`], used up by [`JournalState::commit`].
#[derive(Debug)]
pub struct StateChange {
    pub(super) before: Option<Seen>,
    pub(super) last: Seen,
    pub(super) entry: EntryId,
    pub(super) cites: Vec<Cite>,
    pub(super) epoch: Option<Epoch>,
    pub(super) checkpoint: Option<u64>,
    pub(super) end: Option<End>,
}

impl StateChange {
    /// The entry's id, to be recorded with its seq: it may not come again (CHK-015).
    pub fn entry(&self) -> &EntryId {
        &self.entry
    }

    /// Place and head, to be recorded: later entries name them as seen (CHK-014).
    pub fn last(&self) -> &Seen {
        &self.last
    }
}

impl JournalState {
    /// Nothing read yet. `kind` is what home says that the journal is; `me` is the account that reads.
    pub fn new(id: JournalId, kind: JournalKind, me: AccountId) -> Self {
        Self {
            id,
            kind,
            me,
            epochs: Vec::new(),
            since: BTreeMap::new(),
            creator: None,
            shared: false,
            cited: BTreeMap::new(),
            last: None,
            checkpoint: None,
            end: None,
            body_key: OnceLock::new(),
        }
    }

    /// Takes what an entry changes; to be done in the transaction that stores the entry's other effects.
    pub fn commit(&mut self, change: StateChange) -> Result<(), WriteError> {
        if change.before != self.last {
            return Err(WriteError::Order);
        }
        self.last = Some(change.last);
        self.cited
            .extend(change.cites.into_iter().map(|cite| (cite.account, cite)));
        self.checkpoint = self.checkpoint.max(change.checkpoint);
        self.end = change.end;
        if let Some(epoch) = change.epoch {
            self.enter(epoch);
        }
        Ok(())
    }

    /// What lists before the current one have to tell is kept apart: the state costs what the journal has of members now.
    fn enter(&mut self, epoch: Epoch) {
        let number = self.epochs.len() as u64;
        let since = |member: &Member| {
            let known = self.since.get(&member.account).copied();
            (member.account, known.unwrap_or((number, epoch.begins)))
        };
        self.since = epoch.members.iter().map(since).collect();
        self.creator = self
            .creator
            .or_else(|| epoch.members.first().map(|first| first.account));
        self.shared |= epoch.members.len() > 1;
        if let Some(before) = self.epochs.last_mut() {
            before.members = Vec::new();
        }
        self.epochs.push(epoch);
        self.body_key = OnceLock::new();
    }

    /// The bytes to keep, secrets included.
    pub fn snapshot(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(encode(self));
        bytes.insert(0, SNAPSHOT);
        bytes
    }

    /// Reads what [`snapshot`](Self::snapshot) gave. The bytes come from the device's own encrypted database.
    pub fn restore(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.split_first() {
            Some((&SNAPSHOT, rest)) => decode(rest),
            Some((1, rest)) => decode(rest).map(StateV1::into_state),
            _ => Err(DecodeError {
                expected: "JournalState, version 1 or 2",
            }),
        }
    }

    /// Which journal.
    pub fn id(&self) -> &JournalId {
        &self.id
    }

    /// What for.
    pub fn kind(&self) -> JournalKind {
        self.kind
    }

    /// The last entry read.
    pub fn last(&self) -> Option<&Seen> {
        self.last.as_ref()
    }

    /// The `seq` of the next entry.
    pub fn next_seq(&self) -> u64 {
        self.last.map_or(0, |last| last.seq.saturating_add(1))
    }

    /// Whether the last entry closed it.
    pub fn is_closed(&self) -> bool {
        self.end == Some(End::Closed)
    }

    /// Whether a rekey left this account out.
    pub fn is_removed(&self) -> bool {
        self.end == Some(End::Removed)
    }

    /// The number of the current epoch.
    pub fn epoch(&self) -> Option<u64> {
        (self.epochs.len() as u64).checked_sub(1)
    }

    /// The current member list.
    pub fn members(&self) -> &[Member] {
        self.epochs.last().map_or(&[], |epoch| &epoch.members)
    }

    /// Who made the journal: the first of the first list; `None` before the genesis was read.
    pub fn creator(&self) -> Option<AccountId> {
        self.creator
    }

    /// Since when an account is a member without a break: the epoch, and the place of the entry that opened it. `None` if it is none now.
    pub fn member_since(&self, account: &AccountId) -> Option<(u64, u64)> {
        self.since.get(account).copied()
    }

    /// Whether it ever had more than one member.
    pub fn ever_shared(&self) -> bool {
        self.shared
    }

    /// What this account may do now.
    pub fn role(&self) -> Option<Role> {
        self.members()
            .iter()
            .find(|member| member.account == self.me)
            .map(|member| member.role)
    }

    /// The current public halves.
    pub fn public(&self) -> Option<&EpochPublic> {
        self.epochs.last().map(|epoch| &epoch.public)
    }

    /// The secrets of an epoch that was read.
    pub fn secrets(&self, epoch: u64) -> Option<EpochSecrets> {
        self.at(epoch).map(|known| known.grant.secrets(&self.id, epoch))
    }

    /// The grant of an epoch that was read, for home's `Secrets`.
    pub fn grant(&self, epoch: u64) -> Option<&EpochGrant> {
        self.at(epoch).map(|known| &known.grant)
    }

    /// The newest citation of every member.
    pub fn cites(&self) -> impl Iterator<Item = &Cite> {
        self.members()
            .iter()
            .map(|member| self.cited.get(&member.account).unwrap_or(&member.chain))
    }

    /// Where this device writes next; `None` when nothing was read or the journal has ended for this account.
    pub fn ground<'a>(&self, author: Author, device_key: &'a DeviceSigningKey) -> Option<Ground<'a>> {
        if self.end.is_some() {
            return None;
        }
        let (seen, epoch) = (self.last?, self.epoch()?);
        let (secrets, admin) = (self.secrets(epoch)?, self.admin_key());
        Some(Ground {
            journal: self.id,
            secrets,
            admin,
            seen,
            author,
            device_key,
        })
    }

    /// Whether a member's sigchain has a newer generation than the one that the current list cites: then nothing new may be sealed
    /// before a refresh. Home follows epoch by epoch: a list that cites the newest generation is not enough there, because epoch e is
    /// sealed under generation e, whose secret a device that was revoked later still holds.
    pub fn needs_refresh(&self, chains: Chains<'_>) -> bool {
        self.members()
            .iter()
            .filter_map(|member| Some((member, chains(&member.account)?)))
            .any(|(member, chain)| {
                let newest = chain.generation();
                let home = self.kind == JournalKind::Home;
                let behind = home && newest.map(|newest| u64::from(newest.number)) > self.epoch();
                behind || chain.generation_at(&member.chain) != newest
            })
    }

    /// CHK-032: whether the current list must go before anything is sealed: it [needs a refresh](Self::needs_refresh), or has
    /// someone whose removal is decided.
    pub fn outdated(&self, chains: Chains<'_>, removals: &[AccountId]) -> bool {
        let goes = |member: &Member| removals.contains(&member.account);
        self.needs_refresh(chains) || self.members().iter().any(goes)
    }

    /// The key behind the current admin key: a refresh keeps that of an earlier epoch.
    fn admin_key(&self) -> Option<EpochAdminKey> {
        let wanted = self.public()?.admin_key;
        let numbered = (0u64..).zip(&self.epochs);
        let mut held =
            numbered.filter(|(_, epoch)| epoch.public.admin_key == wanted && epoch.grant.admin.is_some());
        let (number, epoch) = held.next()?;
        epoch
            .grant
            .secrets(&self.id, number)
            .admin_key()
            .filter(|key| VerifyingKey(key.public()) == wanted)
    }

    /// The current epoch's body key, derived once.
    pub(super) fn body_key(&self) -> Option<&BodyKey> {
        let (number, epoch) = (self.epoch()?, self.epochs.last()?);
        Some(
            self.body_key
                .get_or_init(|| epoch.grant.secrets(&self.id, number).body_key()),
        )
    }

    /// The newest of what was cited of an account, with `more`.
    pub(super) fn newest_cite(
        &self,
        account: &AccountId,
        more: &[Cite],
        chains: Chains<'_>,
    ) -> Result<Option<Cite>, super::ReadError> {
        newest(account, more.iter().chain(self.cited.get(account)), chains)
    }

    /// The head that this state itself knows at a place.
    pub(super) fn own_head(&self, seq: u64) -> Option<Hash> {
        self.last.filter(|last| last.seq == seq).map(|last| last.head)
    }

    fn at(&self, epoch: u64) -> Option<&Epoch> {
        self.epochs.get(usize::try_from(epoch).ok()?)
    }
}

/// Version 1 of the snapshot.
#[derive(BorshDeserialize)]
struct StateV1 {
    id: JournalId,
    kind: JournalKind,
    me: AccountId,
    epochs: Vec<Epoch>,
    cited: BTreeMap<AccountId, Cite>,
    last: Option<Seen>,
    checkpoint: Option<u64>,
    end: Option<End>,
}

impl StateV1 {
    fn into_state(self) -> JournalState {
        let mut state = JournalState::new(self.id, self.kind, self.me);
        self.epochs.into_iter().for_each(|epoch| state.enter(epoch));
        state.cited = self.cited;
        state.last = self.last;
        state.checkpoint = self.checkpoint;
        state.end = self.end;
        state
    }
}

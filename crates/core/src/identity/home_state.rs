//! What home says: the last operation per key, in order.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::sigchain::Cite;
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{AccountId, DecodeError, DeviceId, JournalId, Seen, decode, encode};
use zeroize::Zeroizing;

use super::home_op::HomeOp;
use crate::drive::NodeId;
use crate::inbox::RecordedNote;
use crate::journal::{EpochGrant, JournalKind};

/// The version of the snapshot's bytes.
const SNAPSHOT: u8 = 2;
/// The version before had no removals, invites and shares; they come last, and this is how none of each is encoded.
const SNAPSHOT_V1: u8 = 1;
const V1_LACKS: [u8; 12] = [0; 12];
/// Most invites that wait at once; the oldest go first.
const INVITES_MAX: usize = 256;

/// A contact, as first seen or verified.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Pin {
    /// Her name.
    pub name: String,
    /// Her root.
    pub root: VerifyingKey,
    /// Her sigchain as last seen.
    pub chain: Cite,
    /// 0 not verified, 1 by QR, 2 by a shared word, 3 by comparing.
    pub verified: u8,
}

/// A drive, as home knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriveView<'a> {
    /// Which journal.
    pub journal: JournalId,
    /// Its name, if it was given one.
    pub name: Option<&'a str>,
    /// The newest epoch whose secrets are recorded.
    pub epoch: u64,
}

/// A checkpoint that is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vouch {
    /// Its entry.
    pub at: Seen,
    /// What it describes: the state after this place.
    pub through: u64,
}

/// The fold of home's operations. Holds secrets: its snapshot belongs into the encrypted database.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct HomeState {
    secrets: BTreeMap<(JournalId, u64), EpochGrant>,
    kinds: BTreeMap<JournalId, JournalKind>,
    names: BTreeMap<JournalId, String>,
    default: Option<JournalId>,
    heads: BTreeMap<(JournalId, DeviceId), Seen>,
    devices: BTreeMap<DeviceId, String>,
    vouches: BTreeMap<JournalId, Vouch>,
    pins: BTreeMap<AccountId, Pin>,
    mounts: BTreeMap<JournalId, (JournalId, NodeId)>,
    accepted: BTreeSet<[u8; 16]>,
    removals: BTreeSet<(JournalId, AccountId)>,
    invites: Vec<([u8; 16], RecordedNote)>,
    sharing: BTreeMap<JournalId, (JournalId, NodeId)>,
}

impl HomeState {
    /// Applies one operation of an opened entry that `device` wrote.
    pub fn apply(&mut self, device: &DeviceId, op: &HomeOp) {
        match op.clone() {
            HomeOp::Secrets {
                journal,
                kind,
                epoch,
                grant,
            } => {
                self.secrets.insert((journal, epoch), grant);
                self.kinds.insert(journal, kind);
            }
            HomeOp::DriveNamed { journal, name } => {
                self.names.insert(journal, name);
            }
            HomeOp::DriveRemoved { journal } => self.remove(&journal),
            HomeOp::DefaultDrive { journal } => self.default = Some(journal),
            HomeOp::Head { journal, seq, head } => {
                self.heads.insert((journal, *device), Seen { seq, head });
            }
            HomeOp::DeviceNamed { device, name } => {
                self.devices.insert(device, name);
            }
            HomeOp::Vouch {
                journal,
                seq,
                head,
                through,
            } => {
                let at = Seen { seq, head };
                // By what they describe: bodies before the furthest may be gone.
                let place = (through, seq);
                let known = self.vouches.get(&journal);
                if known.is_none_or(|known| (known.through, known.at.seq) <= place) {
                    self.vouches.insert(journal, Vouch { at, through });
                }
            }
            HomeOp::Pin {
                account,
                name,
                root,
                chain,
                verified,
            } => {
                self.pins.insert(
                    account,
                    Pin {
                        name,
                        root,
                        chain,
                        verified,
                    },
                );
            }
            HomeOp::Mount { journal, drive, node } => {
                self.mounts.insert(journal, (drive, node));
            }
            HomeOp::Accepted { drop } => {
                self.accepted.insert(drop);
                self.invites.retain(|(waiting, _)| *waiting != drop);
            }
            HomeOp::Removal {
                journal,
                account,
                wanted: true,
            } => {
                self.removals.insert((journal, account));
            }
            HomeOp::Removal { journal, account, .. } => {
                self.removals.remove(&(journal, account));
            }
            HomeOp::Invited { drop, note } => self.invite(drop, note),
            HomeOp::Sharing {
                journal,
                drive,
                node,
                done: false,
            } => {
                self.sharing.insert(journal, (drive, node));
            }
            HomeOp::Sharing { journal, .. } => {
                self.sharing.remove(&journal);
            }
        }
    }

    /// An invite that was settled before does not come back; one that is recorded again keeps its place.
    fn invite(&mut self, drop: [u8; 16], note: RecordedNote) {
        if self.accepted.contains(&drop) {
            return;
        }
        match self.invites.iter_mut().find(|(waiting, _)| *waiting == drop) {
            Some((_, waiting)) => *waiting = note,
            None => self.invites.push((drop, note)),
        }
        let over = self.invites.len().saturating_sub(INVITES_MAX);
        self.invites.drain(..over);
    }

    /// A drive that is gone leaves nothing behind.
    fn remove(&mut self, journal: &JournalId) {
        self.secrets.retain(|(of, _), _| of != journal);
        self.heads.retain(|(of, _), _| of != journal);
        self.mounts.retain(|of, (on, _)| of != journal && on != journal);
        self.removals.retain(|(of, _)| of != journal);
        self.sharing
            .retain(|of, (from, _)| of != journal && from != journal);
        self.kinds.remove(journal);
        self.names.remove(journal);
        self.vouches.remove(journal);
        self.default = self.default.filter(|of| of != journal);
    }

    /// The bytes to keep, secrets included.
    pub fn snapshot(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(encode(self));
        bytes.insert(0, SNAPSHOT);
        bytes
    }

    /// Reads what [`snapshot`](Self::snapshot) gave, of this version or the one before.
    pub fn restore(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.split_first() {
            Some((&SNAPSHOT, rest)) => decode(rest),
            Some((&SNAPSHOT_V1, rest)) => decode(&Zeroizing::new([rest, &V1_LACKS].concat())),
            _ => Err(DecodeError {
                expected: "HomeState, version 2",
            }),
        }
    }

    /// The secrets of an epoch: what [`Keys::given`](crate::journal::Keys) asks for.
    pub fn secrets(&self, journal: &JournalId, epoch: u64) -> Option<&EpochGrant> {
        self.secrets.get(&(*journal, epoch))
    }

    /// All recorded secrets of a journal, by ascending epoch.
    pub fn all_secrets(&self, journal: &JournalId) -> impl Iterator<Item = (u64, &EpochGrant)> {
        let epochs = self.secrets.range((*journal, 0)..=(*journal, u64::MAX));
        epochs.map(|((_, epoch), grant)| (*epoch, grant))
    }

    /// Every journal of which secrets are recorded, with its newest epoch.
    pub fn journals(&self) -> impl Iterator<Item = (JournalId, JournalKind, u64)> + '_ {
        self.kinds.iter().filter_map(|(journal, kind)| {
            let epochs = self.secrets.range((*journal, 0)..=(*journal, u64::MAX));
            epochs.last().map(|((_, epoch), _)| (*journal, *kind, *epoch))
        })
    }

    /// The drives.
    pub fn drives(&self) -> impl Iterator<Item = DriveView<'_>> {
        self.journals()
            .filter(|(_, kind, _)| *kind == JournalKind::Drive)
            .map(|(journal, _, epoch)| DriveView {
                journal,
                name: self.names.get(&journal).map(String::as_str),
                epoch,
            })
    }

    /// The drive that a plain path means.
    pub fn default_drive(&self) -> Option<&JournalId> {
        self.default.as_ref()
    }

    /// The heads that the account's devices recorded, to be compared with the own ones (CHK-013).
    pub fn heads(&self, journal: &JournalId) -> impl Iterator<Item = (&DeviceId, &Seen)> {
        let range = (*journal, DeviceId::ZERO)..=(*journal, DeviceId([0xFF; 16]));
        self.heads.range(range).map(|((_, device), seen)| (device, seen))
    }

    /// A device's name.
    pub fn device_name(&self, device: &DeviceId) -> Option<&str> {
        self.devices.get(device).map(String::as_str)
    }

    /// The checkpoint entry of a journal that this account vouched for.
    pub fn vouch(&self, journal: &JournalId) -> Option<&Vouch> {
        self.vouches.get(journal)
    }

    /// A contact.
    pub fn pin(&self, account: &AccountId) -> Option<&Pin> {
        self.pins.get(account)
    }

    /// All contacts.
    pub fn pins(&self) -> impl Iterator<Item = (&AccountId, &Pin)> {
        self.pins.iter()
    }

    /// Where a drive is mounted: in which other, at which node.
    pub fn mount(&self, journal: &JournalId) -> Option<&(JournalId, NodeId)> {
        self.mounts.get(journal)
    }

    /// All mounts: which drive, in which other, at which node.
    pub fn mounts(&self) -> impl Iterator<Item = (JournalId, JournalId, NodeId)> + '_ {
        self.mounts
            .iter()
            .map(|(journal, (drive, node))| (*journal, *drive, *node))
    }

    /// The mounts in one drive: at which node, which drive.
    pub fn mounts_in(&self, drive: JournalId) -> impl Iterator<Item = (NodeId, JournalId)> + '_ {
        self.mounts()
            .filter(move |(_, on, _)| *on == drive)
            .map(|(journal, _, node)| (node, journal))
    }

    /// What is mounted at a node; of several drives the one with the least id, on every device alike.
    pub fn mounted_at(&self, drive: &JournalId, node: &NodeId) -> Option<JournalId> {
        self.mounts()
            .find(|(_, on, at)| on == drive && at == node)
            .map(|(journal, ..)| journal)
    }

    /// Whether an inbox drop is settled: its note is not taken again (CHK-031).
    pub fn is_accepted(&self, drop: &[u8; 16]) -> bool {
        self.accepted.contains(drop)
    }

    /// The members of a journal whose removal is decided (CHK-032).
    pub fn removals(&self, journal: &JournalId) -> impl Iterator<Item = &AccountId> {
        let range = (*journal, AccountId::ZERO)..=(*journal, AccountId([0xFF; 32]));
        self.removals.range(range).map(|(_, account)| account)
    }

    /// The invites that wait, in order of recording: one-use id and SignedNote
    /// ([`NoteIn::recorded`](crate::inbox::NoteIn::recorded) reads it).
    pub fn invites(&self) -> impl Iterator<Item = (&[u8; 16], &[u8])> {
        self.invites.iter().map(|(drop, note)| (drop, note.as_bytes()))
    }

    /// What is on its way into a drive of its own: the new drive, the old one, and the node there.
    pub fn sharing(&self) -> impl Iterator<Item = (JournalId, JournalId, NodeId)> + '_ {
        self.sharing
            .iter()
            .map(|(journal, (drive, node))| (*journal, *drive, *node))
    }
}

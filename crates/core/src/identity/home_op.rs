//! What home entries say (`docs/spec/identity.md`, Home).

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::sigchain::Cite;
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{AccountId, DeviceId, Hash, JournalId};

use crate::drive::NodeId;
use crate::inbox::RecordedNote;
use crate::journal::{EpochGrant, JournalKind};

/// One operation of a home entry; the last one per key counts.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub enum HomeOp {
    /// The secrets of a journal's epoch.
    Secrets {
        /// Which journal.
        journal: JournalId,
        /// What it is for.
        kind: JournalKind,
        /// Which epoch.
        epoch: u64,
        /// Its secrets, as far as this account has them.
        grant: EpochGrant,
    },
    /// A drive's name.
    DriveNamed {
        /// Which.
        journal: JournalId,
        /// Its name.
        name: String,
    },
    /// A drive is gone.
    DriveRemoved {
        /// Which.
        journal: JournalId,
    },
    /// The drive that a plain path means.
    DefaultDrive {
        /// Which.
        journal: JournalId,
    },
    /// A head that this device saw (CHK-013).
    Head {
        /// Of which journal.
        journal: JournalId,
        /// Its place.
        seq: u64,
        /// The head there.
        head: Hash,
    },
    /// A device's name.
    DeviceNamed {
        /// Which.
        device: DeviceId,
        /// Its name.
        name: String,
    },
    /// The checkpoint entry at this place is true (CHK-030).
    Vouch {
        /// Of which journal.
        journal: JournalId,
        /// Its place.
        seq: u64,
        /// The head there.
        head: Hash,
        /// What it describes: the state after this place.
        through: u64,
    },
    /// A contact, as first seen or verified.
    Pin {
        /// Who.
        account: AccountId,
        /// Her name.
        name: String,
        /// Her root.
        root: VerifyingKey,
        /// Her sigchain as last seen.
        chain: Cite,
        /// 0 not verified, 1 by QR, 2 by a shared word, 3 by comparing.
        verified: u8,
    },
    /// The top of a drive appears at a node of another.
    Mount {
        /// Which appears.
        journal: JournalId,
        /// In which drive.
        drive: JournalId,
        /// At which folder or file.
        node: NodeId,
    },
    /// An inbox drop is settled.
    Accepted {
        /// Its one-use id.
        drop: [u8; 16],
    },
    /// A member shall go (CHK-032).
    Removal {
        /// Of which journal.
        journal: JournalId,
        /// Who.
        account: AccountId,
        /// False takes the wish back.
        wanted: bool,
    },
    /// An invite waits for its reader's word.
    Invited {
        /// Its one-use id.
        drop: [u8; 16],
        /// The invite, as it was verified.
        note: RecordedNote,
    },
    /// A folder or file is on its way into a drive of its own.
    Sharing {
        /// The new drive.
        journal: JournalId,
        /// In which drive the folder lies.
        drive: JournalId,
        /// Which folder or file.
        node: NodeId,
        /// It has arrived.
        done: bool,
    },
}

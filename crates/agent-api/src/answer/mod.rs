//! What the agent says while it works, and when it is done. These are also the `--json` forms.

mod account;
mod event;
mod files;
mod health;
mod history;
mod people;
mod transfers;

use serde::{Deserialize, Serialize};

pub use account::{DeviceInfo, RecoverySummary, Whoami};
pub use event::{Event, Note, Progress};
pub use files::{Changed, DriveInfo, NodeInfo, NodeKind, TrashInfo, UsageRow, VersionInfo};
pub use health::{Finding, Healed, HealedChain, HealedJournal, LostVersion, Status};
pub use history::{AuditInfo, LogInfo, News, NewsKind};
pub use people::{AcceptedInfo, ContactInfo, InviteInfo, MemberInfo, Person, SharedInfo};
pub use transfers::{Direction, TransferInfo, TransferState};

/// The last thing that an agent says to a request, unless it fails.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", content = "value", rename_all = "snake_case")]
pub enum Answer {
    /// Done, nothing to say.
    Ok,
    /// To Status.
    Status(Status),
    /// To Whoami, Join, Recover.
    Whoami(Whoami),
    /// To Devices.
    Devices(Vec<DeviceInfo>),
    /// To DriveList.
    Drives(Vec<DriveInfo>),
    /// To List and Find.
    Nodes(Vec<NodeInfo>),
    /// To Stat.
    Node(NodeInfo),
    /// To Versions.
    Versions(Vec<VersionInfo>),
    /// To TrashList.
    Trash(Vec<TrashInfo>),
    /// To all that change.
    Changed(Changed),
    /// To Usage.
    Usage(Vec<UsageRow>),
    /// To Doctor and VerifyStore.
    Findings(Vec<Finding>),
    /// To Heal.
    Healed(Healed),
    /// To Share.
    Shared(SharedInfo),
    /// To Accept.
    Accepted(AcceptedInfo),
    /// To Invites.
    Invites(Vec<InviteInfo>),
    /// To Members.
    Members(Vec<MemberInfo>),
    /// To Contacts.
    Contacts(Vec<ContactInfo>),
    /// To Log.
    Log(Vec<LogInfo>),
    /// To Audit.
    Audit(AuditInfo),
    /// To Transfers, PauseTransfers, ResumeTransfers and CancelTransfers: those that it concerned.
    Transfers(Vec<TransferInfo>),
}

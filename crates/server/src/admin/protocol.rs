//! What travels over the admin socket: one line of JSON each way.

use serde::{Deserialize, Serialize};

use crate::fsck::Report;
use crate::store::{AccountRow, Inspection, InviteRow, JobRow, Stats};

/// What an operator asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub(crate) enum Ask {
    /// Make an invite.
    InviteCreate {
        /// How many accounts.
        uses: u32,
        /// Seconds from now.
        expires: u64,
        /// Bytes per account; the default when absent.
        quota: Option<u64>,
    },
    /// All invites.
    InviteList,
    /// Take an invite back.
    InviteRevoke {
        /// First digits of its id.
        id: String,
    },
    /// All accounts.
    AccountList,
    /// Everything about one.
    Inspect {
        /// Its name.
        name: String,
    },
    /// Suspend, or let go on.
    AccountSuspend {
        /// Its name.
        name: String,
        /// Which of both.
        suspended: bool,
    },
    /// Delete with all that it created.
    AccountDelete {
        /// Its name.
        name: String,
    },
    /// Set a quota.
    QuotaSet {
        /// Whose.
        name: String,
        /// Bytes.
        bytes: u64,
    },
    /// Check the data directory.
    Fsck {
        /// Every byte.
        full: bool,
    },
    /// Counts.
    Stats,
    /// Is it well?
    Health,
    /// Remove no files for so long.
    Hold {
        /// Whose hold.
        name: String,
        /// At most an hour.
        seconds: u64,
        /// Only if it is still there.
        renew: bool,
    },
    /// End a hold.
    Release {
        /// Whose.
        name: String,
        /// A backup was made meanwhile.
        #[serde(default)]
        backed_up: bool,
    },
    /// Whether the server heals.
    Healing,
    /// Begin to heal (seconds since 1970 of the state that came back), or end it.
    SetHealing {
        /// When the state was taken that came back; none: it has ended.
        taken: Option<i64>,
    },
    /// When which job ran.
    JobList,
    /// Do a job now.
    JobRun {
        /// Which.
        name: String,
    },
}

/// What the server answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub(crate) enum Tell {
    /// An invite.
    Invite {
        /// The invite, a secret until used.
        invite: String,
        /// `crannog://host:port#fingerprint`.
        server: String,
    },
    /// Invites.
    Invites(Vec<InviteRow>),
    /// Accounts.
    Accounts(Vec<AccountRow>),
    /// An account.
    Inspection(Box<Inspection>),
    /// It was done.
    Done,
    /// A report.
    Fsck(Report),
    /// Counts.
    Stats(Stats),
    /// Jobs.
    Jobs(Vec<JobRow>),
    /// Whether it heals.
    Healing {
        /// When the state was taken that came back, seconds since 1970; none when it does not heal.
        taken: Option<i64>,
    },
    /// It is well.
    Health {
        /// Its version.
        version: String,
        /// Its address.
        server: String,
    },
    /// It was not done.
    Failed {
        /// What happened.
        message: String,
        /// What to do.
        hint: String,
    },
}

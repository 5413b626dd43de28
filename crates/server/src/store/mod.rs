//! What the server remembers. One trait, one method per transaction; SQLite today, Postgres tomorrow.
//!
//! A method returns only after its change is committed. [`Store::append`] and [`Store::register`], [`Store::create_journal`],
//! [`Store::append_link`], [`Store::give_back_account`], [`Store::give_back_chain`], [`Store::put_drop`] and [`Store::remove_drop`] return only after it is on disk; staging and sessions
//! may be lost with the power.
//! `contract::contract` is the suite that every backend passes.

#[cfg(test)]
pub(crate) mod contract;
mod rules;
pub(crate) mod sqlite;
mod types;

use crannog_proto::api::Drop;
use crannog_proto::entry::VerifiedEntry;
use crannog_proto::sigchain::GenerationSecrets;
use crannog_proto::{AccountId, BlobId, DeviceId, EpochPublic, Hash, JournalId};
use futures_util::future::BoxFuture;

use crate::clock::Hour;

pub use types::StoreError;
pub(crate) use types::{
    Account, AccountKey, AccountRow, Batch, BatchDone, BlobFile, ChainTaken, Dropped, Expiring, FileName,
    GivenBack, GivenChain, Holder, Inspection, InviteRow, JobRow, JournalRow, JournalView, LoginKey,
    NewAccount, NewDrop, NewInvite, NewLink, NewSession, NewStaged, Outcome, Placed, Reader, Row, SessionRow,
    Sigchain, Stands, Stats,
};

/// A step of the store, under way.
pub(crate) type Step<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Accounts, journals and blobs, as requests need them.
pub(crate) trait Store: Operator {
    /// Account, sigchain, home and one use of the invite, or none of it. Repeating it gives the first answer.
    fn register(&self, new: NewAccount) -> Step<'_, Placed>;
    /// What verifies a login: the device's key, or the root for `None`.
    fn login_key(&self, name: String, device: Option<DeviceId>) -> Step<'_, Option<LoginKey>>;
    /// Begins a session and spends the challenge; beyond 64 the oldest ends.
    fn open_session(&self, new: NewSession) -> Step<'_, ()>;
    /// A session by the hash of its token.
    fn session(&self, hash: Hash) -> Step<'_, Option<SessionRow>>;
    /// An account by name.
    fn account_named(&self, name: String) -> Step<'_, Option<Account>>;
    /// An account.
    fn account(&self, key: AccountKey) -> Step<'_, Option<Account>>;
    /// An account by its id.
    fn account_of(&self, id: AccountId) -> Step<'_, Option<Account>>;
    /// A sigchain by the account's id, that of a deleted account too. While one that was given back waits for a device of the account, it
    /// is that.
    fn sigchain(&self, account: AccountId) -> Step<'_, Option<Sigchain>>;
    /// Its sealed generations, ascending.
    fn generations(&self, key: AccountKey) -> Step<'_, Vec<GenerationSecrets>>;
    /// While the server heals: puts a longer chain and its secrets in the place of what is there, or makes the account again by one use of
    /// an invite. False if the chain no longer ends where it did.
    fn give_back_account(&self, given: GivenBack) -> Step<'_, bool>;
    /// While the server heals: keeps a longer chain for those who follow it, until a device of the account gives it back; one that is closed
    /// closes the account. `None` if the chain no longer ends where it did.
    fn give_back_chain(&self, given: GivenChain) -> Step<'_, Option<ChainTaken>>;
    /// Appends a verified link, if the chain still ends where it did. Not while the server heals.
    fn append_link(&self, key: AccountKey, new: NewLink) -> Step<'_, ()>;
    /// Appends the verified link that closes the account, not while the server heals, and deletes it as [`Operator::delete_account`] does; its name stays taken. Gives back
    /// the files.
    fn close_account(&self, key: AccountKey, new: NewLink) -> Step<'_, Vec<FileName>>;
    /// The sigchain of a closed account by its name.
    fn closed_named(&self, name: String) -> Step<'_, Option<Sigchain>>;

    /// Puts a drop into an inbox that is not full. Repeating it changes nothing while the first lies there.
    fn put_drop(&self, new: NewDrop) -> Step<'_, Dropped>;
    /// The oldest drops of an inbox that have not expired, at most a page.
    fn drops(&self, key: AccountKey, now: Hour) -> Step<'_, Vec<Drop>>;
    /// Whether there are any.
    fn has_drops(&self, key: AccountKey, now: Hour) -> Step<'_, bool>;
    /// Removes a drop of this account, if it is there.
    fn remove_drop(&self, key: AccountKey, id: [u8; 16]) -> Step<'_, ()>;

    /// Makes a journal. Repeating it gives the first answer. While the server heals, only what `gives_back` is taken.
    fn create_journal(
        &self,
        creator: AccountKey,
        genesis: VerifiedEntry,
        gives_back: bool,
    ) -> Step<'_, Placed>;
    /// A journal.
    fn journal(&self, id: JournalId) -> Step<'_, Option<JournalView>>;
    /// The public halves of an epoch.
    fn epoch(&self, id: JournalId, epoch: u64) -> Step<'_, Option<EpochPublic>>;
    /// What a read token opens.
    fn reader(&self, id: JournalId, token: Hash) -> Step<'_, Option<Reader>>;
    /// Entries `from` to `to`, at most so many and so many bytes, at least one if there is one.
    fn entries(&self, id: JournalId, from: u64, to: u64, limit: usize) -> Step<'_, Vec<Row>>;
    /// Appends entries by all rules of `docs/spec/journal.md`, section Order.
    fn append(&self, batch: Batch) -> Step<'_, BatchDone>;

    /// Stages a blob; gives back the file that it replaces.
    fn stage(&self, new: NewStaged) -> Step<'_, Option<FileName>>;
    /// Forgets a staged blob whose file turned out bad.
    fn unstage(&self, id: JournalId, file: BlobFile) -> Step<'_, ()>;
    /// A blob that the journal holds, dropped or not.
    fn blob(&self, id: JournalId, blob: BlobId) -> Step<'_, Option<BlobFile>>;
    /// Whether the body of an entry from `from` to `to` lies in this blob.
    fn is_body(&self, id: JournalId, blob: BlobId, from: u64, to: u64) -> Step<'_, bool>;
    /// Those of these blobs that the journal does not hold.
    fn lacking(&self, id: JournalId, blobs: Vec<BlobId>) -> Step<'_, Vec<BlobId>>;
    /// Which of these blobs are staged in files not yet known to be on disk.
    fn unsynced(&self, id: JournalId, blobs: Vec<BlobId>) -> Step<'_, Vec<BlobFile>>;
}

/// What the operator and the jobs need.
pub(crate) trait Operator: Send + Sync + 'static {
    /// Makes an invite.
    fn create_invite(&self, new: NewInvite) -> Step<'_, ()>;
    /// All invites.
    fn invites(&self) -> Step<'_, Vec<InviteRow>>;
    /// Whether an invite of this hash would let somebody in now.
    fn is_invited(&self, invite: Hash, now: Hour) -> Step<'_, bool>;
    /// Takes one back by the first digits of its hash; says how many matched.
    fn revoke_invite(&self, id: String) -> Step<'_, u64>;
    /// All accounts.
    fn accounts(&self) -> Step<'_, Vec<AccountRow>>;
    /// Everything about one.
    fn inspect(&self, name: String) -> Step<'_, Option<Inspection>>;
    /// Suspends, or lets go on; says whether there is such an account.
    fn suspend(&self, name: String, suspended: bool) -> Step<'_, bool>;
    /// Sets a quota; says whether there is such an account.
    fn set_quota(&self, name: String, quota: u64) -> Step<'_, bool>;
    /// Deletes an account with everything that it created and its inbox; its sigchain is kept under its id. Gives back the files.
    fn delete_account(&self, name: String) -> Step<'_, Option<Vec<FileName>>>;
    /// Counts.
    fn stats(&self) -> Step<'_, Stats>;
    /// Forgets what has expired by now. Gives back the files that nothing names any more.
    fn expire(&self, what: Expiring, now: Hour) -> Step<'_, Vec<FileName>>;
    /// Takes the lease of a job until then, or makes it longer; says whether it is this holder's.
    fn lease_job(&self, name: &'static str, holder: Holder, now: Hour, until: Hour) -> Step<'_, bool>;
    /// Gives a lease back and keeps how it went, if it is still this holder's.
    fn end_job(&self, name: &'static str, holder: Holder, now: Hour, success: bool) -> Step<'_, ()>;
    /// Ends the leases of processes that are known to be dead.
    fn end_leases(&self) -> Step<'_, ()>;
    /// The jobs that ever ran.
    fn jobs(&self) -> Step<'_, Vec<JobRow>>;
    /// The files whose names begin with this byte.
    fn files(&self, shard: u8) -> Step<'_, Vec<BlobFile>>;
    /// The staged blobs whose files are not yet known to be on disk.
    fn staged(&self) -> Step<'_, Vec<(JournalId, BlobFile)>>;
    /// Up to 1,000 journals behind this one, in order of their ids.
    fn journals(&self, after: Option<JournalId>) -> Step<'_, Vec<JournalId>>;
    /// When the backup was taken from which the server was restored, while it waits for what came later.
    fn healing(&self) -> Step<'_, Option<i64>>;
    /// Begins to wait so, or ends it.
    fn set_healing(&self, taken: Option<i64>) -> Step<'_, ()>;
    /// The backend's own check of itself: what it found wrong.
    fn check(&self) -> Step<'_, Vec<String>>;
    /// Finishes what is under way and closes; every later call fails.
    fn close(&self) -> Step<'_, ()>;
}

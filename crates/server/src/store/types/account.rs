//! Accounts, their sigchains, sessions and inboxes.

use crannog_proto::api::LinkSecrets;
use crannog_proto::entry::VerifiedEntry;
use crannog_proto::sigchain::{GenerationSecrets, SignedLink};
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{AccountId, DeviceId, Hash, JournalId};

use super::{AccountKey, FileName};
use crate::clock::Hour;

/// A person who wants in; everything is verified but the invite and the name.
#[derive(Debug)]
pub(crate) struct NewAccount {
    /// Hash of the invite.
    pub(crate) invite: Hash,
    /// The account.
    pub(crate) account: AccountId,
    /// Its name.
    pub(crate) name: String,
    /// Its root.
    pub(crate) root: VerifyingKey,
    /// Its first device.
    pub(crate) device: (DeviceId, VerifyingKey),
    /// The Create link.
    pub(crate) link: SignedLink,
    /// Generation 0.
    pub(crate) secrets: GenerationSecrets,
    /// Home's genesis.
    pub(crate) home: VerifiedEntry,
    /// Now.
    pub(crate) now: Hour,
}

/// An account as stored.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// For further calls.
    pub(crate) key: AccountKey,
    /// Its name.
    pub(crate) name: String,
    /// Its sigchain.
    pub(crate) links: Vec<SignedLink>,
    /// Its home.
    pub(crate) home: JournalId,
    /// Bytes allowed.
    pub(crate) quota: u64,
    /// Bytes counted.
    pub(crate) used: u64,
}

/// Who may log in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoginKey {
    /// The account.
    pub(crate) account: AccountKey,
    /// What verifies the challenge.
    pub(crate) key: VerifyingKey,
    /// The operator suspended it.
    pub(crate) suspended: bool,
}

/// What a link was verified on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    /// The whole chain, which ended with this link.
    Last(Hash),
    /// The links up to this one, right before it. A root cuts off what account keys signed since, as far as it was seen or not.
    OverDevices {
        /// That link.
        prev: Hash,
    },
}

/// A verified link and what it changes.
#[derive(Debug)]
pub(crate) struct NewLink {
    /// The link.
    pub(crate) link: SignedLink,
    /// Its place.
    pub(crate) seq: u32,
    /// What must be true of the chain still.
    pub(crate) on: Stands,
    /// Its secrets.
    pub(crate) secrets: LinkSecrets,
    /// The current generation afterwards.
    pub(crate) generation: u32,
    /// The root afterwards; sessions of another end.
    pub(crate) root: VerifyingKey,
    /// The devices afterwards; sessions of others end.
    pub(crate) devices: Vec<(DeviceId, VerifyingKey)>,
}

/// An account that comes back whole; everything is verified but the invite and the name.
#[derive(Debug)]
pub(crate) struct GivenBack {
    /// The account.
    pub(crate) account: AccountId,
    /// The last link of the chain that this one was found to continue; none where there was none.
    pub(crate) on: Option<Hash>,
    /// How many generations that one has in common with this one.
    pub(crate) kept: u32,
    /// Its name.
    pub(crate) name: String,
    /// The root in force.
    pub(crate) root: VerifyingKey,
    /// The devices that are valid; sessions of others end.
    pub(crate) devices: Vec<(DeviceId, VerifyingKey)>,
    /// The whole chain.
    pub(crate) links: Vec<SignedLink>,
    /// All generations.
    pub(crate) secrets: Vec<GenerationSecrets>,
    /// Hash of an invite, and home's genesis: for an account that is not known.
    pub(crate) invited: Option<(Hash, VerifiedEntry)>,
    /// Now.
    pub(crate) now: Hour,
}

/// A verified sigchain that others follow.
#[derive(Debug)]
pub(crate) struct GivenChain {
    /// Whose.
    pub(crate) account: AccountId,
    /// Who gives it back.
    pub(crate) by: AccountKey,
    /// The last link of the chain that this one was found to continue; none where there was none.
    pub(crate) on: Option<Hash>,
    /// The account's name.
    pub(crate) name: String,
    /// It ends with a Close.
    pub(crate) closed: bool,
    /// All of it.
    pub(crate) links: Vec<SignedLink>,
}

/// What became of a sigchain that others follow.
#[derive(Debug, Default)]
pub(crate) struct ChainTaken {
    /// The account that it closed.
    pub(crate) closed: Option<AccountKey>,
    /// Files that nothing names any more.
    pub(crate) freed: Vec<FileName>,
}

/// A session about to begin.
#[derive(Debug)]
pub(crate) struct NewSession {
    /// Hash of its token.
    pub(crate) hash: Hash,
    /// Whose.
    pub(crate) account: AccountKey,
    /// Which device; none for the root.
    pub(crate) device: Option<DeviceId>,
    /// Its end.
    pub(crate) expires: Hour,
    /// Hash of the challenge, which is spent by this.
    pub(crate) challenge: Hash,
    /// Now.
    pub(crate) now: Hour,
}

/// A session as stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionRow {
    /// Whose.
    pub(crate) account: AccountKey,
    /// By the root key.
    pub(crate) root: bool,
    /// Its end.
    pub(crate) expires: Hour,
    /// The operator suspended the account.
    pub(crate) suspended: bool,
}

/// A sigchain, that of a deleted account too.
#[derive(Debug, Clone)]
pub(crate) struct Sigchain {
    /// The account's name; after its deletion it may be another's.
    pub(crate) name: String,
    /// Its links.
    pub(crate) links: Vec<SignedLink>,
}

/// Something sealed for an account.
#[derive(Debug)]
pub(crate) struct NewDrop {
    /// Its id.
    pub(crate) id: [u8; 16],
    /// For whom.
    pub(crate) account: AccountId,
    /// The bytes.
    pub(crate) sealed: Vec<u8>,
    /// When it is forgotten.
    pub(crate) expires: Hour,
}

/// Where a drop lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// In whose inbox.
    pub(crate) account: AccountKey,
    /// It did not lie there before.
    pub(crate) fresh: bool,
}

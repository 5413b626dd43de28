//! A sigchain as this device knows it: what the server serves later must continue it (CHK-006, CHK-007, CHK-008).

use borsh::{BorshDeserialize, BorshSerialize};
use crannog_proto::sigchain::{ChainError, SigchainState, SignedLink, verify_chain};
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{AccountId, DecodeError, DeviceId, decode, encode};

use crate::check::Check;

/// A sigchain is refused: the server's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{check}")]
pub struct ChainRefused {
    /// Which check failed.
    pub check: Check,
    /// What is wrong with the chain, if it does not even verify.
    pub source: Option<ChainError>,
}

/// Whose chain it must be; what is absent is not compared.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// The name that the directory was asked for.
    pub name: Option<&'a str>,
    /// The account, where it is known.
    pub account: Option<AccountId>,
    /// The root: of the words, or pinned.
    pub root: Option<VerifyingKey>,
}

/// What changed since the chain was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainNews {
    /// Devices that are no longer valid.
    pub gone: Vec<DeviceId>,
    /// Devices that are new.
    pub added: Vec<DeviceId>,
    /// There is a newer generation: everything that its keys could read needs a rekey.
    pub generation: bool,
    /// New words: work with this person stops until someone has looked.
    pub root: bool,
    /// A root cut off links that were known.
    pub cut: bool,
    /// She closed her account.
    pub closed: bool,
}

/// Verified links, kept as they came.
#[derive(Debug, Clone)]
pub struct KnownChain {
    links: Vec<SignedLink>,
    state: SigchainState,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct StoredV1 {
    version: u8,
    links: Vec<SignedLink>,
}

impl KnownChain {
    /// A chain seen for the first time (CHK-006, CHK-008).
    pub fn first(links: Vec<SignedLink>, expected: &Expected<'_>) -> Result<Self, ChainRefused> {
        let state = verify_chain(&links).map_err(refused)?;
        let other = expected.name.is_some_and(|name| name != state.name)
            || expected.account.is_some_and(|account| account != state.account)
            || expected.root.is_some_and(|root| root != state.root);
        if other {
            return Err(ChainRefused {
                check: Check::Root,
                source: None,
            });
        }
        Ok(Self { links, state })
    }

    /// The chain as served now: it must be the same account's and continue this one (CHK-006, CHK-007, CHK-008). `self` stays
    /// what is known until the caller stores the answer.
    pub fn follow(&self, links: Vec<SignedLink>) -> Result<(Self, ChainNews), ChainRefused> {
        let expected = Expected {
            account: Some(self.state.account),
            ..Expected::default()
        };
        let next = Self::first(links, &expected)?;
        next.state.check_continues(&self.state).map_err(refused)?;
        let ids = |state: &SigchainState| -> Vec<DeviceId> {
            state.devices.iter().map(|device| device.id).collect()
        };
        let (before, after) = (ids(&self.state), ids(&next.state));
        let known = self.state.cite();
        let news = ChainNews {
            gone: before.iter().filter(|id| !after.contains(id)).copied().collect(),
            added: after.iter().filter(|id| !before.contains(id)).copied().collect(),
            generation: self.state.generation() != next.state.generation(),
            root: self.state.root != next.state.root,
            closed: next.state.closed && !self.state.closed,
            cut: next.state.link_hash(known.seq) != Some(known.head),
        };
        Ok((next, news))
    }

    /// How many of these links a server lacks that serves `links`: none where those continue this chain, some where this chain continues
    /// those, as after a restore. A chain that does neither is refused (CHK-006, CHK-007, CHK-008).
    pub fn beyond(&self, links: Vec<SignedLink>) -> Result<usize, ChainRefused> {
        let refusal = match self.follow(links.clone()) {
            Ok(_) => return Ok(0),
            Err(refusal) => refusal,
        };
        let common = self.links.iter().zip(&links).take_while(|(a, b)| a == b);
        let lacking = self.links.len() - common.count();
        let earlier = Self::first(
            links,
            &Expected {
                account: Some(self.state.account),
                ..Expected::default()
            },
        )?;
        match self.state.check_continues(&earlier.state) {
            Ok(()) => Ok(lacking),
            Err(_) => Err(refusal),
        }
    }

    /// What the chain says.
    pub fn state(&self) -> &SigchainState {
        &self.state
    }

    /// The links, as served.
    pub fn links(&self) -> &[SignedLink] {
        &self.links
    }

    /// The chain without its last links, for a [`recover`](super::recover) that cuts them off; `None` if none would stay.
    pub fn up_to(&self, seq: u32) -> Option<SigchainState> {
        let links = self.links.get(..=usize::try_from(seq).ok()?)?;
        verify_chain(links).ok()
    }

    /// The bytes to keep.
    pub fn to_stored(&self) -> Vec<u8> {
        encode(&StoredV1 {
            version: 1,
            links: self.links.clone(),
        })
    }

    /// What [`to_stored`](Self::to_stored) gave, verified again.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, DecodeError> {
        let error = DecodeError {
            expected: "KnownChain, version 1",
        };
        let stored: StoredV1 = decode(bytes)?;
        if stored.version != 1 {
            return Err(error);
        }
        Self::first(stored.links, &Expected::default()).map_err(|_| error)
    }
}

fn refused(error: ChainError) -> ChainRefused {
    let check = match error {
        ChainError::Decode(_) => Check::Decode,
        ChainError::Version(_) => Check::Version,
        ChainError::Limit(_) => Check::Bounds,
        ChainError::RolledBack(_) => Check::ChainFloor,
        _ => Check::ChainLink,
    };
    ChainRefused {
        check,
        source: Some(error),
    }
}

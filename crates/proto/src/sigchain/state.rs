//! The fold of a sigchain: apply links in order, refuse what does not stand (CHK-006).
//!
//! A link keeps its hash and what it changed; a device, a generation and a root know at which link they came and went.
//! So memory and time are linear in the chain, whoever wrote it (CHK-024).

mod step;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::{Cite, Device, Generation, Link, LinkKind, SignedLink, is_account_name, kem_ok};
use crate::hash::Hash;
use crate::ids::{AccountId, DeviceId};
use crate::sign::VerifyingKey;
use crate::{DecodeError, decode, limits};

use step::{Before, Change, verify_signatures};

/// Why a chain is refused; all are CHK-006 but where said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// CHK-029.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// CHK-010.
    #[error("sigchain link version {0} is not known")]
    Version(u8),
    /// CHK-024.
    #[error("the sigchain breaks a limit: {0}")]
    Limit(&'static str),
    /// No Create at the beginning, or one later.
    #[error("the sigchain does not begin with its one Create link")]
    Create,
    /// `seq` or `prev` do not fit.
    #[error("sigchain link {0} does not stand on the one before")]
    Order(u32),
    /// A signature is missing, superfluous or wrong.
    #[error("a signature of sigchain link {0} does not verify")]
    Signature(u32),
    /// Generation number or remaining devices are wrong.
    #[error("sigchain link {0} contradicts the ones before: {1}")]
    Contradiction(u32, &'static str),
    /// CHK-007: a known link is missing without a root's word.
    #[error("the sigchain no longer holds link {0}, which was known")]
    RolledBack(u32),
}

/// What a verified chain says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigchainState {
    /// The person.
    pub account: AccountId,
    /// Her name on her server.
    pub name: String,
    /// The root in force.
    pub root: VerifyingKey,
    /// The recovery X-Wing key in force.
    pub recovery_kem: Vec<u8>,
    /// The current generation; earlier ones precede it.
    pub generations: Vec<Generation>,
    /// Devices that are valid now.
    pub devices: Vec<Device>,
    /// A root closed the account: there will be no other link.
    pub closed: bool,
    links: Vec<Verified>,
    /// Each root, with the link that brought it; roots are never cut off.
    roots: Vec<(usize, VerifyingKey)>,
    /// Every device id there ever was; `None` for those that a root cut off.
    ever: BTreeMap<DeviceId, Option<Life>>,
    root_floor: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Verified {
    hash: Hash,
    by_root: bool,
    /// How many generations there are after this link.
    generations: usize,
}

/// A device, valid after the links from `from` up to and not including `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Life {
    device: Device,
    from: usize,
    to: Option<usize>,
}

impl Life {
    fn valid_at(&self, seq: usize) -> bool {
        self.from <= seq && self.to.is_none_or(|to| seq < to)
    }
}

/// Verifies a whole chain from its Create link.
pub fn verify_chain(links: &[SignedLink]) -> Result<SigchainState, ChainError> {
    if links.len() > limits::LINKS_MAX {
        return Err(ChainError::Limit("links"));
    }
    let (first, rest) = links.split_first().ok_or(ChainError::Create)?;
    let mut state = SigchainState::create(first)?;
    for link in rest {
        state.apply(link)?;
    }
    Ok(state)
}

impl SigchainState {
    /// Begins with a Create link.
    pub fn create(signed: &SignedLink) -> Result<Self, ChainError> {
        let link = decode_link(signed)?;
        let LinkKind::Create {
            name,
            root,
            recovery_kem,
            generation,
            device,
        } = link.kind
        else {
            return Err(ChainError::Create);
        };
        if link.seq != 0 || link.prev != Hash::ZERO {
            return Err(ChainError::Create);
        }
        if !is_account_name(&name) {
            return Err(ChainError::Contradiction(0, "the name is not allowed"));
        }
        if generation.number != 0
            || !kem_ok(&generation.kem)
            || !kem_ok(&recovery_kem)
            || !kem_ok(&device.kem)
        {
            return Err(ChainError::Contradiction(
                0,
                "a key has the wrong length or number",
            ));
        }
        verify_signatures(signed, 0, &[root, generation.sign, device.sign])?;
        Ok(Self {
            account: signed.account_id(),
            name,
            root,
            recovery_kem,
            generations: vec![generation],
            links: vec![Verified {
                hash: signed.hash(),
                by_root: true,
                generations: 1,
            }],
            roots: vec![(0, root)],
            ever: BTreeMap::from([(
                device.id,
                Some(Life {
                    device: device.clone(),
                    from: 0,
                    to: None,
                }),
            )]),
            devices: vec![device],
            closed: false,
            root_floor: 0,
        })
    }

    /// Applies the next link, or a Recover, NewWords or Close that cuts off what account keys signed since the last root signature.
    pub fn apply(&mut self, signed: &SignedLink) -> Result<(), ChainError> {
        let link = decode_link(signed)?;
        let seq = link.seq as usize;
        if self.closed {
            return Err(ChainError::Contradiction(link.seq, "the account is closed"));
        }
        let by_root = link.kind.is_by_root();
        let lowest = if by_root {
            self.root_floor + 1
        } else {
            self.links.len()
        };
        if seq < lowest || seq > self.links.len() {
            return Err(ChainError::Order(link.seq));
        }
        let at = seq.checked_sub(1).ok_or(ChainError::Order(link.seq))?;
        let last = self.links.get(at).ok_or(ChainError::Order(link.seq))?;
        if last.hash != link.prev {
            return Err(ChainError::Order(link.seq));
        }
        // A full chain can still be cut.
        if seq >= limits::LINKS_MAX {
            return Err(ChainError::Limit("links"));
        }
        let before = Before {
            root: self.root,
            generation: last
                .generations
                .checked_sub(1)
                .and_then(|g| self.generations.get(g))
                .ok_or(ChainError::Create)?,
            devices: self.ids_at(at),
            ever: &self.ever,
        };
        let change = before.step(signed, link)?;
        self.cut(seq);
        self.push(
            Verified {
                hash: signed.hash(),
                by_root,
                generations: 0,
            },
            change,
        );
        Ok(())
    }

    /// The last link.
    pub fn cite(&self) -> Cite {
        let seq = self.links.len().saturating_sub(1);
        let head = self.links.last().map_or(Hash::ZERO, |link| link.hash);
        Cite {
            account: self.account,
            seq: u32::try_from(seq).unwrap_or(u32::MAX),
            head,
        }
    }

    /// The current generation.
    pub fn generation(&self) -> Option<&Generation> {
        self.generations.last()
    }

    /// A device that is valid now.
    pub fn device(&self, id: &DeviceId) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == *id)
    }

    /// A device that was valid at the cited link; `None` too when the chain has no such link.
    pub fn device_at(&self, cite: &Cite, id: &DeviceId) -> Option<&Device> {
        self.cited(cite)?;
        let life = self.ever.get(id)?.as_ref()?;
        life.valid_at(cite.seq as usize).then_some(&life.device)
    }

    /// The generation that was current at the cited link; `None` too when the chain has no such link.
    pub fn generation_at(&self, cite: &Cite) -> Option<&Generation> {
        let last = self.cited(cite)?.generations.checked_sub(1)?;
        self.generations.get(last)
    }

    /// The root in force once generation `number` had been made: what its account secret is bound to.
    pub fn root_of_generation(&self, number: u32) -> Option<VerifyingKey> {
        let at = self
            .links
            .partition_point(|link| link.generations <= number as usize);
        self.links.get(at)?;
        let newer = self.roots.partition_point(|(since, _)| *since <= at);
        self.roots.get(newer.checked_sub(1)?).map(|(_, root)| *root)
    }

    /// The hash of link `seq`.
    pub fn link_hash(&self, seq: u32) -> Option<Hash> {
        self.links.get(seq as usize).map(|link| link.hash)
    }

    /// CHK-007: this chain continues `known`: every known link is still there, but for those that a root overrode, and no
    /// device of those is back (CHK-006).
    pub fn check_continues(&self, known: &Self) -> Result<(), ChainError> {
        if self.account != known.account {
            return Err(ChainError::RolledBack(0));
        }
        let differs = known
            .links
            .iter()
            .zip(&self.links)
            .position(|(a, b)| a.hash != b.hash);
        let common = match differs {
            None if self.links.len() >= known.links.len() => known.links.len(),
            None => {
                return Err(ChainError::RolledBack(
                    u32::try_from(self.links.len()).unwrap_or(u32::MAX),
                ));
            }
            Some(at) if at > known.root_floor && self.links.get(at).is_some_and(|link| link.by_root) => at,
            Some(at) => return Err(ChainError::RolledBack(u32::try_from(at).unwrap_or(u32::MAX))),
        };
        let gone = |life: &&Option<Life>| life.as_ref().is_none_or(|life| life.from >= common);
        for (id, _) in known.ever.iter().filter(|(_, life)| gone(life)) {
            if let Some(Some(back)) = self.ever.get(id) {
                let seq = u32::try_from(back.from).unwrap_or(u32::MAX);
                return Err(ChainError::Contradiction(seq, "the device id was used before"));
            }
        }
        Ok(())
    }

    fn cited(&self, cite: &Cite) -> Option<&Verified> {
        self.links
            .get(cite.seq as usize)
            .filter(|link| link.hash == cite.head)
    }

    /// Who is valid after link `at`.
    fn ids_at(&self, at: usize) -> BTreeSet<DeviceId> {
        if at + 1 == self.links.len() {
            return self.devices.iter().map(|device| device.id).collect();
        }
        self.lives()
            .filter(|life| life.valid_at(at))
            .map(|life| life.device.id)
            .collect()
    }

    fn lives(&self) -> impl Iterator<Item = &Life> {
        self.ever.values().flatten()
    }

    /// Forgets link `seq` and what follows, but no device id.
    fn cut(&mut self, seq: usize) {
        if seq >= self.links.len() {
            return;
        }
        self.links.truncate(seq);
        self.generations
            .truncate(self.links.last().map_or(0, |link| link.generations));
        for life in self.ever.values_mut() {
            if life.as_ref().is_some_and(|life| life.from >= seq) {
                *life = None;
            }
            if let Some(life) = life {
                life.to = life.to.filter(|to| *to < seq);
            }
        }
        let mut valid: Vec<&Life> = self.lives().filter(|life| life.to.is_none()).collect();
        valid.sort_by_key(|life| life.from);
        self.devices = valid.into_iter().map(|life| life.device.clone()).collect();
    }

    fn push(&mut self, mut link: Verified, change: Change) {
        let seq = self.links.len();
        if link.by_root {
            self.root_floor = seq;
        }
        if let Some(device) = change.added {
            self.devices.push(device.clone());
            self.ever.insert(
                device.id,
                Some(Life {
                    device,
                    from: seq,
                    to: None,
                }),
            );
        }
        self.devices.retain(|device| !change.gone.contains(&device.id));
        for id in &change.gone {
            if let Some(Some(life)) = self.ever.get_mut(id) {
                life.to = Some(seq);
            }
        }
        if let Some((root, recovery_kem)) = change.words {
            self.root = root;
            self.recovery_kem = recovery_kem;
            self.roots.push((seq, root));
        }
        self.closed |= change.closed;
        self.generations.extend(change.generation);
        link.generations = self.generations.len();
        self.links.push(link);
    }
}

fn decode_link(signed: &SignedLink) -> Result<Link, ChainError> {
    if signed.link.len() > limits::LINK_MAX {
        return Err(ChainError::Limit("link"));
    }
    let link: Link = decode(&signed.link)?;
    if link.version != 1 {
        Err(ChainError::Version(link.version))
    } else {
        Ok(link)
    }
}

//! The fold of a sigchain: apply links in order, refuse what does not stand (CHK-006).

use super::{Cite, Device, Generation, Link, LinkKind, SignedLink, is_account_name, kem_ok};
use crate::hash::Hash;
use crate::ids::{AccountId, DeviceId};
use crate::sign::VerifyingKey;
use crate::{DecodeError, decode, labels, limits};

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
    links: Vec<Verified>,
    root_floor: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Verified {
    hash: Hash,
    by_root: bool,
    after: Snapshot,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Snapshot {
    root: VerifyingKey,
    recovery_kem: Vec<u8>,
    generations: Vec<Generation>,
    devices: Vec<Device>,
    ever: Vec<DeviceId>,
}

/// Verifies a whole chain from its Create link.
pub fn verify_chain(links: &[SignedLink]) -> Result<SigchainState, ChainError> {
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
        let LinkKind::Create { name, root, recovery_kem, generation, device } = link.kind else {
            return Err(ChainError::Create);
        };
        if link.seq != 0 || link.prev != Hash::ZERO {
            return Err(ChainError::Create);
        }
        if !is_account_name(&name) {
            return Err(ChainError::Contradiction(0, "the name is not allowed"));
        }
        if generation.number != 0 || !kem_ok(&generation.kem) || !kem_ok(&recovery_kem) || !kem_ok(&device.kem) {
            return Err(ChainError::Contradiction(0, "a key has the wrong length or number"));
        }
        verify_signatures(signed, 0, &[root, generation.sign, device.sign])?;
        let after = Snapshot {
            root,
            recovery_kem,
            generations: vec![generation],
            ever: vec![device.id],
            devices: vec![device],
        };
        let mut state = Self {
            account: signed.account_id(),
            name,
            root,
            recovery_kem: Vec::new(),
            generations: Vec::new(),
            devices: Vec::new(),
            links: Vec::new(),
            root_floor: 0,
        };
        state.push(Verified { hash: signed.hash(), by_root: true, after });
        Ok(state)
    }

    /// Applies the next link, or a Recover or NewWords that cuts off what account keys signed since the last root signature.
    pub fn apply(&mut self, signed: &SignedLink) -> Result<(), ChainError> {
        if self.links.len() >= limits::LINKS_MAX {
            return Err(ChainError::Limit("links"));
        }
        let link = decode_link(signed)?;
        let seq = link.seq as usize;
        let by_root = matches!(link.kind, LinkKind::Recover { .. } | LinkKind::NewWords { .. });
        let lowest = if by_root { self.root_floor + 1 } else { self.links.len() };
        if seq < lowest || seq > self.links.len() {
            return Err(ChainError::Order(link.seq));
        }
        let before = seq.checked_sub(1).and_then(|at| self.links.get(at)).ok_or(ChainError::Order(link.seq))?;
        if before.hash != link.prev {
            return Err(ChainError::Order(link.seq));
        }
        let after = step(&before.after, signed, &link, &self.ever())?;
        self.links.truncate(seq);
        if by_root {
            self.root_floor = seq;
        }
        self.push(Verified { hash: signed.hash(), by_root, after });
        Ok(())
    }

    /// The last link.
    pub fn cite(&self) -> Cite {
        let seq = self.links.len().saturating_sub(1);
        let head = self.links.last().map_or(Hash::ZERO, |link| link.hash);
        Cite { account: self.account, seq: u32::try_from(seq).unwrap_or(u32::MAX), head }
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
        let link = self.links.get(cite.seq as usize).filter(|link| link.hash == cite.head)?;
        link.after.devices.iter().find(|device| device.id == *id)
    }

    /// The generation that was current at the cited link; `None` too when the chain has no such link.
    pub fn generation_at(&self, cite: &Cite) -> Option<&Generation> {
        let link = self.links.get(cite.seq as usize).filter(|link| link.hash == cite.head)?;
        link.after.generations.last()
    }

    /// The root in force once generation `number` had been made: what its account secret is bound to.
    pub fn root_of_generation(&self, number: u32) -> Option<VerifyingKey> {
        let made = |link: &&Verified| link.after.generations.last().is_some_and(|g| g.number == number);
        self.links.iter().find(made).map(|link| link.after.root)
    }

    /// The hash of link `seq`.
    pub fn link_hash(&self, seq: u32) -> Option<Hash> {
        self.links.get(seq as usize).map(|link| link.hash)
    }

    /// CHK-007: this chain continues `known`: every known link is still there, but for those that a root overrode.
    pub fn check_continues(&self, known: &Self) -> Result<(), ChainError> {
        if self.account != known.account {
            return Err(ChainError::RolledBack(0));
        }
        let differs = known.links.iter().zip(&self.links).position(|(a, b)| a.hash != b.hash);
        match differs {
            None if self.links.len() >= known.links.len() => Ok(()),
            None => Err(ChainError::RolledBack(u32::try_from(self.links.len()).unwrap_or(u32::MAX))),
            Some(at) if at > known.root_floor && self.links.get(at).is_some_and(|link| link.by_root) => Ok(()),
            Some(at) => Err(ChainError::RolledBack(u32::try_from(at).unwrap_or(u32::MAX))),
        }
    }

    fn ever(&self) -> Vec<DeviceId> {
        self.links.iter().flat_map(|link| link.after.ever.iter().copied()).collect()
    }

    fn push(&mut self, link: Verified) {
        self.root = link.after.root;
        self.recovery_kem.clone_from(&link.after.recovery_kem);
        self.generations.clone_from(&link.after.generations);
        self.devices.clone_from(&link.after.devices);
        self.links.push(link);
    }
}

fn decode_link(signed: &SignedLink) -> Result<Link, ChainError> {
    if signed.link.len() > limits::LINK_MAX {
        return Err(ChainError::Limit("link"));
    }
    let link: Link = decode(&signed.link)?;
    if link.version != 1 { Err(ChainError::Version(link.version)) } else { Ok(link) }
}

fn verify_signatures(signed: &SignedLink, seq: u32, keys: &[VerifyingKey]) -> Result<(), ChainError> {
    if signed.signatures.len() != keys.len() {
        return Err(ChainError::Signature(seq));
    }
    for (key, signature) in keys.iter().zip(&signed.signatures) {
        key.verify(labels::LINK_SIGNATURE, &signed.link, signature).map_err(|_| ChainError::Signature(seq))?;
    }
    Ok(())
}

fn step(before: &Snapshot, signed: &SignedLink, link: &Link, ever: &[DeviceId]) -> Result<Snapshot, ChainError> {
    let seq = link.seq;
    let wrong = |what| ChainError::Contradiction(seq, what);
    let account_key = before.generations.last().map(|g| g.sign).ok_or(ChainError::Create)?;
    let mut after = before.clone();
    match &link.kind {
        LinkKind::Create { .. } => return Err(ChainError::Create),
        LinkKind::AddDevice { device } => {
            check_new_device(device, ever).map_err(wrong)?;
            verify_signatures(signed, seq, &[account_key, device.sign])?;
            after.ever.push(device.id);
            after.devices.push(device.clone());
        }
        LinkKind::RevokeDevice { device, generation, remaining } => {
            check_generation(before, generation).map_err(wrong)?;
            verify_signatures(signed, seq, &[account_key, generation.sign])?;
            if !before.devices.iter().any(|d| d.id == *device) {
                return Err(wrong("the revoked device is not valid"));
            }
            after.devices.retain(|d| d.id != *device);
            let exactly = after.devices.len() == remaining.len();
            after.devices = keep(&after.devices, remaining).map_err(wrong)?;
            if !exactly {
                return Err(wrong("more than the revoked device would go"));
            }
            after.generations.push(generation.clone());
        }
        LinkKind::Recover { device, generation, remaining } => {
            check_new_device(device, ever).map_err(wrong)?;
            check_generation(before, generation).map_err(wrong)?;
            verify_signatures(signed, seq, &[before.root, generation.sign, device.sign])?;
            after.ever.push(device.id);
            after.devices.push(device.clone());
            after.devices = keep(&after.devices, remaining).map_err(wrong)?;
            if !remaining.contains(&device.id) {
                return Err(wrong("the new device does not remain"));
            }
            after.generations.push(generation.clone());
        }
        LinkKind::NewWords { root, recovery_kem, generation, remaining } => {
            check_generation(before, generation).map_err(wrong)?;
            if !kem_ok(recovery_kem) {
                return Err(wrong("the recovery key has the wrong length"));
            }
            verify_signatures(signed, seq, &[before.root, *root, generation.sign])?;
            after.root = *root;
            after.recovery_kem.clone_from(recovery_kem);
            after.devices = keep(&after.devices, remaining).map_err(wrong)?;
            after.generations.push(generation.clone());
        }
    }
    Ok(after)
}

fn check_new_device(device: &Device, ever: &[DeviceId]) -> Result<(), &'static str> {
    if ever.contains(&device.id) {
        return Err("the device id was used before");
    }
    if !kem_ok(&device.kem) {
        return Err("the device's key has the wrong length");
    }
    Ok(())
}

fn check_generation(before: &Snapshot, generation: &Generation) -> Result<(), &'static str> {
    let next = before.generations.last().and_then(|last| last.number.checked_add(1));
    if next != Some(generation.number) || !kem_ok(&generation.kem) {
        return Err("the generation is not the next one");
    }
    Ok(())
}

fn keep(devices: &[Device], remaining: &[DeviceId]) -> Result<Vec<Device>, &'static str> {
    if !remaining.windows(2).all(|pair| matches!(pair, [a, b] if a < b)) {
        return Err("the remaining devices are not in order");
    }
    let kept: Vec<Device> = devices.iter().filter(|d| remaining.contains(&d.id)).cloned().collect();
    if kept.len() != remaining.len() { Err("a remaining device was not valid") } else { Ok(kept) }
}

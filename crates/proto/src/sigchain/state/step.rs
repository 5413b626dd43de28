//! What one link brings and takes, once it is known what it stands on.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Device, Generation, Link, LinkKind, SignedLink, kem_ok};
use super::{ChainError, Life};
use crate::ids::DeviceId;
use crate::sign::VerifyingKey;
use crate::{labels, limits};

/// What a link stands on.
pub(super) struct Before<'a> {
    pub(super) root: VerifyingKey,
    pub(super) generation: &'a Generation,
    pub(super) devices: BTreeSet<DeviceId>,
    pub(super) ever: &'a BTreeMap<DeviceId, Option<Life>>,
}

/// What a link brings and takes.
#[derive(Default)]
pub(super) struct Change {
    pub(super) added: Option<Device>,
    pub(super) gone: BTreeSet<DeviceId>,
    pub(super) generation: Option<Generation>,
    pub(super) words: Option<(VerifyingKey, Vec<u8>)>,
    pub(super) closed: bool,
}

impl Before<'_> {
    pub(super) fn step(mut self, signed: &SignedLink, link: Link) -> Result<Change, ChainError> {
        let seq = link.seq;
        let wrong = |what| ChainError::Contradiction(seq, what);
        let account_key = self.generation.sign;
        let mut change = Change::default();
        match link.kind {
            LinkKind::Create { .. } => return Err(ChainError::Create),
            LinkKind::AddDevice { device } => {
                self.check_new_device(&device).map_err(wrong)?;
                verify_signatures(signed, seq, &[account_key, device.sign])?;
                self.devices.insert(device.id);
                change.added = Some(device);
            }
            LinkKind::RevokeDevice {
                device,
                generation,
                remaining,
            } => {
                self.check_generation(&generation).map_err(wrong)?;
                verify_signatures(signed, seq, &[account_key, generation.sign])?;
                if !self.devices.remove(&device) {
                    return Err(wrong("the revoked device is not valid"));
                }
                change.gone = self.keep(&remaining).map_err(wrong)?;
                if !change.gone.is_empty() {
                    return Err(wrong("more than the revoked device would go"));
                }
                change.gone.insert(device);
                change.generation = Some(generation);
            }
            LinkKind::Recover {
                device,
                generation,
                remaining,
            } => {
                self.check_new_device(&device).map_err(wrong)?;
                self.check_generation(&generation).map_err(wrong)?;
                verify_signatures(signed, seq, &[self.root, generation.sign, device.sign])?;
                self.devices.insert(device.id);
                change.gone = self.keep(&remaining).map_err(wrong)?;
                if change.gone.contains(&device.id) {
                    return Err(wrong("the new device does not remain"));
                }
                change.added = Some(device);
                change.generation = Some(generation);
            }
            LinkKind::NewWords {
                root,
                recovery_kem,
                generation,
                remaining,
            } => {
                self.check_generation(&generation).map_err(wrong)?;
                if !kem_ok(&recovery_kem) {
                    return Err(wrong("the recovery key has the wrong length"));
                }
                verify_signatures(signed, seq, &[self.root, root, generation.sign])?;
                change.gone = self.keep(&remaining).map_err(wrong)?;
                change.generation = Some(generation);
                change.words = Some((root, recovery_kem));
            }
            LinkKind::Close => {
                verify_signatures(signed, seq, &[self.root])?;
                change.gone = std::mem::take(&mut self.devices);
                change.closed = true;
            }
        }
        if self.devices.len() > limits::DEVICES_MAX {
            Err(ChainError::Limit("devices"))
        } else {
            Ok(change)
        }
    }

    fn check_new_device(&self, device: &Device) -> Result<(), &'static str> {
        if self.ever.contains_key(&device.id) {
            return Err("the device id was used before");
        }
        if !kem_ok(&device.kem) {
            return Err("the device's key has the wrong length");
        }
        Ok(())
    }

    fn check_generation(&self, generation: &Generation) -> Result<(), &'static str> {
        if self.generation.number.checked_add(1) != Some(generation.number) || !kem_ok(&generation.kem) {
            return Err("the generation is not the next one");
        }
        Ok(())
    }

    /// Keeps exactly `remaining`; returns who goes.
    fn keep(&mut self, remaining: &[DeviceId]) -> Result<BTreeSet<DeviceId>, &'static str> {
        if !remaining.windows(2).all(|pair| matches!(pair, [a, b] if a < b)) {
            return Err("the remaining devices are not in order");
        }
        let mut gone = std::mem::take(&mut self.devices);
        for id in remaining {
            if !gone.remove(id) {
                return Err("a remaining device was not valid");
            }
            self.devices.insert(*id);
        }
        Ok(gone)
    }
}

pub(super) fn verify_signatures(
    signed: &SignedLink,
    seq: u32,
    keys: &[VerifyingKey],
) -> Result<(), ChainError> {
    if signed.signatures.len() != keys.len() {
        return Err(ChainError::Signature(seq));
    }
    for (key, signature) in keys.iter().zip(&signed.signatures) {
        key.verify(labels::LINK_SIGNATURE, &signed.link, signature)
            .map_err(|_| ChainError::Signature(seq))?;
    }
    Ok(())
}

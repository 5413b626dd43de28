//! The keys of one device.

use crate::asym::KemSecretKey;
use crate::kdf::derive;
use crate::labels;
use crate::secret::{carried, secret32};
use crate::sign::{DeviceSigningKey, SigningSeed};

secret32! {
    /// What a device's keys come from. Made on the device, kept in its local database, sent nowhere.
    pub DeviceSeed
}
carried!(DeviceSeed);

/// The keys that a sigchain names for a device.
pub struct DeviceKeys {
    /// Signs the device's entries and logins.
    pub signing: DeviceSigningKey,
    /// Receives the account secret.
    pub kem: KemSecretKey,
}

impl DeviceKeys {
    /// The keys of the device with this random id.
    pub fn new(seed: &DeviceSeed, device: &[u8; 16]) -> Self {
        let signing: SigningSeed = derive(seed, labels::DERIVE_DEVICE_SIGNING, device);
        Self {
            signing: DeviceSigningKey::from_derived(&signing),
            kem: derive(seed, labels::DERIVE_DEVICE_KEM, device),
        }
    }
}

impl core::fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("DeviceKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_belong_to_the_device_id() {
        let seed = DeviceSeed::from_bytes(&[1; 32]);
        let (a, b) = (DeviceKeys::new(&seed, &[1; 16]), DeviceKeys::new(&seed, &[2; 16]));
        assert_ne!(a.signing.public(), b.signing.public());
        assert_ne!(a.kem.public(), b.kem.public());
    }
}

//! Which secret gives which keys. Everything is `derive(secret, label, context)`; see docs/spec/sealing.md.

mod account;
mod device;
mod epoch;
mod words;

pub use self::account::{AccountGeneration, AccountSecret, PreviousGenerationKey};
pub use self::device::{DeviceKeys, DeviceSeed};
pub use self::epoch::{
    AdminSecret, AppendSecret, BodyKey, EnvelopeTagKey, EpochSecrets, NoticeKey, PreviousEpochKey,
    ReadSecret, ReadToken, WriteSecret,
};
pub use self::words::{RecoveryWords, WordsError, list_word};

use zeroize::Zeroizing;

use crate::OpenError;
use crate::secret::Secret32;

/// The secret in an opened box that must hold exactly 32 bytes.
fn secret_from<T: Secret32>(opened: Vec<u8>) -> Result<T, OpenError> {
    let opened = Zeroizing::new(opened);
    let bytes: &[u8; 32] = opened.as_slice().try_into().map_err(|_| OpenError)?;
    Ok(T::copy_of(bytes))
}

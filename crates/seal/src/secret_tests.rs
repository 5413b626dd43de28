//! What must hold for every secret type.

use core::fmt::Debug;

use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use crate::asym::KemSecretKey;
use crate::content::{ContentKey, FillerKey, ListKey, PackKey};
use crate::keyd::*;
use crate::password::LocalDatabaseKey;
use crate::schedule::*;
use crate::secret::Secret32;
use crate::sign::*;

/// Debug is the type's name and nothing else, plain and pretty.
fn silent(secret: &impl Debug, name: &str) {
    assert_eq!(format!("{secret:?}"), name);
    assert_eq!(format!("{secret:#?}"), name);
}

fn check<T: Secret32 + Debug + ConstantTimeEq + ZeroizeOnDrop>(name: &str) {
    let secret = T::copy_of(&[0x5A; 32]);
    silent(&secret, name);
    assert_eq!(secret.expose(), &[0x5A; 32]);
    assert!(bool::from(secret.ct_eq(&T::copy_of(&[0x5A; 32]))));
    assert!(!bool::from(secret.ct_eq(&T::copy_of(&[0x5B; 32]))));
}

#[test]
fn every_32_byte_secret_is_silent() {
    check::<ReadSecret>("ReadSecret");
    check::<WriteSecret>("WriteSecret");
    check::<AppendSecret>("AppendSecret");
    check::<AdminSecret>("AdminSecret");
    check::<ReadToken>("ReadToken");
    check::<BodyKey>("BodyKey");
    check::<NoticeKey>("NoticeKey");
    check::<PreviousEpochKey>("PreviousEpochKey");
    check::<EnvelopeTagKey>("EnvelopeTagKey");
    check::<AccountSecret>("AccountSecret");
    check::<PreviousGenerationKey>("PreviousGenerationKey");
    check::<DeviceSeed>("DeviceSeed");
    check::<ContentKey>("ContentKey");
    check::<PackKey>("PackKey");
    check::<ListKey>("ListKey");
    check::<FillerKey>("FillerKey");
    check::<LocalDatabaseKey>("LocalDatabaseKey");
    check::<KemSecretKey>("KemSecretKey");
    check::<SigningSeed>("SigningSeed");
    check::<StoreKey>("StoreKey");
    check::<RecordKey>("RecordKey");
    check::<SlotKey>("SlotKey");
    check::<BackupKey>("BackupKey");
    check::<StreamKey>("StreamKey");
    check::<TokenKey>("TokenKey");
    check::<AuditRoot>("AuditRoot");
    check::<AuditValueKey>("AuditValueKey");
}

#[test]
fn every_other_bearer_of_secrets_is_silent() {
    let seed = [0x5A; 32];
    silent(&RootSigningKey::from_seed(&seed), "RootSigningKey");
    silent(&AccountSigningKey::from_seed(&seed), "AccountSigningKey");
    silent(&DeviceSigningKey::from_seed(&seed), "DeviceSigningKey");
    silent(&EpochWriteKey::from_seed(&seed), "EpochWriteKey");
    silent(&EpochAppendKey::from_seed(&seed), "EpochAppendKey");
    silent(&EpochAdminKey::from_seed(&seed), "EpochAdminKey");
    silent(&AuditSigningKey::from_seed(&seed), "AuditSigningKey");
    silent(
        &AccountSecret::from_bytes(&seed).bind(&seed, 1),
        "AccountGeneration",
    );
    silent(
        &EpochSecrets::new(&seed, 1, ReadSecret::from_bytes(&seed), None, None),
        "EpochSecrets",
    );
    silent(
        &DeviceKeys::new(&DeviceSeed::from_bytes(&seed), &[1; 16]),
        "DeviceKeys",
    );
    silent(
        &RecoveryWords::generate(&mut crate::test_rng::CountingRng::default()),
        "RecoveryWords",
    );
}

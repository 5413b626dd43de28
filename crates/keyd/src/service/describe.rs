//! A key as the interface shows it.

use std::collections::BTreeMap;

use crannog_keyd_client::{KeyObject, PublicVersion, VersionObject};
use crannog_keyd_keys::{Description, Key, KeyError, KeyType, VersionDescription};
use jiff::Timestamp;

/// The key object. A context shows the public key that a derived `ed25519` key has there.
pub(super) fn key_object(key: &Key, context: Option<&[u8]>) -> Result<KeyObject, KeyError> {
    let described = key.describe(context)?;
    let (can, policy, settings) = (described.key_type.can(), described.policy, described.settings);
    let of = |wanted: bool| wanted.then_some(());
    Ok(KeyObject {
        keys: versions(&described),
        uses: uses(&described),
        name: described.name,
        key_type: described.key_type.as_str().to_owned(),
        derived: policy.derived,
        deletion_allowed: settings.deletion_allowed,
        exportable: policy.exportable,
        allow_plaintext_backup: policy.plaintext_backup,
        imported_key: policy.imported,
        soft_deleted: false,
        latest_version: settings.latest,
        min_available_version: settings.min_available,
        min_decryption_version: settings.min_decryption,
        min_encryption_version: settings.min_encryption,
        auto_rotate_period: settings.rotate_seconds,
        supports_encryption: can.encrypt,
        supports_decryption: can.decrypt,
        supports_signing: can.sign,
        supports_derivation: can.derive,
        imported_key_allow_rotation: of(policy.imported).map(|()| policy.rotate_imported),
        key_size: of(described.key_type == KeyType::Hmac).map(|()| policy.key_size),
        kdf: of(policy.derived).map(|()| "hkdf_sha256".to_owned()),
        kdf_mode: of(policy.derived).map(|()| String::new()),
        convergent_encryption: of(policy.derived).map(|()| policy.convergent),
        convergent_encryption_version: of(policy.derived && policy.convergent).map(|()| 3),
    })
}

fn versions(described: &Description) -> BTreeMap<String, VersionObject> {
    let shown = |version: &VersionDescription| {
        let object = match &version.public_key {
            Some(public_key) => VersionObject::Public(PublicVersion {
                name: algorithm(described.key_type).to_owned(),
                public_key: public_key.clone(),
                creation_time: Timestamp::from_millisecond(version.created_ms)
                    .unwrap_or_default()
                    .to_string(),
            }),
            None => VersionObject::Made(u64::try_from(version.created_ms / 1000).unwrap_or(0)),
        };
        (version.version.to_string(), object)
    };
    described.versions.iter().map(shown).collect()
}

fn uses(described: &Description) -> Option<BTreeMap<String, u64>> {
    let counted = described.versions.iter();
    let uses: BTreeMap<_, _> = counted
        .filter_map(|version| Some((version.version.to_string(), version.uses?)))
        .collect();
    (!uses.is_empty()).then_some(uses)
}

/// The name of the algorithm or curve, which clients look at.
fn algorithm(key_type: KeyType) -> &'static str {
    match key_type {
        KeyType::EcdsaP256 => "P-256",
        KeyType::EcdsaP384 => "P-384",
        other => other.as_str(),
    }
}

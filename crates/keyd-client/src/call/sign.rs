//! What is signed, verified, or hashed.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::items::{Batched, Items};
use crate::json::{Fields, Value};
use crate::word::{Octets, Word, Worded, choices, words};
use crate::wrong::{Echo, Wrong};

choices! {
    /// A hash function of FIPS 180-4 or FIPS 202.
    pub enum HashAlgorithm: Quoted("invalid hash algorithm") {
        /// SHA-224.
        Sha2_224 = "sha2-224",
        /// SHA-256.
        Sha2_256 = "sha2-256",
        /// SHA-384.
        Sha2_384 = "sha2-384",
        /// SHA-512.
        Sha2_512 = "sha2-512",
        /// SHA3-256.
        Sha3_256 = "sha3-256",
        /// SHA3-384.
        Sha3_384 = "sha3-384",
        /// SHA3-512.
        Sha3_512 = "sha3-512",
    }
}

choices! {
    /// How an RSA key signs.
    pub enum SignatureAlgorithm: Quoted("invalid signature algorithm") {
        /// RSASSA-PSS.
        Pss = "pss",
        /// RSASSA-PKCS1-v1_5.
        Pkcs1v15 = "pkcs1v15",
    }
}

choices! {
    /// How a signature is written.
    pub enum Marshaling: Quoted("invalid marshaling type") {
        /// ECDSA as ASN.1 DER; base64.
        Asn1 = "asn1",
        /// ECDSA as `r || s`; base64url without padding.
        Jws = "jws",
    }
}

/// The salt of PSS; each of these means the digest's length, and any other length is refused by the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaltLength {
    /// `auto`.
    Auto,
    /// `hash`.
    Hash,
    /// In bytes.
    Bytes(u32),
}

impl Serialize for SaltLength {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Hash => serializer.serialize_str("hash"),
            Self::Bytes(bytes) => serializer.collect_str(bytes),
        }
    }
}

impl Word for SaltLength {
    fn from_value(field: &'static str, value: &Value<'_>) -> Result<Self, Wrong> {
        match value {
            Value::Text(text) if text.as_str() == "auto" => Ok(Self::Auto),
            Value::Text(text) if text.as_str() == "hash" => Ok(Self::Hash),
            _ => u32::from_value(field, value).map(Self::Bytes),
        }
    }
}

words! {
    /// How all items of a request are signed or verified. What a key's type does not know is ignored or refused by the service.
    #[derive(Default)]
    pub struct SignOptions {
        /// The input is the digest.
        pub prehashed: bool = false,
        /// RSA.
        pub signature_algorithm: Option<SignatureAlgorithm>,
        /// All types.
        pub marshaling_algorithm: Option<Marshaling>,
        /// PSS.
        pub salt_length: Option<SaltLength>,
        /// The latest if absent; not for verifying.
        pub key_version: Option<u32>,
    }

    /// What to sign.
    pub struct SignItem {
        /// The message, or its digest.
        pub input: Octets = Err(Wrong::Said("missing input"))?,
        /// For derived keys, and for them always.
        pub context: Option<Octets>,
    }

    /// What to make an HMAC of.
    pub struct HmacItem {
        /// The message.
        pub input: Octets = Err(Wrong::Said("missing input for HMAC"))?,
    }
}

/// What to verify.
#[derive(Debug)]
pub struct VerifyItem {
    /// The message, or its digest.
    pub input: Octets,
    /// As it was when it was signed.
    pub context: Option<Octets>,
    /// What was made of it.
    pub proof: Proof,
}

/// What vouches for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// As `sign` gave it.
    Signature(String),
    /// As `hmac` gave it.
    Hmac(String),
}

/// Signatures to make.
#[derive(Debug)]
pub struct Sign {
    /// `sha2-256` if absent; ignored for keys that hash themselves.
    pub hash: Option<HashAlgorithm>,
    /// How.
    pub options: SignOptions,
    /// Of what.
    pub items: Items<SignItem>,
}

/// Signatures or HMACs to verify; not both in one request.
#[derive(Debug)]
pub struct Verify {
    /// As when it was signed.
    pub hash: Option<HashAlgorithm>,
    /// How.
    pub options: SignOptions,
    /// What.
    pub items: Items<VerifyItem>,
}

/// HMACs to make.
#[derive(Debug)]
pub struct Hmac {
    /// `sha2-256` if absent.
    pub hash: Option<HashAlgorithm>,
    /// The latest if absent.
    pub key_version: Option<u32>,
    /// Of what.
    pub items: Items<HmacItem>,
}

impl Sign {
    pub(crate) fn read(fields: &Fields<'_>, path: Option<&str>, most: usize) -> Result<Self, Wrong> {
        Ok(Self {
            hash: hash(fields, path)?,
            options: SignOptions::read(fields)?,
            items: Items::read(fields, most)?,
        })
    }

    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        write_hash(self.hash, "hash_algorithm", map)?;
        self.options.write(map)?;
        self.items.write(map)
    }
}

impl Verify {
    pub(crate) fn read(fields: &Fields<'_>, path: Option<&str>, most: usize) -> Result<Self, Wrong> {
        let items: Items<VerifyItem> = Items::read(fields, most)?;
        if let Items::Batch(items) = &items {
            let mut kinds = items
                .iter()
                .filter_map(|item| item.item.as_ref().ok())
                .map(VerifyItem::is_hmac);
            let first = kinds.next();
            if kinds.any(|kind| Some(kind) != first) {
                return Err(Wrong::Said("a batch has signatures or HMACs, not both"));
            }
        }
        Ok(Self {
            hash: hash(fields, path)?,
            options: SignOptions::read(fields)?,
            items,
        })
    }

    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        write_hash(self.hash, "hash_algorithm", map)?;
        self.options.write(map)?;
        self.items.write(map)
    }
}

impl Hmac {
    pub(crate) fn read(fields: &Fields<'_>, path: Option<&str>, most: usize) -> Result<Self, Wrong> {
        Ok(Self {
            hash: hash(fields, path).map_err(unsupported)?,
            key_version: fields.take("key_version")?,
            items: Items::read(fields, most)?,
        })
    }

    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        write_hash(self.hash, "algorithm", map)?;
        if let Some(version) = self.key_version {
            map.serialize_entry("key_version", &version)?;
        }
        self.items.write(map)
    }
}

/// From the path, else one of two fields.
pub(crate) fn hash(fields: &Fields<'_>, path: Option<&str>) -> Result<Option<HashAlgorithm>, Wrong> {
    if let Some(path) = path {
        return HashAlgorithm::parse(path).map(Some);
    }
    match fields.take("hash_algorithm")? {
        Some(hash) => Ok(Some(hash)),
        None => fields.take("algorithm"),
    }
}

/// What signing calls invalid, the others call unsupported.
pub(crate) fn unsupported(wrong: Wrong) -> Wrong {
    let unsupported = |value: Echo| Wrong::Quoted {
        what: "unsupported algorithm",
        value,
    };
    match wrong {
        Wrong::Quoted { value, .. } => unsupported(value),
        other => other,
    }
}

fn write_hash<M: SerializeMap>(
    hash: Option<HashAlgorithm>,
    field: &'static str,
    map: &mut M,
) -> Result<(), M::Error> {
    match hash {
        Some(hash) => map.serialize_entry(field, &hash),
        None => Ok(()),
    }
}

impl VerifyItem {
    fn is_hmac(&self) -> bool {
        matches!(self.proof, Proof::Hmac(_))
    }
}

impl Worded for VerifyItem {
    fn read(fields: &Fields<'_>) -> Result<Self, Wrong> {
        let SignItem { input, context } = SignItem::read(fields)?;
        let proof = match (fields.take("signature")?, fields.take("hmac")?) {
            (Some(signature), None) => Proof::Signature(signature),
            (None, Some(hmac)) => Proof::Hmac(hmac),
            (None, None) => return Err(Wrong::Said("neither a signature nor an HMAC to verify")),
            (Some(_), Some(_)) => return Err(Wrong::Said("both a signature and an HMAC to verify")),
        };
        Ok(Self {
            input,
            context,
            proof,
        })
    }

    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("input", &self.input)?;
        if let Some(context) = &self.context {
            map.serialize_entry("context", context)?;
        }
        match &self.proof {
            Proof::Signature(signature) => map.serialize_entry("signature", signature),
            Proof::Hmac(hmac) => map.serialize_entry("hmac", hmac),
        }
    }
}

impl Batched for SignItem {
    const SAME_CONTEXT: bool = false;
}
impl Batched for VerifyItem {
    const SAME_CONTEXT: bool = false;
}
impl Batched for HmacItem {
    const SAME_CONTEXT: bool = false;
}

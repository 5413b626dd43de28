//! Encrypting, decrypting, and what both together give: rewrapping, translating, data keys.

use data_encoding::BASE64;
use rand_core::CryptoRng;

use super::material::{Material, Ready};
use super::{Key, Version};
use crate::cipher::{Aead, fernet};
use crate::counter::Uses;
use crate::error::{Fault, KeyError, Noun};
use crate::key_type::KeyType;
use crate::memory::LockedBytes;
use crate::text;

/// What is to be encrypted.
#[derive(Clone, Copy)]
pub struct Plain<'a> {
    /// The bytes.
    pub plaintext: &'a [u8],
    /// Mixed into the key; needed by derived keys, refused by others (KEY-005). Empty is none.
    pub context: Option<&'a [u8]>,
    /// Authenticated with the plaintext. Empty is none.
    pub associated_data: Option<&'a [u8]>,
    /// The version to use; the latest if none, or 0.
    pub version: Option<u32>,
}

impl<'a> Plain<'a> {
    /// For the latest version, bound to nothing.
    pub const fn new(plaintext: &'a [u8]) -> Self {
        Self {
            plaintext,
            context: None,
            associated_data: None,
            version: None,
        }
    }
}

/// What is to be decrypted.
#[derive(Debug, Clone, Copy)]
pub struct Cipher<'a> {
    /// `vault:vN:…`, or a bare token for `fernet`.
    pub ciphertext: &'a str,
    /// That of the encryption.
    pub context: Option<&'a [u8]>,
    /// That of the encryption.
    pub associated_data: Option<&'a [u8]>,
}

impl<'a> Cipher<'a> {
    /// Bound to nothing.
    pub const fn new(ciphertext: &'a str) -> Self {
        Self {
            ciphertext,
            context: None,
            associated_data: None,
        }
    }
}

/// A ciphertext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// `vault:vN:…`
    pub text: String,
    /// N.
    pub version: u32,
}

/// How long a data key is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DataKeyBits {
    /// 16 bytes.
    B128,
    /// 32 bytes.
    #[default]
    B256,
    /// 64 bytes.
    B512,
}

const UNOPENED: KeyError = KeyError::Text(Noun::Ciphertext, Fault::Unopened);

impl Key {
    /// The version of which an encryption must be counted beforehand ([`Counter`](crate::Counter)); `None` for types whose uses are not
    /// counted. `version` as in [`Plain`].
    pub fn uses_needed(&self, version: Option<u32>) -> Result<Option<u32>, KeyError> {
        let version = self.version_to_use(version, "encryption")?;
        Ok(self.key_type.is_counted().then_some(version.entry.version))
    }

    /// Encrypts; the nonce is drawn here and never comes from outside. Spends one of `uses` where they are counted, also if it then fails
    /// (KEY-007).
    pub fn encrypt(
        &self,
        item: &Plain<'_>,
        uses: &mut Uses,
        rng: &mut impl CryptoRng,
    ) -> Result<Sealed, KeyError> {
        if !self.key_type.can().encrypt {
            return Err(KeyError::NoEncryption(self.key_type.as_str()));
        }
        let Version { entry, material } = self.version_to_use(item.version, "encryption")?;
        let context = self.context(item.context)?;
        let aad = self.associated_data(item.associated_data)?;
        if self.key_type.is_counted() && !uses.spend(self.id, entry.version) {
            return Err(KeyError::Uncounted);
        }
        let sealed = match &material.ready {
            Ready::Aead(aead) => aead.seal(aad, item.plaintext, rng),
            Ready::Rsa { encrypt, .. } => encrypt.seal(item.plaintext),
            _ => self.aead(material, context)?.seal(aad, item.plaintext, rng),
        };
        let sealed = sealed.map_err(|_| KeyError::PlaintextTooLong)?;
        Ok(Sealed {
            text: text::write(entry.version, &sealed, &BASE64),
            version: entry.version,
        })
    }

    /// Decrypts. Whatever is wrong with key, context, associated data or bytes, the error is one.
    pub fn decrypt(&self, item: &Cipher<'_>) -> Result<LockedBytes, KeyError> {
        if !self.key_type.can().decrypt {
            return Err(KeyError::NoDecryption(self.key_type.as_str()));
        }
        let context = self.context(item.context)?;
        let aad = self.associated_data(item.associated_data)?;
        if self.key_type == KeyType::Fernet {
            return self.decrypt_token(item.ciphertext);
        }
        let (number, value) = text::split(item.ciphertext, Noun::Ciphertext)?;
        let too_new = KeyError::Text(Noun::Ciphertext, Fault::TooNew);
        let Version { material, .. } = self.version_to_open(number, too_new)?;
        let sealed = text::decode(value, Noun::Ciphertext)?;
        let opened = match &material.ready {
            Ready::Aead(aead) => aead.open(aad, &sealed),
            Ready::Rsa { encrypt, .. } => encrypt.open(&sealed),
            _ => self.aead(material, context)?.open(aad, &sealed),
        };
        opened.map_err(|_| UNOPENED)
    }

    /// A Fernet token, bare or with `vault:vN:` before it.
    fn decrypt_token(&self, ciphertext: &str) -> Result<LockedBytes, KeyError> {
        if ciphertext.starts_with("vault:") {
            let (number, value) = text::split(ciphertext, Noun::Ciphertext)?;
            let too_new = KeyError::Text(Noun::Ciphertext, Fault::TooNew);
            let version = self.version_to_open(number, too_new)?;
            let token = fernet::decode(value).map_err(|_| KeyError::Text(Noun::Ciphertext, Fault::Base64))?;
            return fernet::open(version.material.secret.expose(), &token).map_err(|_| UNOPENED);
        }
        let token =
            fernet::decode(ciphertext).map_err(|_| KeyError::Text(Noun::Ciphertext, Fault::Base64))?;
        self.versions
            .iter()
            .rev()
            .take_while(|version| version.entry.version >= self.settings.min_decryption)
            .find_map(|version| fernet::open(version.material.secret.expose(), &token).ok())
            .ok_or(UNOPENED)
    }

    /// Decrypts and encrypts anew under the same key, inside; context and associated data stay. `version` as in [`Plain`].
    pub fn rewrap(
        &self,
        item: &Cipher<'_>,
        version: Option<u32>,
        uses: &mut Uses,
        rng: &mut impl CryptoRng,
    ) -> Result<Sealed, KeyError> {
        translate(
            self,
            item,
            self,
            (item.context, item.associated_data),
            version,
            uses,
            rng,
        )
    }

    /// A random key and its ciphertext under this key. `binding` is context and associated data.
    pub fn data_key(
        &self,
        bits: DataKeyBits,
        binding: (Option<&[u8]>, Option<&[u8]>),
        version: Option<u32>,
        uses: &mut Uses,
        rng: &mut impl CryptoRng,
    ) -> Result<(LockedBytes, Sealed), KeyError> {
        let len = match bits {
            DataKeyBits::B128 => 16,
            DataKeyBits::B256 => 32,
            DataKeyBits::B512 => 64,
        };
        let plain = LockedBytes::init_with(len, |out| rng.fill_bytes(out));
        let item = Plain {
            plaintext: plain.expose(),
            context: binding.0,
            associated_data: binding.1,
            version,
        };
        let sealed = self.encrypt(&item, uses, rng)?;
        Ok((plain, sealed))
    }

    fn associated_data<'a>(&self, given: Option<&'a [u8]>) -> Result<&'a [u8], KeyError> {
        let given = given.unwrap_or_default();
        if given.is_empty() || self.key_type.can().associated_data {
            Ok(given)
        } else {
            Err(KeyError::AssociatedDataUnwanted)
        }
    }

    fn aead(&self, material: &Material, context: Option<&[u8]>) -> Result<Aead, KeyError> {
        Aead::new(self.key_type, material.secret.expose(), context)
    }
}

/// Decrypts under one key and encrypts under another, inside: the plaintext goes nowhere. `binding` is context and associated data for
/// `target`, `version` and `uses` are the target's.
pub fn translate(
    source: &Key,
    item: &Cipher<'_>,
    target: &Key,
    binding: (Option<&[u8]>, Option<&[u8]>),
    version: Option<u32>,
    uses: &mut Uses,
    rng: &mut impl CryptoRng,
) -> Result<Sealed, KeyError> {
    let plain = source.decrypt(item)?;
    let item = Plain {
        plaintext: plain.expose(),
        context: binding.0,
        associated_data: binding.1,
        version,
    };
    target.encrypt(&item, uses, rng)
}

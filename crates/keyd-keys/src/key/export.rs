//! What leaves a key: exports where they are allowed, public halves, and its description.

use data_encoding::BASE64;
use zeroize::{Zeroize, Zeroizing};

use super::material::{Material, Ready};
use super::{Key, Version};
use crate::Millis;
use crate::error::KeyError;
use crate::key_type::{KeyType, Policy};
use crate::record::Settings;
use crate::sign::{ed25519, rsa};

/// Which half of which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportKind {
    /// What encrypts and decrypts.
    EncryptionKey,
    /// What signs.
    SigningKey,
    /// What makes HMACs.
    HmacKey,
    /// What verifies, or encrypts to an RSA key; needs no permission of the key itself.
    PublicKey,
}

/// In which form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// As clients of Transit know it.
    #[default]
    Default,
    /// PKCS#8, PEM; for RSA and ECDSA.
    Pem,
    /// PKCS#8, base64 of DER; for RSA and ECDSA.
    Der,
}

/// One exported version.
#[derive(Debug)]
pub struct Exported {
    /// Its number.
    pub version: u32,
    /// Its key.
    pub text: ExportedText,
}

/// The text of an exported key: wiped on drop, silent in Debug.
pub struct ExportedText(Zeroizing<String>);

impl ExportedText {
    /// The text, for the answer and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for ExportedText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ExportedText")
    }
}

/// A key without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its type.
    pub key_type: KeyType,
    /// What was fixed when it was made.
    pub policy: Policy,
    /// The settings of now.
    pub settings: Settings,
    /// The versions from `min_decryption` on.
    pub versions: Vec<VersionDescription>,
}

/// A version without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionDescription {
    /// Its number.
    pub version: u32,
    /// When it was made.
    pub created_ms: Millis,
    /// The public half, as exported; of the derived key, if a context was given.
    pub public_key: Option<String>,
    /// How many uses are reserved, where they are counted.
    pub uses: Option<u64>,
}

impl Key {
    /// Exports one version, or all from `min_decryption` on, ascending. Private halves only where that was allowed when the key was made
    /// (KEY-013).
    pub fn export(
        &self,
        what: ExportKind,
        version: Option<u32>,
        format: Format,
    ) -> Result<Vec<Exported>, KeyError> {
        if what != ExportKind::PublicKey && !self.policy.exportable {
            return Err(KeyError::NotExportable);
        }
        let can = self.key_type.can();
        let fits = match what {
            ExportKind::EncryptionKey => can.decrypt,
            ExportKind::SigningKey => can.sign,
            ExportKind::HmacKey => true,
            ExportKind::PublicKey => self.has_public(),
        };
        if !fits {
            return Err(KeyError::ExportKind);
        }
        let wanted = |number| match version {
            None => number >= self.settings.min_decryption,
            Some(version) => version == number && version >= self.settings.min_decryption,
        };
        let exported: Result<Vec<_>, _> = self
            .versions
            .iter()
            .filter(|one| wanted(one.entry.version))
            .map(|Version { entry, material }| {
                let text = self.export_one(what, material, format)?;
                Ok(Exported {
                    version: entry.version,
                    text: ExportedText(text),
                })
            })
            .collect();
        exported.and_then(|list| {
            if list.is_empty() {
                Err(KeyError::NoVersion)
            } else {
                Ok(list)
            }
        })
    }

    fn export_one(
        &self,
        what: ExportKind,
        material: &Material,
        format: Format,
    ) -> Result<Zeroizing<String>, KeyError> {
        let secret = material.secret.expose();
        let only_default = |bytes: &[u8]| match format {
            Format::Default => Ok(base64(bytes)),
            _ => Err(KeyError::ExportFormat),
        };
        match (what, &material.ready, format) {
            (ExportKind::PublicKey, _, Format::Der) => Err(KeyError::ExportFormat),
            (ExportKind::PublicKey, _, _) => Ok(Zeroizing::new(self.public_text(&material.public))),
            (ExportKind::HmacKey, _, _) => only_default(material.mac_key(self.key_type)),
            (_, Ready::Rsa { .. } | Ready::Ecdsa(_), Format::Pem) => Ok(pem("PRIVATE KEY", secret)),
            (_, Ready::Rsa { .. } | Ready::Ecdsa(_), Format::Der) => Ok(base64(secret)),
            (_, Ready::Rsa { .. }, Format::Default) => Ok(pem(
                "RSA PRIVATE KEY",
                rsa::pkcs1(secret).ok_or(KeyError::Internal)?,
            )),
            (_, Ready::Ecdsa(pair), Format::Default) => Ok(pem("EC PRIVATE KEY", pair.sec1()?.expose())),
            (_, Ready::Ed25519(_), _) => {
                only_default(ed25519::seed_and_public(secret, &material.public).expose())
            }
            _ => only_default(secret),
        }
    }

    /// What anybody with the right to read may see. A context shows the public key that a derived `ed25519` key has there.
    pub fn describe(&self, context: Option<&[u8]>) -> Result<Description, KeyError> {
        let context = context.filter(|context| !context.is_empty());
        if context.is_some() && !self.policy.derived {
            return Err(KeyError::ContextUnwanted);
        }
        let visible = |one: &&Version| one.entry.version >= self.settings.min_decryption;
        let versions: Result<Vec<_>, KeyError> = self
            .versions
            .iter()
            .filter(visible)
            .map(|Version { entry, material }| {
                let public_key = match context {
                    _ if !self.has_public() => None,
                    Some(context) => {
                        let pair = ed25519::derived(material.secret.expose(), &material.public, context)?;
                        Some(self.public_text(&ed25519::public(&pair)))
                    }
                    None => Some(self.public_text(&material.public)),
                };
                Ok(VersionDescription {
                    version: entry.version,
                    created_ms: entry.created_ms,
                    public_key,
                    uses: self.reserved(entry.version),
                })
            })
            .collect();
        Ok(Description {
            name: self.name.as_str().to_owned(),
            key_type: self.key_type,
            policy: self.policy,
            settings: self.settings,
            versions: versions?,
        })
    }

    fn has_public(&self) -> bool {
        self.key_type.can().sign
    }

    fn public_text(&self, public: &[u8]) -> String {
        match self.key_type {
            KeyType::Ed25519 | KeyType::MlDsa65 => BASE64.encode(public),
            _ => core::mem::take(&mut *pem("PUBLIC KEY", public)),
        }
    }
}

fn base64(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(BASE64.encode(bytes))
}

/// PEM (RFC 7468), lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let mut body = BASE64.encode(der);
    let mut text = Zeroizing::new(String::with_capacity(
        body.len() + body.len() / 64 + 2 * label.len() + 40,
    ));
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    for (i, c) in body.chars().enumerate() {
        if i > 0 && i % 64 == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    body.zeroize();
    text
}

//! The key that a note is signed with: its name, its id, its text.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};

/// The type of signature that this crate makes and checks (c2sp.org/signed-note, `0x01`): Ed25519, RFC 8032, pure.
const TYPE_ED25519: u8 = 0x01;

/// Signs notes. The key stays with whoever implements this.
pub trait NoteSigner: Send + Sync {
    /// The Ed25519 public key (RFC 8032, 32 bytes) under which [`sign`](Self::sign)'s signatures verify.
    fn public(&self) -> [u8; 32];
    /// The Ed25519 signature of the note's text. Must not be used to sign anything but notes.
    fn sign(&self, text: &[u8]) -> [u8; 64];
}

/// Whose signature is looked for: a name and an Ed25519 public key. As text `NAME+id+base64(01 || key)`, the id in eight hex digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

/// Why a verifier key is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The name is empty or holds a space, a plus sign or a control character.
    #[error("not a name of a key")]
    Name,
    /// Not `NAME+id+base64`.
    #[error("not a verifier key")]
    Malformed,
    /// Not Ed25519 with 32 bytes.
    #[error("the verifier key is of another type than Ed25519")]
    Type,
    /// The id is not that of this name and key.
    #[error("the verifier key's id does not fit")]
    Id,
}

impl VerifierKey {
    /// A key by name. What `public` holds is judged when it is used.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        Ok(Self {
            name: name.to_owned(),
            public,
        })
    }

    /// The key's name; for a log it is the origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of `SHA-256(name || 0A || 01 || public key)`. Not a commitment to the key: anyone can make another key
    /// with the same id.
    pub fn id(&self) -> [u8; 4] {
        let named = [self.name.as_bytes(), b"\n", &[TYPE_ED25519], &self.public].concat();
        let mut id = [0; 4];
        id.iter_mut()
            .zip(digest(&SHA256, &named).as_ref())
            .for_each(|(to, from)| *to = *from);
        id
    }

    pub(super) fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public)
            .verify(text, signature)
            .is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[TYPE_ED25519][..], &self.public].concat();
        let id = HEXLOWER.encode(&self.id());
        write!(f, "{}+{id}+{}", self.name, BASE64.encode(&typed))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Malformed);
        };
        let id = HEXLOWER.decode(id.as_bytes()).map_err(|_| KeyError::Malformed)?;
        let typed = BASE64.decode(key.as_bytes()).map_err(|_| KeyError::Malformed)?;
        let Some((&TYPE_ED25519, public)) = typed.split_first() else {
            return Err(KeyError::Type);
        };
        let key = Self::new(name, public.try_into().map_err(|_| KeyError::Type)?)?;
        if id == key.id() {
            Ok(key)
        } else {
            Err(KeyError::Id)
        }
    }
}

/// Neither empty, nor with a space of Unicode, a plus sign or a control character.
pub(super) fn is_name(name: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && !name.contains(forbidden)
}

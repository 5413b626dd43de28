//! The everyday calls, typed.

use zeroize::Zeroizing;

use super::Client;
use crate::answer::{Answer, Outcomes};
use crate::call::{
    ByteFormat, Call, DataKey, DataKeyBits, DecryptItem, EncryptItem, HashAlgorithm, Hmac, HmacItem, Items,
    Proof, Random, RewrapItem, Sign, SignItem, SignOptions, TranslateItem, Upsert, Verify, VerifyItem,
};
use crate::error::{Error, Misbehaviour};
use crate::path::Name;
use crate::word::{Ciphertext, Octets};
use crate::wrong::Wrong;

/// What a use is bound to besides the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Binding<'a> {
    /// For derived keys, and for them always.
    pub context: Option<&'a [u8]>,
    /// Bound to the ciphertext; needed again to decrypt.
    pub associated_data: Option<&'a [u8]>,
    /// The latest if absent; not for decrypting.
    pub version: Option<u32>,
}

/// A data key in both forms.
#[derive(Debug)]
pub struct SealedDataKey {
    /// To be used and wiped.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// To be stored beside what it encrypts.
    pub ciphertext: Ciphertext,
}

impl Binding<'_> {
    pub(super) fn context(&self) -> Option<Octets> {
        self.context.map(Octets::copied)
    }

    pub(super) fn associated_data(&self) -> Option<Octets> {
        self.associated_data.map(Octets::copied)
    }

    pub(super) fn encrypt(&self, plaintext: &[u8]) -> EncryptItem {
        EncryptItem {
            plaintext: Octets::copied(plaintext),
            context: self.context(),
            associated_data: self.associated_data(),
            key_version: self.version,
        }
    }

    pub(super) fn decrypt(&self, ciphertext: &Ciphertext) -> DecryptItem {
        DecryptItem {
            ciphertext: ciphertext.clone(),
            context: self.context(),
            associated_data: self.associated_data(),
        }
    }

    fn data_key(&self, bits: DataKeyBits) -> DataKey {
        DataKey {
            bits,
            context: self.context(),
            associated_data: self.associated_data(),
            key_version: self.version,
        }
    }
}

impl Client {
    /// Encrypts under the latest version, or that of `binding`.
    pub async fn encrypt(
        &self,
        key: &str,
        plaintext: &[u8],
        binding: &Binding<'_>,
    ) -> Result<Ciphertext, Error> {
        let item = Items::One(binding.encrypt(plaintext));
        let call = Call::Encrypt(Name::parse(key)?, Upsert::default(), item.into());
        self.encrypted(&call).await
    }

    /// Decrypts. Context and associated data are those of the encryption.
    pub async fn decrypt(
        &self,
        key: &str,
        ciphertext: &Ciphertext,
        binding: &Binding<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let item = Items::One(binding.decrypt(ciphertext));
        let call = Call::Decrypt(Name::parse(key)?, item.into());
        match self.call(&call).await?.answer {
            Answer::Decrypted(Outcomes::One(decrypted)) => Ok(decrypted.plaintext.into_inner()),
            _ => Err(other_answer()),
        }
    }

    /// Encrypts anew under a newer version, inside the service.
    pub async fn rewrap(
        &self,
        key: &str,
        ciphertext: &Ciphertext,
        binding: &Binding<'_>,
    ) -> Result<Ciphertext, Error> {
        let item = Items::One(RewrapItem {
            ciphertext: ciphertext.clone(),
            context: binding.context(),
            associated_data: binding.associated_data(),
            key_version: binding.version,
        });
        self.encrypted(&Call::Rewrap(Name::parse(key)?, item.into()))
            .await
    }

    /// Encrypts anew under another key, inside the service. What `to` leaves absent is as in `from`, where the target takes it; the version
    /// is that of `to`.
    pub async fn translate(
        &self,
        (source, from): (&str, &Binding<'_>),
        ciphertext: &Ciphertext,
        (target, to): (&str, &Binding<'_>),
    ) -> Result<Ciphertext, Error> {
        let item = Items::One(TranslateItem {
            ciphertext: ciphertext.clone(),
            context: from.context(),
            associated_data: from.associated_data(),
            target_context: to.context(),
            target_associated_data: to.associated_data(),
            key_version: to.version,
        });
        let call = Call::Translate {
            source: Name::parse(source)?,
            target: Name::parse(target)?,
            items: item.into(),
        };
        self.encrypted(&call).await
    }

    /// A random key for local use, together with the ciphertext from which [`decrypt`](Self::decrypt) gets it again.
    pub async fn data_key(
        &self,
        key: &str,
        bits: DataKeyBits,
        binding: &Binding<'_>,
    ) -> Result<SealedDataKey, Error> {
        let call = Call::DataKeyPlaintext(Name::parse(key)?, binding.data_key(bits));
        let Answer::DataKey(answer) = self.call(&call).await?.answer else {
            return Err(other_answer());
        };
        let plaintext = answer
            .plaintext
            .ok_or_else(|| Error::body(Wrong::Missing("plaintext")))?;
        Ok(SealedDataKey {
            plaintext: plaintext.into_inner(),
            ciphertext: answer.ciphertext,
        })
    }

    /// A random key that this process does not see.
    pub async fn data_key_wrapped(
        &self,
        key: &str,
        bits: DataKeyBits,
        binding: &Binding<'_>,
    ) -> Result<Ciphertext, Error> {
        let call = Call::DataKeyWrapped(Name::parse(key)?, binding.data_key(bits));
        match self.call(&call).await?.answer {
            Answer::DataKey(answer) => Ok(answer.ciphertext),
            _ => Err(other_answer()),
        }
    }

    /// Signs; the text is `vault:v` version `:` and the signature.
    pub async fn sign(
        &self,
        key: &str,
        input: &[u8],
        hash: Option<HashAlgorithm>,
        options: SignOptions,
    ) -> Result<String, Error> {
        let items = Items::One(SignItem {
            input: Octets::copied(input),
            context: None,
        });
        let sign = Sign { hash, options, items };
        match self.call(&Call::Sign(Name::parse(key)?, sign)).await?.answer {
            Answer::Signed(Outcomes::One(signed)) => Ok(signed.signature),
            _ => Err(other_answer()),
        }
    }

    /// Whether a signature or an HMAC fits. False is an answer, not an error.
    pub async fn verify(
        &self,
        key: &str,
        input: &[u8],
        proof: Proof,
        hash: Option<HashAlgorithm>,
        options: SignOptions,
    ) -> Result<bool, Error> {
        let items = Items::One(VerifyItem {
            input: Octets::copied(input),
            context: None,
            proof,
        });
        let verify = Verify { hash, options, items };
        match self.call(&Call::Verify(Name::parse(key)?, verify)).await?.answer {
            Answer::Verified(Outcomes::One(verified)) => Ok(verified.valid),
            _ => Err(other_answer()),
        }
    }

    /// Makes an HMAC under the latest version; the text is `vault:v` version `:` and the HMAC.
    pub async fn hmac(&self, key: &str, input: &[u8], hash: Option<HashAlgorithm>) -> Result<String, Error> {
        let hmac = Hmac {
            hash,
            key_version: None,
            items: Items::One(HmacItem {
                input: Octets::copied(input),
            }),
        };
        match self.call(&Call::Hmac(Name::parse(key)?, hmac)).await?.answer {
            Answer::Hmac(Outcomes::One(made)) => Ok(made.hmac),
            _ => Err(other_answer()),
        }
    }

    /// Random bytes of the service; 1 to [`Random::MOST`].
    pub async fn random(&self, bytes: u32) -> Result<Zeroizing<Vec<u8>>, Error> {
        let random = Random {
            bytes,
            format: ByteFormat::Base64,
        };
        let Answer::Random(answer) = self.call(&Call::Random(random, None)).await?.answer else {
            return Err(other_answer());
        };
        let drawn = Octets::from_base64(answer.random_bytes.expose())
            .filter(|drawn| usize::try_from(bytes) == Ok(drawn.expose().len()));
        match drawn {
            Some(drawn) => Ok(drawn.into_inner()),
            None => Err(Error::body(Wrong::Type {
                field: "random_bytes",
                expected: "that many bytes in base64",
            })),
        }
    }

    async fn encrypted(&self, call: &Call) -> Result<Ciphertext, Error> {
        match self.call(call).await?.answer {
            Answer::Encrypted(Outcomes::One(encrypted)) => Ok(encrypted.ciphertext),
            _ => Err(other_answer()),
        }
    }
}

pub(super) fn other_answer() -> Error {
    Error::Misbehaved(Misbehaviour::OtherAnswer)
}

//! Signatures and HMACs.

use std::sync::Arc;

use crannog_keyd_client::{
    Answer, HashAlgorithm, Hmac, HmacItem, NewHmac, Octets, Proof, Refusal, Sign, SignItem, SignOptions,
    Signed, Verified, Verify, VerifyItem,
};
use crannog_keyd_keys::{
    Hash, Key, KeyError, MacToVerify, Marshaling, RsaScheme, SaltLength, ToMac, ToSign, ToVerify,
};
use data_encoding::BASE64;

use super::items::{each, failed, succeeded};
use super::work::{Done, Work};

impl Work<'_> {
    pub(super) async fn sign(mut self, key: Arc<Key>, sign: Sign) -> Result<Done, Refusal> {
        let Sign { hash, options, items } = sign;
        self.take_in(&items, |values, item| {
            values.add_some("context", item.context.as_ref().map(Octets::expose));
            values.add("input", item.input.expose());
        });
        let turn = self.turn(&[&key]).await?;
        let outcomes = each(items, turn, move |item: SignItem| {
            let what = to_sign(&item.input, item.context.as_ref(), hash, &options);
            let signature = key.sign(&what)?;
            Ok(Signed {
                signature: signature.text,
                key_version: signature.version,
                public_key: signature.public_key.map(|public| BASE64.encode(&public)),
            })
        })
        .await?;
        let mut values = self.opened.values();
        for done in succeeded(&outcomes) {
            values.add("signature", done.signature.as_bytes());
        }
        self.entry.output = values.finish();
        self.entry.version = succeeded(&outcomes).map(|done| done.key_version).next();
        self.entry.failed = Some(failed(&outcomes)).filter(|failed| *failed > 0);
        Ok(Done::of(Answer::Signed(outcomes)))
    }

    pub(super) async fn verify(mut self, key: Arc<Key>, verify: Verify) -> Result<Done, Refusal> {
        let Verify { hash, options, items } = verify;
        self.take_in(&items, |values, item| {
            values.add_some("context", item.context.as_ref().map(Octets::expose));
            values.add("input", item.input.expose());
            match &item.proof {
                Proof::Signature(text) => values.add("signature", text.as_bytes()),
                Proof::Hmac(text) => values.add("hmac", text.as_bytes()),
            }
        });
        let turn = self.turn(&[&key]).await?;
        let outcomes = each(items, turn, move |item: VerifyItem| {
            let valid = is_valid(&key, &item, hash, &options)?;
            Ok(Verified { valid })
        })
        .await?;
        self.entry.failed = Some(failed(&outcomes)).filter(|failed| *failed > 0);
        Ok(Done::of(Answer::Verified(outcomes)))
    }

    pub(super) async fn hmac(mut self, key: Arc<Key>, hmac: Hmac) -> Result<Done, Refusal> {
        let Hmac {
            hash,
            key_version,
            items,
        } = hmac;
        self.take_in(&items, |values, item| values.add("input", item.input.expose()));
        let outcomes = each(items, None, move |item: HmacItem| {
            let hmac = key.hmac(&ToMac {
                input: item.input.expose(),
                hash: hash_of(hash),
                version: key_version,
            })?;
            Ok(NewHmac { hmac })
        })
        .await?;
        let mut values = self.opened.values();
        for done in succeeded(&outcomes) {
            values.add("hmac", done.hmac.as_bytes());
        }
        self.entry.output = values.finish();
        self.entry.failed = Some(failed(&outcomes)).filter(|failed| *failed > 0);
        Ok(Done::of(Answer::Hmac(outcomes)))
    }
}

fn is_valid(
    key: &Key,
    item: &VerifyItem,
    hash: Option<HashAlgorithm>,
    options: &SignOptions,
) -> Result<bool, KeyError> {
    match &item.proof {
        Proof::Signature(signature) => key.verify(&ToVerify {
            signature,
            how: to_sign(&item.input, item.context.as_ref(), hash, options),
        }),
        Proof::Hmac(hmac) => key.hmac_verify(&MacToVerify {
            hmac,
            input: item.input.expose(),
            hash: hash_of(hash),
        }),
    }
}

fn to_sign<'a>(
    input: &'a Octets,
    context: Option<&'a Octets>,
    hash: Option<HashAlgorithm>,
    options: &SignOptions,
) -> ToSign<'a> {
    use crannog_keyd_client::{Marshaling as Written, SaltLength as Salt, SignatureAlgorithm as Scheme};
    ToSign {
        input: input.expose(),
        context: context.map(Octets::expose),
        version: options.key_version,
        hash: hash_of(hash),
        prehashed: options.prehashed,
        scheme: match options.signature_algorithm {
            Some(Scheme::Pkcs1v15) => RsaScheme::Pkcs1v15,
            Some(Scheme::Pss) | None => RsaScheme::Pss,
        },
        salt: match options.salt_length {
            Some(Salt::Bytes(bytes)) => SaltLength::Bytes(bytes),
            Some(Salt::Auto | Salt::Hash) | None => SaltLength::Digest,
        },
        marshaling: match options.marshaling_algorithm {
            Some(Written::Jws) => Marshaling::Jws,
            Some(Written::Asn1) | None => Marshaling::Asn1,
        },
    }
}

pub(super) fn hash_of(hash: Option<HashAlgorithm>) -> Hash {
    match hash {
        Some(HashAlgorithm::Sha2_224) => Hash::Sha2_224,
        None | Some(HashAlgorithm::Sha2_256) => Hash::Sha2_256,
        Some(HashAlgorithm::Sha2_384) => Hash::Sha2_384,
        Some(HashAlgorithm::Sha2_512) => Hash::Sha2_512,
        Some(HashAlgorithm::Sha3_256) => Hash::Sha3_256,
        Some(HashAlgorithm::Sha3_384) => Hash::Sha3_384,
        Some(HashAlgorithm::Sha3_512) => Hash::Sha3_512,
    }
}

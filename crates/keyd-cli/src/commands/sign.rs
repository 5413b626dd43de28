//! sign.

use std::path::PathBuf;

use clap::Args;
use crannog_keyd_client::{
    Answer, Call, HashAlgorithm, Items, Marshaling, Octets, Outcomes, SignItem, SignOptions,
    SignatureAlgorithm,
};
use data_encoding::HEXLOWER_PERMISSIVE;
use zeroize::Zeroizing;

use super::options::{KeyOption, octets};
use super::{WithKey, blocking};
use crate::failure::Failure;
use crate::input::Source;
use crate::session::{Session, name, unexpected};

/// No service takes a longer body; in base64 it is longer by a third.
const LONGEST: usize = 24 << 20;

/// Sign a file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd sign --key releases release.tar > release.sig
  sha256sum release.tar | cut -d' ' -f1 | crannog-keyd sign --key releases --prehashed -
  crannog-keyd sign --key tokens --jws - < header-and-claims")]
pub(crate) struct Sign {
    /// The file; `-` is standard input, and so is nothing
    file: Option<PathBuf>,
    #[command(flatten)]
    key: KeyOption,
    #[command(flatten)]
    how: SignatureOptions,
    /// The key's version [default: the latest]
    #[arg(long, value_name = "NUMBER")]
    version: Option<u32>,
}

/// How signatures are made and verified.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SignatureOptions {
    /// The hash [default: sha2-256]; ed25519 and ml-dsa-65 hash by themselves
    #[arg(long, value_parser = hash, value_name = "sha2-256|sha2-384|…")]
    pub(super) hash: Option<HashAlgorithm>,
    /// The file is the digest, in hex or as bytes
    #[arg(long)]
    prehashed: bool,
    /// PKCS#1 v1.5 instead of PSS, for RSA
    #[arg(long)]
    pkcs1v15: bool,
    /// As JSON Web Signatures write it: base64url, ECDSA as r || s
    #[arg(long)]
    jws: bool,
    /// What a derived key is derived with
    #[arg(long, value_name = "TEXT")]
    context: Option<String>,
}

impl SignatureOptions {
    pub(super) fn options(&self, version: Option<u32>) -> SignOptions {
        SignOptions {
            prehashed: self.prehashed,
            signature_algorithm: self.pkcs1v15.then_some(SignatureAlgorithm::Pkcs1v15),
            marshaling_algorithm: self.jws.then_some(Marshaling::Jws),
            salt_length: None,
            key_version: version,
        }
    }

    pub(super) fn context(&self) -> Option<Octets> {
        octets(self.context.as_deref())
    }

    /// What is signed.
    pub(super) async fn input(
        &self,
        session: &Session<'_>,
        file: Option<PathBuf>,
    ) -> Result<Octets, Failure> {
        let bytes = message(session, file).await?;
        Ok(Octets::from(if self.prehashed { digest(bytes) } else { bytes }))
    }
}

impl Sign {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let key = name(&self.key.key)?;
        let item = SignItem {
            input: self.how.input(session, self.file).await?,
            context: self.how.context(),
        };
        let sign = crannog_keyd_client::Sign {
            hash: self.how.hash,
            options: self.how.options(self.version),
            items: Items::One(item),
        };
        let reply = session
            .call_about(key.as_str(), &Call::Sign(key.clone(), sign))
            .await?;
        let Answer::Signed(Outcomes::One(signed)) = reply.answer else {
            return Err(unexpected());
        };
        let data = WithKey {
            key: key.as_str(),
            data: &signed,
        };
        session.printer.result(&format!("{}\n", signed.signature), &data)
    }
}

pub(super) fn hash(text: &str) -> Result<HashAlgorithm, String> {
    HashAlgorithm::parse(text).map_err(|error| error.to_string())
}

/// A file of which a signature or an HMAC is made.
pub(super) async fn message(
    session: &Session<'_>,
    file: Option<PathBuf>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let source = Source::of_path(file.as_deref());
    source.announce(session.printer);
    blocking(move || {
        source
            .whole(LONGEST)
            .map_err(|failure| failure.hint("sign the digest of a large file: --prehashed"))
    })
    .await
}

/// A digest in hex as `sha256sum` writes it, or its bytes.
fn digest(bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let text = bytes.trim_ascii_end();
    match HEXLOWER_PERMISSIVE.decode(text) {
        Ok(digest) if [28, 32, 48, 64].contains(&digest.len()) => Zeroizing::new(digest),
        _ => bytes,
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::digest;

    #[test]
    fn digests_come_in_hex_or_as_they_are() {
        let read = |bytes: &[u8]| digest(Zeroizing::new(bytes.to_vec())).to_vec();
        assert_eq!(
            read(format!("{}\n", "0aF1".repeat(16)).as_bytes()),
            [0x0a, 0xf1].repeat(16)
        );
        for bytes in [&[7; 32][..], b"0af1\n", &b"a".repeat(32)] {
            assert_eq!(read(bytes), bytes);
        }
    }
}

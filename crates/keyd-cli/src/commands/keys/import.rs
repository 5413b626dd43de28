//! keys import.

use std::path::PathBuf;

use clap::Args;
use crannog_keyd_client::{Answer, Call, ImportHash, ImportKey, ImportVersion, Octets};
use crannog_keyd_keys::{OaepHash, wrap_import};
use data_encoding::{BASE64URL, BASE64URL_NOPAD};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde_json::json;
use zeroize::Zeroizing;

use super::create::FixedOptions;
use crate::commands::blocking;
use crate::failure::{Code, Failure};
use crate::secret_file;
use crate::session::{Session, name, unexpected};

const PEM: &[u8] = b"-----BEGIN ";
/// Base64url of 32 bytes, as Fernet's keys are written, with and without padding.
const FERNET_LEN: [usize; 2] = [43, 44];

/// Take in a key that was made elsewhere
///
/// It is wrapped to the service's wrapping key before it leaves this process. FILE has the raw bytes of symmetric keys, hmac, fernet and
/// ml-dsa-65 (seed), and PKCS#8 (DER, or PEM `PRIVATE KEY`) of the others; of fernet also the usual base64url text.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd keys import session session.key --type fernet
  crannog-keyd keys import releases release.pem --type ecdsa-p256 --allow-rotation
  crannog-keyd keys import releases release-2.pem --new-version")]
pub(crate) struct Import {
    /// The key's name
    name: String,
    /// The key; `-` is standard input
    file: PathBuf,
    /// Its type [default: the service's]; of a new version it says only how FILE is read
    #[arg(long = "type", value_name = "TYPE")]
    key_type: Option<String>,
    /// It may be rotated here
    #[arg(long, conflicts_with = "new_version")]
    allow_rotation: bool,
    /// Add a version to a key that was imported before
    #[arg(long, conflicts_with_all = ["derived", "exportable", "plaintext_backup", "rotate_every"])]
    new_version: bool,
    #[command(flatten)]
    fixed: FixedOptions,
}

impl Import {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let (name, path) = (name(&self.name)?, self.file.clone());
        let fernet = self.key_type.as_deref() == Some("fernet");
        let material = blocking(move || {
            let bytes = secret_file::read(&path)?;
            material(&bytes, fernet).ok_or_else(|| {
                Failure::new(Code::Usage, "this PEM file has no PKCS#8 `PRIVATE KEY`")
                    .object(path.display().to_string())
                    .hint("openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW")
            })
        })
        .await?;
        let Answer::WrappingKey(wrapping) = session
            .call_about(name.as_str(), &Call::WrappingKey)
            .await?
            .answer
        else {
            return Err(unexpected());
        };
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(wrapping.public_key.as_bytes());
        let spki = spki.map_err(|_| unexpected())?;
        let wrapped = wrap_import(&spki, &material, OaepHash::Sha256, &mut rand::rng());
        let wrapped =
            wrapped.map_err(|error| Failure::new(Code::Other, error.to_string()).object(name.as_str()))?;
        let (ciphertext, hash_function) = (Octets::copied(&wrapped), ImportHash::Sha256);
        let call = if self.new_version {
            Call::ImportVersion(
                name.clone(),
                ImportVersion {
                    ciphertext,
                    hash_function,
                },
            )
        } else {
            Call::ImportKey(
                name.clone(),
                ImportKey {
                    ciphertext,
                    hash_function,
                    key_type: self.key_type,
                    allow_rotation: self.allow_rotation,
                    derived: self.fixed.derived,
                    exportable: self.fixed.exportable,
                    allow_plaintext_backup: self.fixed.plaintext_backup,
                    auto_rotate_period: self.fixed.rotate_every,
                },
            )
        };
        session.call_about(name.as_str(), &call).await?;
        session
            .printer
            .result(&format!("imported {name}\n"), &json!({ "key": name.as_str() }))
    }
}

/// The bytes that are imported; none for PEM of something else.
fn material(file: &[u8], fernet: bool) -> Option<Zeroizing<Vec<u8>>> {
    if file.starts_with(PEM) {
        let key = PrivatePkcs8KeyDer::from_pem_slice(file).ok()?;
        return Some(Zeroizing::new(key.secret_pkcs8_der().to_vec()));
    }
    let text = file.trim_ascii_end();
    let decoded = (fernet && FERNET_LEN.contains(&text.len())).then(|| {
        let decoded = BASE64URL.decode(text);
        decoded.or_else(|_| BASE64URL_NOPAD.decode(text)).ok()
    });
    Some(Zeroizing::new(decoded.flatten().unwrap_or_else(|| file.to_vec())))
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::material;

    #[test]
    fn keys_come_in_several_forms() {
        let read = |file: &[u8]| material(file, false).map(|key| key.to_vec());
        assert_eq!(read(&[7; 32]), Some(vec![7; 32]));
        let text = format!("{}\n", data_encoding::BASE64URL.encode(&[0xfb; 32]));
        assert_eq!(read(text.as_bytes()), Some(text.clone().into_bytes()));
        assert_eq!(material(text.as_bytes(), true).unwrap().to_vec(), [0xfb; 32]);
        let pem = |label| {
            format!(
                "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
                BASE64.encode(b"der")
            )
        };
        assert_eq!(read(pem("PRIVATE KEY").as_bytes()), Some(b"der".to_vec()));
        assert_eq!(read(pem("RSA PRIVATE KEY").as_bytes()), None);
    }
}

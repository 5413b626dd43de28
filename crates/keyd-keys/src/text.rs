//! `vault:vN:base64`, the text of ciphertexts, signatures and HMACs.

use data_encoding::{BASE64, BASE64URL_NOPAD, Encoding};

use crate::error::{Fault, KeyError, Noun};

const PREFIX: &str = "vault:v";

/// The text of `bytes` under `version`.
pub(crate) fn write(version: u32, bytes: &[u8], encoding: &Encoding) -> String {
    let mut text = format!("{PREFIX}{version}:");
    text.reserve(encoding.encode_len(bytes.len()));
    encoding.encode_append(bytes, &mut text);
    text
}

/// Version and the part after it, still as text. `v0` is version 1.
pub(crate) fn split(text: &str, noun: Noun) -> Result<(u32, &str), KeyError> {
    let fault = |fault| KeyError::Text(noun, fault);
    let rest = text.strip_prefix(PREFIX).ok_or(fault(Fault::NoPrefix))?;
    let (number, value) = rest.split_once(':').ok_or(fault(Fault::Fields))?;
    if value.contains(':') {
        return Err(fault(Fault::Fields));
    }
    let canonical = number == "0" || (!number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit()));
    let version: u32 = number
        .parse()
        .ok()
        .filter(|_| canonical)
        .ok_or(fault(Fault::Version))?;
    Ok((version.max(1), value))
}

/// The bytes of a ciphertext or HMAC: padded base64 in its canonical form only.
pub(crate) fn decode(value: &str, noun: Noun) -> Result<Vec<u8>, KeyError> {
    BASE64
        .decode(value.as_bytes())
        .map_err(|_| KeyError::Text(noun, Fault::Base64))
}

/// The bytes of a signature, in the encoding of its marshaling.
pub(crate) fn decode_signature(value: &str, url: bool) -> Result<Vec<u8>, KeyError> {
    let encoding = if url { &BASE64URL_NOPAD } else { &BASE64 };
    encoding
        .decode(value.as_bytes())
        .map_err(|_| KeyError::SignatureBase64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_split_as_clients_expect() {
        let split =
            |text: &str| split(text, Noun::Ciphertext).map(|(version, value)| (version, value.to_owned()));
        let fault = |fault| Err(KeyError::Text(Noun::Ciphertext, fault));
        assert_eq!(split("vault:v12:AA=="), Ok((12, "AA==".to_owned())));
        assert_eq!(split("vault:v0:AA=="), Ok((1, "AA==".to_owned())));
        assert_eq!(split("vault:AA=="), fault(Fault::NoPrefix));
        assert_eq!(split("vault:v1"), fault(Fault::Fields));
        assert_eq!(split("vault:v1:a:b"), fault(Fault::Fields));
        for number in ["", "01", "+1", "-1", "1 ", "x", "4294967296"] {
            assert_eq!(
                split(&format!("vault:v{number}:AA==")),
                fault(Fault::Version),
                "{number}"
            );
        }
        // Each byte string has one text: bits that padding leaves over are zero.
        assert!(decode("AB==", Noun::Ciphertext).is_err());
        assert!(decode("AA", Noun::Ciphertext).is_err());
    }
}

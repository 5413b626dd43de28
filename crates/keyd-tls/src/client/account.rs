//! The account that certifies a client (docs/spec/identity.md, *Certificates*). Who signed the account's certificate does not
//! matter, nor until when: the policy pins its key, and whoever has the key can make another one.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OID_SIG_ED25519;
use x509_parser::prelude::FromDer;

/// A SubjectPublicKeyInfo of Ed25519 up to the 32 bytes of the key (RFC 8410, section 4).
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The account's key, if `account` is the certificate of an authority with an Ed25519 key, that key signed `leaf`, and the name
/// in `leaf` lies below the account's.
pub(super) fn certifying(leaf: &X509Certificate<'_>, account: &[u8]) -> Option<[u8; 32]> {
    let (rest, account) = X509Certificate::from_der(account).ok()?;
    if !rest.is_empty() || !account.is_ca() {
        return None;
    }
    let spki = account.tbs_certificate.subject_pki.raw;
    let key: [u8; 32] = spki.strip_prefix(&ED25519_SPKI)?.try_into().ok()?;
    let named = is_below(dns_name(leaf)?, dns_name(&account)?);
    (named && is_signed_by(leaf, &key)).then_some(key)
}

fn is_signed_by(leaf: &X509Certificate<'_>, key: &[u8; 32]) -> bool {
    let algorithm = &leaf.signature_algorithm;
    let ed25519 = algorithm.algorithm == OID_SIG_ED25519 && algorithm.parameters.is_none();
    let signed = leaf.tbs_certificate.as_ref();
    ed25519
        && UnparsedPublicKey::new(&ED25519, key)
            .verify(signed, &leaf.signature_value.data)
            .is_ok()
}

/// The one DNS name. Two would leave open which one counts.
fn dns_name<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a str> {
    let names = &certificate.subject_alternative_name().ok()??.value.general_names;
    let mut dns = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(Some(*name)),
        GeneralName::Invalid(..) => Some(None),
        _ => None,
    });
    match (dns.next(), dns.next()) {
        (Some(name), None) => name,
        _ => None,
    }
}

/// Whole labels more than `account` has, in whatever case. A pattern with `*` is no name.
fn is_below(leaf: &str, account: &str) -> bool {
    let (leaf, account) = (leaf.to_ascii_lowercase(), account.to_ascii_lowercase());
    is_name(&leaf) && is_name(&account) && leaf.ends_with(&format!(".{account}"))
}

fn is_name(name: &str) -> bool {
    let of_a_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    name.split('.')
        .all(|label| !label.is_empty() && label.bytes().all(of_a_label))
}

#[cfg(test)]
mod tests {
    use super::is_below;

    #[test]
    fn below_is_below() {
        let account = "anna.0123456789abcdef.invalid";
        assert!(is_below(&format!("laptop.{account}"), account));
        assert!(is_below(&format!("a.b.{account}").to_uppercase(), account));
        for other in [
            account,
            "hanna.0123456789abcdef.invalid",
            "0123456789abcdef.invalid",
            ".anna.0123456789abcdef.invalid",
            "a..anna.0123456789abcdef.invalid",
            "*.anna.0123456789abcdef.invalid",
            "laptop.anna.0123456789abcdef.invalid.",
            "laptop.anna.0123456789abcdef.invalid.example",
            "",
        ] {
            assert!(!is_below(other, account), "{other}");
        }
        assert!(!is_below("laptop.", ""));
        assert!(!is_below("laptop.a.", "a."));
    }
}

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519,
    PublicKeyData,
};
use rustls::pki_types::{CertificateDer, UnixTime};

use super::{Client, Fault, sha256};

const ACCOUNT: &str = "anna.0123456789abcdef.invalid";

struct Chain {
    certificates: Vec<CertificateDer<'static>>,
    account: [u8; 32],
    spki: Vec<u8>,
}

fn chain() -> Chain {
    let account_key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let account = account_key.public_key_raw().try_into().unwrap();
    let mut params = CertificateParams::new([ACCOUNT.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let above = params.self_signed(&account_key).unwrap().der().clone();
    let issuer = Issuer::new(params, account_key);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let params = CertificateParams::new([format!("laptop.{ACCOUNT}")]).unwrap();
    let leaf = params.signed_by(&key, &issuer).unwrap().der().clone();
    Chain {
        certificates: vec![leaf, above],
        account,
        spki: key.subject_public_key_info(),
    }
}

fn changed(chain: &Chain, which: usize, change: impl FnOnce(&mut Vec<u8>)) -> Vec<CertificateDer<'static>> {
    let mut certificates = chain.certificates.clone();
    let mut der = certificates[which].to_vec();
    change(&mut der);
    certificates[which] = der.into();
    certificates
}

/// The same certificate with the length of its SubjectPublicKeyInfo in two bytes where one would do, as BER allows.
fn lengthened(chain: &Chain) -> Vec<CertificateDer<'static>> {
    changed(chain, 0, |der| {
        let at = der
            .windows(chain.spki.len())
            .position(|part| part == chain.spki)
            .unwrap();
        der.insert(at + 1, 0x81);
        // Certificate and its signed part begin with 30 82 and two bytes of length.
        for length in [2, 6] {
            let longer = u16::from_be_bytes([der[length], der[length + 1]]) + 1;
            der[length..length + 2].copy_from_slice(&longer.to_be_bytes());
        }
    })
}

#[test]
fn an_honest_chain_is_a_client() {
    let chain = chain();
    let client = Client::read(&chain.certificates, UnixTime::now()).unwrap();
    assert_eq!(client.certificate, sha256(&chain.certificates[0]));
    assert_eq!(client.spki, sha256(&chain.spki));
    assert_eq!(client.account, Some(chain.account));
}

#[test]
fn chk_029_only_what_decodes_to_the_last_byte_is_a_client() {
    let chain = chain();
    let longer = changed(&chain, 0, |der| der.push(0));
    let shorter = changed(&chain, 0, |der| der.truncate(der.len() - 1));
    for attack in [longer, shorter, lengthened(&chain), Vec::new()] {
        assert_eq!(Client::read(&attack, UnixTime::now()), Err(Fault::Malformed));
    }
    let above = changed(&chain, 1, |der| der.push(0));
    assert_eq!(Client::read(&above, UnixTime::now()).unwrap().account, None);
}

proptest! {
    #[test]
    fn whatever_is_changed_in_a_certificate_costs_its_pins(at: prop::sample::Index, flip in 1..=255_u8) {
        let chain = chain();
        let attack = changed(&chain, 0, |der| {
            let at = at.index(der.len());
            der[at] ^= flip;
        });
        if let Ok(client) = Client::read(&attack, UnixTime::now()) {
            prop_assert_ne!(client.certificate, sha256(&chain.certificates[0]));
            prop_assert_eq!(client.account, None);
        }
    }

    #[test]
    fn no_bytes_are_too_odd_to_be_read(leaf: Vec<u8>, above: Vec<u8>) {
        let garbage = [CertificateDer::from(leaf), CertificateDer::from(above.clone())];
        prop_assert_eq!(Client::read(&garbage, UnixTime::now()), Err(Fault::Malformed));
        let chain = changed(&chain(), 1, |der| *der = above);
        prop_assert_eq!(Client::read(&chain, UnixTime::now()).unwrap().account, None);
    }
}

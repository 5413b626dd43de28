//! CHK-020 for those who were not there: the receipt key under the CA.

use crannog_proto::{Fingerprint, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};

use super::ca::Ca;
use super::world::{Key, Server, http, ok, transport};
use crate::transport::{NotCertified, receipt_key_certified};

#[tokio::test]
async fn a_server_that_was_met_is_proven_to_others() {
    let ca = Ca::new();
    let info = encode(&ca.server_info());
    let server = Server::raw(ca.config(), move |_, stream| {
        let info = info.clone();
        async move { http(stream, |_, _| ok(info.clone())).await }
    });
    let transport = transport(ca.fingerprint(), &server);
    assert_eq!(transport.server_proof(), None, "before it was met");
    let met = transport.server_info().await.unwrap();
    let proof = transport.server_proof().unwrap();
    assert_eq!(
        (proof.ca.as_slice(), proof.receipt_key),
        (ca.der.as_ref(), met.receipt_key)
    );
    let certified = |pinned: Option<&Fingerprint>| {
        receipt_key_certified(
            &proof.ca,
            pinned,
            &proof.receipt_key,
            &proof.receipt_key_signature,
        )
    };
    assert_eq!(certified(None), Ok(ca.fingerprint()));
    assert_eq!(certified(Some(&ca.fingerprint())), Ok(ca.fingerprint()));
    let other = Ca::new().fingerprint();
    assert_eq!(certified(Some(&other)), Err(NotCertified::Fingerprint));
}

#[tokio::test]
async fn a_server_that_lied_about_its_key_is_proven_to_nobody() {
    let (ca, liar) = (Ca::new(), Ca::new());
    let mut info = liar.server_info();
    info.ca_fingerprint = ca.fingerprint();
    let info = encode(&info);
    let server = Server::raw(ca.config(), move |_, stream| {
        let info = info.clone();
        async move { http(stream, |_, _| ok(info.clone())).await }
    });
    let transport = transport(ca.fingerprint(), &server);
    transport.server_info().await.unwrap_err();
    assert_eq!(transport.server_proof(), None);
}

#[test]
fn what_the_ca_did_not_sign_is_not_certified() {
    let (ca, liar) = (Ca::new(), Ca::new());
    let (info, foreign) = (ca.server_info(), liar.server_info());
    let pinned = ca.fingerprint();
    let certified = |der: &[u8], key, signature| receipt_key_certified(der, None, key, signature);
    let (signature, other) = (&info.receipt_key_signature, Key::new(9).public());
    assert_eq!(certified(&ca.der, &info.receipt_key, signature), Ok(pinned));
    assert_eq!(
        certified(&ca.der, &other, signature),
        Err(NotCertified::Signature)
    );
    assert_eq!(
        certified(&ca.der, &info.receipt_key, &foreign.receipt_key_signature),
        Err(NotCertified::Signature)
    );
    assert_ne!(
        certified(&liar.der, &foreign.receipt_key, &foreign.receipt_key_signature),
        Ok(pinned),
        "who pins nothing learns which CA it was"
    );
    for der in [
        &[][..],
        &[0x30, 0x80],
        &ca.der[..ca.der.len() - 1],
        &[0xff; 4_000],
    ] {
        assert_eq!(
            certified(der, &info.receipt_key, signature),
            Err(NotCertified::Certificate)
        );
    }
    let classical = Ca::with_key(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap());
    assert_eq!(
        certified(&classical.der, &info.receipt_key, signature),
        Err(NotCertified::Certificate)
    );
}

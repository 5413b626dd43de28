//! Whose account certifies a client (KEY-009): what is not certified as the specification says is a client without an account.

use rcgen::{
    BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519,
    PKCS_RSA_SHA256, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use crate::parties::{Account, Party};
use crate::world::World;

const ANNA: &str = "anna.0123456789abcdef.invalid";
const LAPTOP: &str = "laptop.anna.0123456789abcdef.invalid";

/// The account that the key process is told of.
async fn told(party: &Party) -> Option<[u8; 32]> {
    let world = World::new();
    let _client = world.connect(party).await.unwrap();
    let hello = world.keys.meet().await.hello;
    assert_eq!(hello.certificate, party.sha256());
    hello.account
}

#[tokio::test]
async fn an_account_is_known_by_its_key_whoever_signed_its_certificate() {
    let anna = Account::new(ANNA, &PKCS_ED25519);
    assert_eq!(told(&anna.device(&[LAPTOP])).await, Some(anna.key()));

    // Signed by a server's authority that nobody here knows, and long ago.
    let authority = Account::new("0123456789abcdef.invalid", &PKCS_ED25519);
    let mut device = anna.device(&[LAPTOP]);
    device.chain[1] = authority.certify(&anna, |params| params.not_after = date_time_ymd(2020, 1, 1));
    device.chain.push(authority.certificate);
    assert_eq!(told(&device).await, Some(anna.key()));
}

#[tokio::test]
async fn key_009_an_account_must_have_signed_the_client() {
    let (anna, mallory) = (
        Account::new(ANNA, &PKCS_ED25519),
        Account::new(ANNA, &PKCS_ED25519),
    );
    let mut forged = mallory.device(&[LAPTOP]);
    forged.chain[1] = anna.certificate.clone();
    assert_eq!(told(&forged).await, None);

    let mut own = Party::with(|params| *params = CertificateParams::new([LAPTOP.to_owned()]).unwrap());
    own.chain.push(anna.certificate.clone());
    assert_eq!(told(&own).await, None);

    // A device is no account, though anna certified it and it signed another one.
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let device = Account::with(key, |params| {
        *params = CertificateParams::new([LAPTOP.to_owned()]).unwrap()
    });
    let mut guest = device.device(&[&format!("guest.{LAPTOP}")]);
    guest.chain.push(anna.certificate.clone());
    assert_eq!(told(&guest).await, None);
}

#[tokio::test]
async fn key_009_only_the_second_certificate_is_an_accounts() {
    let anna = Account::new(ANNA, &PKCS_ED25519);
    let mut late = anna.device(&[LAPTOP]);
    late.chain.insert(1, Party::new().chain.remove(0));
    assert_eq!(told(&late).await, None);

    let mut none = anna.device(&[LAPTOP]);
    none.chain.truncate(1);
    assert_eq!(told(&none).await, None);

    let mut garbage = anna.device(&[LAPTOP]);
    garbage.chain[1] = CertificateDer::from(vec![0x30; 64]);
    assert_eq!(told(&garbage).await, None);
}

#[tokio::test]
async fn key_009_the_name_lies_below_the_accounts() {
    let anna = Account::new(ANNA, &PKCS_ED25519);
    for names in [
        &[ANNA][..],
        &["laptop.hanna.0123456789abcdef.invalid"],
        &["laptophanna.0123456789abcdef.invalid"],
        &["*.anna.0123456789abcdef.invalid"],
        &[LAPTOP, "bert.0123456789abcdef.invalid"],
        &[],
    ] {
        assert_eq!(told(&anna.device(names)).await, None, "{names:?}");
    }
}

#[tokio::test]
async fn key_009_other_keys_are_no_accounts() {
    for algorithm in [&PKCS_RSA_SHA256, &PKCS_ECDSA_P256_SHA256] {
        let account = Account::new(ANNA, algorithm);
        assert_eq!(told(&account.device(&[LAPTOP])).await, None);
    }
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let no_authority = Account::with(key, |params| {
        *params = CertificateParams::new([ANNA.to_owned()]).unwrap();
        params.is_ca = IsCa::ExplicitNoCa;
    });
    assert_eq!(told(&no_authority.device(&[LAPTOP])).await, None);
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let two_names = Account::with(key, |params| {
        *params = CertificateParams::new([ANNA.to_owned(), "invalid".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    assert_eq!(told(&two_names.device(&[LAPTOP])).await, None);
}

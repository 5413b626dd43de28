use subtle::ConstantTimeEq;

use super::*;
use crate::test_rng::CountingRng;

fn file(password: &str) -> Vec<u8> {
    let key = LocalDatabaseKey::from_bytes(&[6; 32]);
    wrap(password, &key, KdfParams::FLOOR, &mut CountingRng::default()).unwrap()
}

#[test]
fn the_key_comes_back_under_the_password_only() {
    let good = file("correct horse é");
    assert_eq!(good.len(), PREFIX_LEN + 4 + floe::sealed_len(32) as usize);
    let key = unwrap("correct horse e\u{301}", &good).unwrap();
    assert!(
        bool::from(key.ct_eq(&LocalDatabaseKey::from_bytes(&[6; 32]))),
        "NFKD makes both spellings one"
    );
    assert_eq!(
        unwrap("wrong", &good).err(),
        Some(PasswordError::WrongPasswordOrDamaged)
    );
}

#[test]
fn damage_is_refused() {
    let good = file("pw");
    for at in [21, PREFIX_LEN - 1, PREFIX_LEN + 4, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(
            unwrap("pw", &bad).err(),
            Some(PasswordError::WrongPasswordOrDamaged),
            "byte {at}"
        );
    }
    for len in [8, 9, PREFIX_LEN, good.len() - 1] {
        assert_eq!(
            unwrap("pw", &good[..len]).err(),
            Some(PasswordError::WrongPasswordOrDamaged)
        );
    }
    assert_eq!(
        unwrap("pw", &[good.clone(), vec![0]].concat()).err(),
        Some(PasswordError::WrongPasswordOrDamaged)
    );
    assert_eq!(
        unwrap("pw", b"short").err(),
        Some(PasswordError::NotAPasswordFile)
    );
    assert_eq!(
        unwrap("pw", &[0; 200]).err(),
        Some(PasswordError::NotAPasswordFile)
    );
    let mut later = good;
    later[8] = 2;
    assert_eq!(unwrap("pw", &later).err(), Some(PasswordError::UnknownVersion(2)));
}

/// CHK-009, attack: a file with cheaper, dearer or parallel parameters. 4 TiB would show if anything were derived.
#[test]
fn chk_009_parameters_outside_the_bounds_derive_nothing() {
    let good = file("pw");
    for (m_kib, t, p) in [
        (64 * 1024 - 1, 3, 1),
        (8, 1, 1),
        (u32::MAX, 3, 1),
        (64 * 1024, 2, 1),
        (64 * 1024, 17, 1),
        (64 * 1024, 3, 4),
    ] {
        let mut bad = good.clone();
        for (at, number) in [(9, m_kib), (13, t), (17, p)] {
            bad[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        let expected = PasswordError::ParamsOutOfRange { m_kib, t, p };
        assert_eq!(unwrap("pw", &bad).err(), Some(expected));
    }
}

/// CHK-009, honest twin: floor, default and ceiling are parameters; a file at the floor opens.
#[test]
fn chk_009_parameters_within_the_bounds_pass() {
    for params in [KdfParams::FLOOR, KdfParams::DEFAULT, KdfParams::CEILING] {
        assert_eq!(KdfParams::new(params.m_kib, params.t, 1), Ok(params));
    }
    assert!(unwrap("pw", &file("pw")).is_ok());
}

/// Parameters are bound to the box: changing them within the bounds is damage.
#[test]
fn parameters_are_authenticated() {
    let mut bad = file("pw");
    bad[13] = 4;
    assert_eq!(
        unwrap("pw", &bad).err(),
        Some(PasswordError::WrongPasswordOrDamaged)
    );
}

/// RFC 9106, section 5.3. It uses secret, associated data and lanes that we do not, hence not through `wrap`.
#[test]
fn published_argon2id_vector() {
    let params = argon2::ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
        .output_len(32)
        .build()
        .unwrap();
    let argon2 = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
    let mut out = [0; 32];
    argon2.hash_password_into(&[1; 32], &[2; 16], &mut out).unwrap();
    let expected = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
    assert_eq!(data_encoding::HEXLOWER.encode(&out), expected);
}

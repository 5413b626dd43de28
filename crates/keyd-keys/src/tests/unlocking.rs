//! Slots of the store key, and the recovery key.

use crannog_seal::password::KdfParams;
use subtle::ConstantTimeEq;

use super::{Random, store_key, unlock_file};
use crate::{NewSlot, Opener, RecordError, RecoveryKey, SlotKind, UnlockFile};

const PASSPHRASE: &str = "correct horse battery";

fn file() -> (UnlockFile, RecoveryKey) {
    unlock_file(41)
}

fn opens(file: &UnlockFile, with: &Opener<'_>) -> bool {
    file.open(with)
        .is_ok_and(|key| bool::from(key.ct_eq(&store_key())))
}

#[test]
fn each_slot_opens_for_its_own_kind() {
    let mut rng = Random::new(42);
    let (file, recovery) = file();
    let file = UnlockFile::parse(&file.to_bytes().unwrap()).unwrap();
    assert!(opens(&file, &Opener::KeyFile(&[7; 32])));
    assert!(opens(&file, &Opener::Recovery(&recovery)));
    assert_eq!(
        file.open(&Opener::KeyFile(&[8; 32])).err(),
        Some(RecordError::Unopened)
    );
    assert_eq!(
        file.open(&Opener::Passphrase(PASSPHRASE)).err(),
        Some(RecordError::Unopened)
    );

    let short = NewSlot::Passphrase("too short", KdfParams::FLOOR);
    assert_eq!(
        file.add(&store_key(), &short, &mut rng).err(),
        Some(RecordError::PassphraseLength)
    );
    let new = NewSlot::Passphrase(PASSPHRASE, KdfParams::FLOOR);
    let more = file.add(&store_key(), &new, &mut rng).unwrap();
    assert!(opens(&more, &Opener::Passphrase(PASSPHRASE)));
    assert_eq!(
        more.open(&Opener::Passphrase("correct horse batterz")).err(),
        Some(RecordError::Unopened)
    );

    let id = |kind| {
        *more
            .slots()
            .iter()
            .find(|slot| slot.kind() == Some(kind))
            .unwrap()
            .id()
    };
    let less = more.remove(&id(SlotKind::KeyFile)).unwrap();
    assert_eq!(
        less.open(&Opener::KeyFile(&[7; 32])).err(),
        Some(RecordError::Unopened)
    );
    assert_eq!(
        more.remove(&id(SlotKind::Recovery)).err(),
        Some(RecordError::Slots)
    );
    assert_eq!(
        less.remove(&id(SlotKind::Passphrase)).err(),
        Some(RecordError::Slots)
    );
    assert_eq!(less.remove(&[0; 16]).err(), Some(RecordError::Slots));
}

#[test]
fn at_most_eight_slots_beside_the_recovery_slot() {
    let mut rng = Random::new(43);
    let (mut file, _) = file();
    for n in 0..7 {
        file = file
            .add(&store_key(), &NewSlot::KeyFile(&[n; 32]), &mut rng)
            .unwrap();
    }
    let ninth = file.add(&store_key(), &NewSlot::KeyFile(&[9; 32]), &mut rng);
    assert_eq!(ninth.err(), Some(RecordError::Slots));
}

#[test]
fn no_byte_of_the_file_can_be_edited() {
    let (file, recovery) = file();
    let bytes = file.to_bytes().unwrap();
    for at in 0..bytes.len() {
        let mut edited = bytes.clone();
        edited[at] ^= 1;
        if let Ok(file) = UnlockFile::parse(&edited) {
            // What is left of the other slot may open; the edited one does not.
            let both = opens(&file, &Opener::KeyFile(&[7; 32])) && opens(&file, &Opener::Recovery(&recovery));
            assert!(!both, "byte {at}");
        }
    }
}

/// KEY-002: parameters of a slot are checked before anything is derived.
#[test]
fn a_slot_cannot_ask_for_less_or_more() {
    let mut rng = Random::new(44);
    let (file, _) = file();
    let new = NewSlot::Passphrase(PASSPHRASE, KdfParams::FLOOR);
    let bytes = file
        .add(&store_key(), &new, &mut rng)
        .unwrap()
        .to_bytes()
        .unwrap();
    let costs = [KdfParams::FLOOR.m_kib(), KdfParams::FLOOR.t()]
        .map(u32::to_le_bytes)
        .concat();
    let at = bytes.windows(8).position(|window| window == costs).unwrap();
    for wrong in [0, 1024, u32::MAX] {
        let mut edited = bytes.clone();
        edited[at..at + 4].copy_from_slice(&wrong.to_le_bytes());
        let file = UnlockFile::parse(&edited).unwrap();
        assert_eq!(
            file.open(&Opener::Passphrase(PASSPHRASE)).err(),
            Some(RecordError::KdfParams)
        );
    }
}

#[test]
fn the_recovery_key_survives_paper() {
    let (file, recovery) = file();
    let text = recovery.to_text();
    assert!(text.starts_with("crannog-keyd-recovery-1:") && text.len() == 24 + 72);
    let typed = format!("  {}\n", text.to_uppercase());
    assert!(opens(
        &file,
        &Opener::Recovery(&RecoveryKey::parse(&typed).unwrap())
    ));
    for at in 24..text.len() {
        let mut slip = text.to_string().into_bytes();
        slip[at] = if slip[at] == b'0' { b'1' } else { b'0' };
        let slip = String::from_utf8(slip).unwrap();
        assert_eq!(
            RecoveryKey::parse(&slip).err(),
            Some(RecordError::RecoveryKey),
            "{at}"
        );
    }
    assert_eq!(format!("{recovery:?}"), "RecoveryKey");
}

//! A lying server or member tries each check; its honest twin is in `round_trips`.

use super::*;
use crate::check::Check;
use crannog_proto::{BlobId, encode};
use crannog_seal::content::{ContentKey, PackKey};

#[test]
fn chk_001_bytes_of_another_blob() {
    let pack = pack(&[b"genuine"], 0);
    let (id, bytes) = (pack.blob.id(), pack.blob.bytes());
    assert_eq!(Blob::check(id, bytes.to_vec()).unwrap(), pack.blob);
    for at in [0, 9, 10, 73, 74, 100, bytes.len() - 1] {
        let mut bad = bytes.to_vec();
        bad[at] ^= 1;
        assert_eq!(Blob::check(id, bad.clone()).unwrap_err().bytes(), bad);
    }
    Blob::check(id, bytes[..bytes.len() - 1].to_vec()).unwrap_err();
    Blob::check(id, Vec::new()).unwrap_err();
    // A genuine blob in place of another.
    let other = seal_filler(4_096, &mut liar());
    assert_eq!(
        open_chunk(&pack.chunks[0], 7, 0, &other).unwrap_err(),
        Check::Blob
    );
    let opened = OpenedPack::open(&pack.blob, &pack.chunks[0].slot.as_ref().unwrap().key).unwrap();
    let elsewhere = Chunk {
        blob: other.id(),
        ..pack.chunks[0].clone()
    };
    assert_eq!(opened.chunk(&elsewhere, 7, 0).unwrap_err(), Check::Blob);
}

/// A member who stores damaged bytes names their true id: hashing does not help, the seal does.
#[test]
fn chk_002_every_damage_to_a_pack() {
    let pack = pack(&[b"genuine"], 0);
    let chunk = &pack.chunks[0];
    let refused = |bytes: Vec<u8>| {
        let blob = Blob::new(bytes);
        let chunk = Chunk {
            blob: blob.id(),
            ..chunk.clone()
        };
        open_chunk(&chunk, 7, 0, &blob).unwrap_err()
    };
    let bytes = pack.blob.bytes();
    for at in 0..bytes.len() {
        let mut bad = bytes.to_vec();
        bad[at] ^= 0x40;
        assert_eq!(refused(bad), Check::Seal, "byte {at}");
    }
    for len in [0, 1, 73, 74, 105, 106, 107, bytes.len() - 1] {
        assert_eq!(refused(bytes[..len].to_vec()), Check::Seal, "cut to {len}");
    }
    assert_eq!(refused([bytes, &[0]].concat()), Check::Seal);
}

#[test]
fn chk_002_wrong_keys_and_swapped_pieces() {
    let mut rng = liar();
    let pack = pack(&[b"first", b"other"], 0);
    let [first, other] = pack.chunks.as_slice() else {
        panic!("two chunks")
    };
    let wrong = Chunk {
        key: ContentKey::generate(&mut rng),
        ..first.clone()
    };
    assert_eq!(open_chunk(&wrong, 5, 0, &pack.blob).unwrap_err(), Check::Seal);
    // The slot of one with the key of the other.
    let swapped = Chunk {
        slot: other.slot.clone(),
        ..first.clone()
    };
    assert_eq!(open_chunk(&swapped, 5, 0, &pack.blob).unwrap_err(), Check::Seal);
    // A slot moved by one byte.
    let mut moved = first.clone();
    moved.slot.as_mut().unwrap().offset += 1;
    assert_eq!(open_chunk(&moved, 5, 0, &pack.blob).unwrap_err(), Check::Seal);
    // Another pack key, also where the pack is open already.
    let opened = OpenedPack::open(&pack.blob, &first.slot.as_ref().unwrap().key).unwrap();
    let mut foreign = first.clone();
    foreign.slot.as_mut().unwrap().key = PackKey::generate(&mut rng);
    assert_eq!(open_chunk(&foreign, 5, 0, &pack.blob).unwrap_err(), Check::Seal);
    assert_eq!(opened.chunk(&foreign, 5, 0).unwrap_err(), Check::Seal);
    assert_eq!(opened.chunk(other, 5, 0).unwrap(), b"other");
}

#[test]
fn chk_003_wrong_index_size_or_slot() {
    let pack = pack(&[b"genuine"], 0);
    let chunk = &pack.chunks[0];
    for (size, index) in [
        (6, 0),
        (8, 0),
        (7, 1),
        (0, 0),
        (CHUNK + 8, 1),
        (CHUNK + 7, 0),
        (u64::MAX, u64::MAX),
    ] {
        assert_eq!(
            open_chunk(chunk, size, index, &pack.blob).unwrap_err(),
            Check::Length,
            "{size} {index}"
        );
    }
    // The same length at another index is this chunk's as far as lengths can tell; the signed record says the index.
    assert!(open_chunk(chunk, CHUNK + 7, 1, &pack.blob).is_ok());
    let with_slot = |change: fn(&mut Slot)| {
        let mut bad = chunk.clone();
        change(bad.slot.as_mut().unwrap());
        open_chunk(&bad, 7, 0, &pack.blob).unwrap_err()
    };
    assert_eq!(with_slot(|slot| slot.len += 1), Check::Length);
    assert_eq!(with_slot(|slot| slot.len = 0), Check::Length);
    assert_eq!(with_slot(|slot| slot.len = u32::MAX), Check::Length);
    assert_eq!(with_slot(|slot| slot.offset = u32::MAX), Check::Length);
    assert_eq!(with_slot(|slot| slot.offset = 4_096), Check::Length);
    let bare = Chunk {
        slot: None,
        ..chunk.clone()
    };
    assert_eq!(open_chunk(&bare, 7, 0, &pack.blob).unwrap_err(), Check::Length);
}

#[test]
fn chk_003_whole_chunks() {
    let mut rng = liar();
    let len = PIECE_MAX + 1;
    let Ok(SealedChunk::Whole { chunk, blob }) = seal_chunk(&bytes(len), &mut rng) else {
        panic!("whole")
    };
    for size in [CHUNK, PIECE_MAX as u64, 2_000_000] {
        assert_eq!(
            open_chunk(&chunk, size, 0, &blob).unwrap_err(),
            Check::Length,
            "{size}"
        );
    }
    // Padding that is not zero: a member hides bytes there, or passes a longer file off as a shorter one.
    let key = ContentKey::generate(&mut rng);
    let blob = Blob::new(key.seal(&vec![1; 1_048_576], &mut rng));
    let chunk = Chunk {
        blob: blob.id(),
        key,
        slot: None,
    };
    assert_eq!(
        open_chunk(&chunk, len as u64, 0, &blob).unwrap_err(),
        Check::Length
    );
    assert!(open_chunk(&chunk, 1_048_576, 0, &blob).is_ok());
}

#[test]
fn chk_024_a_pack_beyond_its_bound_is_not_opened() {
    let mut rng = liar();
    let key = PackKey::generate(&mut rng);
    let blob = Blob::new(key.seal(&vec![0; CHUNK as usize + 1], &mut rng));
    assert_eq!(OpenedPack::open(&blob, &key).unwrap_err(), Check::Bounds);
    let blob = Blob::new(key.seal(&vec![0; CHUNK as usize], &mut rng));
    assert!(OpenedPack::open(&blob, &key).is_ok());
}

#[test]
fn chk_024_counts_that_do_not_fit_the_size() {
    let chunk = pack(&[b"genuine"], 0).chunks[0].clone();
    let shape = |size, chunks| Content { size, chunks }.check_shape();
    assert_eq!(shape(7, Chunks::Inline(vec![chunk.clone()])), Ok(()));
    assert_eq!(shape(0, Chunks::Inline(Vec::new())), Ok(()));
    assert_eq!(shape(7, Chunks::Inline(Vec::new())), Err(Check::Bounds));
    assert_eq!(
        shape(7, Chunks::Inline(vec![chunk.clone(); 2])),
        Err(Check::Bounds)
    );
    assert_eq!(shape(0, Chunks::Inline(vec![chunk.clone()])), Err(Check::Bounds));
    assert_eq!(shape(u64::MAX, Chunks::Leaves(Vec::new())), Err(Check::Bounds));
    assert_eq!(shape(0, Chunks::Leaves(Vec::new())), Err(Check::Bounds));
    let mut beyond = chunk.clone();
    beyond.slot.as_mut().unwrap().offset = CHUNK as u32 - 1;
    assert_eq!(shape(7, Chunks::Inline(vec![beyond])), Err(Check::Length));
    assert_eq!(shape(8, Chunks::Inline(vec![chunk])), Err(Check::Length));
}

#[test]
fn secrets_do_not_show() {
    let pack = pack(&[b"genuine"], 0);
    let key = encode(&pack.chunks[0].key)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    let text = format!("{pack:?}");
    assert!(text.contains("ContentKey") && !text.contains(&key));
    let opened = OpenedPack::open(&pack.blob, &pack.chunks[0].slot.as_ref().unwrap().key).unwrap();
    assert_eq!(
        format!("{opened:?}"),
        format!("OpenedPack({})", BlobId::of(pack.blob.bytes()))
    );
}

use super::*;
use crate::check::Check;
use crannog_proto::BlobId;
use crannog_seal::content::{ContentKey, ListKey};

/// Whole chunks, none of which exists: a list is made of names.
fn names(count: u64, salt: u64) -> Vec<Chunk> {
    let mut rng = rng();
    let blob = |index: u64| BlobId::of(&(index ^ (salt << 40)).to_le_bytes());
    (0..count)
        .map(|index| Chunk {
            blob: blob(index),
            key: ContentKey::generate(&mut rng),
            slot: None,
        })
        .collect()
}

/// Stores the new leaves of a draft in one pack each.
fn store(mut draft: ContentDraft) -> (Content, Vec<Blob>) {
    let mut rng = rng();
    let (mut leaves, mut blobs) = (Vec::new(), Vec::new());
    for piece in draft.take_pieces() {
        let mut builder = PackBuilder::new();
        assert_eq!(builder.add(piece).unwrap(), 0);
        let mut pack = builder.finish(0, &mut rng);
        leaves.append(&mut pack.leaves);
        blobs.push(pack.blob);
    }
    (draft.finish(leaves).unwrap(), blobs)
}

fn leaves(content: &Content) -> &[Leaf] {
    match &content.chunks {
        Chunks::Leaves(leaves) => leaves,
        Chunks::Inline(_) => panic!("inline"),
    }
}

#[test]
fn short_lists_stay_in_the_record() {
    let (content, blobs) = store(build_content(64 * CHUNK, names(64, 0), &[], &mut rng()).unwrap());
    assert!(blobs.is_empty());
    assert_eq!(blobs_of(&content).count(), 64);
    assert_eq!(
        build_content(CHUNK, names(2, 0), &[], &mut rng()).unwrap_err(),
        ContentError::Chunks
    );
    // A short tail cannot be a blob of its own.
    assert_eq!(
        build_content(CHUNK + 1, names(2, 0), &[], &mut rng()).unwrap_err(),
        ContentError::Chunks
    );
}

#[test]
fn long_lists_are_leaves_and_only_changed_ones_are_stored() {
    let size = 9_000 * CHUNK;
    let (content, blobs) = store(build_content(size, names(9_000, 0), &[], &mut rng()).unwrap());
    assert_eq!(
        leaves(&content).iter().map(|leaf| leaf.count).collect::<Vec<_>>(),
        [4_096, 4_096, 808]
    );
    assert_eq!(
        blobs_of(&content).collect::<Vec<_>>(),
        blobs.iter().map(Blob::id).collect::<Vec<_>>()
    );
    let opened: Vec<OpenedLeaf> = (0..)
        .zip(leaves(&content).iter().zip(&blobs))
        .map(|(index, (leaf, blob))| OpenedLeaf {
            leaf: leaf.clone(),
            chunks: open_leaf(leaf, size, index, blob).unwrap(),
        })
        .collect();
    let chunks: Vec<Chunk> = opened.iter().flat_map(|leaf| leaf.chunks.clone()).collect();
    assert_eq!(
        crannog_proto::encode(&chunks),
        crannog_proto::encode(&names(9_000, 0))
    );

    let mut changed = chunks;
    changed[5_000] = names(1, 7).remove(0);
    let (next, blobs) = store(build_content(size, changed, &opened, &mut rng()).unwrap());
    assert_eq!(blobs.len(), 1);
    assert_eq!(leaves(&next)[0].blob, leaves(&content)[0].blob);
    assert_ne!(leaves(&next)[1].blob, leaves(&content)[1].blob);
    assert_eq!(leaves(&next)[2].blob, leaves(&content)[2].blob);
    assert_ne!(next, content);
}

#[test]
fn a_short_tail_lies_in_a_pack_and_the_list_says_so() {
    let tail = pack(&[b"tail"], 0);
    let mut chunks = names(70, 0);
    chunks.push(tail.chunks[0].clone());
    let size = 70 * CHUNK + 4;
    let (content, blobs) = store(build_content(size, chunks, &[], &mut rng()).unwrap());
    let back = open_leaf(&leaves(&content)[0], size, 0, &blobs[0]).unwrap();
    assert_eq!(open_chunk(&back[70], size, 70, &tail.blob).unwrap(), b"tail");
}

#[test]
fn leaves_that_lie() {
    let size = 100 * CHUNK;
    let (content, blobs) = store(build_content(size, names(100, 0), &[], &mut rng()).unwrap());
    let leaf = &leaves(&content)[0];
    assert_eq!(open_leaf(leaf, size, 0, &blobs[0]).unwrap().len(), 100);
    // CHK-003: for another size or index.
    assert_eq!(
        open_leaf(leaf, size + CHUNK, 0, &blobs[0]).unwrap_err(),
        Check::Length
    );
    assert_eq!(open_leaf(leaf, size, 1, &blobs[0]).unwrap_err(), Check::Length);
    // CHK-002: another key. CHK-001: another blob.
    let wrong = Leaf {
        key: ListKey::generate(&mut liar()),
        ..leaf.clone()
    };
    assert_eq!(open_leaf(&wrong, size, 0, &blobs[0]).unwrap_err(), Check::Seal);
    assert_eq!(
        open_leaf(leaf, size, 0, &seal_filler(4_096, &mut liar())).unwrap_err(),
        Check::Blob
    );
    // CHK-024: another count in the record.
    for count in [0, 99, 101, u32::MAX] {
        let bad = Content {
            size,
            chunks: Chunks::Leaves(vec![Leaf {
                count,
                ..leaf.clone()
            }]),
        };
        assert_eq!(bad.check_shape().unwrap_err(), Check::Bounds);
    }
    // CHK-024: leaves where there have to be none.
    let bad = Content {
        size: CHUNK,
        chunks: Chunks::Leaves(vec![leaf.clone()]),
    };
    assert_eq!(bad.check_shape().unwrap_err(), Check::Bounds);
}

#[test]
fn a_draft_wants_exactly_its_leaves() {
    let draft = || build_content(100 * CHUNK, names(100, 0), &[], &mut rng()).unwrap();
    assert_eq!(draft().finish(Vec::new()).unwrap_err(), ContentError::Leaves);
    let (content, _) = store(draft());
    let leaf = leaves(&content)[0].clone();
    assert_eq!(
        draft().finish(vec![leaf.clone(), leaf]).unwrap_err(),
        ContentError::Leaves
    );
}

//! Contents that claim what they are not: nobody allocates, fetches or writes by a claim (CHK-003, CHK-024).

use crannog_core::content::{
    Chunk, Chunks, Content, LEAF_MAX, Leaf, OpenedLeaf, PackBuilder, Slot, build_content,
};
use crannog_core::drive::{DriveOp, NewNode};
use crannog_proto::{BlobId, limits};

use crate::mallory::{TOP, World, create, file, node, version};
use crate::memory::{Agent, MIB};
use crate::text::document;

const WHOLE: u64 = limits::CHUNK as u64;

/// A leaf of 4,096 times the same chunk, stored.
async fn full_leaf(world: &mut World, chunk: &Chunk) -> Leaf {
    let chunks = vec![chunk.clone(); LEAF_MAX as usize];
    let mut draft = build_content(LEAF_MAX * WHOLE, chunks, &[] as &[OpenedLeaf], &mut rand::rng()).unwrap();
    let mut pack = PackBuilder::new();
    for piece in draft.take_pieces() {
        assert!(pack.add(piece).is_ok());
    }
    let sealed = pack.finish(0, &mut rand::rng());
    world
        .mallory
        .store(sealed.blob.id(), sealed.blob.bytes().to_vec())
        .await;
    sealed.leaves.into_iter().next().unwrap()
}

/// Four megabytes and a list, claimed to be terabytes: looking at it costs nothing, and getting it is refused before the disk is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_024_a_file_of_the_same_piece_again_and_again() {
    let mut world = World::new().await;
    let chunk = world.mallory.whole().await;
    let leaf = full_leaf(&mut world, &chunk).await;
    // 16 GiB each: 16 TiB here. An entry of 64 MiB could claim 500 times as much.
    let leaves = 1_024;
    let content = Content {
        size: leaves * LEAF_MAX * WHOLE,
        chunks: Chunks::Leaves(vec![leaf; leaves as usize]),
    };
    content.check_shape().unwrap();
    let ops = vec![file(TOP, "bomb", &content), file(TOP, "another", &content)];
    world.mallory.post(ops).await;
    world.alice.ok(["sync"]);
    let target = world.folder("target");
    let in_target = target.join("bomb");
    let (target_text, bomb) = (target.to_str().unwrap(), in_target.to_str().unwrap());

    let agent = Agent::of(&world.alice);
    let listed = world.alice.ok(["ls", "/photos"]);
    assert!(listed.to_string().contains(&content.size.to_string()), "{listed}");
    for words in [
        &["du", "/photos"][..],
        &["stat", "/photos/bomb"],
        &["versions", "/photos/bomb"],
        &["members", "/photos"],
        &["get", "-r", "--dry-run", "/photos/", target_text],
    ] {
        world.alice.ok(words);
    }
    // The first pieces are really there; nobody waits for the list of the others.
    let mut cat = world.alice.command(["cat", "/photos/bomb"]);
    let mut cat = cat.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut first = vec![0; 3 * limits::CHUNK];
    std::io::Read::read_exact(cat.stdout.as_mut().unwrap(), &mut first).unwrap();
    assert!(first.iter().all(|byte| *byte == 7));
    drop(cat.stdout.take());
    cat.wait().unwrap();
    agent.assert_bounded(&world.alice, "the beginning of 16 TiB", 192 * MIB);

    let free = || nix::sys::statvfs::statvfs(&target).unwrap().blocks_available();
    let agent = Agent::of(&world.alice);
    let before = free();
    let done = world.alice.run(["get", "/photos/bomb", bomb]);
    assert_eq!(done.code, 3, "{done:?}");
    assert_eq!(done.failed(), ["local_io"], "{done:?}");
    let done = world.alice.run(["get", "-r", "/photos/", target_text]);
    assert_eq!(done.failed(), ["local_io"; 2], "{done:?}");
    agent.assert_bounded(&world.alice, "getting 16 TiB", 192 * MIB);
    let taken = before.saturating_sub(free()) * 4096;
    assert!(taken < 1024 * MIB, "{} MiB of disk", taken / MIB);
    let names: Vec<_> = std::fs::read_dir(&target)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["honest.txt"], "the rest came, and nothing lies about");
    world.unharmed();
}

/// Records whose numbers do not fit: they are none, and what stands beside them counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chk_024_numbers_that_do_not_fit() {
    let mut world = World::new().await;
    let good = world.mallory.content(b"good").await;
    let whole = world.mallory.whole().await;
    let Chunks::Inline(pieces) = &good.chunks else {
        panic!()
    };
    let piece = pieces[0].clone();
    let slot = piece.slot.clone().unwrap();
    let leaf = full_leaf(&mut world, &whole).await;
    let inline = |size: u64, chunks: Vec<Chunk>| Content {
        size,
        chunks: Chunks::Inline(chunks),
    };
    let leaves = |size: u64, leaves: Vec<Leaf>| Content {
        size,
        chunks: Chunks::Leaves(leaves),
    };
    let placed = |offset: u32, len: u32| Chunk {
        slot: Some(Slot {
            offset,
            len,
            ..slot.clone()
        }),
        ..piece.clone()
    };
    let counted = |count: u32| Leaf {
        count,
        ..leaf.clone()
    };
    let full = LEAF_MAX * WHOLE;
    let bad = [
        inline(1 << 63, vec![piece.clone()]),
        inline(u64::MAX, vec![whole.clone()]),
        inline(u64::MAX, Vec::new()),
        inline(4, Vec::new()),
        inline(0, vec![piece.clone()]),
        inline(4, vec![piece.clone(); 2]),
        inline(4, vec![piece.clone(); 1_000]),
        inline(65 * WHOLE, vec![whole.clone(); 65]),
        inline(4, vec![whole.clone()]),
        inline(WHOLE, vec![piece.clone()]),
        inline(4, vec![placed(u32::MAX, slot.len)]),
        inline(4, vec![placed(u32::MAX - slot.len + 1, slot.len)]),
        inline(4, vec![placed(limits::CHUNK as u32, slot.len)]),
        inline(4, vec![placed(0, u32::MAX)]),
        inline(4, vec![placed(0, 0)]),
        leaves(u64::MAX, vec![leaf.clone()]),
        leaves(1 << 63, vec![leaf.clone(); 64]),
        leaves(full, Vec::new()),
        leaves(full, vec![counted(u32::MAX)]),
        leaves(full, vec![counted(0)]),
        leaves(full, vec![counted(4_095)]),
        leaves(4, vec![leaf.clone()]),
        leaves(full, vec![leaf.clone(); 2]),
    ];
    let mut ops: Vec<DriveOp> = Vec::new();
    for (nth, content) in bad.iter().enumerate() {
        ops.push(file(TOP, &format!("bad {nth}"), content));
    }
    // Sensible as records; what they lead to is not what they say.
    let nowhere = BlobId::of(b"no such blob");
    let empty_leaf = Leaf {
        blob: whole.blob,
        ..leaf.clone()
    };
    let lies = [
        // Beside the pack's messages, in its padding.
        inline(4, vec![placed(1_000, slot.len)]),
        inline(4, vec![placed(limits::CHUNK as u32 - slot.len, slot.len)]),
        // A pack that is none, a piece that is another's.
        inline(
            4,
            vec![Chunk {
                blob: whole.blob,
                ..piece.clone()
            }],
        ),
        inline(
            WHOLE,
            vec![Chunk {
                blob: piece.blob,
                ..whole.clone()
            }],
        ),
        // A whole piece, claimed to be a tail of another length.
        inline(2_000_000, vec![whole.clone()]),
        inline(
            4,
            vec![Chunk {
                blob: nowhere,
                ..piece.clone()
            }],
        ),
        leaves(full, vec![empty_leaf]),
    ];
    for (nth, content) in lies.iter().enumerate() {
        content.check_shape().unwrap();
        ops.push(file(TOP, &format!("lie {nth}"), content));
    }
    // A file of one version may not become another's by a second write of the same id.
    let (id, first) = (node(), version());
    let new = NewNode::File {
        version: first,
        content: good.clone(),
    };
    ops.push(create(id, TOP, "good.txt", new));
    world.mallory.post(ops).await;
    world.alice.ok(["sync"]);

    let listed = world.alice.ok(["ls", "/photos"]).to_string();
    assert!(!listed.contains("bad "), "{listed}");
    for words in [
        &["ls", "-R", "/"][..],
        &["du", "/"],
        &["members", "/photos"],
        &["drive", "list"],
    ] {
        world.alice.ok(words);
    }
    let target = world.folder("target");
    let agent = Agent::of(&world.alice);
    for nth in 0..lies.len() {
        let local = target.join(nth.to_string());
        let done = world
            .alice
            .run(["get", &format!("/photos/lie {nth}"), local.to_str().unwrap()]);
        assert_ne!(done.code, 0, "lie {nth} was taken: {done:?}");
        assert!(!local.exists(), "lie {nth} left something");
    }
    agent.assert_bounded(&world.alice, "lies", 128 * MIB);
    world
        .alice
        .ok(["get", "/photos/good.txt", target.join("good").to_str().unwrap()]);
    assert_eq!(std::fs::read(target.join("good")).unwrap(), b"good");
    let output = world.alice.command(["verify-store"]).output().unwrap();
    document("verify-store", &output);
    world.unharmed();
}

//! What each layer costs by itself, one thread, in MiB a second: `layer NAME MIB_PER_S`. `cargo xtask bench` prints it beside the
//! whole.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use crannog_core::content::{Blob, CHUNK, PackBuilder, SealedChunk, open_chunk, seal_chunk};

const ROUNDS: usize = 64;

/// Runs `work`, which handles `bytes` each time, and prints the median speed.
fn layer(name: &str, bytes: u64, mut work: impl FnMut()) {
    work();
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let speed = bytes as f64 / (1024.0 * 1024.0) / times[ROUNDS / 2];
    let _ = writeln!(std::io::stdout(), "layer {name} {speed:.0}");
}

fn main() {
    let size = usize::try_from(CHUNK).unwrap();
    let plain: Vec<u8> = (0..size).map(|at| ((at * 2_654_435_761) >> 7) as u8).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = File::options()
        .create(true)
        .read(true)
        .write(true)
        .truncate(true)
        .open(folder.path().join("chunk"))
        .unwrap();
    file.write_all_at(&plain, 0).unwrap();
    let mut buffer = vec![0; size];
    let key = [7; 32];

    layer("read-file", CHUNK, || file.read_exact_at(&mut buffer, 0).unwrap());
    layer("keyed-hash", CHUNK, || {
        black_box(blake3::keyed_hash(&key, &plain));
    });
    layer("seal-chunk-and-id", CHUNK, || {
        black_box(seal_chunk(&plain, &mut rand::rng()).unwrap());
    });
    let SealedChunk::Whole { chunk, blob } = seal_chunk(&plain, &mut rand::rng()).unwrap() else {
        return;
    };
    let bytes = blob.bytes().to_vec();
    layer("blob-id", CHUNK, || {
        black_box(Blob::check(blob.id(), bytes.clone()).unwrap());
    });
    layer("open-chunk", CHUNK, || {
        black_box(open_chunk(&chunk, CHUNK, 0, &blob).unwrap());
    });
    let small = &plain[..8 * 1024];
    layer("seal-100-small-into-a-pack", 100 * small.len() as u64, || {
        let mut pack = PackBuilder::new();
        for _ in 0..100 {
            if let SealedChunk::Piece(piece) = seal_chunk(small, &mut rand::rng()).unwrap() {
                pack.add(piece).unwrap();
            }
        }
        black_box(pack.finish(0, &mut rand::rng()));
    });
    layer("write-file", CHUNK, || file.write_all_at(&plain, 0).unwrap());
    layer("write-and-sync-file", CHUNK, || {
        file.write_all_at(&plain, 0).unwrap();
        file.sync_data().unwrap();
    });
}

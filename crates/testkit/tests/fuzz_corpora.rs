//! The corpora of `fuzz/`, replayed: each input as it is, cut at many places, and with bytes flipped. CHK-024, CHK-029.

#[expect(unreachable_pub, reason = "the fuzzers use it as a library")]
#[path = "../../../fuzz/src/targets.rs"]
mod targets;

use std::path::Path;

#[test]
fn corpora_and_their_neighbours_never_panic() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut inputs = 0_u32;
    for (name, target) in targets::TARGETS {
        let folder = std::fs::read_dir(top.join(name)).unwrap_or_else(|_| panic!("no corpus for {name}"));
        for input in folder {
            let data = std::fs::read(input.unwrap().path()).unwrap();
            target(&data);
            let step = data.len() / 64 + 1;
            for at in (0..data.len()).step_by(step) {
                target(&data[..at]);
                let mut twisted = data.clone();
                twisted[at] ^= 0x41;
                target(&twisted);
                twisted[at] = 0xff;
                target(&twisted);
            }
            inputs += 1;
        }
    }
    assert!(inputs >= 60, "only {inputs} inputs");
    targets::run("texts", b"one more way in");
}

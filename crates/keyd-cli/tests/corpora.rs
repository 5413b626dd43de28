//! The corpora of `fuzz/` that are the key service's, replayed: each input as it is, cut at many places, and with bytes flipped.
//! CHK-029, KEY-015.

#[expect(unreachable_pub, reason = "the fuzzers use it as a library")]
#[expect(clippy::expect_used, reason = "a target fails by panicking")]
#[path = "../../../fuzz/src/keyd/mod.rs"]
mod keyd;

use std::path::Path;

#[test]
fn corpora_and_their_neighbours_never_panic() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in keyd::TARGETS {
        let folder = std::fs::read_dir(top.join(name)).unwrap_or_else(|_| panic!("no corpus for {name}"));
        let (mut good, mut bad) = (0, 0);
        for input in folder {
            let input = input.unwrap();
            let data = std::fs::read(input.path()).unwrap();
            let (taken, file) = (target(&data), input.file_name().into_string().unwrap());
            match file.split('-').next() {
                Some("taken") => {
                    assert!(taken, "{name}/{file} was refused");
                    good += 1;
                }
                Some("refused") => {
                    assert!(!taken, "{name}/{file} was taken");
                    bad += 1;
                }
                _ => {}
            }
            neighbours(*target, &data);
        }
        assert!(good > 0 && bad > 0, "{name}: {good} taken, {bad} refused");
    }
    keyd::run("keyd_request", b"GET /v1/sys/init\n");
}

fn neighbours(target: fn(&[u8]) -> bool, data: &[u8]) {
    for at in (0..data.len()).step_by(data.len() / 64 + 1) {
        target(&data[..at]);
        let mut twisted = data.to_vec();
        twisted[at] ^= 0x41;
        target(&twisted);
        twisted[at] = 0xff;
        target(&twisted);
    }
}

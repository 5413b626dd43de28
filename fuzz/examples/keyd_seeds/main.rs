//! Makes those seeds of the key service that are no text: `cargo run --example keyd_seeds` in this folder's parent. Needed when a
//! format changes; `crates/keyd-cli/tests/corpora.rs` says when that is.

mod audit;
mod sockets;
mod store;
mod texts;

use std::fs;
use std::path::Path;

fn main() {
    sockets::write();
    store::write();
    texts::write();
    audit::write();
}

/// Writes one seed.
fn seed(target: &str, name: &str, bytes: impl AsRef<[u8]>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).expect("a folder of the corpus");
    fs::write(folder.join(name), bytes).expect("a seed");
}

/// The bytes with those at a place changed.
fn edited(bytes: &[u8], at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes
}

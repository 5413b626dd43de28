//! The server cannot decrypt: what would be needed for it is not in its program.

mod bin;

use std::path::Path;

/// Strings and names of symbols that only a program with our sealing, or with an encrypted database, has.
const MARKS: &[&str] = &[
    "sqlcipher",
    "crannog_seal",
    "crannog_core",
    "crannog_client",
    "argon2",
];

/// Those that are in it; large or small letters.
fn marks(program: &Path) -> Vec<&'static str> {
    let content = std::fs::read(program).unwrap().to_ascii_lowercase();
    let there = |mark: &&&str| content.windows(mark.len()).any(|piece| piece == mark.as_bytes());
    MARKS.iter().filter(there).copied().collect()
}

#[test]
fn the_server_holds_nothing_that_decrypts() {
    assert_eq!(
        marks(&bin::crannog()),
        MARKS,
        "the same look must find them in the client"
    );
    assert_eq!(marks(&bin::crannogd()), [""; 0]);
}

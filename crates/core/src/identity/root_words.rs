//! A root as ten words, for people to compare (`docs/spec/membership.md`, People).

use crannog_proto::sign::VerifyingKey;
use crannog_proto::{Hash, labels};
use crannog_seal::schedule::list_word;

/// How many words there are: twelve would be taken for recovery words.
const COUNT: usize = 10;
/// The bits that choose one word.
const BITS: usize = 11;

/// Ten words with single spaces between them: the first 110 bits of the root's labelled hash, eleven at a time, the most significant first.
pub fn root_words(root: &VerifyingKey) -> String {
    let hash = Hash::of(labels::ROOT_WORDS, &root.0);
    let words: Vec<&str> = (0..COUNT)
        .map(|word| list_word(bits(&hash, word * BITS)))
        .collect();
    words.join(" ")
}

/// Eleven bits from bit `from` on, counted from the most significant of the first byte.
fn bits(hash: &Hash, from: usize) -> u16 {
    let bit = |at: usize| {
        hash.0
            .get(at / 8)
            .is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
    };
    (from..from + BITS).fold(0, |bits, at| bits << 1 | u16::from(bit(at)))
}

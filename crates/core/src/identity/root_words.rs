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

#[cfg(test)]
mod tests {
    use super::*;

    /// As `tools/reader` computes them.
    #[test]
    fn known_answers() {
        for (root, words) in [
            (
                [0; 32],
                "gentle battle auction describe snack dynamic volcano dizzy flash barely",
            ),
            (
                [0xFF; 32],
                "job cannon market audit scout differ practice peanut exercise tribe",
            ),
        ] {
            assert_eq!(root_words(&VerifyingKey(root)), words);
        }
    }

    #[test]
    fn every_bit_chooses() {
        let hash = Hash(std::array::from_fn(|at| [0b1000_0000, 0b0001_0000][at % 2]));
        assert_eq!(bits(&hash, 0), 0b100_0000_0000);
        assert_eq!(bits(&hash, 11), 0b100_0010_0000);
        assert_eq!(bits(&Hash([0xFF; 32]), 99), 0x7FF);
    }
}

//! The recovery words: twelve English BIP39 words, from which the root comes.

use bip39::{Language, Mnemonic};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::asym::KemSecretKey;
use crate::kdf::derive;
use crate::labels;
use crate::secret::{Secret32, secret32};
use crate::sign::{RootSigningKey, SigningSeed};

/// How many words there are.
const COUNT: usize = 12;

/// What is wrong with words that a person typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WordsError {
    /// Not twelve words.
    #[error("there are {found} words, not 12")]
    WrongCount {
        /// How many there are.
        found: usize,
    },
    /// A word that is not in the English list.
    #[error("word {position} is not in the word list")]
    UnknownWord {
        /// Which one, counted from 1.
        position: usize,
    },
    /// All words are in the list, but they do not belong together: one is wrong, or two are swapped.
    #[error("every word is in the list, but at least one is wrong or out of place")]
    BadChecksum,
}

secret32! {
    /// The first half of the BIP39 seed.
    WordsSecret
}

/// The twelve words. Shown once, written down, typed in again when all devices are lost.
pub struct RecoveryWords(Mnemonic);

impl RecoveryWords {
    /// Fresh words from 128 random bits.
    #[expect(clippy::expect_used, reason = "16 bytes are always valid BIP39 entropy")]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut entropy = Zeroizing::new([0_u8; 16]);
        rng.fill_bytes(entropy.as_mut());
        Self(Mnemonic::from_entropy_in(Language::English, entropy.as_slice()).expect("16 bytes are valid"))
    }

    /// Reads words from text; any white space separates, case does not matter.
    pub fn parse(text: &str) -> Result<Self, WordsError> {
        let found = text.split_whitespace().count();
        if found != COUNT {
            return Err(WordsError::WrongCount { found });
        }
        let lower = Zeroizing::new(text.to_lowercase());
        Mnemonic::parse_in_normalized(Language::English, &lower)
            .map(Self)
            .map_err(|error| match error {
                bip39::Error::UnknownWord(index) => WordsError::UnknownWord { position: index + 1 },
                bip39::Error::BadWordCount(found) => WordsError::WrongCount { found },
                _ => WordsError::BadChecksum,
            })
    }

    /// The words in order, to be shown.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.words()
    }

    /// The words with single spaces between them.
    pub fn phrase(&self) -> Zeroizing<String> {
        let mut phrase = Zeroizing::new(String::with_capacity(COUNT * 9));
        for word in self.0.words() {
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        phrase
    }

    /// The root: the person's own authority.
    pub fn root_signing_key(&self) -> RootSigningKey {
        RootSigningKey::from_derived(&derive::<SigningSeed>(
            &self.secret(),
            labels::DERIVE_ROOT_SIGNING,
            b"",
        ))
    }

    /// The key to which every generation's account secret is sealed, so that the words alone suffice.
    pub fn recovery_kem_key(&self) -> KemSecretKey {
        derive(&self.secret(), labels::DERIVE_RECOVERY_KEM, b"")
    }

    fn secret(&self) -> WordsSecret {
        WordsSecret::init_with(|out| {
            let mut seed = self.0.to_seed_normalized("");
            out.copy_from_slice(&seed[..32]);
            seed.zeroize();
        })
    }
}

impl core::fmt::Debug for RecoveryWords {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RecoveryWords")
    }
}

/// A word of the English list of BIP39: the one with the number in the low eleven bits of `index`, from 0.
pub fn list_word(index: u16) -> &'static str {
    Language::English.word_list()[usize::from(index & 0x7FF)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_that_of_bip39() {
        assert_eq!([0, 1, 2047].map(list_word), ["abandon", "ability", "zoo"]);
        assert_eq!(list_word(2048), "abandon");
    }
    use crate::test_rng::CountingRng;

    const ZEROS: &str =
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

    #[test]
    fn text_is_normalised() {
        let messy = format!("  {}\n", ZEROS.to_uppercase().replace(' ', " \t\n "));
        assert_eq!(*RecoveryWords::parse(&messy).unwrap().phrase(), ZEROS);
    }

    /// The first of the published BIP39 vectors, without passphrase.
    #[test]
    fn published_seed() {
        let hex = "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc1";
        let words = RecoveryWords::parse(ZEROS).unwrap();
        assert_eq!(data_encoding::HEXLOWER.encode(words.secret().expose()), hex);
    }

    #[test]
    fn generated_words_come_back() {
        let words = RecoveryWords::generate(&mut CountingRng::default());
        assert_eq!(words.words().count(), 12);
        let again = RecoveryWords::parse(&words.phrase()).unwrap();
        assert_eq!(
            words.root_signing_key().public(),
            again.root_signing_key().public()
        );
        assert_eq!(
            words.recovery_kem_key().public(),
            again.recovery_kem_key().public()
        );
    }

    #[test]
    fn each_mistake_has_its_own_error() {
        let error = |text: &str| RecoveryWords::parse(text).err();
        assert_eq!(error(""), Some(WordsError::WrongCount { found: 0 }));
        assert_eq!(
            error(&format!("{ZEROS} about")),
            Some(WordsError::WrongCount { found: 13 })
        );
        // Fifteen words are a valid BIP39 count, but not ours.
        assert_eq!(
            error(&["abandon"; 15].join(" ")),
            Some(WordsError::WrongCount { found: 15 })
        );
        let typo = ZEROS.replacen("abandon", "abandom", 1);
        assert_eq!(error(&typo), Some(WordsError::UnknownWord { position: 1 }));
        let last = ZEROS.replace("about", "abouts");
        assert_eq!(error(&last), Some(WordsError::UnknownWord { position: 12 }));
        assert_eq!(error(&["abandon"; 12].join(" ")), Some(WordsError::BadChecksum));
        assert_eq!(
            error(&ZEROS.replacen("abandon", "ábandon", 1)),
            Some(WordsError::UnknownWord { position: 1 })
        );
    }
}

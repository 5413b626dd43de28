//! Evidence as a text file: a title, then Base64 in lines of 76.

use crannog_proto::{DecodeError, decode, encode};
use data_encoding::BASE64;

use super::case::{Case, Evidence};

/// The first line.
const TITLE: &str = "crannog evidence 1";
/// The only version there is.
const VERSION: u8 = 1;
/// Most letters of a line.
const LINE: usize = 76;
/// Most bytes of a file: 16 MiB.
const TEXT_MAX: usize = 16 * 1024 * 1024;

/// Not an evidence file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// More than 16 MiB.
    #[error("an evidence file has at most 16 MiB")]
    TooLarge,
    /// Another first line.
    #[error("the first line is not 'crannog evidence 1'")]
    Title,
    /// What follows is not Base64.
    #[error("what follows the first line is not Base64")]
    Base64,
    /// What the Base64 holds is none.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Another version than 1.
    #[error("evidence version {0} is not known")]
    Version(u8),
}

impl Evidence {
    /// The same without what the author said and her sigchain: of an entry of many MiB the header and its receipt still convict a server.
    pub fn without_said(&self) -> Self {
        let mut evidence = self.clone();
        if let Case::Entry(case) = &mut evidence.case {
            (case.said, case.links) = (None, Vec::new());
            case.stored.entry.body.clear();
        }
        evidence
    }

    /// The file. Fails where it would be larger than 16 MiB.
    pub fn to_text(&self) -> Result<String, EvidenceError> {
        let letters = BASE64.encode(&encode(self));
        let mut text = String::from(TITLE);
        for (at, letter) in letters.chars().enumerate() {
            if at % LINE == 0 {
                text.push('\n');
            }
            text.push(letter);
        }
        text.push('\n');
        if text.len() > TEXT_MAX {
            return Err(EvidenceError::TooLarge);
        }
        Ok(text)
    }

    /// Reads such a file, of which nothing is believed yet. White space around lines and blank lines do not count.
    pub fn from_text(text: &str) -> Result<Self, EvidenceError> {
        if text.len() > TEXT_MAX {
            return Err(EvidenceError::TooLarge);
        }
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        if lines.next() != Some(TITLE) {
            return Err(EvidenceError::Title);
        }
        let letters: String = lines.collect();
        let bytes = BASE64
            .decode(letters.as_bytes())
            .map_err(|_| EvidenceError::Base64)?;
        match bytes.first() {
            Some(&VERSION) => Ok(decode(&bytes)?),
            Some(version) => Err(EvidenceError::Version(*version)),
            None => Err(EvidenceError::Base64),
        }
    }
}

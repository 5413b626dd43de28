//! The recovery sheet: the words, and a floor below which nobody can roll the account back (CHK-027).

use std::fmt;

use crannog_proto::sigchain::SigchainState;
use crannog_proto::sign::VerifyingKey;
use crannog_proto::{Hash, ServerUrl};
use crannog_seal::schedule::{RecoveryWords, WordsError};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::check::Check;

const TITLE: &str = "crannog recovery sheet 1";

/// What is wrong with a sheet that a person typed or kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SheetError {
    /// A line is missing, stands twice, or does not parse.
    #[error("the recovery sheet's line \"{0}\" is missing, doubled or wrong")]
    Line(&'static str),
    /// A line that does not belong there.
    #[error("line {0} does not belong into a recovery sheet")]
    UnknownLine(usize),
    /// The words are not words.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// The words are of another account, or of another time, than the sheet.
    #[error("the words do not belong to the root on the recovery sheet")]
    OtherWords,
}

/// Words, root, server and a link of the sigchain.
#[derive(Debug)]
pub struct RecoverySheet {
    /// Where the account is.
    pub server: ServerUrl,
    /// Its name.
    pub name: String,
    /// The root: the words give it.
    pub root: VerifyingKey,
    /// The number of the last link when the sheet was made.
    pub link_seq: u32,
    /// That link's hash.
    pub link: Hash,
    /// The words.
    pub words: RecoveryWords,
}

/// What a person has: a whole sheet, or just the twelve words.
#[derive(Debug)]
pub enum WrittenWords {
    /// Words alone; there is no floor then.
    Words(RecoveryWords),
    /// A sheet.
    Sheet(Box<RecoverySheet>),
}

impl WrittenWords {
    /// Reads either. Text that begins with the sheet's title is a sheet and nothing else.
    pub fn parse(text: &str) -> Result<Self, SheetError> {
        if text.trim_start().starts_with(TITLE) {
            return RecoverySheet::parse(text).map(|sheet| Self::Sheet(Box::new(sheet)));
        }
        Ok(Self::Words(RecoveryWords::parse(text)?))
    }

    /// The words.
    pub fn words(&self) -> &RecoveryWords {
        match self {
            Self::Words(words) => words,
            Self::Sheet(sheet) => &sheet.words,
        }
    }

    /// CHK-008 and, with a sheet, CHK-027.
    pub fn check_floor(&self, chain: &SigchainState) -> Result<(), Check> {
        if chain.root != VerifyingKey(self.words().root_signing_key().public()) {
            return Err(Check::Root);
        }
        match self {
            Self::Sheet(sheet) if chain.link_hash(sheet.link_seq) != Some(sheet.link) => Err(Check::Sheet),
            _ => Ok(()),
        }
    }
}

impl RecoverySheet {
    /// The sheet of an account as it stands.
    pub fn new(server: ServerUrl, words: RecoveryWords, chain: &SigchainState) -> Self {
        let cite = chain.cite();
        Self {
            server,
            name: chain.name.clone(),
            root: chain.root,
            link_seq: cite.seq,
            link: cite.head,
            words,
        }
    }

    /// The lines to print; they hold the words.
    pub fn format(&self) -> Zeroizing<String> {
        let root = HEXLOWER.encode(&self.root.0);
        let words = self.words.phrase();
        let Self {
            server,
            name,
            link_seq,
            link,
            ..
        } = self;
        Zeroizing::new(format!(
            "{TITLE}\nserver: {server}\nname: {name}\nroot: {root}\nlink: {link_seq} {link}\nwords: {}\n",
            *words
        ))
    }

    /// Reads a sheet: the title, then each line once, in any order; blank lines do not count.
    pub fn parse(text: &str) -> Result<Self, SheetError> {
        let mut lines = text
            .lines()
            .map(str::trim)
            .enumerate()
            .filter(|(_, line)| !line.is_empty());
        if lines.next().map(|(_, line)| line) != Some(TITLE) {
            return Err(SheetError::Line(TITLE));
        }
        let mut fields = Fields::default();
        for (at, line) in lines {
            fields.take(at + 1, line)?;
        }
        let link = fields.link.ok_or(SheetError::Line("link"))?;
        let (seq, head) = link.split_once(' ').ok_or(SheetError::Line("link"))?;
        let sheet = Self {
            server: parsed("server", fields.server)?,
            name: fields.name.ok_or(SheetError::Line("name"))?.to_owned(),
            root: VerifyingKey(hex("root", fields.root)?),
            link_seq: parsed("link", Some(seq))?,
            link: Hash(hex("link", Some(head.trim()))?),
            words: RecoveryWords::parse(fields.words.ok_or(SheetError::Line("words"))?)?,
        };
        if VerifyingKey(sheet.words.root_signing_key().public()) != sheet.root {
            return Err(SheetError::OtherWords);
        }
        Ok(sheet)
    }
}

#[derive(Default)]
struct Fields<'a> {
    server: Option<&'a str>,
    name: Option<&'a str>,
    root: Option<&'a str>,
    link: Option<&'a str>,
    words: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, number: usize, line: &'a str) -> Result<(), SheetError> {
        let (key, value) = line.split_once(':').ok_or(SheetError::UnknownLine(number))?;
        let (slot, name) = match key.trim() {
            "server" => (&mut self.server, "server"),
            "name" => (&mut self.name, "name"),
            "root" => (&mut self.root, "root"),
            "link" => (&mut self.link, "link"),
            "words" => (&mut self.words, "words"),
            _ => return Err(SheetError::UnknownLine(number)),
        };
        if slot.replace(value.trim()).is_some() {
            Err(SheetError::Line(name))
        } else {
            Ok(())
        }
    }
}

fn parsed<T: std::str::FromStr>(name: &'static str, value: Option<&str>) -> Result<T, SheetError> {
    value
        .and_then(|value| value.parse().ok())
        .ok_or(SheetError::Line(name))
}

fn hex(name: &'static str, value: Option<&str>) -> Result<[u8; 32], SheetError> {
    let bytes = value.and_then(|value| HEXLOWER.decode(value.as_bytes()).ok());
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(SheetError::Line(name))
}

impl fmt::Display for WrittenWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Words(_) => "the twelve words",
            Self::Sheet(_) => "the recovery sheet",
        })
    }
}

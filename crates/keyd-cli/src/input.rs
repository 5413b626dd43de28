//! What a command is done to: words, standard input, files.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::failure::{Code, Failure};
use crate::output::Printer;

/// One thing to work on.
#[derive(Debug)]
pub(crate) enum Source {
    /// A word of the command line.
    Word(Zeroizing<Vec<u8>>),
    /// Standard input.
    Standard,
    /// A file.
    File(PathBuf),
}

/// A source that was opened.
pub(crate) struct Opened {
    reader: Box<dyn Read + Send>,
    /// The file itself, if it has a beginning to go back to.
    file: Option<File>,
    /// Its length, as far as it is known.
    pub(crate) len: Option<u64>,
}

impl Source {
    /// Words that name files are files, `-` is standard input, and so is nothing. One word that names no file is a text; among several
    /// it is a slip of the hand.
    pub(crate) fn plaintexts(words: &[OsString], text: bool) -> Result<Vec<Self>, Failure> {
        let alone = words.len() == 1;
        sources(words, |word| {
            if text {
                return Ok(word_of(word));
            }
            match file(word)? {
                Some(file) => Ok(file),
                None if alone => Ok(word_of(word)),
                None => Err(no_file(word).hint("give --text to take the words themselves")),
            }
        })
    }

    /// The same for ciphertexts, which are told from names of files by their beginning.
    pub(crate) fn ciphertexts(words: &[OsString], text: bool) -> Result<Vec<Self>, Failure> {
        sources(words, |word| {
            let bytes = word.as_bytes();
            // A Fernet token begins with version 128 and a time before 2106.
            if text || bytes.starts_with(b"vault:v") || bytes.starts_with(b"gAAAAA") {
                return Ok(word_of(word));
            }
            let found = file(word)?;
            found.ok_or_else(|| no_file(word).hint("a ciphertext begins with vault:v; --text takes any word"))
        })
    }

    /// A file, or standard input for `-` and for nothing.
    pub(crate) fn of_path(path: Option<&Path>) -> Self {
        match path {
            Some(path) if path != Path::new("-") => Self::File(path.to_owned()),
            _ => Self::Standard,
        }
    }

    /// As errors name it.
    pub(crate) fn object(&self) -> String {
        match self {
            Self::Word(_) => "the text".to_owned(),
            Self::Standard => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Opens it. May block.
    pub(crate) fn open(&self) -> Result<Opened, Failure> {
        Ok(match self {
            Self::Word(bytes) => Opened {
                len: Some(bytes.len() as u64),
                reader: Box::new(io::Cursor::new(bytes.clone())),
                file: None,
            },
            Self::Standard => Opened {
                reader: Box::new(io::stdin()),
                file: None,
                len: None,
            },
            Self::File(path) => {
                let opened =
                    File::open(path).and_then(|file| Ok((file.metadata()?, file.try_clone()?, file)));
                let (facts, clone, file) = opened.map_err(|error| Failure::io(path, &error))?;
                Opened {
                    reader: Box::new(clone),
                    len: facts.is_file().then_some(facts.len()),
                    file: facts.is_file().then_some(file),
                }
            }
        })
    }

    /// All of it, if it has at most `most` bytes (KEY-015). May block.
    pub(crate) fn whole(&self, most: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut opened = self.open()?;
        let bytes = opened.up_to(most + 1).map_err(|error| self.failed(&error))?;
        if bytes.len() > most {
            let text = format!("more than {}", crate::human::size(most as u64));
            return Err(Failure::new(Code::Quota, text)
                .object(self.object())
                .check("KEY-015"));
        }
        Ok(bytes)
    }

    /// Reading failed.
    pub(crate) fn failed(&self, error: &io::Error) -> Failure {
        match self {
            Self::File(path) => Failure::io(path, error),
            _ => Failure::new(Code::LocalIo, error.to_string()).object(self.object()),
        }
    }

    /// Tells a person who wonders why nothing happens.
    pub(crate) fn announce(&self, printer: &Printer) {
        if matches!(self, Self::Standard) && io::stdin().is_terminal() {
            printer.say("reading from the terminal; Ctrl-D ends it");
        }
    }
}

impl Opened {
    /// The next bytes: `most` of them, or fewer at the end.
    pub(crate) fn up_to(&mut self, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        // Room beforehand: a buffer that grows leaves copies behind.
        let room = self.len.and_then(|len| usize::try_from(len).ok()).unwrap_or(most);
        let mut bytes = Zeroizing::new(Vec::with_capacity(room.min(most).saturating_add(1)));
        self.reader.by_ref().take(most as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// What follows, to read a part of it.
    pub(crate) fn reader(&mut self) -> &mut (dyn Read + Send) {
        &mut *self.reader
    }

    /// What follows.
    pub(crate) fn into_reader(self) -> Box<dyn Read + Send> {
        self.reader
    }

    /// What follows, as a file that can be read twice. What came from no such file goes into one without a name first.
    pub(crate) fn into_file(mut self) -> io::Result<(File, u64)> {
        if let Some(mut file) = self.file {
            let position = file.stream_position()?;
            return Ok((file, position));
        }
        let mut spool = tempfile::tempfile()?;
        io::copy(&mut self.reader, &mut spool)?;
        spool.seek(SeekFrom::Start(0))?;
        Ok((spool, 0))
    }
}

fn sources(
    words: &[OsString],
    source: impl Fn(&OsString) -> Result<Source, Failure>,
) -> Result<Vec<Source>, Failure> {
    if words.iter().filter(|word| *word == "-").count() > 1 {
        return Err(Failure::new(Code::Usage, "standard input can be read once").object("-"));
    }
    if words.is_empty() {
        return Ok(vec![Source::Standard]);
    }
    let source = |word: &OsString| {
        if word == "-" {
            Ok(Source::Standard)
        } else {
            source(word)
        }
    };
    words.iter().map(source).collect()
}

fn word_of(word: &OsString) -> Source {
    Source::Word(Zeroizing::new(word.as_bytes().to_vec()))
}

/// The file of this name, if there is one.
fn file(word: &OsString) -> Result<Option<Source>, Failure> {
    let path = Path::new(word);
    match std::fs::metadata(path) {
        Ok(facts) if facts.is_dir() => {
            Err(Failure::new(Code::Usage, "this is a folder").object(path.display().to_string()))
        }
        Ok(_) => Ok(Some(Source::File(path.to_owned()))),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput => Ok(None),
            _ => Err(Failure::io(path, &error)),
        },
    }
}

fn no_file(word: &OsString) -> Failure {
    Failure::new(Code::NotFound, "there is no such file").object(word.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::Source;
    use crate::failure::Code;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn a_word_that_names_a_file_is_a_file() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("hello");
        std::fs::write(&path, "x").unwrap();
        let path = path.to_str().unwrap();
        let one = |list: &[&str], text| Source::plaintexts(&words(list), text).unwrap().remove(0);
        assert!(matches!(one(&[path], false), Source::File(_)));
        assert!(matches!(one(&[path], true), Source::Word(_)));
        assert!(matches!(one(&["no such file"], false), Source::Word(_)));
        assert!(matches!(one(&["-"], true), Source::Standard));
        assert!(matches!(one(&[], false), Source::Standard));

        let failed = |list: &[&str]| Source::plaintexts(&words(list), false).unwrap_err().code;
        assert_eq!(failed(&[path, "no such file"]), Code::NotFound);
        assert_eq!(failed(&["-", "-"]), Code::Usage);
        assert_eq!(failed(&[scratch.path().to_str().unwrap()]), Code::Usage);
        let cipher = |word: &str| Source::ciphertexts(&words(&[word]), false);
        assert_eq!(cipher("no such file").unwrap_err().code, Code::NotFound);
        assert!(matches!(
            cipher("vault:v1:AA==").unwrap().remove(0),
            Source::Word(_)
        ));
    }
}

//! decrypt.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use crannog_keyd_client::{Answer, Call, Ciphertext, Crypt, DecryptItem, Decrypted, Items, Name, Outcomes};
use crannog_seal::keyd::StreamKey;
use zeroize::Zeroizing;

use super::encrypt::{SUFFIX, done, judged};
use super::many::Tally;
use super::options::{BindingOptions, usual_key};
use super::{WithKey, blocking};
use crate::failure::{Code, Failure};
use crate::file::{self, Head, MAGIC, StreamError};
use crate::input::{Opened, Source};
use crate::progress::Bar;
use crate::session::{Session, name, unexpected};
use crate::target::NewFile;

/// No service takes a longer body.
const LONGEST_TEXT: usize = 32 << 20;

/// Decrypt texts, standard input or files
///
/// A file that `encrypt` wrote names its key itself, and gets its name back (FILE.crkd becomes FILE) when all of it was verified. To
/// standard output it is read twice, so that nothing is printed of a file that is not whole.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd decrypt --key shop - < card.vault
  crannog-keyd decrypt photos.tar.crkd
  crannog-keyd decrypt --output - photos.tar.crkd | tar x")]
pub(crate) struct Decrypt {
    /// Ciphertexts or files; `-` is standard input, and so is nothing
    #[arg(value_name = "TEXT|-|FILE")]
    words: Vec<OsString>,
    /// The key [default: of a file the one that it names, else that of CRANNOG_KEYD_KEY, else `default`]
    #[arg(short, long, value_name = "NAME")]
    key: Option<String>,
    #[command(flatten)]
    binding: BindingOptions,
    /// Take the words themselves, also where they name files
    #[arg(long)]
    text: bool,
    /// Write to this file, or into this folder; `-` is standard output
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace files that exist
    #[arg(short, long)]
    force: bool,
}

/// What a source turned out to be.
enum Found {
    Text(Zeroizing<Vec<u8>>),
    /// An encrypted file, read up to the end of its head.
    File(Head, Opened),
}

impl Decrypt {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let sources = Source::ciphertexts(&self.words, self.text)?;
        let several = sources.len() > 1;
        let mut tally = Tally::new(session.printer, !several);
        for source in sources {
            tally.add(self.one(session, source, several).await);
        }
        tally.finish()
    }

    async fn one(&self, session: &Session<'_>, source: Source, several: bool) -> Result<(), Failure> {
        source.announce(session.printer);
        let (source, found) = blocking(move || {
            let found = look(&source)?;
            Ok((source, found))
        })
        .await?;
        match found {
            Found::Text(text) => self.text(session, &source, &text, several).await,
            Found::File(head, opened) => self.file(session, &source, head, opened, several).await,
        }
    }

    async fn text(
        &self,
        session: &Session<'_>,
        source: &Source,
        text: &[u8],
        several: bool,
    ) -> Result<(), Failure> {
        let key = match &self.key {
            Some(key) => name(key)?,
            None => name(&usual_key())?,
        };
        let text = std::str::from_utf8(text)
            .map(str::trim)
            .ok()
            .filter(|text| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control()));
        let text = text.ok_or_else(|| {
            Failure::new(Code::Usage, "neither one ciphertext nor an encrypted file").object(source.object())
        })?;
        let decrypted = self
            .decrypted(session, &key, text.into(), &source.object())
            .await?;
        let plaintext = decrypted.plaintext.expose();
        match self.place(source, several)? {
            Some(path) => {
                NewFile::write(&path, self.force, plaintext)?;
                done(session, &key, source, &path, plaintext.len() as u64)
            }
            None if session.printer.is_json() => session.printer.object(&WithKey {
                key: key.as_str(),
                data: &decrypted,
            }),
            None => {
                session.printer.bytes(plaintext)?;
                // So that the prompt begins on a line of its own.
                let open_line = io::stdout().is_terminal() && !plaintext.ends_with(b"\n");
                if open_line {
                    session.printer.bytes(b"\n")
                } else {
                    Ok(())
                }
            }
        }
    }

    async fn file(
        &self,
        session: &Session<'_>,
        source: &Source,
        head: Head,
        opened: Opened,
        several: bool,
    ) -> Result<(), Failure> {
        if let Some(wanted) = self.key.as_deref().filter(|wanted| *wanted != head.key.as_str()) {
            let text = format!("the file is encrypted under the key {}, not {wanted}", head.key);
            return Err(Failure::new(Code::VerificationFailed, text).object(source.object()));
        }
        let path = match (&self.output, source) {
            (None, Source::File(path)) => Some(stripped(path)?),
            _ => self.place(source, several)?,
        };
        if path.is_none() && session.printer.is_json() {
            return Err(Failure::new(Code::Usage, "a file's bytes are no JSON")
                .object(source.object())
                .hint("give --output FILE"));
        }
        let new = path
            .as_deref()
            .map(|path| NewFile::create(path, self.force))
            .transpose()?;
        let decrypted = self
            .decrypted(session, &head.key, head.data_key.clone(), &source.object())
            .await?;
        let data_key = decrypted.plaintext.expose().try_into().map_err(|_| {
            Failure::new(
                Code::VerificationFailed,
                "CHK-002: this is not the data key of a file",
            )
            .object(source.object())
        })?;
        let (data_key, key) = (StreamKey::from_bytes(data_key), head.key.clone());
        let bar = Bar::new(session.printer, "decrypting", opened.len);
        let opening = match &new {
            Some(new) => {
                let (mut from, mut to) = (bar.count(opened.into_reader()), new.writer()?);
                tokio::task::spawn_blocking(move || file::open(&data_key, &head, &mut from, &mut to))
            }
            None => {
                let spooled = blocking(move || {
                    opened
                        .into_file()
                        .map_err(|error| Failure::io(Path::new("a temporary file"), &error))
                });
                let (sealed, begins) = spooled.await?;
                tokio::task::spawn_blocking(move || print(&data_key, &head, sealed, begins))
            }
        };
        let opened = opening
            .await
            .unwrap_or_else(|error| Err(StreamError::Read(error.into())));
        drop(bar);
        let bytes = judged(session, source, path.as_deref(), opened)?;
        match (new, path) {
            (Some(new), Some(path)) => {
                new.keep()?;
                done(session, &key, source, &path, bytes)
            }
            _ => Ok(()),
        }
    }

    async fn decrypted(
        &self,
        session: &Session<'_>,
        key: &Name,
        ciphertext: Ciphertext,
        object: &str,
    ) -> Result<Decrypted, Failure> {
        let item = DecryptItem {
            ciphertext,
            context: self.binding.context(),
            associated_data: self.binding.associated_data(),
        };
        let call = Call::Decrypt(key.clone(), Crypt::from(Items::One(item)));
        let reply = session.call(&call).await.map_err(|failure| match failure.code {
            Code::VerificationFailed => failure.about(object),
            _ => failure.about(key.as_str()),
        });
        match reply?.answer {
            Answer::Decrypted(Outcomes::One(decrypted)) => Ok(decrypted),
            _ => Err(unexpected()),
        }
    }

    /// Where it goes if `--output` says so; none: standard output.
    fn place(&self, source: &Source, several: bool) -> Result<Option<PathBuf>, Failure> {
        match &self.output {
            None => Ok(None),
            Some(path) if path == Path::new("-") => Ok(None),
            Some(path) if several || path.is_dir() => match source {
                Source::File(file) => Ok(Some(path.join(stripped(file)?.file_name().unwrap_or_default()))),
                _ => Err(
                    Failure::new(Code::Usage, "only a file has a name for this folder")
                        .object(source.object())
                        .hint("decrypt it by itself, with --output FILE"),
                ),
            },
            Some(path) => Ok(Some(path.clone())),
        }
    }
}

/// Reads a text, or the head of a file. Blocks.
fn look(source: &Source) -> Result<Found, Failure> {
    let mut opened = source.open()?;
    let beginning = opened.up_to(MAGIC.len()).map_err(|error| source.failed(&error))?;
    if *beginning != MAGIC {
        let most = LONGEST_TEXT - beginning.len();
        let rest = opened.up_to(most + 1).map_err(|error| source.failed(&error))?;
        if rest.len() > most {
            return Err(
                Failure::new(Code::Usage, "neither one ciphertext nor an encrypted file")
                    .object(source.object())
                    .check("CHK-010"),
            );
        }
        return Ok(Found::Text(Zeroizing::new([&beginning[..], &rest].concat())));
    }
    let head = Head::read(&mut MAGIC.as_slice().chain(opened.reader()));
    let head = head
        .map_err(|error| Failure::new(Code::VerificationFailed, error.to_string()).object(source.object()))?;
    Ok(Found::File(head, opened))
}

/// To standard output: verified to its end before the first byte is printed, and then once more.
fn print(key: &StreamKey, head: &Head, mut sealed: File, begins: u64) -> Result<u64, StreamError> {
    file::open(key, head, &mut sealed, &mut io::sink())?;
    sealed.seek(SeekFrom::Start(begins)).map_err(StreamError::Read)?;
    let mut out = io::stdout().lock();
    let bytes = file::open(key, head, &mut sealed, &mut out)?;
    out.flush().map_err(StreamError::Write)?;
    Ok(bytes)
}

fn stripped(path: &Path) -> Result<PathBuf, Failure> {
    let text = path.as_os_str().to_string_lossy();
    match (text.strip_suffix(SUFFIX), path.to_str()) {
        (Some(name), Some(_)) if !name.is_empty() && !name.ends_with('/') => Ok(name.into()),
        _ => Err(Failure::new(
            Code::Usage,
            format!("the name does not end in {SUFFIX}, so the plaintext has none"),
        )
        .object(path.display().to_string())
        .hint("give --output FILE")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::stripped;

    #[test]
    fn a_file_gets_its_name_back() {
        assert_eq!(stripped(Path::new("a/b.tar.crkd")).unwrap(), Path::new("a/b.tar"));
        for path in ["a", ".crkd", "a/.crkd", "a.crkd.bak"] {
            assert!(stripped(Path::new(path)).is_err(), "{path}");
        }
    }
}

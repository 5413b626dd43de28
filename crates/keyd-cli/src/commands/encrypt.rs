//! encrypt.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use crannog_keyd_client::{
    Answer, Call, Crypt, DataKey, DataKeyBits, EncryptItem, Items, Name, Octets, Outcomes, Upsert,
};
use crannog_seal::keyd::StreamKey;
use serde::Serialize;
use zeroize::Zeroizing;

use super::many::Tally;
use super::options::{BindingOptions, KeyOption};
use super::{WithKey, blocking};
use crate::failure::{Code, Failure};
use crate::file::{self, Head, StreamError};
use crate::input::{Opened, Source};
use crate::progress::Bar;
use crate::session::{Session, name, unexpected};
use crate::target::NewFile;

/// What is longer is encrypted here, under a data key.
const SMALL: usize = 64 * 1024;
/// What is put behind the name of an encrypted file.
pub(super) const SUFFIX: &str = ".crkd";

/// Encrypt texts, standard input or files
///
/// A word that names a file is that file. What has at most 64 KiB is encrypted by the service itself and printed as text; larger files
/// are encrypted here under a data key of their own, and written to FILE.crkd.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd encrypt --key shop - < card.txt
  crannog-keyd encrypt --key backup photos.tar
  crannog-keyd encrypt --key backup --output /mnt/photos.crkd --force photos.tar
  crannog-keyd encrypt --key shop --aad 'order 41' --text hello")]
pub(crate) struct Encrypt {
    /// Texts or files; `-` is standard input, and so is nothing
    #[arg(value_name = "TEXT|-|FILE")]
    words: Vec<OsString>,
    #[command(flatten)]
    key: KeyOption,
    #[command(flatten)]
    binding: BindingOptions,
    /// Take the words themselves, also where they name files
    #[arg(long)]
    text: bool,
    /// The key's version [default: the latest]
    #[arg(long, value_name = "NUMBER")]
    version: Option<u32>,
    /// Write to this file, or into this folder; `-` is standard output
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace files that exist
    #[arg(short, long)]
    force: bool,
}

/// A file that was written.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    pub(super) key: &'a str,
    pub(super) input: String,
    pub(super) output: String,
    pub(super) bytes: u64,
}

impl Encrypt {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let key = name(&self.key.key)?;
        let sources = Source::plaintexts(&self.words, self.text)?;
        if sources.iter().any(|source| matches!(source, Source::Word(_))) && io::stderr().is_terminal() {
            session.printer.say(
                "warning: the text stands in the list of processes and in the shell's history; `crannog-keyd encrypt -` reads it from \
                 standard input",
            );
        }
        let several = sources.len() > 1;
        let mut tally = Tally::new(session.printer, !several);
        for source in sources {
            tally.add(self.one(session, &key, source, several).await);
        }
        tally.finish()
    }

    async fn one(
        &self,
        session: &Session<'_>,
        key: &Name,
        source: Source,
        several: bool,
    ) -> Result<(), Failure> {
        source.announce(session.printer);
        let (source, opened, beginning) = blocking(move || {
            let mut opened = source.open()?;
            let beginning = opened.up_to(SMALL + 1).map_err(|error| source.failed(&error))?;
            Ok((source, opened, beginning))
        })
        .await?;
        if beginning.len() <= SMALL {
            self.small(session, key, &source, beginning, several).await
        } else {
            self.large(session, key, &source, opened, beginning, several)
                .await
        }
    }

    /// Encrypted by the service, and printed as text.
    async fn small(
        &self,
        session: &Session<'_>,
        key: &Name,
        source: &Source,
        plaintext: Zeroizing<Vec<u8>>,
        several: bool,
    ) -> Result<(), Failure> {
        let item = EncryptItem {
            plaintext: Octets::from(plaintext),
            context: self.binding.context(),
            associated_data: self.binding.associated_data(),
            key_version: self.version,
        };
        let call = Call::Encrypt(key.clone(), Upsert::default(), Crypt::from(Items::One(item)));
        let Answer::Encrypted(Outcomes::One(encrypted)) =
            session.call_about(key.as_str(), &call).await?.answer
        else {
            return Err(unexpected());
        };
        let line = format!("{}\n", encrypted.ciphertext);
        let data = WithKey {
            key: key.as_str(),
            data: &encrypted,
        };
        match self.place(source, several)? {
            None => session.printer.result(&line, &data),
            Some(path) => {
                NewFile::write(&path, self.force, line.as_bytes())?;
                done(session, key, source, &path, line.len() as u64)
            }
        }
    }

    /// Encrypted here, under a data key.
    async fn large(
        &self,
        session: &Session<'_>,
        key: &Name,
        source: &Source,
        opened: Opened,
        beginning: Zeroizing<Vec<u8>>,
        several: bool,
    ) -> Result<(), Failure> {
        let path = match (&self.output, source) {
            (None, Source::File(path)) => Some(suffixed(path)),
            _ => self.place(source, several)?,
        };
        if path.is_none() && (session.printer.is_json() || io::stdout().is_terminal()) {
            return Err(
                Failure::new(Code::Usage, "this much is written as a file, not as text")
                    .object(source.object())
                    .hint("give --output FILE"),
            );
        }
        let new = path
            .as_deref()
            .map(|path| NewFile::create(path, self.force))
            .transpose()?;

        let (data_key, head) = self.data_key(session, key).await?;
        let bar = Bar::new(session.printer, "encrypting", opened.len);
        let from = io::Cursor::new(beginning).chain(opened.into_reader());
        let mut from = bar.count(from);
        let mut to: Box<dyn io::Write + Send> = match &new {
            Some(new) => Box::new(new.writer()?),
            None => Box::new(io::stdout()),
        };
        let sealed = tokio::task::spawn_blocking(move || {
            file::seal(&data_key, &head, &mut from, &mut to, &mut rand::rng()).and_then(|bytes| {
                to.flush().map_err(StreamError::Write)?;
                Ok(bytes)
            })
        });
        let sealed = sealed
            .await
            .unwrap_or_else(|error| Err(StreamError::Read(error.into())));
        drop(bar);
        let bytes = judged(session, source, path.as_deref(), sealed)?;
        match (new, path) {
            (Some(new), Some(path)) => {
                new.keep()?;
                done(session, key, source, &path, bytes)
            }
            _ => Ok(()),
        }
    }

    async fn data_key(&self, session: &Session<'_>, key: &Name) -> Result<(StreamKey, Head), Failure> {
        let call = Call::DataKeyPlaintext(
            key.clone(),
            DataKey {
                bits: DataKeyBits::B256,
                context: self.binding.context(),
                associated_data: self.binding.associated_data(),
                key_version: self.version,
            },
        );
        let Answer::DataKey(made) = session.call_about(key.as_str(), &call).await?.answer else {
            return Err(unexpected());
        };
        let data_key = made
            .plaintext
            .as_ref()
            .and_then(|bytes| bytes.expose().try_into().ok());
        let data_key = StreamKey::from_bytes(data_key.ok_or_else(unexpected)?);
        let head = Head::new(key.clone(), made.ciphertext)
            .map_err(|error| Failure::new(Code::Quota, error.to_string()).object(key.as_str()))?;
        Ok((data_key, head))
    }

    /// Where it goes if `--output` says so; none: standard output.
    fn place(&self, source: &Source, several: bool) -> Result<Option<PathBuf>, Failure> {
        match &self.output {
            None => Ok(None),
            Some(path) if path == Path::new("-") => Ok(None),
            Some(path) if several || path.is_dir() => match source {
                Source::File(file) => {
                    let name = file.file_name().unwrap_or_default();
                    Ok(Some(suffixed(&path.join(name))))
                }
                _ => Err(
                    Failure::new(Code::Usage, "only a file has a name for this folder")
                        .object(source.object())
                        .hint("encrypt it by itself, with --output FILE"),
                ),
            },
            Some(path) => Ok(Some(path.clone())),
        }
    }
}

/// How an encryption or decryption by streaming ended, with the one whose fault it is.
pub(super) fn judged(
    session: &Session<'_>,
    source: &Source,
    target: Option<&Path>,
    outcome: Result<u64, StreamError>,
) -> Result<u64, Failure> {
    match (outcome, target) {
        (Ok(bytes), _) => Ok(bytes),
        (Err(StreamError::Read(error)), _) => Err(source.failed(&error)),
        (Err(StreamError::Write(error)), Some(path)) => Err(Failure::io(path, &error)),
        (Err(StreamError::Write(error)), None) => session.printer.judged(Err(error)).map(|()| 0),
        (Err(StreamError::Open(error)), _) => Err(Failure::new(Code::VerificationFailed, error.to_string())
            .object(source.object())
            .hint("the file was changed, or is not whole; nothing was written")),
        (Err(StreamError::Seal(error)), _) => {
            Err(Failure::new(Code::Quota, error.to_string()).object(source.object()))
        }
    }
}

/// Says that a file was written.
pub(super) fn done(
    session: &Session<'_>,
    key: &Name,
    source: &Source,
    path: &Path,
    bytes: u64,
) -> Result<(), Failure> {
    if !session.printer.is_json() {
        session.printer.say(&format!(
            "wrote {}",
            crate::sanitise::line(&path.display().to_string())
        ));
        return Ok(());
    }
    session.printer.object(&Written {
        key: key.as_str(),
        input: source.object(),
        output: path.display().to_string(),
        bytes,
    })
}

fn suffixed(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}

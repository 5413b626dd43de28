//! Short files with a secret in them: never the command line, which everyone on the machine can read.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::failure::{Code, Failure};

/// Longer files are none of these.
const LONGEST: u64 = 64 * 1024;

/// What is in the file; standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if path == Path::new("-") {
        return take(path, std::io::stdin().lock());
    }
    take(path, open(path)?)
}

/// The same, and refused where others can read or write it (KEY-004).
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let file = open(path)?;
    let facts = file.metadata().map_err(|error| Failure::io(path, &error))?;
    if !facts.is_file() || facts.mode() & 0o077 != 0 {
        return Err(
            Failure::new(Code::VerificationFailed, "others can read or write this key")
                .object(path.display().to_string())
                .check("KEY-004")
                .hint("chmod 0400, and ask who may have read it"),
        );
    }
    take(path, file)
}

/// As text without the line end.
pub(crate) fn text(path: &Path, bytes: &[u8]) -> Result<Zeroizing<String>, Failure> {
    let text = std::str::from_utf8(bytes);
    let text =
        text.map_err(|_| Failure::new(Code::Usage, "not a text").object(path.display().to_string()))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    Ok(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::io(path, &error))
}

fn take(path: &Path, from: impl Read) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Room beforehand: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    let read = from.take(LONGEST + 1).read_to_end(&mut bytes);
    match read.map_err(|error| Failure::io(path, &error))? as u64 > LONGEST {
        true => {
            Err(Failure::new(Code::Quota, "the file is too long for this").object(path.display().to_string()))
        }
        false => Ok(bytes),
    }
}

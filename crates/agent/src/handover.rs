//! A newer program goes on in this process: it gets the socket, the lock, and the key of the unlocked profile.
//!
//! They travel as the three standard descriptors of the new program: never in arguments, environment or a file. The key
//! lies in a pipe, which is memory of the kernel and is not swapped out.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crannog_agent_api::Start;
use zeroize::Zeroizing;

use crate::process::{forget_standard, take_standard};

/// Another layout gets another number; a program that does not know it starts locked.
const MAGIC: &[u8] = b"crannog handover 1\n";

/// What an agent knew that the next one needs.
#[derive(Clone)]
pub(crate) struct Legacy {
    /// The database key, when unlocked.
    pub(crate) key: Option<Zeroizing<[u8; 32]>>,
    /// When someone last asked something, since boot.
    pub(crate) asked: Duration,
}

impl Legacy {
    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(MAGIC)?;
        to.write_all(
            &u64::try_from(self.asked.as_millis())
                .unwrap_or(u64::MAX)
                .to_le_bytes(),
        )?;
        match &self.key {
            Some(key) => to.write_all(&**key),
            None => Ok(()),
        }
    }

    fn read(from: impl Read) -> io::Result<Option<Self>> {
        let mut text = Zeroizing::new(Vec::with_capacity(256));
        from.take(200).read_to_end(&mut text)?;
        let Some((asked, key)) = text.strip_prefix(MAGIC).and_then(<[u8]>::split_first_chunk::<8>) else {
            return Ok(None);
        };
        let key = match key.len() {
            0 => None,
            _ => match <[u8; 32]>::try_from(key) {
                Ok(key) => Some(Zeroizing::new(key)),
                Err(_) => return Ok(None),
            },
        };
        Ok(Some(Self {
            key,
            asked: Duration::from_millis(u64::from_le_bytes(*asked)),
        }))
    }
}

/// Does it run at all?
pub(crate) fn try_out(program: &Path) -> io::Result<()> {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("--version: {status}")))
    }
}

/// Becomes `program`. Returns only when that fails.
pub(crate) fn become_program(
    program: &Path,
    listener: UnixListener,
    lock: File,
    legacy: &Legacy,
) -> io::Error {
    let failed = || -> io::Result<io::Error> {
        let (key, mut write) = io::pipe()?;
        legacy.write(&mut write)?;
        drop(write);
        let mut command = Command::new(program);
        command.args(Start::HandedOver.arguments());
        command
            .stdin(OwnedFd::from(listener))
            .stdout(OwnedFd::from(key))
            .stderr(lock);
        Ok(command.exec())
    };
    let error = failed().unwrap_or_else(|error| error);
    // They may have been put into place already.
    let _ = forget_standard();
    error
}

/// The new program's side.
pub(crate) struct Inherited {
    pub(crate) listener: UnixListener,
    pub(crate) lock: File,
    pub(crate) legacy: Option<Legacy>,
}

/// Takes over what the older program left.
pub(crate) fn inherit() -> io::Result<Inherited> {
    let standard = take_standard()?;
    forget_standard()?;
    let legacy = Legacy::read(File::from(standard.output))?;
    Ok(Inherited {
        listener: UnixListener::from(standard.input),
        lock: File::from(standard.error),
        legacy,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use zeroize::Zeroizing;

    use super::Legacy;

    #[test]
    fn there_and_back() {
        for key in [None, Some(Zeroizing::new([7; 32]))] {
            let legacy = Legacy {
                key: key.clone(),
                asked: Duration::from_millis(1234),
            };
            let mut bytes = Vec::new();
            legacy.write(&mut bytes).unwrap();
            let back = Legacy::read(&bytes[..]).unwrap().unwrap();
            assert!(back.key == key && back.asked == legacy.asked);
            assert!(bytes.len() < 200);
        }
    }

    #[test]
    fn another_layout_means_locked() {
        for text in [
            &b""[..],
            b"crannog handover 2\n12345678",
            b"crannog handover 1\n1234567",
            b"crannog handover 1\n12345678x",
        ] {
            assert!(Legacy::read(text).unwrap().is_none());
        }
    }
}

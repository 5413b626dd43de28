//! Checkpoints to where nobody waits for them.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::options::Options;
use crate::note::SignedNote;

/// Hands notes to a thread of their own. A place that hangs gets those that came after it hung when it goes on, or not at all.
pub(super) struct Publisher {
    notes: Option<SyncSender<(u64, SignedNote)>>,
}

/// Notes that may wait for a slow place.
const WAITING: usize = 16;

impl Publisher {
    /// Starts the thread, if there is any place.
    pub(super) fn start(options: &mut Options) -> io::Result<Self> {
        let (dir, mut tell) = (options.checkpoint_dir.take(), options.on_checkpoint.take());
        if dir.is_none() && tell.is_none() {
            return Ok(Self { notes: None });
        }
        let (notes, arriving): (_, Receiver<(u64, SignedNote)>) = sync_channel(WAITING);
        std::thread::Builder::new()
            .name("audit-publish".into())
            .spawn(move || {
                for (size, note) in arriving {
                    if let Some(dir) = &dir {
                        // What the folder does not take is in the file of checkpoints, and the next note says more.
                        let _ = publish(dir, size, &note);
                    }
                    if let Some(tell) = &mut tell {
                        tell.signed(&note);
                    }
                }
            })?;
        Ok(Self { notes: Some(notes) })
    }

    pub(super) fn publish(&mut self, size: u64, note: SignedNote) {
        let sent = self.notes.as_ref().map(|notes| notes.try_send((size, note)));
        if let Some(Err(TrySendError::Disconnected(_))) = sent {
            self.notes = None;
        }
    }
}

/// Writes `SIZE.checkpoint`; it has its name only when it is whole.
fn publish(dir: &Path, size: u64, note: &SignedNote) -> io::Result<()> {
    let (name, part) = (format!("{size}.checkpoint"), format!(".{size}.checkpoint.part"));
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o644);
    let mut file = file.open(dir.join(&part))?;
    io::Write::write_all(&mut file, note.to_string().as_bytes())?;
    file.sync_all()?;
    fs::rename(dir.join(part), dir.join(name))
}

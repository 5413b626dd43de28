//! Consecutive small files go together, so that a thread has enough to do.

use futures_util::{Stream, stream};
use tokio::sync::mpsc;

const FILES: usize = 64;
const BYTES: u64 = 1024 * 1024;

/// A step of a plan.
pub(super) trait Step: Sized {
    /// What there is to do with a file.
    type File;

    /// A file of less than one chunk, and its size; the step again, if it is none.
    fn small(self) -> Result<(Self::File, u64), Self>;
}

/// A run of small files, or one other step.
pub(super) enum Group<S: Step> {
    Small(Vec<S::File>),
    One(S),
}

pub(super) fn groups<S: Step>(steps: mpsc::Receiver<S>) -> impl Stream<Item = Group<S>> {
    stream::unfold((steps, None), |(mut steps, held): (_, Option<S>)| async move {
        let first = match held {
            Some(step) => step,
            None => steps.recv().await?,
        };
        let (file, mut bytes) = match first.small() {
            Ok(small) => small,
            Err(other) => return Some((Group::One(other), (steps, None))),
        };
        let mut files = vec![file];
        // Only what is there already: the last small file of a slow walk is not held back.
        while files.len() < FILES && bytes < BYTES {
            match steps.try_recv().map(S::small) {
                Ok(Ok((file, size))) => {
                    bytes += size;
                    files.push(file);
                }
                Ok(Err(other)) => return Some((Group::Small(files), (steps, Some(other)))),
                Err(_) => break,
            }
        }
        Some((Group::Small(files), (steps, None)))
    })
}

//! Events on their way to a command that may read slowly. Progress may be left out; everything else is kept.

use std::collections::VecDeque;

use crannog_agent_api::Event;
use crannog_agent_api::answer::Note;

/// Beyond so many, events are counted instead of kept: a command that has stopped reading must not fill the memory.
const MOST: usize = 100_000;

/// What the command has not read yet.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Event>,
    left_out: u64,
}

impl Outbox {
    /// One more event. Progress replaces progress that directly precedes it.
    pub(crate) fn push(&mut self, event: Event) {
        if let (Event::Progress(new), Some(Event::Progress(old))) = (&event, self.queue.back_mut()) {
            old.clone_from(new);
        } else if self.queue.len() < MOST {
            self.queue.push_back(event);
        } else if !matches!(event, Event::Progress(_)) {
            self.left_out += 1;
        }
    }

    /// The oldest.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front().or_else(|| {
            let count = std::mem::take(&mut self.left_out);
            let text = "more remarks were left out because the command did not read them".to_owned();
            (count > 0).then(|| {
                Event::Note(Note {
                    object: count.to_string(),
                    text,
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::Event;
    use crannog_agent_api::answer::{Note, Progress};

    use super::{MOST, Outbox};

    fn progress(files: u64) -> Event {
        Event::Progress(Progress {
            files,
            ..Progress::default()
        })
    }

    fn note(object: u64) -> Event {
        Event::Note(Note {
            object: object.to_string(),
            text: String::new(),
        })
    }

    fn all(outbox: &mut Outbox) -> Vec<String> {
        std::iter::from_fn(|| outbox.pop())
            .map(|event| match event {
                Event::Progress(progress) => format!("p{}", progress.files),
                Event::Note(note) => format!("n{}", note.object),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn only_progress_is_left_out() {
        let mut outbox = Outbox::default();
        for event in [
            progress(1),
            progress(2),
            note(1),
            note(2),
            progress(3),
            progress(4),
        ] {
            outbox.push(event);
        }
        assert_eq!(all(&mut outbox), ["p2", "n1", "n2", "p4"]);
        assert!(outbox.pop().is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let mut outbox = Outbox::default();
        (0..MOST as u64 + 5).for_each(|i| outbox.push(note(i)));
        let seen = all(&mut outbox);
        assert_eq!(
            (seen.len(), seen.last().map(String::as_str)),
            (MOST + 1, Some("n5"))
        );
    }
}

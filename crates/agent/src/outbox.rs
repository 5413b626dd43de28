//! Events on their way to a command that may read slowly. Progress may be left out; of everything else that is, it is said how much.

use std::collections::VecDeque;

use crannog_agent_api::Event;
use crannog_agent_api::answer::Note;

/// Beyond so many, events are counted instead of kept: a command that has stopped reading must not fill the memory.
const MOST: usize = 100_000;

/// What the command has not read yet.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Kept>,
    weight: usize,
}

#[derive(Debug)]
enum Kept {
    Event(Box<Event>),
    /// So many are missing here.
    Gap(u64),
}

impl Outbox {
    /// One more event. Progress replaces progress that directly precedes it.
    pub(crate) fn push(&mut self, event: Event) {
        let full = self.weight >= MOST;
        if let (Event::Progress(new), Some(Kept::Event(last))) = (&event, self.queue.back_mut())
            && let Event::Progress(old) = last.as_mut()
        {
            return old.clone_from(new);
        }
        match (&event, self.queue.back_mut()) {
            (Event::Progress(_), _) if full => {}
            (_, Some(Kept::Gap(missing))) if full => *missing += 1,
            _ if full => self.queue.push_back(Kept::Gap(1)),
            _ => {
                self.weight += weight(&event);
                self.queue.push_back(Kept::Event(Box::new(event)));
            }
        }
    }

    /// The oldest.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        Some(match self.queue.pop_front()? {
            Kept::Event(event) => {
                self.weight -= weight(&event);
                *event
            }
            Kept::Gap(missing) => Event::Note(Note {
                object: missing.to_string(),
                text: "more were left out here because the command did not read them".to_owned(),
            }),
        })
    }
}

/// In remarks of an ordinary length: news name many paths.
fn weight(event: &Event) -> usize {
    const REMARK: usize = 256;
    match event {
        Event::News(news) => 1 + news.changes.iter().map(String::len).sum::<usize>() / REMARK,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::Event;
    use crannog_agent_api::answer::{News, NewsKind, Note, Progress};

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

    fn news(change: String) -> Event {
        Event::News(News {
            kind: NewsKind::Change,
            time: 0,
            drive: None,
            journal: None,
            seq: None,
            author: None,
            changes: vec![change],
            more: 0,
            check: None,
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
    fn memory_is_bounded_and_a_gap_is_told_where_it_is() {
        let mut outbox = Outbox::default();
        (0..MOST as u64 + 5).for_each(|i| outbox.push(note(i)));
        assert!(matches!(outbox.pop(), Some(Event::Note(note)) if note.object == "0"));
        outbox.push(note(7));
        let seen = all(&mut outbox);
        assert_eq!(
            (seen.len(), &seen[MOST - 1..]),
            (MOST + 1, &["n5".to_owned(), "n7".to_owned()][..])
        );
        outbox.push(note(1));
        assert_eq!(all(&mut outbox), ["n1"]);
    }

    #[test]
    fn long_news_weigh_more() {
        let mut outbox = Outbox::default();
        let long = "x".repeat(256 * MOST / 10);
        (0..20).for_each(|_| outbox.push(news(long.clone())));
        let seen: Vec<Event> = std::iter::from_fn(|| outbox.pop()).collect();
        let Some(Event::Note(gap)) = seen.last() else {
            panic!("no gap")
        };
        assert_eq!((seen.len(), gap.object.as_str()), (11, "10"));
        assert_eq!(outbox.weight, 0);
    }
}

//! Line after line into a tree, compared wherever a root is known.

use std::io;

use super::notes::{self, Roots};
use super::{Evidence, Problem, Report};
use crate::anchor::Anchor;
use crate::record::{Detail, Event, Fact, Line, LineError, Record};
use crate::tree::{Frontier, Hash};

pub(super) struct Walk<'a> {
    anchor: Option<&'a Anchor>,
    roots: Roots,
    tree: Frontier,
    /// The number that comes next.
    next: u64,
    /// The last size whose root was right.
    good: u64,
    /// The tree is not the log's any more: a line was lost or changed before.
    broken: bool,
    /// A line came.
    begun: bool,
    /// A line that is not ended, and what would have to be said of it.
    torn: bool,
    report: Report,
}

impl<'a> Walk<'a> {
    pub(super) fn begin(evidence: &Evidence<'a>) -> Self {
        let mut report = Report {
            size: 0,
            root: Hash::empty(),
            checkpoints: 0,
            anchor: evidence.anchor.is_some(),
            tail_judged: evidence.anchor.is_some(),
            unfinished: false,
            problems: Vec::new(),
            more_problems: 0,
        };
        let roots = notes::roots(evidence, &mut report);
        let dropped = evidence.anchor.map(|anchor| {
            let whole = anchor.tree().and_then(|_| anchor.dropped_tree());
            whole.unwrap_or_else(|| {
                report.add(Problem::Anchor);
                Frontier::new()
            })
        });
        let tree = dropped.unwrap_or_default();
        let mut walk = Self {
            anchor: evidence.anchor,
            roots,
            next: tree.size(),
            good: tree.size(),
            tree,
            broken: false,
            begun: false,
            torn: false,
            report,
        };
        // What only vouches for records that were dropped cannot be judged any more.
        walk.roots = walk.roots.split_off(&walk.next);
        walk.compare();
        walk
    }

    pub(super) fn line(&mut self, line: &Line) {
        if self.torn {
            // The line that was not ended was not the last one.
            self.torn = false;
            self.bad(LineError::Torn);
        }
        let (n, record) = match line.record() {
            Ok((n, record)) => (n, Some(record)),
            Err(LineError::Torn) => {
                self.torn = true;
                return;
            }
            Err(error) => {
                self.place(self.next, line, None);
                self.bad(error);
                self.add(line);
                return;
            }
        };
        self.place(n, line, record.as_ref());
        if n < self.next {
            let expected = self.next;
            // Passed over: if it was put in, the rest fits without it.
            self.report.add(Problem::Moved { n, expected });
            return;
        }
        self.add(line);
    }

    /// Compares a line's number, and its segment's name, with what comes next.
    fn place(&mut self, n: u64, line: &Line, record: Option<&Record<'_>>) {
        if let Some(segment) = line.segment.filter(|segment| *segment != n) {
            self.report.add(Problem::Segment { n, segment });
        }
        if n > self.next {
            let (from, expected) = (self.next, self.next);
            if self.begun {
                self.report.add(Problem::Missing { from, to: n - 1 });
            } else {
                self.report.add(Problem::Beginning { n, expected });
            }
            self.skip_to(n);
        }
        self.begun = true;
        if let Some(tree) = record
            .filter(|_| self.broken && n == self.next)
            .and_then(|record| accepted(record, n))
        {
            (self.tree, self.good, self.broken) = (tree, n, false);
            self.compare();
        }
    }

    /// Records are missing: what they were cannot be known, nor any root after them.
    fn skip_to(&mut self, n: u64) {
        self.next = n;
        self.broken = true;
    }

    fn bad(&mut self, error: LineError) {
        let n = self.next;
        self.report.add(Problem::Line { n, error });
    }

    fn add(&mut self, line: &Line) {
        self.next = self.next.saturating_add(1);
        if !self.broken {
            self.tree.push(line.leaf());
            self.compare();
        }
    }

    /// Holds the tree against the roots that are known at its size.
    fn compare(&mut self) {
        let to = self.tree.size();
        let Some(known) = self.roots.remove(&to) else {
            return;
        };
        let root = self.tree.root();
        if known.roots.iter().all(|known| *known == root) {
            self.good = to;
            self.report.checkpoints += known.checkpoints;
        } else if known.roots.contains(&root) {
            self.good = to;
            self.report.add(Problem::CheckpointOther { size: to });
        } else {
            let from = self.good;
            self.report.add(Problem::Root { from, to });
            self.broken = true;
        }
    }

    pub(super) fn unreadable(&mut self, kind: io::ErrorKind) {
        let n = self.next;
        self.report.add(Problem::Unreadable { n, kind });
    }

    pub(super) fn end(mut self) -> Report {
        let vouched = self.roots.last_key_value().map_or(0, |(size, _)| *size);
        let size = vouched.max(self.anchor.map_or(0, |anchor| anchor.size));
        if size > self.next {
            let n = self.next;
            if self.torn {
                self.bad(LineError::Torn);
            }
            self.report.add(Problem::Tail { n, size });
        }
        self.report.unfinished = self.torn;
        self.report.size = self.next;
        self.report.root = self.tree.root();
        self.report
    }
}

/// The tree before a record `log-damage-accepted`, as it says: what comes after can be judged by it.
fn accepted(record: &Record<'_>, n: u64) -> Option<Frontier> {
    if record.event != Event::LogDamageAccepted {
        return None;
    }
    let Some(Fact::Text(frontier)) = record
        .detail
        .as_ref()
        .and_then(|detail: &Detail<'_>| detail.fact("frontier"))
    else {
        return None;
    };
    let bytes = data_encoding::HEXLOWER.decode(frontier.as_bytes()).ok()?;
    let (roots, []) = bytes.as_chunks::<32>() else {
        return None;
    };
    Frontier::from_parts(n, roots.iter().map(|root| Hash(*root)).collect())
}

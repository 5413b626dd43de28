//! Several things, each of which fails by itself.

use crate::failure::{Code, Failure};
use crate::output::Printer;

/// What came of several things so far.
pub(crate) struct Tally<'a> {
    printer: &'a Printer,
    /// Only one thing is there to be done: its failure is the command's.
    alone: bool,
    done: u64,
    failed: u64,
    first: Option<Failure>,
}

impl<'a> Tally<'a> {
    /// `alone`: there is but one.
    pub(crate) fn new(printer: &'a Printer, alone: bool) -> Self {
        Self {
            printer,
            alone,
            done: 0,
            failed: 0,
            first: None,
        }
    }

    /// One of them. A failure is printed at once, unless it is the only thing.
    pub(crate) fn add(&mut self, outcome: Result<(), Failure>) {
        match outcome {
            Ok(()) => self.done += 1,
            Err(failure) => {
                self.failed += 1;
                if !self.alone {
                    self.printer.failed(&failure);
                }
                self.first.get_or_insert(failure);
            }
        }
    }

    /// What came of all.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.first {
            None => Ok(()),
            Some(failure) if self.alone => Err(failure),
            Some(failure) => {
                let code = if self.done == 0 {
                    failure.code
                } else {
                    Code::PartlyDone
                };
                let text = format!("{} of {} failed", self.failed, self.failed + self.done);
                Err(Failure::new(code, text).hint("what failed is named above"))
            }
        }
    }
}

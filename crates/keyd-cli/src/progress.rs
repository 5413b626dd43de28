//! The bar for large files on a terminal.

use std::io::Read;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Printer;

/// Smaller ones are done before anybody looks.
const LARGE: u64 = 16 << 20;

/// A bar on the terminal's last line; gone when dropped.
#[derive(Debug)]
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    /// Shown where a person looks and it is worth it; `len` is how much there is to read, if that is known.
    pub(crate) fn new(printer: &Printer, what: &str, len: Option<u64>) -> Self {
        if !printer.is_watched() || len.is_some_and(|len| len < LARGE) {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(len, ProgressDrawTarget::stderr());
        let template = match len {
            Some(_) => "{prefix} {bar:30} {percent:>3} %  {bytes} of {total_bytes}",
            None => "{prefix} {bytes}",
        };
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(what.to_owned());
        Self(Some(bar))
    }

    /// Counts what is read.
    pub(crate) fn count<'r>(&self, reader: impl Read + Send + 'r) -> Box<dyn Read + Send + 'r> {
        match &self.0 {
            Some(bar) => Box::new(bar.wrap_read(reader)),
            None => Box::new(reader),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

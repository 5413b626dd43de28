//! The bar.

use crannog_agent_api::answer::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::human;

/// A bar on the terminal's last line; gone when dropped.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// Nothing is shown before the first progress.
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix:>11} {bar:30} {percent:>3} %  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    /// How far.
    pub(crate) fn show(&self, progress: &Progress) {
        let (done, all) = match progress.bytes_total {
            0 => (progress.files, progress.files_total),
            total => (progress.bytes, total),
        };
        self.0.set_length(all.max(done).max(1));
        self.0.set_position(done);
        self.0.set_prefix(progress.phase.clone());
        self.0.set_message(message(progress));
    }

    /// Prints something without mixing it with the bar.
    pub(crate) fn beside<T>(&self, print: impl FnOnce() -> T) {
        self.0.suspend(print);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn message(progress: &Progress) -> String {
    let files = match progress.files_total {
        0 => human::count(progress.files, "file"),
        total => format!("{}/{}", progress.files, human::count(total, "file")),
    };
    match progress.bytes_total {
        0 => files,
        total => format!(
            "{files}, {} of {}",
            human::size(progress.bytes),
            human::size(total)
        ),
    }
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::Progress;

    use super::message;

    #[test]
    fn messages() {
        let progress = Progress {
            phase: "uploading".into(),
            files: 1,
            files_total: 3,
            bytes: 512,
            bytes_total: 2048,
        };
        assert_eq!(message(&progress), "1/3 files, 512 B of 2.0 KiB");
        assert_eq!(
            message(&Progress {
                files: 1,
                ..Progress::default()
            }),
            "1 file"
        );
    }
}

//! Progress of a long command: a bar where somebody watches, nothing elsewhere.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often the bar is looked at again.
const EVERY: Duration = Duration::from_millis(120);

/// A bar on standard error, drawn only on a terminal and not with `--json`.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar of so many `things`, or a count that grows where nobody knows how many.
    pub fn new(things: &str, of: Option<u64>, quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let (bar, shape) = match of {
            Some(of) => (
                ProgressBar::new(of),
                "{bar:32} {human_pos} of {human_len} {msg}, {per_sec}, {eta} left",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{spinner} {human_pos} {msg}, {per_sec}, {elapsed}",
            ),
        };
        if let Ok(style) = ProgressStyle::with_template(shape) {
            bar.set_style(style);
        }
        bar.set_message(things.to_owned());
        bar.enable_steady_tick(EVERY);
        Self(bar)
    }

    /// So many are done.
    pub fn set(&self, done: u64) {
        self.0.set_position(done);
    }

    /// Takes the bar away.
    pub fn done(self) {
        self.0.finish_and_clear();
    }
}

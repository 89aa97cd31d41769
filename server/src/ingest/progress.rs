//! A progress line, on a terminal only.

use super::Tally;
use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// How often the line is updated.
const EVERY: Duration = Duration::from_millis(200);
/// Width of the bar, in characters.
const WIDTH: u64 = 24;

/// A line that is overwritten.
pub(super) struct Progress {
    started: Instant,
    shown: Option<Instant>,
    size: Option<u64>,
    terminal: bool,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress { started: Instant::now(), shown: None, size: None, terminal: io::stderr().is_terminal() }
    }

    /// Begins a file of this size.
    pub(super) fn begin(&mut self, size: Option<u64>) {
        self.size = size.filter(|size| *size > 0);
    }

    /// Shows the progress after `read` bytes of the file.
    pub(super) fn show(&mut self, tally: &Tally, read: u64) {
        if !self.terminal || self.shown.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.shown = Some(Instant::now());
        let line = line(tally, read, self.size, self.started.elapsed());
        let _ = write!(io::stderr().lock(), "\r\x1b[K{line}");
    }

    /// Removes the line.
    pub(super) fn end(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

fn line(tally: &Tally, read: u64, size: Option<u64>, took: Duration) -> String {
    let rate = tally.mails as f64 / took.as_secs_f64().max(0.001);
    let counts = format!("{} mails, {} known, {rate:.0}/s", tally.mails, tally.duplicates);
    let Some(size) = size else { return counts };
    let full = (read.min(size) * WIDTH / size) as usize;
    let bar: String = (0..WIDTH as usize).map(|at| if at < full { '#' } else { '.' }).collect();
    format!("[{bar}] {:3} %  {counts}", read.min(size) * 100 / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is() {
        let tally = Tally { mails: 300, duplicates: 2, ..Tally::default() };
        let text = line(&tally, 50, Some(100), Duration::from_secs(2));
        assert_eq!(text, "[############............]  50 %  300 mails, 2 known, 150/s");
        assert_eq!(line(&tally, 50, None, Duration::from_secs(2)), "300 mails, 2 known, 150/s");
    }
}

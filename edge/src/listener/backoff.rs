//! How a listener behaves while it cannot accept for lack of files or memory: it tries less and less often, and says so
//! rarely. A retry at once would spin, and a line for each would fill the disk, which then is the next trouble.

use std::time::{Duration, Instant};

const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Least time between two lines of the log.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// The failures of a listener.
#[derive(Debug, Default)]
pub(super) struct Failing {
    /// Pause after the latest failure; zero if the latest attempt succeeded.
    pause: Duration,
    /// When the log was told, and how many failures it was not told since.
    told: Option<Instant>,
    untold: u32,
}

/// What to do after a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) pause: Duration,
    /// The number of failures to tell, if it is time to tell them.
    pub(super) tell: Option<u32>,
}

impl Failing {
    /// An attempt failed.
    pub(super) fn failed(&mut self, now: Instant) -> Next {
        self.pause = (self.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        self.untold = self.untold.saturating_add(1);
        let due = self.told.is_none_or(|told| now.saturating_duration_since(told) >= TELL_EVERY);
        let tell = due.then(|| std::mem::take(&mut self.untold));
        if due {
            self.told = Some(now);
        }
        Next { pause: self.pause, tell }
    }

    /// An attempt succeeded. When the log was told stays known: files may run out again with the next connection.
    pub(super) fn ended(&mut self) {
        self.pause = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tries_less_and_less_often_and_begins_anew() {
        let (mut failing, now) = (Failing::default(), Instant::now());
        let pauses: Vec<u128> = (0..9).map(|_| failing.failed(now).pause.as_millis()).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        failing.ended();
        assert_eq!(failing.failed(now).pause, PAUSE_MIN);
    }

    #[test]
    fn the_log_is_told_at_once_and_then_rarely() {
        let (mut failing, from) = (Failing::default(), Instant::now());
        let mut told = Vec::new();
        for second in 0..=60 {
            if let Some(times) = failing.failed(from + Duration::from_secs(second)).tell {
                told.push((second, times));
            }
            // One connection in between makes no difference.
            failing.ended();
        }
        assert_eq!(told, [(0, 1), (30, 30), (60, 30)]);
    }
}

//! Growing, randomised pauses between retries, so that workers do not reconnect all at once.

use std::time::Duration;

/// Pauses from `first` to `max`, each up to twice as long as the previous one.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// Pauses that begin at `first`.
    pub fn new(first: Duration, max: Duration) -> Backoff {
        Backoff { first, max, next: first }
    }

    /// The next pause: between half of the step and the whole.
    pub fn pause(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.max);
        step.mul_f64(rand::random_range(0.5..=1.0))
    }

    /// Restarts with the first pause.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_begin_again() {
        let (first, max) = (Duration::from_millis(100), Duration::from_secs(5));
        let mut backoff = Backoff::new(first, max);
        for step in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let (pause, step) = (backoff.pause(), Duration::from_millis(step));
            assert!(pause >= step / 2 && pause <= step, "{pause:?} {step:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= first);
    }
}

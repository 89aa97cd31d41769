//! The one place that reads the time. All other code takes a [`Clock`], so that a test can stop it.

mod hand;

pub use hand::Hand;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Longest sleep before the system's clock is read again: it may have been set meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// A time in whole microseconds since 1970-01-01 UTC: what the database stores and the API shows, so that a value read
/// back equals the value written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This time plus a duration.
    pub fn plus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This time minus a duration.
    pub fn minus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The duration from `earlier` to this time; zero if that is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<Timestamp> for prost_types::Timestamp {
    fn from(at: Timestamp) -> prost_types::Timestamp {
        let nanos = i32::try_from(at.0.rem_euclid(1_000_000) * 1000).unwrap_or(0);
        prost_types::Timestamp { seconds: at.secs(), nanos }
    }
}

impl From<&prost_types::Timestamp> for Timestamp {
    fn from(at: &prost_types::Timestamp) -> Timestamp {
        Timestamp(at.seconds.saturating_mul(1_000_000).saturating_add(i64::from(at.nanos) / 1000))
    }
}

/// The source of time: the system, or a test.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's wall clock.
    #[default]
    System,
    /// A clock that only a test moves.
    Manual(Arc<Hand>),
}

impl Clock {
    /// A clock that shows `at` until it is moved.
    pub fn manual(at: Timestamp) -> Clock {
        Clock::Manual(Arc::new(Hand::new(at)))
    }

    /// The present time.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads the time")]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
            }
            Clock::Manual(hand) => hand.now(),
        }
    }

    /// Moves a manual clock forward; the system's cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Clock::Manual(hand) = self {
            hand.advance(by);
        }
    }

    /// Waits until this time.
    pub async fn until(&self, at: Timestamp) {
        match self {
            Clock::System => loop {
                let left = at.since(self.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(SLEEP_MAX)).await;
            },
            Clock::Manual(hand) => hand.until(at).await,
        }
    }

    /// The number of tasks waiting in [`Clock::until`], for tests that move the clock; always 0 for the system's clock.
    pub fn asleep(&self) -> usize {
        match self {
            Clock::System => 0,
            Clock::Manual(hand) => hand.asleep(),
        }
    }
}

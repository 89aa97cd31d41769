//! The one place that reads the time. Everything else takes a [`Clock`], so that a test can stop it.

mod hand;

pub use hand::Hand;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Longest sleep before the system's clock is looked at again: it may be set meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// A moment, in whole microseconds since 1970-01-01 UTC: what the database stores and the API shows, so that a
/// value read back equals the value written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This moment and a duration later.
    pub fn plus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This moment and a duration earlier.
    pub fn minus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Time from `earlier` to this moment; zero when it is later.
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

/// Where the time comes from: the system, or a test's hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's wall clock.
    #[default]
    System,
    /// A clock that moves only when a test moves it.
    Manual(Arc<Hand>),
}

impl Clock {
    /// A clock that stands at `at` until it is moved.
    pub fn manual(at: Timestamp) -> Clock {
        Clock::Manual(Arc::new(Hand::new(at)))
    }

    /// The present moment.
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

    /// Waits until this moment.
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

    /// How many wait in [`Clock::until`], for a test that moves the clock; the system's does not know.
    pub fn asleep(&self) -> usize {
        match self {
            Clock::System => 0,
            Clock::Manual(hand) => hand.asleep(),
        }
    }
}
